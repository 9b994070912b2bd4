//! The restaurant's own systems: endpoints that are told of events, and count them; and others that take connections and say nothing.

use std::{
    collections::{HashMap, HashSet},
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener as Silent},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use anyhow::Context;
use base64::{Engine, engine::general_purpose::STANDARD};
use memchr::memmem;
use mio::{
    Events, Interest, Poll, Token,
    net::{TcpListener, TcpStream},
};

use crate::{
    http::header,
    machine,
    record::Times,
    token,
    world::{World, hexadecimal},
};

/// What they sign with: 32 bytes behind `whsec_`.
pub const SECRET: &str = "bG9hZHRlc3QtZW5kcG9pbnQtc2VjcmV0LTMyLWJ5dGU=";

/// One delivery in so many has its signature verified.
const SAMPLE: u64 = 25;

const ANSWER: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";
const BREATH: Duration = Duration::from_millis(50);

/// What all of them heard.
#[derive(Debug, Default)]
pub struct Heard {
    /// Deliveries, each once.
    pub deliveries: u64,
    /// Those that had come before.
    pub repeated: u64,
    /// Those that came after a later one of the same order at the same endpoint.
    pub disordered: u64,
    /// Signatures that were verified, and those that were wrong.
    pub verified: u64,
    /// See above.
    pub forged: u64,
    /// Requests that could not be read.
    pub unread: u64,
    /// Connections.
    pub connections: u64,
    /// From the moment that a change was due to the delivery of its event.
    pub due: Times,
    /// When the last one came.
    pub last: u64,
}

/// Endpoints, on a thread of their own.
pub struct Receivers {
    /// Those that answer.
    pub healthy: Vec<SocketAddr>,
    /// Those that do not.
    pub dead: Vec<SocketAddr>,
    count: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<anyhow::Result<Heard>>,
    /// They take connections, as the kernel does that for them, and that is all.
    _silent: Vec<Silent>,
}

impl Receivers {
    /// So many that answer, and so many that do not.
    pub fn start(world: Arc<World>, healthy: usize, dead: usize) -> anyhow::Result<Self> {
        let any = || SocketAddr::from(([127, 0, 0, 1], 0));
        let listeners: Vec<_> =
            (0..healthy).map(|_| TcpListener::bind(any())).collect::<Result<_, _>>()?;
        let silent: Vec<_> = (0..dead).map(|_| Silent::bind(any())).collect::<Result<_, _>>()?;
        let (count, stop) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let addresses = listeners.iter().map(TcpListener::local_addr).collect::<Result<_, _>>()?;
        let dead = silent.iter().map(Silent::local_addr).collect::<Result<_, _>>()?;
        let (counted, stopped) = (Arc::clone(&count), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let key = STANDARD.decode(SECRET)?;
            let desk = Desk { world, key, seen: HashSet::new(), newest: HashMap::new() };
            serve(listeners, desk, &counted, &stopped)
        });
        Ok(Self { healthy: addresses, dead, count, stop, thread, _silent: silent })
    }

    /// Deliveries so far.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Ends them; answers with what they heard.
    pub fn finish(self) -> anyhow::Result<Heard> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow::anyhow!("the receivers panicked"))?
    }
}

