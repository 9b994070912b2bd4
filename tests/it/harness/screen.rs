//! A screen: somebody else's WebSocket client, which keeps count of what it was told.

use std::collections::{BTreeMap, VecDeque};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message, client::IntoClientRequest, http::HeaderValue},
};

use crate::harness::{client::Client, wait::PATIENCE};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// One open socket.
pub struct Screen {
    socket: Socket,
    hello: Value,
    next_id: u64,
    /// Frames that came while the answer to another was awaited.
    held: VecDeque<Value>,
    /// The versions of each order, in the order they came: a snapshot's, then those of events.
    versions: BTreeMap<String, Vec<u64>>,
    gaps: Vec<String>,
}

impl Client {
    /// Opens a socket with the token in a header, for a channel; an empty one leaves the choice to the server.
    pub async fn screen(&self, token: &str, channel: &str) -> Screen {
        let query = if channel.is_empty() { String::new() } else { format!("?channel={channel}") };
        self.try_screen(&query, Some(token)).await.unwrap()
    }

    /// Opens a socket as a browser does: with the token in the query.
    pub async fn screen_by_link(&self, token: &str) -> Screen {
        self.try_screen(&format!("?token={token}"), None).await.unwrap()
    }

    /// Opens a socket that may be refused. `query` begins with a question mark or is empty.
    pub async fn try_screen(
        &self,
        query: &str,
        token: Option<&str>,
    ) -> tungstenite::Result<Screen> {
        let url = format!("ws://{}/v1/live{query}", self.authority());
        let mut request = url.into_client_request()?;
        if let Some(token) = token {
            let value = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
            request.headers_mut().insert("authorization", value);
        }
        let (socket, _) = connect_async(request).await?;
        let mut screen = Screen {
            socket,
            hello: Value::Null,
            next_id: 1,
            held: VecDeque::new(),
            versions: BTreeMap::new(),
            gaps: Vec::new(),
        };
        screen.hello = screen.expect("hello").await;
        Ok(screen)
    }
}

impl Screen {
    /// The first frame.
    pub const fn hello(&self) -> &Value {
        &self.hello
    }

    /// Sends any frame.
    pub async fn send(&mut self, frame: &Value) {
        self.send_text(frame.to_string()).await;
    }

    /// Sends any text.
    pub async fn send_text(&mut self, text: String) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// Sends a message that may be no text at all.
    pub async fn send_message(&mut self, message: Message) {
        self.socket.send(message).await.unwrap();
    }

    /// Subscribes and answers the `subscribed` frame, or the `error` that came instead. Frames between are kept.
    pub async fn subscribe(&mut self, topic: &str, after: Option<u64>) -> Value {
        let mut frame = json!({"type": "subscribe", "topic": topic});
        if let Some(after) = after {
            frame["after"] = after.into();
        }
        self.ask(frame).await
    }

    /// Sends a frame under a new id and answers the frame that carries it back. Frames between are kept.
    pub async fn ask(&mut self, mut frame: Value) -> Value {
        let id = self.next_id;
        self.next_id += 1;
        frame["id"] = id.into();
        self.send(&frame).await;
        let end = Instant::now() + PATIENCE;
        loop {
            let frame = self.receive(end).await;
            if frame["id"] == id {
                return frame;
            }
            self.held.push_back(frame);
        }
    }

    /// The next frame beside those about the line (`ping`, and a server that has just started is behind for a moment); it
    /// must be of this type.
    pub async fn expect(&mut self, kind: &str) -> Value {
        let about_the_line =
            |it: &Value| ["ping", "behind", "caught_up"].iter().any(|other| it["type"] == *other);
        let frame = self.until(|it| it["type"] == kind || !about_the_line(it)).await;
        assert_eq!(frame["type"], kind, "{frame}");
        frame
    }

