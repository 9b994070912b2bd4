//! RabbitMQ, Redis and PostgreSQL go away and come back, one after the other. One test, as private services take long to start.

use std::{sync::Arc, time::Duration};

use orderwire::base::clock::Clock;
use serde_json::json;

use crate::{
    crash::watched_orders,
    harness::{
        app::TestApp,
        client::id,
        services::{Isolated, PrivateServices, Service, Stack},
        traffic::Traffic,
        wait::eventually,
        witness::{Witness, truth},
    },
};

/// What an answer may take when the database is away: the wait for a connection, and then some.
const BOUND: Duration = Duration::from_secs(12);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_may_go_away_and_come_back_under_load_and_nothing_is_lost() {
    if Stack::chosen() == Stack::Embedded {
        return;
    }
    let begun = tokio::time::Instant::now();
    let services = PrivateServices::up().await;
    eprintln!("{:?}: up", begun.elapsed());
    let isolated = Arc::new(Isolated::on(&services.urls()).await);
    let app = TestApp::on(isolated, Clock::System, |it| {
        // Room enough that a burst does not make newer state replace older: here every version counts.
        it.live.queue_bytes = 32 * 1024 * 1024;
    })
    .await;
    let store = app.store().await;
    let (lasting, mut screens) = watched_orders(&app, &store).await;
    screens.push(Witness::on(&app, &app.service(), &format!("store:{store}")).await);

    the_broker_stops_and_screens_catch_up(&services, &app, &store, &lasting[0], &screens).await;

    eprintln!("{:?}: the broker was upgraded", begun.elapsed());
    let traffic = Traffic::start(&app, &store, &lasting);
    traffic.until_more(5).await;
    services.kill(Service::Rabbitmq).await;
    traffic.until_more(20).await;
    services.start(Service::Rabbitmq).await;
    traffic.until_more(5).await;
    eprintln!("{:?}: RabbitMQ is back", begun.elapsed());

    services.kill(Service::Redis).await;
    traffic.until_more(20).await;
    services.start(Service::Redis).await;
    traffic.until_more(5).await;
    assert_eq!(traffic.accepted().unavailable, 0, "writes go on without broker and cache");
    eprintln!("{:?}: Redis is back", begun.elapsed());

    services.kill(Service::Postgres).await;
    eventually(async || {
        let accepted = traffic.accepted();
        if 4 <= accepted.unavailable { Ok(()) } else { Err(accepted.unavailable) }
    })
    .await;
    services.start(Service::Postgres).await;
    traffic.until_more(20).await;
    eprintln!("{:?}: PostgreSQL is back", begun.elapsed());

    let accepted = traffic.stop().await;
    assert!(accepted.slowest < BOUND, "an answer took {:?}", accepted.slowest);
    eprintln!(
        "{:?}: stopped; {} orders, {} calls",
        begun.elapsed(),
        accepted.orders.len(),
        accepted.webhooks.len()
    );
    accepted.audit(&app, &store).await;
    eprintln!("{:?}: audited", begun.elapsed());
    let orders = [accepted.order_ids(), lasting.clone()].concat();
    for (screen, order) in screens.iter().zip(&lasting) {
        screen.until_true(&truth(&app, std::slice::from_ref(order)).await).await;
    }
    screens.last().unwrap().until_true(&truth(&app, &orders).await).await;
    for screen in &screens {
        let seen = screen.seen();
        assert_eq!((seen.connections, &seen.closed), (1, &vec![]), "a socket was lost");
    }
}

/// The broker goes in order, as for an upgrade, while orders are changed: screens are told that they are behind, then are
/// sent every version that they have missed, then are told that they have caught up.
async fn the_broker_stops_and_screens_catch_up(
    services: &PrivateServices,
    app: &TestApp,
    store: &str,
    order: &str,
    screens: &[Witness],
) {
    let before: Vec<_> = screens.iter().map(Witness::seen).collect();
    services.stop(Service::Rabbitmq).await;
    for (screen, before) in screens.iter().zip(&before) {
        screen.until("it is told to be behind", |seen| before.behind < seen.behind).await;
    }
    for minute in 0..10 {
        app.change(order, &json!({"eta": {"readyAt": format!("2030-01-01T10:{minute:02}:00Z")}}))
            .await;
    }
    let new = app.place(store).await;
    // Who comes meanwhile is told at once, and is shown the true state.
    let mut latecomer = app.screen(&app.service(), "").await;
    latecomer.expect("behind").await;
    let subscribed = latecomer.subscribe(&format!("order:{order}"), None).await;
    assert_eq!(subscribed["snapshot"]["order"]["version"], 11, "{subscribed}");

    services.start(Service::Rabbitmq).await;
    latecomer.until(|it| it["type"] == "caught_up").await;
    for (screen, before) in screens.iter().zip(&before) {
        let times = before.caught_up.len();
        screen.until("it has caught up", |seen| times < seen.caught_up.len()).await;
        let known = screen.seen().caught_up[times].clone();
        assert!(known.get(order).is_none_or(|it| *it == 11), "{known:?}");
    }
    let kitchen = screens.last().unwrap();
    assert_eq!(kitchen.seen().events[order], (2..=11).collect::<Vec<_>>());
    assert_eq!(kitchen.seen().events[id(&new)], [1]);
    kitchen.until_true(&[new]).await;
    screens[0].until_true(&truth(app, &[order.to_owned()]).await).await;
}