struct Connection {
    endpoint: usize,
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// What tells one delivery from another.
struct Desk {
    world: Arc<World>,
    key: Vec<u8>,
    /// By endpoint, order and version.
    seen: HashSet<(usize, usize, u64)>,
    /// By endpoint and order.
    newest: HashMap<(usize, usize), u64>,
}

fn serve(
    mut listeners: Vec<TcpListener>,
    mut desk: Desk,
    count: &AtomicU64,
    stop: &AtomicBool,
) -> anyhow::Result<Heard> {
    let mut poll = Poll::new()?;
    for (at, listener) in listeners.iter_mut().enumerate() {
        poll.registry().register(listener, Token(at), Interest::READABLE)?;
    }
    let mut connections: HashMap<Token, Connection> = HashMap::new();
    let mut next = listeners.len();
    let mut events = Events::with_capacity(1024);
    let mut heard = Heard::default();
    while !stop.load(Ordering::Relaxed) {
        match poll.poll(&mut events, Some(BREATH)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            other => other?,
        }
        for event in &events {
            let whose = event.token();
            if let Some(listener) = listeners.get(whose.0) {
                while let Ok((mut stream, _)) = listener.accept() {
                    stream.set_nodelay(true)?;
                    poll.registry().register(&mut stream, Token(next), Interest::READABLE)?;
                    let connection = Connection { endpoint: whose.0, stream, buffer: Vec::new() };
                    connections.insert(Token(next), connection);
                    heard.connections += 1;
                    next += 1;
                }
            } else if let Some(connection) = connections.get_mut(&whose)
                && !take(connection, &mut desk, &mut heard)
            {
                connections.remove(&whose);
            }
        }
        count.store(heard.deliveries, Ordering::Relaxed);
    }
    Ok(heard)
}

/// Reads what is there and answers it; `false` when the connection has ended.
fn take(connection: &mut Connection, desk: &mut Desk, tally: &mut Heard) -> bool {
    let mut chunk = [0; 16 * 1024];
    loop {
        match connection.stream.read(&mut chunk) {
            Ok(0) => return false,
            Ok(read) => {
                connection.buffer.extend_from_slice(chunk.get(..read).unwrap_or_default());
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(_) => return false,
        }
    }
    while let Some(end) = memmem::find(&connection.buffer, b"\r\n\r\n") {
        let head = String::from_utf8_lossy(connection.buffer.get(..end).unwrap_or_default());
        let length = header(&head, "content-length").and_then(|it| it.parse::<usize>().ok());
        let whole = end + 4 + length.unwrap_or(0);
        let Some(body) = connection.buffer.get(end + 4..whole) else { break };
        if desk.note(connection.endpoint, &head, body, tally).is_none() {
            tally.unread += 1;
        }
        connection.buffer.drain(..whole);
        // It is shorter than any socket's buffer.
        if connection.stream.write_all(ANSWER).is_err() {
            return false;
        }
    }
    true
}

impl Desk {
    fn note(&mut self, endpoint: usize, head: &str, body: &[u8], tally: &mut Heard) -> Option<()> {
        let now = machine::now();
        let order = self.world.place(hexadecimal(after(body, b"\"orderId\":\"ord_", 32)?)?)?;
        let version = after(body, b"\"orderVersion\":", 10)?;
        let digits = version.iter().take_while(|it| it.is_ascii_digit()).count();
        let version: u64 = std::str::from_utf8(version.get(..digits)?).ok()?.parse().ok()?;
        if !self.seen.insert((endpoint, order, version)) {
            tally.repeated += 1;
            return Some(());
        }
        let newest = self.newest.entry((endpoint, order)).or_default();
        tally.disordered += u64::from(version < *newest);
        *newest = version.max(*newest);
        tally.deliveries += 1;
        tally.last = now;
        tally.due.between(self.world.orders.get(order)?.due(version), now);
        if tally.deliveries.is_multiple_of(SAMPLE) {
            tally.verified += 1;
            tally.forged += u64::from(!self.is_signed(head, body)?);
        }
        Some(())
    }

    fn is_signed(&self, head: &str, body: &[u8]) -> Option<bool> {
        let [id, time, signature] =
            ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|it| header(head, it));
        let message = [id?.as_bytes(), b".", time?.as_bytes(), b".", body].concat();
        let ours = format!("v1,{}", STANDARD.encode(token::mac(&self.key, &message)));
        Some(signature?.split(' ').any(|it| it == ours))
    }
}

/// The bytes that follow a mark, at most so many.
fn after<'a>(body: &'a [u8], mark: &[u8], most: usize) -> Option<&'a [u8]> {
    let from = memmem::find(body, mark)? + mark.len();
    let rest = body.get(from..)?;
    Some(rest.get(..most).unwrap_or(rest))
}

/// How one registers with the server.
pub fn registration(address: SocketAddr) -> anyhow::Result<String> {
    let body = serde_json::json!({
        "url": format!("http://{address}/hooks"), "secret": format!("whsec_{SECRET}"),
        "eventTypes": ["OrderEtaChanged"],
    });
    serde_json::to_string(&body).context("a registration")
}
