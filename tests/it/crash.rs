//! The server is killed while orders and webhooks pour in, and starts again on the same data.

use crate::harness::{
    client::{Client, id},
    process::Process,
    traffic::Traffic,
    witness::{Witness, truth},
};

/// Orders that last for the whole test, each with a screen of its own.
pub async fn watched_orders(client: &Client, store: &str) -> (Vec<String>, Vec<Witness>) {
    let (mut orders, mut witnesses) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        let order = id(&client.place(store).await).to_owned();
        let topic = format!("order:{order}");
        witnesses.push(Witness::on(client, &client.customer("sara"), &topic).await);
        orders.push(order);
    }
    (orders, witnesses)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_has_lost_nothing_and_every_screen_ends_in_the_true_state() {
    let mut server = Process::spawn(&[]).await;
    let store = server.store().await;
    let (lasting, screens) = watched_orders(&server, &store).await;
    let kitchen = Witness::on(&server, &server.service(), &format!("store:{store}")).await;
    let traffic = Traffic::start(&server, &store, &lasting);
    for _ in 0..3 {
        traffic.until_more(10).await;
        server.kill9().await;
        server.restart().await;
    }
    traffic.until_more(10).await;
    let accepted = traffic.stop().await;
    assert!(40 <= accepted.orders.len() && 40 <= accepted.webhooks.len(), "{accepted:?}");
    accepted.audit(&server, &store).await;

    for (screen, order) in screens.iter().zip(&lasting) {
        screen.until_true(&truth(&server, std::slice::from_ref(order)).await).await;
        let seen = screen.seen();
        assert_eq!(seen.connections, 4, "{seen:?}");
        let events = &seen.events[order];
        assert!(events.iter().copied().eq(2..=events.len() as u64 + 1), "{events:?}");
    }
    let orders = [accepted.order_ids(), lasting].concat();
    kitchen.until_true(&truth(&server, &orders).await).await;
    assert!(server.terminate().await.success());
}
