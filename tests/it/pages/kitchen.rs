//! The kitchen screen.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::harness::{
    app::TestApp,
    browser::{Browser, Page},
    client::{Client, id},
    process::Process,
    webhooks::order_placed,
};

async fn open(browser: &Browser, client: &Client, store: &str, lang: &str) -> Page {
    let page = browser.page(1280, 720, Some("en")).await.unwrap();
    let token = client.staff(store);
    page.goto(&client.url(&format!("/kitchen?store={store}&lang={lang}#token={token}")))
        .await
        .unwrap();
    page.until_shown("#connection[data-state=live]").await;
    assert_eq!(page.eval("location.hash").await.unwrap(), "", "the token stays out of sight");
    page
}

async fn follow(browser: &Browser, client: &Client, order: &Value) -> Page {
    let page = browser.page(390, 844, Some("en")).await.unwrap();
    let token = client.tracking_link(id(order)).await;
    page.goto(&client.url(&format!("/track/{token}?lang=en"))).await.unwrap();
    page.until_shown("#connection[data-state=live]").await;
    page
}

fn card(order: &Value, status: &str) -> String {
    format!(".card[data-order={}][data-status={status}]", id(order))
}

/// Taps a button of a card once the card takes taps.
async fn tap(kitchen: &Page, order: &Value, status: &str, button: &str) {
    let card = card(order, status);
    kitchen.until_shown(&format!("{card}:not([data-settling=true]) {button}:enabled")).await;
    kitchen.click(&format!("{card} {button}")).await.unwrap();
}

