//! The page that shows the API.

use serde_json::Value;

use crate::harness::{
    app::TestApp,
    browser::{Browser, Page},
    client::id,
};

/// How many operations are shown.
async fn shown(page: &Page) -> Value {
    page.eval("document.querySelectorAll('.opblock').length").await.unwrap()
}

/// Writes into a field as a person does, so that the viewer notices.
async fn write(page: &Page, field: &str, text: &str) {
    page.click(field).await.unwrap();
    page.eval(&format!("document.execCommand('insertText', false, '{text}')")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_of_the_api_shows_every_operation_that_there_is() {
    let app = TestApp::spawn().await;
    let description = app.get("/openapi.json", "").await.expect(200);
    let methods = |item: &Value| {
        let names = item.as_object().unwrap().keys();
        names.filter(|it| ["get", "post", "put", "patch", "delete"].contains(&it.as_str())).count()
    };
    let count: usize = description["paths"].as_object().unwrap().values().map(methods).sum();
    assert!(count > 15, "{count}");
    let browser = Browser::launch().await.unwrap();
    for (width, height, name) in [(1280, 720, "docs"), (390, 844, "docs-phone")] {
        let page = browser.page(width, height, Some("en")).await.unwrap();
        page.goto(&app.url("/docs")).await.unwrap();
        page.until_shown("#content[data-page=ready] .opblock").await;
        assert_eq!(shown(&page).await, count);
        page.keep_picture(name).await;
        page.assert_tidy().await;
        // One of them opened, found by words of its path and its summary.
        write(&page, ".operation-filter-input", "orders place").await;
        page.until("document.querySelectorAll('.opblock').length === 1").await;
        page.click("#operations-orders-placeOrder .opblock-summary-control").await.unwrap();
        page.until_shown("#operations-orders-placeOrder .responses-table").await;
        page.keep_picture(&format!("{name}-operation")).await;
        page.assert_tidy().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_is_tried_out_with_the_token_that_the_page_was_given() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let order = app.place(&store).await;
    let browser = Browser::launch().await.unwrap();
    let page = browser.page(1280, 720, Some("en")).await.unwrap();
    page.goto(&app.url("/docs#/orders/listOrders")).await.unwrap();
    page.until_shown("#operations-orders-listOrders .execute").await;
    page.click(".auth-wrapper .authorize").await.unwrap();
    write(&page, "#auth-bearer-value", &app.staff(&store)).await;
    page.click(".auth-btn-wrapper .authorize").await.unwrap();
    page.click(".auth-btn-wrapper .btn-done").await.unwrap();
    page.click("#operations-orders-listOrders .execute").await.unwrap();
    let answer = "#operations-orders-listOrders .live-responses-table .response";
    page.until_shown(&format!("{answer} .response-col_description .microlight")).await;
    let text = page.eval(&format!("document.querySelector('{answer}').innerText")).await.unwrap();
    let text = text.as_str().unwrap();
    assert!(text.starts_with("200") && text.contains(id(&order)), "{text}");
    page.keep_picture("docs-tried").await;
    page.assert_tidy().await;
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
