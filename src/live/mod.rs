//! The fan-out hub: who watches what, and what each watcher still has to be sent. Never awaits: it writes to sockets directly, and
//! what the kernel does not take at once waits for the socket's own task.
//!
//! One task publishes (the fan-out worker); any number of sockets subscribe and drain. Every queue is bounded by bytes.

mod admission;
mod bucket;
mod burst;
mod close;
mod connection;
mod drain;
mod event;
mod frame;
mod hub;
mod topic;
mod watchers;
pub mod websocket;
mod wheel;

pub use self::{
    admission::{Admission, Limits, Refused},
    bucket::Bucket,
    close::Close,
    connection::{Connection, Due, Outgoing, Outlet, Rhythm},
    drain::Drain,
    event::Event,
    frame::{ClientFrame, ErrorDetail, Head, PROTOCOL, ServerFrame, Snapshot},
    hub::Hub,
    topic::Topic,
};

#[cfg(test)]
mod tests;
