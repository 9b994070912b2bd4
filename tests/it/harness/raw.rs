//! HTTP by hand: for requests that no library would send.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::harness::{
    client::{Answer, Client},
    wait::PATIENCE,
};

impl Client {
    /// Sends these bytes over a connection of their own, ends the sending side, and reads the answer to the end. `None` when the
    /// server closes without a word. The request should say `connection: close`.
    pub async fn raw(&self, request: &[u8]) -> Option<Answer> {
        let mut stream = TcpStream::connect(self.authority()).await.unwrap();
        // A server that has answered already may refuse the rest.
        drop(stream.write_all(request).await);
        drop(stream.shutdown().await);
        read(stream).await
    }

    /// Like [`Client::raw`], but leaves the sending side open: the server must not wait for more.
    pub async fn raw_open(&self, request: &[u8]) -> Option<Answer> {
        let mut stream = TcpStream::connect(self.authority()).await.unwrap();
        drop(stream.write_all(request).await);
        read(stream).await
    }
}

async fn read(mut stream: TcpStream) -> Option<Answer> {
    let mut bytes = Vec::new();
    // A reset after the answer takes nothing away from it.
    drop(timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("the server says nothing"));
    parse(&bytes)
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|it| it == b"\r\n\r\n")?;
    let head = str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().unwrap();
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|it| it.split_once(':')) {
        let name = HeaderName::try_from(name).unwrap();
        headers.append(name, HeaderValue::try_from(value.trim()).unwrap());
    }
    let body = bytes[end + 4..].to_vec();
    let json = serde_json::from_slice(&body).unwrap_or_default();
    Some(Answer { status, headers, body: body.into(), json })
}
