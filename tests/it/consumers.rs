//! Durable consumers: what one of them cannot handle, or does not get, is neither lost nor in the way of anything else.

use jiff::Timestamp;
use lapin::{Channel, ConnectionProperties, options::QueueDeclareOptions, types::FieldTable};
use orderwire::config::{Config, Span};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use crate::{
    endpoints::{deliveries, register, until_states},
    harness::{
        app::TestApp,
        client::{answer, id},
        services::Stack,
        sql::Sql,
        stand_in::StandIn,
        wait::eventually,
    },
};

fn quick(config: &mut Config) {
    config.workers.rest = Span::millis(20);
    config.bus.probe_every = Span::millis(200);
}

/// The broker of an application, past it.
async fn operator(app: &TestApp) -> Channel {
    let url = app.config().bus.amqp_url.as_ref().unwrap();
    let url = secrecy::ExposeSecret::expose_secret(url);
    let connection = lapin::Connection::connect(url, ConnectionProperties::default());
    connection.await.unwrap().create_channel().await.unwrap()
}

/// How many dead letters of this queue there are.
async fn dead_letters(app: &TestApp, queue: &str) -> i64 {
    if Stack::chosen() == Stack::Embedded {
        let count = format!("SELECT COUNT(*) FROM dead_letter WHERE queue = '{queue}'");
        return Sql::of(app).number(&count).await;
    }
    let name = format!("{}.{queue}.dead", app.config().bus.exchange);
    let options = QueueDeclareOptions::default().passive();
    let declared =
        operator(app).await.queue_declare(name.into(), options, FieldTable::default()).await;
    declared.unwrap().message_count().into()
}

async fn until_dead(app: &TestApp, queue: &str, count: i64) {
    eventually(async || {
        let dead = dead_letters(app, queue).await;
        if dead == count { Ok(()) } else { Err(dead) }
    })
    .await;
}

/// Waits until so many orders of a store are in the figures of its day.
async fn until_counted(app: &TestApp, store: &str, orders: usize) {
    eventually(async || {
        let stats =
            app.get(&format!("/v1/stores/{store}/stats"), &app.staff(store)).await.expect(200);
        if stats["orders"] == orders { Ok(()) } else { Err(stats) }
    })
    .await;
}

/// Publishes this as an event of the order, after an endpoint has been sent one.
async fn publish(app: &TestApp, order: &Value, body: &str) {
    let sql = Sql::of(app);
    let (order_id, store_id) = (sql.id(id(order)), sql.id(order["storeId"].as_str().unwrap()));
    let subject = id(order);
    sql.run(&format!(
        "INSERT INTO event_outbox (
             event_id, order_id, store_id, event_type, subject_type, subject_id, subject_version, partition_key, body,
             created_at
         )
         SELECT event_id, {order_id}, {store_id}, 'OrderCreated', 'order', '{subject}', 1, '{subject}', {body}, created_at
         FROM webhook_event
         LIMIT 1"
    ))
    .await;
}

#[tokio::test]
async fn a_half_valid_event_is_a_dead_letter_at_once_and_is_sent_to_no_endpoint() {
    let pos = StandIn::spawn(&[]).await;
    let app = TestApp::with(quick).await;
    let store = app.store().await;
    let endpoint = register(&app, &pos, json!({})).await;
    let order = app.place(&store).await;
    until_states(&app, &endpoint, &["delivered"]).await;
    let event = json!({
        "eventId": "evt_00000000000000000000000000000001",
        "eventType": "OrderCreated",
        "version": "1.0",
        "timestamp": "2026-11-22T12:00:00Z",
        "source": "orderwire",
        "data": {
            "orderId": order["id"], "storeId": store, "orderVersion": 1,
            "order": {"id": "no id of ours"},
        },
        "metadata": {"actor": {"kind": "system", "id": "test"}},
    });
    publish(&app, &order, &Sql::of(&app).bytes(event.to_string().as_bytes())).await;
    for queue in ["webhooks", "timings", "notifications"] {
        until_dead(&app, queue, 1).await;
    }
    app.place(&store).await;
    until_counted(&app, &store, 2).await;
    until_states(&app, &endpoint, &["delivered", "delivered"]).await;
    assert_eq!(deliveries(&app, &endpoint).await.len(), 2);
}

