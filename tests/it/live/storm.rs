//! Many at once: what they cost the store, and how they are kept from costing the others.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use orderwire::config::Span;
use serde_json::Value;
use tokio_tungstenite::tungstenite;

use crate::{
    harness::{app::TestApp, client::id, process::Process, screen::Screen, wait::eventually},
    live::{assert_alive, until_in_touch},
};

/// Screens that come at once.
const SCREENS: usize = 40;

async fn reads(server: &Process, what: &str) -> f64 {
    server.metric("orderwire_order_reads_total", &[("what", what)]).await.unwrap_or(0.0)
}

/// So many screens at once, all of which come back to this order.
async fn come_back(server: &Process, order: &str, after: u64) -> Vec<Screen> {
    let token = server.service();
    let topic = format!("order:{order}");
    let screen = async || {
        let mut screen = server.screen(&token, "").await;
        let subscribed = screen.subscribe(&topic, Some(after)).await;
        assert_eq!(subscribed["resumed"], true, "{subscribed}");
        screen
    };
    join_all((0..SCREENS).map(|_| screen())).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn screens_that_come_back_together_are_served_by_one_read_of_their_order() {
    let mut server = Process::spawn(&[]).await;
    until_in_touch(&server).await;
    let store = server.store().await;
    let order = server.place(&store).await;
    let order = id(&order);
    server.step(order, &["accepted", "preparing"]).await;
    for mut screen in come_back(&server, order, 1).await {
        screen.until_version(order, 3).await;
        assert_eq!(screen.versions(order), [2, 3]);
    }
    assert_eq!((reads(&server, "history").await, reads(&server, "order").await), (1.0, 0.0));

    // Who has missed nothing costs nothing, and a history goes on with its order.
    let mut screens = come_back(&server, order, 3).await;
    server.step(order, &["ready"]).await;
    for screen in &mut screens {
        screen.until_version(order, 4).await;
    }
    for mut screen in come_back(&server, order, 1).await {
        screen.until_version(order, 4).await;
        assert_eq!(screen.versions(order), [2, 3, 4]);
    }
    assert_eq!((reads(&server, "history").await, reads(&server, "order").await), (1.0, 0.0));

    // A server that has just started knows nothing: then the history says how the order stands, too.
    assert!(server.terminate().await.success());
    server.restart().await;
    until_in_touch(&server).await;
    for mut screen in come_back(&server, order, 1).await {
        screen.until_version(order, 4).await;
        assert_eq!(screen.versions(order), [2, 3, 4]);
    }
    assert_eq!((reads(&server, "history").await, reads(&server, "order").await), (1.0, 0.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn screens_that_open_together_on_one_order_cost_one_read_at_most() {
    let mut server = Process::spawn(&[]).await;
    let store = server.store().await;
    let order = server.place(&store).await;
    assert!(server.terminate().await.success());
    server.restart().await;
    until_in_touch(&server).await;
    let link = server.tracking_link(id(&order)).await;
    let screens = join_all((0..SCREENS).map(|_| server.screen_by_link(&link))).await;
    for mut screen in screens {
        let subscribed = screen.expect("subscribed").await;
        assert_eq!(subscribed["snapshot"]["order"]["version"], 1, "{subscribed}");
    }
    assert!(reads(&server, "order").await <= 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn screens_that_share_their_reads_miss_nothing_while_orders_move() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let order = app.place(&store).await;
    let order = id(&order);
    app.step(order, &["accepted"]).await;
    let mover = app.postpone(order, 40);
    let token = app.service();
    let mut screens = join_all((0..SCREENS).map(|_| app.screen(&token, ""))).await;
    let topics = [format!("order:{order}"), format!("store:{store}")];
    let watchers =
        join_all(screens.iter_mut().zip(topics.iter().cycle()).map(async |(screen, topic)| {
            // In waves, so that some come while the others' reads are under way.
            for _ in 0..5 {
                assert_alive(screen).await;
            }
            screen.subscribe(topic, Some(1)).await
        }));
    let (last, _) = tokio::join!(mover, watchers);
    for (screen, topic) in screens.iter_mut().zip(topics.iter().cycle()) {
        if screen.versions(order).last() != Some(&last) {
            screen.until_version(order, last).await;
        }
        assert_alive(screen).await;
        screen.assert_no_gap();
        let resumes = topic.starts_with("order:");
        assert!(!resumes || screen.versions(order).first() == Some(&2));
    }
}

#[tokio::test]
async fn sockets_that_come_too_fast_are_sent_away_each_for_another_time() {
    let app = TestApp::with(|it| {
        it.live.handshakes_per_second = 1;
        it.live.retry_window = Span::secs(8);
    })
    .await;
    let token = app.service();
    let (mut let_in, mut waits) = (Vec::new(), Vec::new());
    while waits.len() < 20 {
        match app.try_screen("", Some(&token)).await {
            Ok(screen) => let_in.push(screen),
            Err(tungstenite::Error::Http(answer)) => {
                assert_eq!(answer.status(), 503);
                let wait = answer.headers()["retry-after"].to_str().unwrap();
                waits.push(wait.parse::<u32>().unwrap());
                let body: Value = serde_json::from_slice(answer.body().as_ref().unwrap()).unwrap();
                assert_eq!(body["error"]["code"], "UNAVAILABLE", "{body}");
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!(2 <= let_in.len(), "a burst of twice the rate is allowed");
    assert!(waits.iter().all(|it| (1..=8).contains(it)), "{waits:?}");
    assert!(2 < waits.iter().collect::<BTreeSet<_>>().len(), "{waits:?}");

    // The token is not even looked at, and an event stream is a socket, too.
    eventually(async || {
        let answer = app.get("/v1/orders/ord_00000000000070008000000000000001/events", "").await;
        if answer.status == 503 { Ok(()) } else { Err(answer) }
    })
    .await;
    // Requests are no sockets.
    app.get("/v1/orders", &token).await.expect(200);
    let refused = app.metric("orderwire_live_refused_total", &[("reason", "storm")]).await;
    assert!(refused > Some(20.0), "{refused:?}");
    // After a while there is room again.
    let_in.push(eventually(async || app.try_screen("", Some(&token)).await.map_err(drop)).await);
    for screen in &mut let_in {
        assert_alive(screen).await;
    }
}
