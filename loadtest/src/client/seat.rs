//! One socket's place: what it has seen, and its connection while it has one.

use std::{
    io::{self, Write},
    net::{IpAddr, SocketAddr},
};

use mio::net::TcpStream;
use socket2::{Domain, Protocol, Socket, Type};

use crate::client::{check::Seen, frames, plan::Plan};

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The system connects.
    Connecting,
    /// The request is sent.
    Upgrading,
    /// The subscription is sent.
    Subscribing,
    /// The snapshot has come.
    Live,
}

/// A connection.
#[derive(Debug)]
pub struct Connection {
    /// Its socket.
    pub stream: TcpStream,
    /// How far it is.
    pub stage: Stage,
    /// The beginning of what has not come whole.
    pub carry: Vec<u8>,
}

/// A place.
#[derive(Debug, Default)]
pub struct Seat {
    /// Its connection.
    pub connection: Option<Connection>,
    /// When the connection was due.
    pub due: u64,
    /// What it has seen: of its order, or of each order of its store.
    pub seen: Box<[Seen]>,
}

impl Connection {
    /// Begins to connect.
    pub fn open(address: SocketAddr, plan: &Plan) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        if let Some(size) = plan.deaf {
            socket.set_recv_buffer_size(size)?;
        }
        if let Some(source) = plan.source {
            socket.bind(&SocketAddr::new(IpAddr::V4(source), 0).into())?;
        }
        match socket.connect(&address.into()) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(IN_PROGRESS) => {}
            Err(error) => return Err(error),
        }
        let stream = TcpStream::from_std(socket.into());
        Ok(Self { stream, stage: Stage::Connecting, carry: Vec::new() })
    }

    /// Sends a frame. A server that does not even take our few bytes has a full buffer, and we wait for nothing.
    pub fn send(&mut self, opcode: u8, payload: &[u8]) -> io::Result<()> {
        self.send_raw(&frames::masked(opcode, payload))
    }

    /// Sends bytes.
    pub fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.stream.write(bytes) {
            Ok(written) if written < bytes.len() => Err(io::ErrorKind::WriteZero.into()),
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Asks for the topic, from where it was left.
    pub fn subscribe(&mut self, plan: &Plan, seen: &[Seen]) -> io::Result<()> {
        let after = match seen {
            [one] if plan.topic.starts_with("order:") && 0 < one.last() => {
                format!(r#","after":{}"#, one.last())
            }
            _ => String::new(),
        };
        let frame = format!(r#"{{"type":"subscribe","id":1,"topic":"{}"{after}}}"#, plan.topic);
        self.stage = Stage::Subscribing;
        self.send(frames::TEXT, frame.as_bytes())
    }
}

const IN_PROGRESS: i32 = 115;
