//! The connection to a browser's developer tools.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::{Context, Result, ensure};
use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use serde_json::{Value, json};
use tokio::{net::TcpStream, sync::oneshot, task::JoinSet, time::timeout};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

use crate::harness::wait::PATIENCE;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The connection: calls go out with a number, and their answers and all events come in.
pub struct Wire {
    sink: tokio::sync::Mutex<SplitSink<Socket, Message>>,
    next: AtomicU64,
    waiting: Mutex<HashMap<u64, oneshot::Sender<Value>>>,
    console: Mutex<Vec<(String, String)>>,
}

impl Wire {
    /// Connects, and reads in one of these tasks from now on.
    pub async fn connect(address: &str, tasks: &mut JoinSet<()>) -> Result<Arc<Self>> {
        let (socket, _) = connect_async(address).await?;
        let (sink, stream) = socket.split();
        let wire = Arc::new(Self {
            sink: tokio::sync::Mutex::new(sink),
            next: AtomicU64::new(1),
            waiting: Mutex::default(),
            console: Mutex::default(),
        });
        tasks.spawn(Arc::clone(&wire).read(stream));
        Ok(wire)
    }

    /// Calls a method, of the browser or of a page's session, and waits for its answer.
    pub async fn call(&self, session: Option<&str>, method: &str, params: Value) -> Result<Value> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let mut frame = json!({"id": id, "method": method, "params": params});
        if let Some(session) = session {
            frame["sessionId"] = session.into();
        }
        let (sender, answer) = oneshot::channel();
        self.waiting.lock().unwrap().insert(id, sender);
        self.sink.lock().await.send(Message::text(frame.to_string())).await?;
        let mut answer = timeout(PATIENCE, answer)
            .await
            .with_context(|| format!("the browser does not answer {method}"))?
            .with_context(|| format!("the browser went away during {method}"))?;
        ensure!(answer["error"].is_null(), "{method}: {}", answer["error"]);
        Ok(answer["result"].take())
    }

    /// What the page of a session wrote to its console.
    pub fn console(&self, session: &str) -> Vec<String> {
        let lines = self.console.lock().unwrap();
        lines.iter().filter(|(it, _)| it == session).map(|(_, line)| line.clone()).collect()
    }

    async fn read(self: Arc<Self>, mut stream: SplitStream<Socket>) {
        while let Some(Ok(message)) = stream.next().await {
            let Ok(frame) = serde_json::from_slice::<Value>(&message.into_data()) else { continue };
            if let Some(id) = frame["id"].as_u64() {
                let sender = self.waiting.lock().unwrap().remove(&id);
                // Whoever asked may have given up.
                sender.map(|it| it.send(frame));
            } else if let Some(line) = console_line(&frame) {
                let session = frame["sessionId"].as_str().unwrap_or_default().to_owned();
                self.console.lock().unwrap().push((session, line));
            }
        }
        self.waiting.lock().unwrap().clear();
    }
}

fn console_line(event: &Value) -> Option<String> {
    let params = &event["params"];
    match event["method"].as_str()? {
        "Runtime.consoleAPICalled" => {
            let words: Vec<String> = params["args"].as_array()?.iter().map(spoken).collect();
            Some(format!("{}: {}", params["type"].as_str()?, words.join(" ")))
        }
        "Runtime.exceptionThrown" => {
            Some(format!("error: {}", exception(&params["exceptionDetails"])))
        }
        "Log.entryAdded" => {
            let entry = &params["entry"];
            let (level, said) = (entry["level"].as_str()?, entry["text"].as_str()?);
            Some(format!("{level}: {said} {}", entry["url"].as_str().unwrap_or_default()))
        }
        _ => None,
    }
}

fn spoken(argument: &Value) -> String {
    let shown = argument.get("value").or(argument.get("description")).unwrap_or(argument);
    shown.as_str().map_or_else(|| shown.to_string(), str::to_owned)
}

/// What was thrown, in words.
pub fn exception(details: &Value) -> String {
    let thrown = &details["exception"];
    if thrown.is_null() { spoken(&details["text"]) } else { spoken(thrown) }
}

/// A text in an answer.
pub fn text(value: &Value) -> Result<String> {
    Ok(value.as_str().with_context(|| format!("not a text: {value}"))?.to_owned())
}