    /// Reads on to the first frame that is so. Fails when none comes in time.
    pub async fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        while let Some(frame) = self.held.pop_front() {
            if wanted(&frame) {
                return frame;
            }
        }
        let end = Instant::now() + PATIENCE;
        loop {
            let frame = self.receive(end).await;
            if wanted(&frame) {
                return frame;
            }
        }
    }

    /// Reads on to the event that brings this order to this version, or shows it in a later one.
    pub async fn until_version(&mut self, order: &str, version: u64) -> Value {
        self.until(|it| {
            let data = &it["event"]["data"];
            data["orderId"] == order && data["orderVersion"].as_u64() >= Some(version)
        })
        .await
    }

    /// Reads on until the server closes, and answers its code.
    pub async fn closed(&mut self) -> u16 {
        let end = Instant::now() + PATIENCE;
        loop {
            match timeout_at(end, self.socket.next()).await.expect("the socket stays open") {
                Some(Ok(Message::Close(Some(close)))) => return close.code.into(),
                Some(Ok(Message::Text(text))) => {
                    let frame = self.note(&text);
                    self.held.push_back(frame);
                }
                Some(Ok(_)) => {}
                other => panic!("the socket ended without a code: {other:?}"),
            }
        }
    }

    /// Says goodbye.
    pub async fn close(mut self) {
        drop(self.socket.close(None).await);
    }

    /// The versions of an order in the order they came: a snapshot's, then those of events.
    pub fn versions(&self, order: &str) -> &[u64] {
        self.versions.get(order).map_or(&[], Vec::as_slice)
    }

    /// Fails when an event repeated a version or left one out.
    #[track_caller]
    pub fn assert_no_gap(&self) {
        assert!(self.gaps.is_empty(), "{:#?}", self.gaps);
    }

    /// The raw socket, for what no well-behaved screen does.
    pub const fn socket(&mut self) -> &mut Socket {
        &mut self.socket
    }

    async fn receive(&mut self, end: Instant) -> Value {
        loop {
            let message = timeout_at(end, self.socket.next()).await;
            match message.unwrap_or_else(|_| panic!("no such frame; seen: {:?}", self.versions)) {
                Some(Ok(Message::Text(text))) => {
                    let frame = self.note(&text);
                    if !tells_of_a_new_store(&frame) {
                        return frame;
                    }
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("a frame was expected, and came: {other:?}"),
            }
        }
    }

    fn note(&mut self, text: &str) -> Value {
        let frame: Value = serde_json::from_str(text).unwrap();
        match frame["type"].as_str() {
            Some("subscribed") => self.note_snapshot(&frame["snapshot"]),
            Some("event") => {
                let data = &frame["event"]["data"];
                if let Some(order) = data["orderId"].as_str() {
                    self.note_event(order, data["orderVersion"].as_u64().unwrap());
                }
            }
            _ => {}
        }
        frame
    }

    fn note_snapshot(&mut self, snapshot: &Value) {
        let several = snapshot["orders"].as_array().into_iter().flatten();
        let one = snapshot.get("order").into_iter();
        for order in one.chain(several) {
            let seen = self.versions.entry(order["id"].as_str().unwrap().to_owned()).or_default();
            seen.push(order["version"].as_u64().unwrap());
        }
    }

    fn note_event(&mut self, order: &str, version: u64) {
        let seen = self.versions.entry(order.to_owned()).or_default();
        if let Some(last) = seen.last()
            && version != last + 1
        {
            self.gaps.push(format!("{order}: {version} came after {seen:?}"));
        }
        seen.push(version);
    }
}

/// Whether a store was opened. Tests open theirs a moment before they watch it, so this may come, or have gone by.
fn tells_of_a_new_store(frame: &Value) -> bool {
    let event = &frame["event"];
    event["eventType"] == "StoreUpdated" && event["subject"]["version"] == 1
}

mod tests {
    use crate::harness::app::TestApp;

    #[tokio::test]
    async fn a_screen_sees_every_step_of_an_order() {
        let app = TestApp::spawn().await;
        let store = app.store().await;
        let order = app.place(&store).await;
        let id = order["id"].as_str().unwrap();
        let mut screen = app.screen(&app.staff(&store), "kitchen").await;
        let subscribed = screen.subscribe(&format!("order:{id}"), None).await;
        assert_eq!(subscribed["snapshot"]["order"]["version"], 1, "{subscribed}");
        let last = app.step(id, &["accepted", "preparing"]).await["version"].as_u64().unwrap();
        screen.until_version(id, last).await;
        assert_eq!(screen.versions(id), (1..=last).collect::<Vec<_>>());
        screen.assert_no_gap();
        app.shut_down().await;
        assert_eq!(screen.closed().await, 4001);
    }
}
