//! Where a connection's frames go.

use std::io::{self, ErrorKind, IoSlice};

use socket2::SockRef;
use tokio::net::TcpStream;

/// Where a connection's frames go.
#[derive(Debug)]
pub enum Outlet {
    /// Straight to a WebSocket's own stream.
    Socket(TcpStream),
    /// To an event stream, which fetches them.
    Stream,
}

impl Outlet {
    /// Hands bytes to the kernel; answers how many it took. Never waits.
    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let Self::Socket(socket) = self else { return Ok(0) };
        // Past tokio, whose notes on this socket lie elsewhere in memory: most writes need none of them.
        match SockRef::from(socket).send(bytes) {
            // Asked once more by way of tokio, which has to know that the kernel is full.
            Err(error) if error.kind() == ErrorKind::WouldBlock => taken(socket.try_write(bytes)),
            other => other,
        }
    }

    /// The same for several frames at once.
    pub(super) fn write_vectored(&self, frames: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Socket(socket) => taken(socket.try_write_vectored(frames)),
            Self::Stream => Ok(0),
        }
    }
}

fn taken(written: io::Result<usize>) -> io::Result<usize> {
    match written {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        other => other,
    }
}
