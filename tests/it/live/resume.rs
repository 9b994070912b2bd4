//! Coming back without a gap.

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;
use orderwire::base::clock::Clock;
use serde_json::Value;

use crate::{
    harness::{app::TestApp, client::id, screen::Screen},
    live::assert_alive,
};

#[tokio::test]
async fn a_screen_that_comes_back_is_sent_exactly_what_it_missed() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let order = app.place(&store).await;
    let order = id(&order);
    let topic = format!("order:{order}");
    let last =
        app.step(order, &["accepted", "preparing", "ready"]).await["version"].as_u64().unwrap();
    for after in 1..=last {
        let mut screen = app.screen(&app.service(), "").await;
        let subscribed = screen.subscribe(&topic, Some(after)).await;
        assert_eq!(subscribed["resumed"], true, "{subscribed}");
        assert_eq!(subscribed.get("snapshot"), None);
        for version in after + 1..=last {
            let event = screen.expect("event").await["event"].take();
            assert_eq!(event["data"]["orderVersion"], version);
            assert_eq!(event["data"]["order"]["version"], version, "the state is that of then");
        }
        assert_alive(&mut screen).await;
    }
    let mut screen = app.screen(&app.service(), "").await;
    screen.subscribe(&topic, Some(2)).await;
    let now = app.step(order, &["out_for_delivery"]).await["version"].as_u64().unwrap();
    screen.until_version(order, now).await;
    assert_eq!(screen.versions(order), (3..=now).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_screen_that_knows_more_than_there_is_starts_again_from_the_state() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let order = app.place(&store).await;
    let mut screen = app.screen(&app.service(), "").await;
    let subscribed = screen.subscribe(&format!("order:{}", id(&order)), Some(7)).await;
    assert_eq!(subscribed["snapshot"]["order"]["version"], 1, "{subscribed}");
    app.step(id(&order), &["accepted"]).await;
    screen.until_version(id(&order), 2).await;
}

#[tokio::test]
async fn subscribing_while_an_order_moves_misses_and_repeats_nothing() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let order = app.place(&store).await;
    let order = id(&order);
    app.step(order, &["accepted"]).await;
    let mover = app.postpone(order, 40);
    let topics = [format!("order:{order}"), format!("store:{store}"), "ops".to_owned()];
    let watchers = async {
        let mut screens: Vec<Screen> = Vec::new();
        for number in 0..30_usize {
            let mut screen = app.screen(&app.service(), "").await;
            let after = (number % 2 == 0).then_some(1);
            screen.subscribe(&topics[number % 3], after).await;
            // On a socket that is on its way already, a snapshot must not step back behind what was shown.
            screen.subscribe(&topics[(number + 1) % 3], None).await;
            screens.push(screen);
        }
        screens
    };
    let (last, screens) = tokio::join!(mover, watchers);
    for mut screen in screens {
        if screen.versions(order).last() != Some(&last) {
            screen.until_version(order, last).await;
        }
        assert_alive(&mut screen).await;
        assert!(screen.versions(order).is_sorted(), "{:?}", screen.versions(order));
        screen.assert_no_gap();
    }
}

fn ids(snapshot: &Value) -> BTreeSet<&str> {
    snapshot["snapshot"]["orders"].as_array().unwrap().iter().map(id).collect()
}

#[tokio::test]
async fn a_stores_snapshot_holds_its_active_orders_and_lets_ended_ones_go() {
    let clock = Clock::frozen("2026-11-20T18:00:00Z".parse::<Timestamp>().unwrap());
    let app = TestApp::spawn_at(clock.clone()).await;
    let store = app.store().await;
    let (open, ended) = (app.place(&store).await, app.place(&store).await);
    app.step(id(&ended), &["rejected"]).await;
    let topic = format!("store:{store}");
    let mut screen = app.screen(&app.staff(&store), "").await;
    // For a while, so that whoever looks away sees how it ended.
    let soon = screen.subscribe(&topic, None).await;
    assert_eq!(ids(&soon), BTreeSet::from([id(&open), id(&ended)]));
    clock.advance(Duration::from_secs(121));
    let later = screen.subscribe(&topic, None).await;
    assert_eq!(ids(&later), BTreeSet::from([id(&open)]));
    // A snapshot comes whatever version a client claims to know.
    let again = screen.subscribe(&topic, Some(5)).await;
    assert_eq!(ids(&again), BTreeSet::from([id(&open)]));
}
