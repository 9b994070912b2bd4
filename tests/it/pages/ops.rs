//! The page of whoever keeps the server.

use orderwire::config::Span;
use serde_json::{Value, json};

use crate::{
    harness::{
        app::TestApp,
        browser::{Browser, Page},
        client::{Client, id},
        cloud_api::{self, CloudApi, Trouble, deliver},
        process::Process,
        webhooks::status_body,
    },
    notifications::{pickup, reach, rules, until, wanted},
};

const SCOPES: &str = "ops inbox:read notifications:write";

async fn open(browser: &Browser, client: &Client, (width, height): (u32, u32), lang: &str) -> Page {
    let page = browser.page(width, height, Some("en")).await.unwrap();
    let token = client.headquarters(SCOPES);
    page.goto(&client.url(&format!("/ops?lang={lang}#token={token}"))).await.unwrap();
    page.until_shown("#connection[data-state=live]").await;
    assert_eq!(page.eval("location.hash").await.unwrap(), "", "the token stays out of sight");
    page
}

/// A server whose WhatsApp is the stand-in, and a store that tells its customers when it has taken an order.
async fn app_for(cloud: &CloudApi) -> (TestApp, String) {
    let app = TestApp::with(|config| {
        reach(config, cloud);
        config.notify.hold_for = Span::millis(300);
    })
    .await;
    let store = app.store().await;
    rules(&app, &store, json!([{"on": "accepted", "template": "order_accepted"}])).await;
    (app, store)
}

/// Places and accepts an order; answers the notification once it stands there.
async fn told(app: &TestApp, body: &Value, state: &str) -> Value {
    let order = app.place_as(&app.service(), body).await;
    app.step(id(&order), &["accepted"]).await;
    until(app, id(&order), &[("accepted", "whatsapp", state)]).await.remove(0)
}

