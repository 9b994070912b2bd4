//! Several servers on the same PostgreSQL, RabbitMQ and Redis. Only the real stack can do that.

use std::sync::Arc;

use crate::{
    crash::watched_orders,
    harness::{
        client::{Client, id},
        process::{Process, command, environment},
        services::{Isolated, Stack},
        traffic::Traffic,
        wait::eventually,
        witness::{Witness, truth},
    },
};

async fn all_true(screens: &[Witness], client: &Client, orders: &[String]) {
    for (screen, order) in screens.iter().zip(orders) {
        screen.until_true(&truth(client, std::slice::from_ref(order)).await).await;
        assert_eq!(screen.seen().connections, 1, "{:?}", screen.seen());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_through_one_server_shows_on_the_other_also_when_the_first_is_killed() {
    if Stack::chosen() == Stack::Embedded {
        return;
    }
    // The first one up is the relay.
    let mut first = Process::spawn(&[]).await;
    let store = first.store().await;
    let second = Process::on(Arc::clone(first.isolated()), &[]).await;
    let (orders, screens) = watched_orders(&second, &store).await;
    for order in &orders {
        first.step(order, &["accepted", "preparing"]).await;
    }
    all_true(&screens, &second, &orders).await;

    let traffic = Traffic::start(&second, &store, &orders);
    traffic.until_more(5).await;
    first.kill9().await;
    traffic.until_more(5).await;
    let accepted = traffic.stop().await;
    all_true(&screens, &second, &orders).await;
    accepted.audit(&second, &store).await;

    // And back: the first comes again, the second goes in order, and hands the relay over.
    first.restart().await;
    let (orders, screens) = watched_orders(&first, &store).await;
    let mut second = second;
    assert!(second.terminate().await.success());
    for order in &orders {
        first.step(order, &["accepted", "preparing"]).await;
    }
    all_true(&screens, &first, &orders).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_may_be_shared_out_over_processes() {
    if Stack::chosen() == Stack::Embedded {
        return;
    }
    let isolated = Arc::new(Isolated::new().await);
    let api = Process::with_roles(Arc::clone(&isolated), "api,intake").await;
    let live = Process::with_roles(Arc::clone(&isolated), "live").await;
    let store = api.store().await;
    let order = api.place(&store).await;
    let topic = format!("order:{}", id(&order));
    let screen = Witness::on(&live, &live.service(), &topic).await;
    // Without a relay, what is accepted waits in the outbox.
    let word = api.webhook(
        "generic",
        "1",
        &serde_json::json!({"type": "order.status", "data": {"orderId": order["id"], "status": "preparing"}}),
    );
    api.deliver(&word).await.expect(200);
    let _preparing = api.until_status(id(&order), "preparing").await;
    assert_eq!(screen.seen().events.len(), 0);
    let relay = Process::with_roles(Arc::clone(&isolated), "relay").await;
    screen.until_true(&truth(&api, &[id(&order).to_owned()]).await).await;

    // Each speaks only of what it does.
    for server in [&live, &relay] {
        let answer = server.get("/v1/orders", &server.service()).await;
        answer.expect_error(404, "NOT_FOUND");
    }
    for server in [&api, &relay] {
        assert!(server.try_screen("", Some(&server.service())).await.is_err());
    }
    for server in [&api, &live, &relay] {
        eventually(async || {
            let ready = server.get("/readyz", "").await;
            if ready.status == 200 { Ok(()) } else { Err(ready) }
        })
        .await;
    }
}

#[tokio::test]
async fn roles_cannot_be_shared_out_without_a_broker() {
    let isolated = Isolated::embedded();
    let variables = environment(&crate::harness::app::config(&isolated));
    let output = command(&["serve", "--role", "api"]).envs(variables).output().await.unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("AMQP_URL") && said.contains("live"), "{said}");
}