/// How long the customer's page takes to show it.
async fn until_shown_to_customer(page: &Page, status: &str) -> Duration {
    let begun = Instant::now();
    page.until_shown(&format!("#status[data-status={status}]")).await;
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_kitchen_taps_shows_on_the_customers_page_within_a_second() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let browser = Browser::launch().await.unwrap();
    let kitchen = open(&browser, &app, &store, "en").await;
    let order = app.place(&store).await;
    kitchen.until_shown(&card(&order, "placed")).await;
    let customer = follow(&browser, &app, &order).await;

    let mut delays = Vec::new();
    tap(&kitchen, &order, "placed", "[data-action=accept]").await;
    delays.push(until_shown_to_customer(&customer, "accepted").await);
    tap(&kitchen, &order, "accepted", "[data-action=start]").await;
    delays.push(until_shown_to_customer(&customer, "preparing").await);
    tap(&kitchen, &order, "preparing", "[data-action=bump-station][data-station=grill]").await;
    kitchen
        .until_shown(&format!(
            "{} [data-station=grill][data-ticket=done]",
            card(&order, "preparing")
        ))
        .await;
    kitchen.keep_picture("kitchen-en").await;
    tap(&kitchen, &order, "preparing", "[data-action=bump]").await;
    delays.push(until_shown_to_customer(&customer, "ready").await);
    // On a machine that does other things too, one of them may be slow.
    assert!(delays.iter().any(|it| *it < Duration::from_secs(1)), "{delays:?}");

    kitchen.click("[data-action=recall-list]").await.unwrap();
    let recall = format!("#recall [data-order={}] [data-action=recall]", id(&order));
    kitchen.click(&recall).await.unwrap();
    kitchen.until_shown(&card(&order, "preparing")).await;
    until_shown_to_customer(&customer, "preparing").await;
    assert_eq!(app.order(id(&order)).await["status"], "preparing");

    tap(&kitchen, &order, "preparing", "[data-action=bump]").await;
    tap(&kitchen, &order, "ready", "[data-action=handover]").await;
    until_shown_to_customer(&customer, "out_for_delivery").await;
    kitchen.until(&format!("!document.querySelector('.card[data-order={}]')", id(&order))).await;
    for page in [&kitchen, &customer] {
        page.assert_tidy().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kitchen_reads_arabic_and_sees_who_changes_what_elsewhere() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let browser = Browser::launch().await.unwrap();
    let order = app.place(&store).await;
    let kitchen = open(&browser, &app, &store, "ar").await;
    kitchen.until_shown(&card(&order, "placed")).await;
    kitchen
        .until("document.documentElement.dir === 'rtl' && document.body.innerText.includes('برغر')")
        .await;
    app.step(id(&order), &["accepted"]).await;
    kitchen.until_shown(&card(&order, "accepted")).await;
    kitchen.keep_picture("kitchen-ar").await;
    // Called off while it is being made: the cook must see it, and takes it away by hand.
    let path = format!("/v1/orders/{}/cancel", id(&order));
    app.post(&path, &app.service(), &json!({"reason": {"code": "customer_request"}}))
        .await
        .expect(200);
    kitchen.until_shown(&format!(".card[data-order={}][data-stopped=true]", id(&order))).await;
    kitchen.until("document.querySelector('.card').innerText.includes('برغر')").await;
    kitchen.keep_picture("kitchen-ar-stopped").await;
    tap(&kitchen, &order, "cancelled", "[data-action=dismiss]").await;
    kitchen.until("!document.querySelector('.card')").await;
    kitchen.assert_tidy().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_about_its_store_does_not_disturb_a_kitchen() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let browser = Browser::launch().await.unwrap();
    let kitchen = open(&browser, &app, &store, "en").await;
    let path = format!("/v1/stores/{store}");
    app.patch(&path, &app.service(), &json!({"prepMinutes": 25})).await.expect(200);
    let order = app.place(&store).await;
    kitchen.until_shown(&card(&order, "placed")).await;
    // The order is known, and nothing else is taken for one.
    let known =
        "import('/static/kitchen-screen.js').then((it) => [...it.screen.client.orders.keys()])";
    assert_eq!(kitchen.eval(known).await.unwrap(), json!([id(&order)]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kitchen_warns_when_its_data_are_old_and_sends_its_taps_later() {
    let mut server = Process::spawn(&[]).await;
    let store = server.store().await;
    let browser = Browser::launch().await.unwrap();
    let kitchen = open(&browser, &server, &store, "en").await;
    let order = server.place(&store).await;
    kitchen.until_shown(&card(&order, "placed")).await;
    assert_eq!(kitchen.eval("document.querySelector('#stale').hidden").await.unwrap(), true);
    kitchen.assert_tidy().await;

    server.kill9().await;
    kitchen.until_shown("#stale[data-state=offline]").await;
    tap(&kitchen, &order, "placed", "[data-action=accept]").await;
    kitchen.until_shown("#queue[data-count='1']").await;
    kitchen.keep_picture("kitchen-en-stale").await;
    server.restart().await;
    kitchen.until_shown("#connection[data-state=live]").await;
    kitchen.until("document.querySelector('#stale').hidden").await;
    kitchen.until_shown(&card(&order, "accepted")).await;
    server.until_status(id(&order), "accepted").await;
    kitchen.assert_only_network_errors();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partner_s_deadline_is_a_clock_that_nobody_overlooks() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    app.name_store("branch-7", &store).await;
    let browser = Browser::launch().await.unwrap();
    let kitchen = open(&browser, &app, &store, "en").await;
    for (name, seconds) in [("later", 600), ("soon", 6)] {
        let mut body = order_placed(name, "branch-7");
        let deadline = app.clock.now() + SignedDuration::from_secs(seconds);
        body["data"]["acceptBy"] = json!(deadline);
        body["data"]["number"] = json!(name);
        app.deliver(&app.webhook("generic", name, &body)).await.expect(200);
        kitchen.until_shown(&format!(".card[data-number={name}] .card-deadline")).await;
    }
    let clock = "document.querySelector('.card[data-number=later] .card-deadline').textContent";
    kitchen.until(&format!("/^Answer within 9:\\d\\d$/.test({clock})")).await;
    // The last third of it.
    kitchen.until_shown(".card[data-number=soon][data-urgency=soon]").await;
    kitchen.until_shown(".card[data-number=later][data-urgency=later]").await;
    kitchen.keep_picture("kitchen-deadline-en").await;
    kitchen.until("!document.querySelector('.card[data-number=soon][data-status=placed]')").await;
    kitchen.click(".card[data-number=later] [data-action=accept]").await.unwrap();
    kitchen.until("!document.querySelector('.card[data-number=later] .card-deadline')").await;
    kitchen.assert_tidy().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn enter_signs_in_and_a_token_for_several_stores_is_asked_for_one() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let token = app.headquarters("");
    let browser = Browser::launch().await.unwrap();
    let page = browser.page(1280, 720, Some("en")).await.unwrap();
    page.goto(&app.url("/kitchen?lang=en")).await.unwrap();
    page.until_shown("#login-token").await;
    let fill =
        |field: &str, text: &str| format!("document.querySelector('{field}').value = '{text}'");
    let enter = "document.querySelector('#login-token')\
        .dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', cancelable: true}))";
    page.eval(&fill("#login-token", &token)).await.unwrap();
    page.eval(enter).await.unwrap();
    page.until("document.querySelector('#login-problem').textContent.includes('several stores')")
        .await;
    page.eval(&fill("#login-store", &store)).await.unwrap();
    page.eval(enter).await.unwrap();
    page.until_shown("#connection[data-state=live]").await;
    page.assert_tidy().await;
}
