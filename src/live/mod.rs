//! The fan-out hub: who watches what, and what each watcher still has to be sent. Never awaits: it writes to sockets directly, and
//! what the kernel does not take at once waits for the socket's own task.
//!
//! One task publishes (the fan-out worker); any number of sockets subscribe and drain. Every queue is bounded by bytes.

mod admission;
mod close;
mod connection;
mod event;
mod gate;
mod hub;
mod topic;
pub mod websocket;
mod wheel;

pub use self::{
    admission::{Admission, Refused},
    close::Close,
    connection::{Connection, Due, Outgoing, Outlet, Rhythm},
    event::Event,
    gate::Subscription,
    hub::{Hub, Limits},
    topic::Topic,
};

#[cfg(test)]
mod tests;
