//! One socket: opens, subscribes, listens.

use anyhow::{Context, Result, bail, ensure};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest, http::Request},
};

use crate::ledger::Ledger;

/// What every socket is opened with.
#[derive(Clone, Debug)]
pub struct Target {
    request: Request<()>,
    topic: String,
}

/// A socket that has its snapshot.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    ledger: Ledger,
}

impl Target {
    /// Checks the address. `url` is where the server is, as for HTTP.
    pub fn new(url: &str, token: &str, topic: &str) -> Result<Self> {
        ensure!(url.starts_with("http://"), "--url begins with http://: there is no TLS in here");
        let address = format!("{}/v1/live", url.trim_end_matches('/').replacen("http", "ws", 1));
        let mut request = address.into_client_request()?;
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse()?);
        Ok(Self { request, topic: topic.to_owned() })
    }

    /// Opens a socket, subscribes, and takes the snapshot.
    pub async fn open(self) -> Result<Socket> {
        let (mut stream, _) = connect_async(self.request).await?;
        let subscribe = json!({"type": "subscribe", "id": 1, "topic": self.topic});
        stream.send(Message::text(subscribe.to_string())).await?;
        let mut ledger = Ledger::default();
        loop {
            let frame = stream.next().await.context("closed before it was subscribed")??;
            let Message::Text(text) = frame else { continue };
            let frame: Value = serde_json::from_str(&text)?;
            match frame["type"].as_str() {
                Some("subscribed") => {
                    ledger.begin(&frame["snapshot"]);
                    return Ok(Socket { stream, ledger });
                }
                Some("error") => bail!("{}", frame["error"]["message"]),
                _ => {}
            }
        }
    }
}

impl Socket {
    /// Listens until `end`, or until the server closes.
    pub async fn listen(mut self, end: impl Future<Output = ()>) -> Ledger {
        let mut end = std::pin::pin!(end);
        loop {
            let frame = tokio::select! {
                () = &mut end => return self.ledger,
                frame = self.stream.next() => frame,
            };
            match frame {
                Some(Ok(Message::Text(text))) => self.ledger.take(&text),
                Some(Ok(Message::Close(_)) | Err(_)) | None => {
                    self.ledger.was_cut_off = true;
                    return self.ledger;
                }
                // Pings are answered by the library.
                Some(Ok(_)) => {}
            }
        }
    }
}
