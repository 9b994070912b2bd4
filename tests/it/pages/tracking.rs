//! The customer's page.

use serde_json::json;

use crate::{
    harness::{
        app::TestApp,
        browser::{Browser, Page},
        client::{Client, id},
        process::Process,
    },
    live::assign,
};

async fn open(browser: &Browser, client: &Client, token: &str, query: &str) -> Page {
    let page = browser.page(390, 844, Some("en")).await.unwrap();
    page.goto(&client.url(&format!("/track/{token}{query}"))).await.unwrap();
    page.eval("window.notReloaded = true").await.unwrap();
    page
}

async fn shows(page: &Page, status: &str) {
    page.until_shown(&format!("#page[data-page=order] #status[data-status={status}]")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_follows_an_order_to_the_door_in_both_languages_without_reloading() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let order = app.place(&store).await;
    let token = app.tracking_link(id(&order)).await;
    let browser = Browser::launch().await.unwrap();
    // The order's customer reads Arabic; a choice in the address goes before that.
    let arabic = open(&browser, &app, &token, "").await;
    let english = open(&browser, &app, &token, "?lang=en").await;
    let pages = [(&arabic, "ar", "rtl"), (&english, "en", "ltr")];
    for (page, lang, direction) in pages {
        shows(page, "placed").await;
        page.until("document.querySelector('#connection').dataset.state === 'live'").await;
        let html = page.eval("[document.documentElement.lang, document.documentElement.dir]").await;
        assert_eq!(html.unwrap(), json!([lang, direction]));
        page.until("document.querySelector('#items')?.innerText.includes('6.250')").await;
    }
    arabic
        .until(
            "document.body.innerText.includes('عبدون') && document.body.innerText.includes('برغر')",
        )
        .await;
    english.until("document.body.innerText.includes('Abdoun') && document.body.innerText.includes('Burger')").await;

    let steps = ["accepted", "preparing", "ready", "out_for_delivery", "delivered"];
    for step in steps {
        if step == "ready" {
            assign(&app, id(&order), "omar").await;
            for (page, ..) in pages {
                page.until_shown("#courier").await;
            }
        }
        let version = app.step(id(&order), &[step]).await["version"].as_u64().unwrap();
        for (page, lang, _) in pages {
            shows(page, step).await;
            page.until(&format!(
                "document.querySelector('#status').dataset.version === '{version}'"
            ))
            .await;
            if step == "preparing" || step == "out_for_delivery" {
                page.keep_picture(&format!("tracking-{lang}-{step}")).await;
            }
        }
    }
    for (page, ..) in pages {
        assert_eq!(page.eval("window.notReloaded").await.unwrap(), true);
        let private = page.eval("document.body.innerText.includes('Rainbow') || document.body.innerText.includes('Haddad')");
        assert_eq!(private.await.unwrap(), false, "a link may be passed on");
        page.assert_tidy().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_says_when_the_server_is_away_and_goes_on_when_it_is_back() {
    let mut server = Process::spawn(&[]).await;
    let store = server.store().await;
    let order = server.place(&store).await;
    let token = server.tracking_link(id(&order)).await;
    let browser = Browser::launch().await.unwrap();
    let page = open(&browser, &server, &token, "?lang=en").await;
    shows(&page, "placed").await;
    page.until_shown("#connection[data-state=live]").await;
    page.assert_tidy().await;

    server.kill9().await;
    page.until_shown("#connection[data-state=offline]").await;
    page.until_shown("#stale").await;
    page.keep_picture("tracking-en-offline").await;
    shows(&page, "placed").await;
    server.restart().await;
    server.step(id(&order), &["accepted"]).await;
    shows(&page, "accepted").await;
    page.until_shown("#connection[data-state=live]").await;
    page.until("document.querySelector('#stale').hidden").await;

    // An upgrade in order: told to come back, it comes back.
    assert!(server.terminate().await.success());
    server.restart().await;
    server.step(id(&order), &["preparing"]).await;
    shows(&page, "preparing").await;
    page.until_shown("#connection[data-state=live]").await;
    assert_eq!(page.eval("window.notReloaded").await.unwrap(), true);
    page.assert_only_network_errors();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_is_dead_or_cut_off_is_told_as_such() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let order = app.place(&store).await;
    let token = app.tracking_link(id(&order)).await;
    let now = app.clock.now().as_second();
    let expired =
        json!({"role": "tracking", "order": order["id"], "exp": now - 60, "iat": now - 120});
    let browser = Browser::launch().await.unwrap();
    let half = token[..token.len() / 2].to_owned();
    let forged = format!("{}AAAA", &token[..token.len() - 4]);
    for dead in ["nonsense".to_owned(), half, forged, app.token(&expired)] {
        let page = open(&browser, &app, &dead, "?lang=en").await;
        page.until_shown("#page[data-page=gone] #gone").await;
        page.assert_only_refusals();
        page.keep_picture("tracking-en-gone").await;
    }
}

impl Page {
    /// Fails when anything else was complained about than that the server said no.
    fn assert_only_refusals(&self) {
        let is_refusal =
            |it: &String| it.contains("401") || it.contains("HTTP Authentication failed");
        let others: Vec<_> =
            self.console_errors().into_iter().filter(|it| !is_refusal(it)).collect();
        assert_eq!(others, Vec::<String>::new());
    }
}
