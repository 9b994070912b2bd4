//! A small HTTP/1.1 client: one connection, kept open, one request at a time.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, bail};
use serde_json::Value;

/// Longer than the server's own limit.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection.
#[derive(Debug)]
pub struct Http {
    address: SocketAddr,
    authority: String,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The number in the entity tag, which is the order's version.
    pub version: Option<u64>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON, or what the server complains of.
    pub fn json(self) -> anyhow::Result<Value> {
        if !(200..300).contains(&self.status) {
            bail!("the server answers {}: {}", self.status, String::from_utf8_lossy(&self.body));
        }
        serde_json::from_slice(&self.body).context("the server's answer is not JSON")
    }
}

impl Http {
    /// Connects with the first request.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, authority: address.to_string(), stream: None, buffer: Vec::new() }
    }

    /// Sends a request and reads its answer. A kept connection that the server has closed meanwhile is opened again, once.
    pub fn call(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> anyhow::Result<Answer> {
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n", self.authority).into_bytes();
        for (name, value) in headers {
            request.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        request.extend_from_slice(
            format!("content-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len())
                .as_bytes(),
        );
        request.extend_from_slice(body);
        let kept = self.stream.is_some();
        match self.exchange(&request) {
            Err(error) if kept && is_gone(&error) => self.exchange(&request),
            other => other,
        }
    }

    fn exchange(&mut self, request: &[u8]) -> anyhow::Result<Answer> {
        let mut stream = if let Some(stream) = self.stream.take() {
            stream
        } else {
            let stream = TcpStream::connect(self.address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream
        };
        stream.write_all(request)?;
        self.buffer.clear();
        let head = loop {
            if let Some(at) = memchr::memmem::find(&self.buffer, b"\r\n\r\n") {
                break at + 4;
            }
            self.more(&mut stream)?;
        };
        let text =
            String::from_utf8_lossy(self.buffer.get(..head).unwrap_or_default()).into_owned();
        let status = text.split(' ').nth(1).and_then(|it| it.parse().ok());
        let status = status.context("no status in the server's answer")?;
        let length = header(&text, "content-length").and_then(|it| it.parse().ok()).unwrap_or(0);
        while self.buffer.len() < head + length {
            self.more(&mut stream)?;
        }
        if header(&text, "connection") != Some("close") {
            self.stream = Some(stream);
        }
        let version = header(&text, "etag").and_then(|it| it.trim_matches('"').parse().ok());
        Ok(Answer { status, version, body: self.buffer.split_off(head) })
    }

    fn more(&mut self, stream: &mut TcpStream) -> anyhow::Result<()> {
        let mut chunk = [0; 8192];
        let read = stream.read(&mut chunk)?;
        if read == 0 {
            return Err(std::io::Error::from(ErrorKind::UnexpectedEof).into());
        }
        self.buffer.extend_from_slice(chunk.get(..read).unwrap_or_default());
        Ok(())
    }
}

/// The value of a header of a response's head.
pub fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn is_gone(error: &anyhow::Error) -> bool {
    let kind = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
    matches!(
        kind,
        Some(ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
    )
}
