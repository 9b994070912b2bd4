//! Who may have a socket: how many may be open, in all and from one address, and how fast they may come.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use dashmap::DashMap;
use metrics::counter;
use parking_lot::Mutex;

use crate::{config, live::bucket::Bucket, telemetry::metric};

/// The bounds of a hub.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Sockets open at once.
    pub sockets: usize,
    /// Sockets open at once from one address.
    pub sockets_per_address: usize,
    /// Sockets opened in a second, with bursts of twice as many; 0 for no bound.
    pub handshakes_per_second: u32,
    /// Bytes that wait for one socket.
    pub queue_bytes: usize,
    /// How long a reader for whom more waits may go without taking a byte.
    pub slow_after: Duration,
    /// Events held for one subscription while its snapshot is read.
    pub gate_events: usize,
    /// Memory that may wait for all sockets together, in bytes.
    pub waiting_bytes: usize,
}

impl Limits {
    /// As the settings have them.
    pub fn of(settings: &config::Live) -> Self {
        Self {
            sockets: settings.max_sockets,
            sockets_per_address: settings.max_sockets_per_address,
            handshakes_per_second: settings.handshakes_per_second,
            queue_bytes: settings.queue_bytes,
            slow_after: *settings.slow_after,
            gate_events: settings.gate_events,
            waiting_bytes: settings.waiting_bytes,
        }
    }
}

/// Lets sockets in, and counts them.
#[derive(Debug)]
pub(crate) struct Door {
    open: AtomicUsize,
    by_address: DashMap<IpAddr, usize>,
    most: usize,
    most_per_address: usize,
    pace: Mutex<Bucket>,
    shut: AtomicBool,
}

/// A place for one socket, given back when dropped.
#[derive(Debug)]
pub struct Admission {
    door: Arc<Door>,
    address: IpAddr,
}

/// There is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// This node is full.
    #[error("this node has no room for another socket")]
    Full,
    /// This address has as many as it may.
    #[error("this address has as many sockets as it may have")]
    AddressFull,
    /// Too many come at once.
    #[error("too many sockets are being opened at once")]
    Storm,
    /// This node is going away.
    #[error("this node is shutting down")]
    Draining,
}

impl Refused {
    /// As it appears in metrics.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::AddressFull => "address",
            Self::Storm => "storm",
            Self::Draining => "draining",
        }
    }
}

impl Door {
    /// Open.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            open: AtomicUsize::new(0),
            by_address: DashMap::new(),
            most: limits.sockets,
            most_per_address: limits.sockets_per_address,
            pace: Mutex::new(Bucket::new(limits.handshakes_per_second)),
            shut: AtomicBool::new(false),
        }
    }

    /// Nobody is let in any more.
    pub(crate) fn shut(&self) {
        self.shut.store(true, Ordering::SeqCst);
    }

    /// Whether nobody is let in any more.
    pub(crate) fn is_shut(&self) -> bool {
        self.shut.load(Ordering::SeqCst)
    }

    /// Whether anybody has a chance now. Takes nothing.
    pub(crate) fn knock(&self) -> Result<(), Refused> {
        let answer = if self.is_shut() {
            Err(Refused::Draining)
        } else if self.pace.lock().has_one(Instant::now()) {
            Ok(())
        } else {
            Err(Refused::Storm)
        };
        answer.inspect_err(|it| count(*it))
    }

    /// Takes a place.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Admission, Refused> {
        self.try_admit(address).inspect_err(|it| count(*it))
    }

    fn try_admit(self: &Arc<Self>, address: IpAddr) -> Result<Admission, Refused> {
        if self.is_shut() {
            return Err(Refused::Draining);
        }
        if self.most <= self.open.fetch_add(1, Ordering::Relaxed) {
            self.open.fetch_sub(1, Ordering::Relaxed);
            return Err(Refused::Full);
        }
        // From here on dropping the admission gives both counts back.
        let admission = Admission { door: Arc::clone(self), address };
        let mut count = self.by_address.entry(address).or_insert(0);
        *count += 1;
        let too_many = self.most_per_address < *count;
        drop(count);
        if too_many {
            return Err(Refused::AddressFull);
        }
        // Last, so that only those who come in count.
        if self.pace.lock().take(Instant::now()) { Ok(admission) } else { Err(Refused::Storm) }
    }

    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}

fn count(refused: Refused) {
    counter!(metric::LIVE_REFUSED, "reason" => refused.as_str()).increment(1);
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.door.open.fetch_sub(1, Ordering::Relaxed);
        self.door.by_address.remove_if_mut(&self.address, |_, count| {
            *count = count.saturating_sub(1);
            *count == 0
        });
    }
}