fn message(notification: &Value, state: &str) -> String {
    format!(".message[data-id={}][data-state={state}]", notification["id"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_sees_what_each_message_came_to_and_sends_it_again() {
    let cloud = CloudApi::spawn().await;
    let (app, store) = app_for(&cloud).await;
    let browser = Browser::launch().await.unwrap();
    let page = open(&browser, &app, (1280, 800), "en").await;
    page.until_shown("#chat[data-count='0']").await;

    let read = told(&app, &wanted(&store, "+962790000801", "en"), "accepted").await;
    page.until_shown(&message(&read, "accepted")).await;
    let taken = cloud.taken().pop().unwrap();
    for status in ["sent", "delivered", "read"] {
        deliver(&app, &cloud_api::receipt(&taken, status)).await;
        page.until_shown(&message(&read, status)).await;
    }
    let words = format!("document.querySelector('{}').innerText", message(&read, "read"));
    let shown = page.eval(&words).await.unwrap().as_str().unwrap().to_owned();
    let number = read["orderNumber"].as_str().unwrap();
    for words in [&*format!("Order \u{2068}{number}\u{2069}"), "Hello Sara", "…801", "/track/…"]
    {
        assert!(shown.contains(words), "{words}: {shown}");
    }

    let failed = told(&app, &wanted(&store, "+962790000802", "ar"), "accepted").await;
    deliver(&app, &cloud_api::receipt(&cloud.taken().pop().unwrap(), "failed")).await;
    page.until_shown(&message(&failed, "failed")).await;
    cloud.script(&[Trouble::LostRequest]);
    let unknown = told(&app, &wanted(&store, "+962790000803", "en"), "unconfirmed").await;
    page.until_shown(&message(&unknown, "unconfirmed")).await;
    page.until("document.querySelector('#chat').innerText.includes('131026')").await;
    page.keep_picture("ops-en").await;

    // By state: only that one, and back to all.
    page.click("#states [data-state=failed]").await.unwrap();
    page.until("document.querySelectorAll('.message').length === 1").await;
    page.click(&format!("{} [data-action=retry]", message(&failed, "failed"))).await.unwrap();
    page.until_shown("#chat[data-count='0']").await;
    page.click("#states [data-state='']").await.unwrap();
    page.until_shown(&message(&failed, "accepted")).await;
    // Nobody knows whether it arrived: that is asked first.
    page.click(&format!("{} [data-action=retry]", message(&unknown, "unconfirmed"))).await.unwrap();
    page.until_shown("#sure[open]").await;
    page.keep_picture("ops-en-sure").await;
    page.click("#sure [data-action=sure]").await.unwrap();
    page.until_shown(&message(&unknown, "accepted")).await;
    let to = |phone: &str| cloud.taken().iter().filter(|it| it.to == phone).count();
    assert_eq!((to("+962790000802"), to("+962790000803")), (2, 1));
    let html = page.eval("document.documentElement.outerHTML").await.unwrap().to_string();
    assert!(!html.contains("962790") && !html.contains("eyJ"), "a number or a token is shown");
    page.assert_tidy().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_phone_in_arabic_nothing_that_needs_somebody_is_overlooked() {
    let cloud = CloudApi::spawn().await;
    let (app, store) = app_for(&cloud).await;
    app.deliver(&app.webhook("careem", "", &status_body("careem", "nobodys", "accepted"))).await;
    let news = json!({"event": "PAUSED", "message_template_name": "order_ready",
        "message_template_language": "ar", "reason": "NONE"});
    deliver(&app, &cloud_api::change("message_template_status_update", &news)).await;
    let browser = Browser::launch().await.unwrap();
    let page = open(&browser, &app, (390, 844), "ar").await;
    page.until("document.documentElement.dir === 'rtl'").await;

    let unasked = told(&app, &pickup(&store, "+962790000811", "ar"), "no_consent").await;
    let arabic = told(&app, &wanted(&store, "+962790000812", "ar"), "accepted").await;
    page.until_shown(&message(&unasked, "no_consent")).await;
    let row = message(&arabic, "accepted");
    page.until_shown(&row).await;
    for words in ["بلا موافقة", "مرحباً", "مقبولة"] {
        page.until(&format!("document.querySelector('#chat').innerText.includes('{words}')")).await;
    }
    let direction = format!("getComputedStyle(document.querySelector('{row} .message-text span'))");
    assert_eq!(page.eval(&format!("{direction}.direction")).await.unwrap(), "rtl");
    page.keep_picture("ops-ar").await;

    page.click("#tabs [data-tab=server][data-alarm=true]").await.unwrap();
    page.until_shown("#server[data-ready=true] [data-part=store][data-ok=true]").await;
    page.click("[data-template=order_ready] [data-action=release]").await.unwrap();
    page.until_shown("#templates[data-stopped='0']").await;
    page.keep_picture("ops-ar-server").await;
    page.click("#tabs [data-tab=inbox]").await.unwrap();
    page.click("#inbox [data-state=parked] [data-action=replay]").await.unwrap();
    page.until_shown("#toasts .toast").await;
    page.click("#tabs [data-tab=partners]").await.unwrap();
    page.until_shown("[data-partner=careem] [data-outcome=unknown_order]").await;
    page.keep_picture("ops-ar-partners").await;
    page.assert_tidy().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_is_told_when_the_page_is_old() {
    let mut server = Process::spawn(&[]).await;
    let browser = Browser::launch().await.unwrap();
    let page = open(&browser, &server, (1280, 800), "en").await;
    assert_eq!(page.eval("document.querySelector('#stale').hidden").await.unwrap(), true);
    page.assert_tidy().await;
    server.kill9().await;
    page.until_shown("#stale[data-state=offline]").await;
    page.until_shown("#server[data-ready=unknown]").await;
    page.until("/data is .* old/.test(document.querySelector('#stale').innerText)").await;
    page.keep_picture("ops-en-stale").await;
    server.restart().await;
    page.until_shown("#connection[data-state=live]").await;
    page.until("document.querySelector('#stale').hidden").await;
    page.assert_only_network_errors();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_without_a_token_asks_for_one_and_shows_what_that_one_may_see() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let browser = Browser::launch().await.unwrap();
    let page = browser.page(1280, 800, Some("en")).await.unwrap();
    page.goto(&app.url("/ops")).await.unwrap();
    page.until_shown("#login[open]").await;
    page.assert_tidy().await;
    let token = app.staff(&store);
    page.eval(&format!("document.querySelector('#login-token').value = '{token}'")).await.unwrap();
    page.click("[data-action=login]").await.unwrap();
    page.until_shown("#connection[data-state=live]").await;
    for panel in ["inbox", "partners", "templates"] {
        let text = format!("document.querySelector('#{panel}').innerText");
        page.until(&format!("{text}.includes('This token may not see this.')")).await;
    }
}
