//! The fan-out hub: who watches what, and what each watcher still has to be sent. Never awaits, never does I/O.
//!
//! One task publishes (the fan-out worker); any number of sockets subscribe and drain. Every queue is bounded by bytes.

mod admission;
mod close;
mod connection;
mod event;
mod gate;
mod hub;
mod topic;

pub use self::{
    admission::{Admission, Refused},
    close::Close,
    connection::{Batch, Connection, Outgoing},
    event::Event,
    gate::Subscription,
    hub::{Hub, Limits},
    topic::Topic,
};

#[cfg(test)]
mod tests;
