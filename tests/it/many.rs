//! Many orders, many screens, many writers at once.

use serde_json::json;
use tokio::task::JoinSet;

use crate::harness::{
    app::TestApp,
    client::{Client, id, partner_order_for},
    witness::{Witness, truth},
};

const WRITERS: usize = 4;
const ORDERS_OF_EACH: usize = 50;

/// Places orders, then moves all of them step by step, so that many orders are under way at once: by hand or by a partner.
async fn write(client: Client, store: String, writer: usize) -> Vec<String> {
    let mut orders = Vec::new();
    for number in 0..ORDERS_OF_EACH {
        let external = format!("many-{writer}-{number}");
        let order = partner_order_for(&store, "generic", &external);
        let order = client.place_as(&client.service(), &order).await;
        orders.push((id(&order).to_owned(), external));
    }
    for status in ["accepted", "preparing", "ready", "out_for_delivery"] {
        for (number, (order, external)) in orders.iter().enumerate() {
            // Whichever comes first moves the order; the other changes nothing.
            let by_hand = async {
                let path = format!("/v1/orders/{order}");
                let answer =
                    client.patch(&path, &client.service(), &json!({"status": status})).await;
                assert!([200, 409].contains(&answer.status), "{answer:?}");
            };
            let by_partner = async {
                let event = format!("{external}-{status}");
                let body = json!({"type": "order.status", "data": {"externalId": external, "status": status}});
                client.deliver(&client.webhook("generic", &event, &body)).await.expect(200);
            };
            match number % 3 {
                0 => by_hand.await,
                1 => by_partner.await,
                _ => drop(tokio::join!(by_hand, by_partner)),
            }
        }
    }
    orders.into_iter().map(|(order, _)| order).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_orders_move_at_once_and_every_screen_ends_in_the_true_state() {
    // Room enough that a busy machine does not make newer state replace older: here every version counts.
    let app = TestApp::with(|it| it.live.queue_bytes = 32 * 1024 * 1024).await;
    let store = app.store().await;
    let service = app.service();
    let mut screens = Vec::new();
    let topic = format!("store:{store}");
    for (token, topic) in [
        (service.clone(), topic.as_str()),
        (app.staff(&store), topic.as_str()),
        (service.clone(), "ops"),
        (app.customer("sara"), "customer:sara"),
    ] {
        screens.push(Witness::on(&app, &token, topic).await);
    }
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        writers.spawn(write(app.clone(), store.clone(), writer));
    }
    // A screen that comes in the middle of it.
    screens.push(Witness::on(&app, &service, &topic).await);
    let orders: Vec<String> = writers.join_all().await.concat();
    for order in &orders {
        app.until_status(order, "out_for_delivery").await;
    }
    let truth = truth(&app, &orders).await;
    for screen in &screens {
        screen.until_true(&truth).await;
        let (connections, orders) = screen.look(|seen| (seen.connections, seen.orders.len()));
        assert_eq!((connections, orders), (1, WRITERS * ORDERS_OF_EACH));
    }
    // Those who were there from the beginning have seen every single version.
    for screen in &screens[..4] {
        let events = screen.seen().events;
        for order in &truth {
            let versions: Vec<u64> = (1..=order["version"].as_u64().unwrap()).collect();
            assert_eq!(events[id(order)], versions);
        }
    }
}
