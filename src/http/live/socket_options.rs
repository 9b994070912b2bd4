//! How the kernel is to treat a WebSocket's stream.

use std::io;

use socket2::SockRef;
use tokio::net::TcpStream;

/// What the kernel holds for a reader that does not read, in bytes; it may round up. What it does not take waits in the hub, where
/// newer state replaces older.
const SEND_BUFFER: usize = 64 * 1024;

/// Sets them. A kernel that refuses does no harm.
pub fn set(stream: &TcpStream) -> io::Result<()> {
    let socket = SockRef::from(stream);
    socket.set_send_buffer_size(SEND_BUFFER)?;
    Ok(())
}
