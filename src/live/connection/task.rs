//! What a connection's own task does: wait, where the publisher must not.

use std::task::{Context, Poll};

use tokio::net::TcpStream;

use crate::live::{
    Close, Connection, Outlet,
    connection::{Life, Outgoing, State},
};

/// What an event stream is to do next.
#[derive(Debug)]
pub struct Batch {
    /// Send these.
    pub frames: Vec<Outgoing>,
    /// Then end.
    pub close: Option<Close>,
}

/// What a socket's task is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// There may be something to read.
    Read,
    /// It is to be closed: what waits, the close frame last, is still to leave. Said once.
    Close(Close),
    /// The close frame has left. Said once.
    Closed,
    /// The other end is gone.
    Gone,
}

impl Connection {
    /// What an event stream is to send next.
    pub fn poll_batch(&self, cx: &Context<'_>) -> Poll<Batch> {
        // Registered before looking, or a wake-up between the two is lost.
        self.task.register(cx.waker());
        let mut state = self.state.lock();
        let close = state.life.close();
        if state.queue.is_empty() && close.is_none() {
            return Poll::Pending;
        }
        let frames = state.queue.take_all();
        self.count(&mut state);
        Poll::Ready(Batch { frames, close })
    }

    /// Resolves when so little waits that another snapshot may follow it, or when the connection ends. A client that asks for more
    /// than it reads has to wait for its answers, where it would else be taken for a slow one.
    pub fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.task.register(cx.waker());
        let mut state = self.state.lock();
        if let Outlet::Socket(socket) = &self.outlet {
            self.write_when_ready(&mut state, socket, cx);
        }
        let has_room = state.queue.bytes() <= self.bounds.queue_bytes / 2;
        if has_room || !state.is_open() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// What a socket's task is to do next. Writes what waits, as soon as the socket takes it.
    pub fn poll_due(&self, cx: &mut Context<'_>) -> Poll<Due> {
        self.task.register(cx.waker());
        let Outlet::Socket(socket) = &self.outlet else { return Poll::Ready(Due::Gone) };
        let mut state = self.state.lock();
        self.write_when_ready(&mut state, socket, cx);
        match state.life {
            Life::Closing(close) => {
                state.life = Life::Leaving(close);
                return Poll::Ready(Due::Close(close));
            }
            Life::Leaving(_) if state.queue.is_empty() => {
                state.life = Life::Left;
                return Poll::Ready(Due::Closed);
            }
            Life::Broken => return Poll::Ready(Due::Gone),
            Life::Open | Life::Leaving(_) | Life::Left => {}
        }
        drop(state);
        socket.poll_read_ready(cx).map(|ready| if ready.is_ok() { Due::Read } else { Due::Gone })
    }

    /// Writes what waits, as far as the socket takes it; for more, `cx` is woken.
    fn write_when_ready(&self, state: &mut State, socket: &TcpStream, cx: &mut Context<'_>) {
        while !state.queue.is_empty() && state.life != Life::Broken {
            match socket.poll_write_ready(cx) {
                Poll::Ready(Ok(())) => self.write_out(state),
                Poll::Ready(Err(_)) => state.life = Life::Broken,
                Poll::Pending => break,
            }
        }
    }
}
