//! The floor: a bare epoll loop that writes given bytes to given sockets, and does nothing else that a server does.
//!
//! One thread, non-blocking writes, no queue beyond what one socket's kernel buffer refused. It takes any token, and answers a
//! subscription with an empty snapshot. One more connection tells it what to write: `publish <topic> <length>\n` and the bytes.

mod hand;

use std::{
    collections::HashMap,
    io::{self, Read, Write},
    net::SocketAddr,
};

use mio::{
    Events, Interest, Poll, Token,
    net::{TcpListener, TcpStream},
};

pub use crate::floor::hand::{Hand, Process};
use crate::{client::frames, machine};

const LISTENER: Token = Token(usize::MAX);
const UPGRADED: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
const SUBSCRIBED: &[u8] = br#"{"type":"subscribed","id":1,"snapshot":{}}"#;

/// What a connection has turned out to be.
#[derive(Debug, PartialEq, Eq)]
enum Face {
    Unknown,
    Socket,
    Control,
}

#[derive(Debug)]
struct Peer {
    stream: TcpStream,
    face: Face,
    heard: Vec<u8>,
    /// What it watches.
    topic: Option<Vec<u8>>,
    /// What the kernel refused.
    refused: Vec<u8>,
}

/// Serves until it is killed.
pub fn serve(listen: SocketAddr) -> anyhow::Result<()> {
    machine::raise_file_limit();
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::from_std({
        let socket = socket2::Socket::new(
            socket2::Domain::for_address(listen),
            socket2::Type::STREAM,
            None,
        )?;
        socket.set_nonblocking(true)?;
        socket.bind(&listen.into())?;
        socket.listen(65_535)?;
        socket.into()
    });
    writeln!(io::stdout(), "floor on {}", listener.local_addr()?)?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut events = Events::with_capacity(1024);
    let mut peers: Vec<Option<Peer>> = Vec::new();
    let mut topics: HashMap<Vec<u8>, Vec<usize>> = HashMap::new();
    let mut scratch = vec![0; 256 * 1024];
    loop {
        if poll.poll(&mut events, None).is_err() {
            continue;
        }
        for event in &events {
            if event.token() == LISTENER {
                accept(&poll, &listener, &mut peers)?;
                continue;
            }
            let at = event.token().0;
            let alive = (!event.is_writable() || flush(&mut peers, at))
                && (!event.is_readable() || hear(&poll, &mut peers, &mut topics, at, &mut scratch));
            if !alive {
                drop_peer(&mut peers, &mut topics, at);
            }
        }
    }
}

fn drop_peer(peers: &mut [Option<Peer>], topics: &mut HashMap<Vec<u8>, Vec<usize>>, at: usize) {
    let Some(peer) = peers.get_mut(at).and_then(Option::take) else { return };
    if let Some(watchers) = peer.topic.and_then(|it| topics.get_mut(&it)) {
        watchers.retain(|it| *it != at);
    }
}

fn accept(poll: &Poll, listener: &TcpListener, peers: &mut Vec<Option<Peer>>) -> io::Result<()> {
    loop {
        let mut stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        stream.set_nodelay(true)?;
        poll.registry().register(&mut stream, Token(peers.len()), Interest::READABLE)?;
        peers.push(Some(Peer {
            stream,
            face: Face::Unknown,
            heard: Vec::new(),
            topic: None,
            refused: Vec::new(),
        }));
    }
}

/// Reads what has come. Answers `false` at the end of the connection.
fn hear(
    poll: &Poll,
    peers: &mut [Option<Peer>],
    topics: &mut HashMap<Vec<u8>, Vec<usize>>,
    at: usize,
    scratch: &mut [u8],
) -> bool {
    loop {
        let Some(Some(peer)) = peers.get_mut(at) else { return true };
        match peer.stream.read(scratch) {
            Ok(0) => return false,
            Ok(count) => peer.heard.extend_from_slice(scratch.get(..count).unwrap_or_default()),
            Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
        }
        if peer.face == Face::Unknown {
            if peer.heard.starts_with(b"publish ") {
                peer.face = Face::Control;
            } else if let Some(end) = memchr::memmem::find(&peer.heard, b"\r\n\r\n") {
                peer.heard.drain(..end + 4);
                peer.face = Face::Socket;
                write(poll, peer, at, UPGRADED);
            }
        }
        match peer.face {
            Face::Unknown => {}
            Face::Socket => {
                while let Some((opcode, payload)) = frames::next_masked(&mut peer.heard) {
                    if opcode == frames::TEXT
                        && let Some(topic) = topic(&payload)
                    {
                        topics.entry(topic.clone()).or_default().push(at);
                        peer.topic = Some(topic);
                        let mut answer = Vec::new();
                        frames::push_text(&mut answer, SUBSCRIBED);
                        write(poll, peer, at, &answer);
                    }
                }
            }
            Face::Control => {
                let mut heard = std::mem::take(&mut peer.heard);
                while let Some((topic, bytes, used)) = publication(&heard) {
                    for watcher in topics.get(topic).into_iter().flatten() {
                        if let Some(Some(peer)) = peers.get_mut(*watcher) {
                            write(poll, peer, *watcher, bytes);
                        }
                    }
                    heard.drain(..used);
                }
                if let Some(Some(peer)) = peers.get_mut(at) {
                    peer.heard = heard;
                }
            }
        }
    }
}

fn topic(payload: &[u8]) -> Option<Vec<u8>> {
    let at = memchr::memmem::find(payload, br#""topic":""#)? + 9;
    let rest = payload.get(at..)?;
    Some(rest.get(..memchr::memchr(b'"', rest)?)?.to_vec())
}

/// The first publication: its topic, its bytes, and how much of the buffer it takes.
fn publication(heard: &[u8]) -> Option<(&[u8], &[u8], usize)> {
    let line = heard.get(..memchr::memchr(b'\n', heard)?)?;
    let mut words = line.split(|it| *it == b' ').skip(1);
    let (topic, length) = (words.next()?, std::str::from_utf8(words.next()?).ok()?);
    let (start, length) = (line.len() + 1, length.parse::<usize>().ok()?);
    Some((topic, heard.get(start..start + length)?, start + length))
}

fn write(poll: &Poll, peer: &mut Peer, at: usize, bytes: &[u8]) {
    if peer.refused.is_empty() {
        let written = peer.stream.write(bytes).unwrap_or(0);
        if written == bytes.len() {
            return;
        }
        let both = Interest::READABLE | Interest::WRITABLE;
        // A connection that cannot be watched is dead, as its next read will say.
        let _: io::Result<()> = poll.registry().reregister(&mut peer.stream, Token(at), both);
        peer.refused.extend_from_slice(bytes.get(written..).unwrap_or_default());
    } else {
        peer.refused.extend_from_slice(bytes);
    }
}

fn flush(peers: &mut [Option<Peer>], at: usize) -> bool {
    let Some(Some(peer)) = peers.get_mut(at) else { return true };
    while !peer.refused.is_empty() {
        match peer.stream.write(&peer.refused) {
            Ok(written) => drop(peer.refused.drain(..written)),
            Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
        }
    }
    true
}