#[tokio::test]
async fn a_delivery_that_cannot_be_worded_fails_at_once_and_not_by_its_endpoints_fault() {
    let pos = StandIn::spawn(&[]).await;
    let app = TestApp::with(quick).await;
    let store = app.store().await;
    let endpoint = register(&app, &pos, json!({})).await;
    app.place(&store).await;
    until_states(&app, &endpoint, &["delivered"]).await;
    let sql = Sql::of(&app);
    sql.run(&format!("UPDATE webhook_event SET body = {}", sql.bytes(b"{}"))).await;
    sql.run("UPDATE webhook_endpoint SET last_success_at = NULL").await;
    let delivery = deliveries(&app, &endpoint).await.remove(0);
    let replay = format!("/v1/deliveries/{}/replay", id(&delivery));
    app.post(&replay, &app.service(), &json!({})).await;
    until_states(&app, &endpoint, &["failed"]).await;
    let now = app.get(&format!("/v1/endpoints/{}", id(&endpoint)), &app.service()).await;
    assert_eq!(now.expect(200)["enabled"], json!(true));
    // And the next one goes on.
    app.place(&store).await;
    until_states(&app, &endpoint, &["failed", "delivered"]).await;
}

#[tokio::test]
async fn an_unreadable_store_stops_only_its_own_events() {
    let pos = StandIn::spawn(&[]).await;
    let app = TestApp::with(quick).await;
    let (broken, well) = (app.store().await, app.store().await);
    let endpoint = register(&app, &pos, json!({})).await;
    let order = app.place(&broken).await;
    until_states(&app, &endpoint, &["delivered"]).await;
    until_counted(&app, &broken, 1).await;
    let sql = Sql::of(&app);
    sql.run(&format!("UPDATE store SET body = '{{}}' WHERE id = {}", sql.id(&broken))).await;
    publish(&app, &order, "body").await;
    app.place(&well).await;
    until_counted(&app, &well, 1).await;
    until_dead(&app, "timings", 1).await;
}

/// Whether a frame is this order's event. None may say that the screen is behind.
fn shows(frame: &Value, order: &Value) -> bool {
    assert_ne!(frame["type"], "behind");
    frame["event"]["data"]["orderId"] == order["id"]
}

#[tokio::test]
async fn a_stuck_consumer_holds_up_neither_screens_nor_other_consumers_and_loses_nothing() {
    const ORDERS: usize = 40;
    let pos = StandIn::spawn(&[]).await;
    let mut app = TestApp::with(|config| {
        quick(config);
        config.bus.local_capacity = 16;
        config.live.behind_after = Span::secs(1);
    })
    .await;
    let store = app.store().await;
    let endpoint = register(&app, &pos, json!({})).await;
    let sql = Sql::of(&app);
    sql.run("ALTER TABLE order_timing RENAME TO order_timing_away").await;

    let mut screen = app.screen(&app.staff(&store), "kitchen").await;
    screen.subscribe(&format!("store:{store}"), None).await;
    // A node that has just started may say that it is behind, until it has heard of the first event.
    let mut placed = vec![app.place(&store).await];
    screen.until_version(id(&placed[0]), 1).await;
    while placed.len() < ORDERS {
        let order = app.place(&store).await;
        screen.until(|frame| shows(frame, &order)).await;
        placed.push(order);
    }
    until_states(&app, &endpoint, &["delivered"; ORDERS]).await;
    if Stack::chosen() == Stack::Embedded {
        let text = answer(app.request(Method::GET, "/metrics")).await.body;
        let text = String::from_utf8(text.to_vec()).unwrap();
        assert!(text.contains("orderwire_queue_unacknowledged{queue=\"timings\"}"), "{text}");
        assert_eq!(
            sql.number("SELECT COUNT(*) FROM event_outbox").await,
            i64::try_from(ORDERS).unwrap()
        );
    }
    // Long after the first event was recorded screens are still not told to be behind.
    let first: Timestamp = placed[0]["placedAt"].as_str().unwrap().parse().unwrap();
    eventually(async || {
        let age = app.clock.now().duration_since(first).as_secs();
        if age >= 3 { Ok(()) } else { Err(age) }
    })
    .await;
    let order = app.place(&store).await;
    screen.until(|frame| shows(frame, &order)).await;

    app.restart().await;
    app.place(&store).await;
    sql.run("ALTER TABLE order_timing_away RENAME TO order_timing").await;
    until_counted(&app, &store, ORDERS + 2).await;
    if Stack::chosen() == Stack::Embedded {
        eventually(async || {
            let left = sql.number("SELECT COUNT(*) FROM event_outbox").await;
            if left == 0 { Ok(()) } else { Err(left) }
        })
        .await;
    }
    app.shut_down().await;
}

