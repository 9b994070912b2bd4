//! A reader that is slower than its orders move.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

use crate::harness::{
    app::TestApp,
    client::{Client, id, order_for},
    wait::PATIENCE,
};

/// A socket with the smallest of receive buffers, subscribed to a topic, whose owner then does not read.
async fn subscribed(client: &Client, topic: &str) -> WebSocketStream<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let stream = socket.connect(client.authority().parse().unwrap()).await.unwrap();
    let token = client.service();
    let url = format!("ws://{}/v1/live?channel=web&token={token}", client.authority());
    let (mut socket, _) = client_async(url, stream).await.unwrap();
    let subscribe = json!({"type": "subscribe", "id": 1, "topic": topic});
    socket.send(Message::text(subscribe.to_string())).await.unwrap();
    while next(&mut socket).await.unwrap()["type"] != "subscribed" {}
    socket
}

/// The next frame, or the code with which the socket was closed: none when the server did not wait for its reader any more.
async fn next(socket: &mut WebSocketStream<TcpStream>) -> Result<Value, Option<u16>> {
    loop {
        let message = timeout(PATIENCE, socket.next()).await.expect("nothing comes");
        match message {
            Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
            Some(Ok(Message::Close(close))) => return Err(close.map(|it| it.code.into())),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return Err(None),
        }
    }
}

/// An order whose events are large: some 60 KB.
async fn large_order(app: &TestApp, store: &str) -> String {
    let mut order = order_for(store);
    let mut item = order["items"][0].clone();
    item["note"] = json!("x".repeat(200));
    order["items"] = json!(vec![item; 150]);
    id(&app.place_as(&app.service(), &order).await).to_owned()
}

async fn change(app: &TestApp, order: &str, number: u32) -> u64 {
    let eta = json!({"eta": {"readyAt": format!("2030-01-01T10:{:02}:{:02}Z", number / 60, number % 60)}});
    app.change(order, &eta).await["version"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn for_a_slow_reader_newer_state_replaces_older_and_the_newest_always_arrives() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    let order = large_order(&app, &store).await;
    let mut slow = subscribed(&app, &format!("order:{order}")).await;
    let mut last = 0;
    for number in 0..120 {
        last = change(&app, &order, number).await;
    }
    let mut seen = Vec::new();
    while seen.last() != Some(&last) {
        let frame = next(&mut slow).await.unwrap();
        seen.extend(frame["event"]["data"]["orderVersion"].as_u64());
    }
    assert!(seen.is_sorted_by(|a, b| a < b), "{seen:?}");
    assert!(seen.len() < 110, "nothing was replaced, so this test shows nothing: {}", seen.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_too_slow_for_the_newest_state_of_its_orders_is_told_to_come_back() {
    let app = TestApp::with(|it| it.live.queue_bytes = 64 * 1024).await;
    let store = app.store().await;
    let mut orders = Vec::new();
    for _ in 0..4 {
        orders.push(large_order(&app, &store).await);
    }
    let mut slow = subscribed(&app, &format!("store:{store}")).await;
    for number in 0..8 {
        for order in &orders {
            change(&app, order, number).await;
        }
    }
    let code = loop {
        if let Err(code) = next(&mut slow).await {
            break code;
        }
    };
    // On a machine that is slow itself, the server may have hung up before the first look.
    assert!(code.is_none_or(|it| it == 4008), "{code:?}");
}
