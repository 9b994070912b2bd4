//! The page that shows the API.

use serde_json::Value;

use crate::harness::{app::TestApp, browser::Browser};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_of_the_api_shows_every_operation_that_there_is() {
    let app = TestApp::spawn().await;
    let description = app.get("/openapi.json", "").await.expect(200);
    let methods = |item: &Value| {
        let names = item.as_object().unwrap().keys();
        names.filter(|it| ["get", "post", "put", "patch", "delete"].contains(&it.as_str())).count()
    };
    let count: usize = description["paths"].as_object().unwrap().values().map(methods).sum();
    assert!(15 < count, "{count}");
    let browser = Browser::launch().await.unwrap();
    for (width, height, name) in [(1280, 720, "docs"), (390, 844, "docs-phone")] {
        let page = browser.page(width, height, Some("en")).await.unwrap();
        page.goto(&app.url("/docs")).await.unwrap();
        page.until_shown("#content[data-page=ready]").await;
        let shown =
            page.eval("document.querySelectorAll('[data-operation]').length").await.unwrap();
        assert_eq!(shown, count);
        page.keep_picture(name).await;
        page.assert_tidy().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_front_page_leads_on() {
    let app = TestApp::spawn().await;
    let browser = Browser::launch().await.unwrap();
    let page = browser.page(390, 844, Some("en")).await.unwrap();
    page.goto(&app.url("/")).await.unwrap();
    page.until("document.body.innerText.includes('Orderwire')").await;
    page.until_shown("a[href='/docs']").await;
    page.assert_tidy().await;
}
