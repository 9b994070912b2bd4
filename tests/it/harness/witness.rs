//! A screen that stays: it comes back whenever its socket is lost, resumes, and writes down all it was told.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, task::JoinSet, time::sleep};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

use crate::harness::{client::Client, wait::eventually};

const BEFORE_COMING_BACK: Duration = Duration::from_millis(50);

/// What a witness has seen.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The newest state of each order.
    pub orders: BTreeMap<String, Value>,
    /// The versions of each order that came as events.
    pub events: BTreeMap<String, Vec<u64>>,
    /// `hello`s: 1 when the socket was never lost.
    pub connections: usize,
    /// Times that it was told to be behind.
    pub behind: usize,
    /// What it knew each time that it was told to have caught up: the version of each order.
    pub caught_up: Vec<BTreeMap<String, u64>>,
    /// Close codes, in the order they came.
    pub closed: Vec<u16>,
    /// Broken promises.
    pub complaints: Vec<String>,
}

/// A screen on one topic. It ends with this value.
pub struct Witness {
    name: String,
    seen: Arc<Mutex<Seen>>,
    _task: JoinSet<()>,
}

impl Witness {
    /// Watches a topic, and returns once it has been shown where it stands by a server that is in touch with its sources. With `order:` topics it resumes after a loss, else it
    /// begins from a snapshot again.
    pub async fn on(client: &Client, token: &str, topic: &str) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let connection = Connection {
            url: format!("ws://{}/v1/live?channel=web&token={token}", client.authority()),
            topic: topic.to_owned(),
            seen: Arc::clone(&seen),
        };
        let mut task = JoinSet::new();
        task.spawn(connection.stay());
        let witness = Self { name: topic.to_owned(), seen, _task: task };
        witness.until("it is connected", |seen| seen.connections == 1).await;
        // A node that has just started is out of touch until it has read the store once.
        witness.until("it is in touch", |seen| seen.behind <= seen.caught_up.len()).await;
        witness
    }

    /// What it has seen by now.
    pub fn seen(&self) -> Seen {
        self.look(Seen::clone)
    }

    /// A look at what it has seen.
    pub fn look<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.seen.lock().unwrap())
    }

    /// Waits until what it has seen is so.
    pub async fn until(&self, what: &str, is_so: impl Fn(&Seen) -> bool) {
        eventually(async || {
            let is_so = self.look(&is_so);
            if is_so { Ok(()) } else { Err(format!("{}: {what}", self.name)) }
        })
        .await;
    }

    /// Waits until it shows these orders as they are, then fails if a promise was broken on the way.
    pub async fn until_true(&self, truth: &[Value]) {
        for truth in truth {
            let id = truth["id"].as_str().unwrap();
            eventually(async || {
                let shown = self.look(|seen| seen.orders.get(id).cloned().unwrap_or_default());
                let same = ["version", "status"].iter().all(|it| shown[*it] == truth[*it]);
                let wrong = || format!("{} shows {shown}, true is {truth}", self.name);
                if same { Ok(()) } else { Err(wrong()) }
            })
            .await;
        }
        let complaints = self.look(|seen| seen.complaints.clone());
        assert!(complaints.is_empty(), "{}: {complaints:#?}", self.name);
    }
}

/// These orders as the server knows them now.
pub async fn truth(client: &Client, orders: &[String]) -> Vec<Value> {
    let mut truth = Vec::new();
    for order in orders {
        truth.push(client.order(order).await);
    }
    truth
}

struct Connection {
    url: String,
    topic: String,
    seen: Arc<Mutex<Seen>>,
}

impl Connection {
    async fn stay(self) {
        loop {
            // A server that is away, or goes away meanwhile, is tried again.
            if let Ok((socket, _)) = connect_async(&self.url).await {
                self.listen(socket).await;
            }
            sleep(BEFORE_COMING_BACK).await;
        }
    }

    async fn listen(&self, mut socket: WebSocketStream<MaybeTlsStream<TcpStream>>) {
        let mut subscribe = json!({"type": "subscribe", "id": 1, "topic": self.topic});
        let known = self.known_version();
        if let Some(known) = known {
            subscribe["after"] = known.into();
        }
        if socket.send(Message::text(subscribe.to_string())).await.is_err() {
            return;
        }
        while let Some(Ok(message)) = socket.next().await {
            match message {
                Message::Text(text) => {
                    let frame: Value = serde_json::from_str(&text).unwrap();
                    self.note(&frame, known.is_some());
                    // The store may be away; a screen asks again on a new socket.
                    if frame["type"] == "error" {
                        return;
                    }
                }
                Message::Close(close) => {
                    let code = close.map_or(1005, |it| it.code.into());
                    self.seen.lock().unwrap().closed.push(code);
                }
                _ => {}
            }
        }
    }

    /// The version to resume after.
    fn known_version(&self) -> Option<u64> {
        let id = self.topic.strip_prefix("order:")?;
        self.seen.lock().unwrap().orders.get(id)?["version"].as_u64()
    }

    fn note(&self, frame: &Value, resuming: bool) {
        let mut seen = self.seen.lock().unwrap();
        match frame["type"].as_str().unwrap() {
            "subscribed" => {
                seen.connections += 1;
                if resuming && frame["resumed"] != true {
                    seen.complaints.push(format!("it asked to resume and was answered {frame}"));
                }
                seen.note_snapshot(&frame["snapshot"]);
            }
            "event" => seen.note_event(&frame["event"]["data"]),
            "behind" => seen.behind += 1,
            "caught_up" => {
                let known = seen.orders.iter();
                let known = known.map(|(id, it)| (id.clone(), it["version"].as_u64().unwrap()));
                let known = known.collect();
                seen.caught_up.push(known);
            }
            _ => {}
        }
    }
}

impl Seen {
    fn note_snapshot(&mut self, snapshot: &Value) {
        let several = snapshot["orders"].as_array().into_iter().flatten();
        for order in snapshot.get("order").into_iter().chain(several) {
            let id = order["id"].as_str().unwrap();
            let known = self.version(id);
            if order["version"].as_u64() < known {
                self.complaints.push(format!("a snapshot went back from {known:?} to {order}"));
            }
            self.orders.insert(id.to_owned(), order.clone());
        }
    }

    fn note_event(&mut self, data: &Value) {
        // Not every event is about an order.
        let Some(id) = data["orderId"].as_str() else { return };
        let version = data["orderVersion"].as_u64().unwrap();
        // An order that was not in a snapshot begins with its first version.
        let expected = self.version(id).map_or(1, |it| it + 1);
        if version != expected {
            self.complaints.push(format!("{id}: version {version} came instead of {expected}"));
        }
        self.events.entry(id.to_owned()).or_default().push(version);
        self.orders.insert(id.to_owned(), data["order"].clone());
    }

    fn version(&self, id: &str) -> Option<u64> {
        self.orders.get(id)?["version"].as_u64()
    }
}