#[tokio::test]
async fn without_a_broker_an_event_that_is_committed_late_is_not_passed_by() {
    if Stack::chosen() == Stack::Embedded {
        return;
    }
    let pos = StandIn::spawn(&[]).await;
    let app = TestApp::with(|config| {
        quick(config);
        config.bus.amqp_url = None;
    })
    .await;
    let store = app.store().await;
    let endpoint = register(&app, &pos, json!({})).await;
    app.place(&store).await;
    until_states(&app, &endpoint, &["delivered"]).await;
    let (_, url) = app.place_of_data();
    let mut slow = PgConnection::connect(&url).await.unwrap();
    let late = "BEGIN;
        INSERT INTO outbox (event_id, order_id, version, store_id, event_type, body, created_at)
        SELECT event_id, event_id, 1, event_id, 'OrderCreated', ''::bytea, created_at
        FROM webhook_event;
        -- As a large batch does, whose other events come to nothing.
        SELECT nextval(pg_get_serial_sequence('event_outbox', 'seq')) FROM generate_series(1, 1000)";
    sqlx::raw_sql(late).execute(&mut slow).await.unwrap();
    app.place(&store).await;
    until_states(&app, &endpoint, &["delivered", "delivered"]).await;
    sqlx::raw_sql("COMMIT").execute(&mut slow).await.unwrap();
    let sql = Sql::of(&app);
    eventually(async || {
        let dead = sql.number("SELECT COUNT(*) FROM dead_letter").await;
        let left = sql.number("SELECT COUNT(*) FROM event_outbox").await;
        if (dead, left) == (3, 0) { Ok(()) } else { Err((dead, left)) }
    })
    .await;
}

#[tokio::test]
async fn what_a_queue_missed_while_it_was_unbound_comes_afterwards() {
    if Stack::chosen() == Stack::Embedded {
        return;
    }
    let pos = StandIn::spawn(&[]).await;
    let app = TestApp::with(quick).await;
    let store = app.store().await;
    let endpoint = register(&app, &pos, json!({})).await;
    app.place(&store).await;
    until_counted(&app, &store, 1).await;
    let types = ["OrderCreated.*", "OrderStatusChanged.*", "DeliveryStatusChanged.*"];
    let others = ["TicketStatusChanged.*", "OrderEtaChanged.*", "PaymentProcessed.*"];
    let own = ["timings", "webhooks"];
    unbind(&app, &[&types[..], &others, &own].concat()).await;
    for _ in 0..3 {
        app.place(&store).await;
    }
    until_counted(&app, &store, 4).await;
    until_states(&app, &endpoint, &["delivered"; 4]).await;
    // Of the bindings of a queue one is gone.
    unbind(&app, &["OrderCreated.*"]).await;
    for _ in 0..3 {
        app.place(&store).await;
    }
    until_counted(&app, &store, 7).await;
    until_states(&app, &endpoint, &["delivered"; 7]).await;
    app.place(&store).await;
    until_counted(&app, &store, 8).await;
    until_states(&app, &endpoint, &["delivered"; 8]).await;
}

/// Takes these bindings of two queues away, as an operator may.
async fn unbind(app: &TestApp, keys: &[&str]) {
    let (channel, exchange) = (operator(app).await, app.config().bus.exchange.clone());
    for queue in ["timings", "webhooks"] {
        let queue = format!("{exchange}.{queue}");
        for key in keys {
            let (queue, from, key) = (&*queue, &*exchange, *key);
            channel
                .queue_unbind(queue.into(), from.into(), key.into(), FieldTable::default())
                .await
                .unwrap();
        }
    }
}
