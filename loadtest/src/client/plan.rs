//! What sockets do, what their threads are told, and what is seen of them from outside.

use std::{
    net::Ipv4Addr,
    sync::{
        atomic::{AtomicU64, AtomicUsize},
        mpsc,
    },
    time::Duration,
};

use crate::record::Tally;

/// What one socket does.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What it watches.
    pub topic: String,
    /// Whether `topic` has several orders: those of this store.
    pub store: Option<usize>,
    /// The request that opens it.
    pub upgrade: Vec<u8>,
    /// The address that it comes from.
    pub source: Option<Ipv4Addr>,
    /// A slow reader: this much kernel buffer, and never a read once it is subscribed.
    pub deaf: Option<usize>,
}

/// What a connection does when it is refused or lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    /// It stays away.
    Never,
    /// It comes back, when the server says so, or after a random part of a second.
    Always,
}

/// What a thread is told.
#[derive(Debug)]
pub enum Order {
    /// Open these, each at its moment, instead of what is open there.
    Connect(Vec<(usize, u64)>),
    /// Cut these off without a word.
    Cut(Vec<usize>),
    /// Hand out what was counted, and begin anew.
    Swap(mpsc::Sender<Tally>),
    /// How many orders are shown in an old version.
    Stale(mpsc::Sender<usize>),
    /// Whether the lost come back.
    Return(Return),
    /// Read what the deaf were sent.
    Listen,
    /// How to wait for frames; see [`crate::client::Client::set_pause`].
    Pause(Duration),
    /// The end.
    Quit,
}

/// Seen from outside while the threads work.
#[derive(Debug, Default)]
pub struct Gauges {
    /// Connections that are open.
    pub open: AtomicUsize,
    /// Connections that have been given their snapshot.
    pub subscribed: AtomicUsize,
    /// Connections that were given their snapshot, since the beginning.
    pub lives: AtomicU64,
    /// Event frames since the beginning.
    pub frames: AtomicU64,
}
