//! How the kernel is to treat a WebSocket's stream.

use std::{io, time::Duration};

use socket2::SockRef;
use tokio::net::TcpStream;

/// What the kernel holds for a reader that does not read, in bytes; it may round up. What it does not take waits in the hub, where
/// newer state replaces older.
const SEND_BUFFER: usize = 64 * 1024;

/// How long bytes may go unacknowledged before the other end counts as gone (RFC 5482).
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// Sets them. A kernel that refuses does no harm.
pub fn set(stream: &TcpStream) -> io::Result<()> {
    let socket = SockRef::from(stream);
    socket.set_send_buffer_size(SEND_BUFFER)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED))?;
    Ok(())
}
