//! The pages' side of the live protocol: when they come back, and how they notice that nobody is there.

use serde_json::{Value, json};

use crate::harness::{
    app::TestApp,
    browser::{Browser, Page},
};

/// A page of ours, whatever it shows, in which the modules can be tried.
async fn page(app: &TestApp, browser: &Browser) -> Page {
    let page = browser.page(390, 844, Some("en")).await.unwrap();
    page.goto(&app.url("/")).await.unwrap();
    page
}

/// Numbers that a page has worked out.
fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|it| it.as_f64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_that_were_lost_together_do_not_come_back_together() {
    let app = TestApp::spawn().await;
    let browser = Browser::launch().await.unwrap();
    let page = page(&app, &browser).await;
    let delays = async |of_one_page: &str| {
        let script = format!(
            "import('/static/reconnect.js').then(({{ Reconnect, SHUTDOWN }}) => {{
                const delays = () => {{ const it = new Reconnect(() => {{}}); {of_one_page} }};
                return Array.from({{ length: 200 }}, delays).flat();
            }})"
        );
        let mut delays = numbers(&page.eval(&script).await.unwrap());
        delays.sort_by(f64::total_cmp);
        delays
    };
    // Refused, as a full server does it, which a browser does not tell from a dead one: later and later, and at the cap each
    // page at another moment.
    let first = delays("return it.delayAfter(1006, 0);").await;
    assert!(100.0 <= first[0] && first[199] <= 500.0, "{first:?}");
    let refused = "return Array.from({ length: 12 }, () => it.delayAfter(1006, 0)).slice(10);";
    let capped = delays(refused).await;
    assert!(capped[0] < 12_000.0 && 25_000.0 < capped[399] && capped[399] <= 30_000.0);
    let middle = capped[200] - capped[199];
    assert!(middle < 2000.0, "spread all over: {capped:?}");

    // A server that goes away in order, a socket that had worked: at once, which is not all at the same moment.
    let at_once = delays("return it.delayAfter(SHUTDOWN, 60_000);").await;
    assert!(at_once[199] <= 500.0 && 200.0 < at_once[199] - at_once[0], "{at_once:?}");
    let in_turn = delays("it.plan(0); return it.delayAfter(SHUTDOWN, 60_000);").await;
    assert!(in_turn[199] <= 500.0 && 200.0 < in_turn[199] - in_turn[0], "{in_turn:?}");
    // One that dies before it is this page's turn leaves the page its turn.
    let too_soon = delays("it.plan(10_000); return it.delayAfter(1006, 60_000);").await;
    assert!(9000.0 < too_soon[0] && too_soon[199] <= 10_500.0, "{too_soon:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_gives_up_a_socket_that_says_nothing_for_two_pings() {
    let app = TestApp::spawn().await;
    let browser = Browser::launch().await.unwrap();
    let page = page(&app, &browser).await;
    let dead_after = "import('/static/heartbeat.js').then(({ Heartbeat }) => {
        const now = Date.now(), heart = new Heartbeat();
        const at = (seconds) => { Date.now = () => now + seconds * 1000; };
        const states = [];
        at(0); heart.reset(); heart.greet(20); heart.heard();
        for (const seconds of [44, 46]) { at(seconds); states.push(heart.isDead); }
        heart.heard();
        states.push(heart.isDead);
        at(100); heart.reset();
        for (const seconds of [109, 111]) { at(seconds); states.push(heart.isDead); }
        return states;
    })";
    assert_eq!(page.eval(dead_after).await.unwrap(), json!([false, true, false, false, true]));
}

/// A socket that the test holds the other end of.
const STUB: &str = "(() => {
    window.sockets = [];
    window.sent = [];
    window.WebSocket = class {
        static OPEN = 1;
        readyState = 1;
        constructor() { window.sockets.push(this); }
        send(text) { window.sent.push(JSON.parse(text)); }
        close() { this.readyState = 3; this.closedByPage = true; }
        says(frame) { this.onmessage({ data: JSON.stringify(frame) }); }
    };
    return import('/static/live.js').then(({ LiveClient }) => {
        window.client = new LiveClient({ channel: 'web', token: 't', auto: true }).start();
        sockets[0].says({ type: 'hello', protocol: 1, pingEvery: 20 });
        const snapshot = { order: { id: 'ord_1', version: 1, status: 'placed' } };
        sockets[0].says({ type: 'subscribed', id: null, topic: 'order:ord_1', snapshot });
        return client.state;
    });
})()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_has_missed_an_event_asks_for_it_once() {
    let app = TestApp::spawn().await;
    let browser = Browser::launch().await.unwrap();
    let page = page(&app, &browser).await;
    assert_eq!(page.eval(STUB).await.unwrap(), "live");
    let asked = async |version: u64| {
        let heads = json!([{"topic": "order:ord_1", "orderId": "ord_1", "version": version}]);
        let says = format!("sockets[0].says({{ type: 'ping', heads: {heads} }}), sent.splice(0)");
        let frames = page.eval(&says).await.unwrap();
        frames.as_array().unwrap().iter().map(|it| it["after"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(asked(1).await, Vec::<Value>::new());
    assert_eq!(asked(3).await, [1]);
    page.eval(
        "sockets[0].says({ type: 'subscribed', id: 1, topic: 'order:ord_1', resumed: true })",
    )
    .await
    .unwrap();
    assert_eq!(asked(3).await, Vec::<Value>::new());
    assert_eq!(asked(4).await, [1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_keeps_a_socket_that_is_to_be_closed_until_it_is() {
    let app = TestApp::spawn().await;
    let browser = Browser::launch().await.unwrap();
    let page = page(&app, &browser).await;
    assert_eq!(page.eval(STUB).await.unwrap(), "live");
    let told = "(() => {
        sockets[0].says({ type: 'reconnect', afterMs: 0 });
        // Long past its turn, with the close still on its way, an order moves.
        const now = Date.now; Date.now = () => now() + 3000;
        const data = { orderId: 'ord_1', storeId: 'str_1', orderVersion: 2, order: { status: 'ready' } };
        sockets[0].says({ type: 'event', event: { data } });
        return [client.state, client.orders.get('ord_1')?.version, sockets.length, !!sockets[0].closedByPage];
    })()";
    assert_eq!(page.eval(told).await.unwrap(), json!(["live", 2, 1, false]));
    page.eval("sockets[0].onclose({ code: 4001 })").await.unwrap();
    page.until("sockets.length === 2").await;
    // And one that is never closed is left.
    page.eval("sockets[1].says({ type: 'hello', protocol: 1, pingEvery: 20 }), sockets[1].says({ type: 'reconnect', afterMs: 0 })")
        .await
        .unwrap();
    page.until("sockets[1].closedByPage && sockets.length === 3").await;
}
