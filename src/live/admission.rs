//! How many sockets may be open, in all and from one address.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use dashmap::DashMap;

/// Counts sockets.
#[derive(Debug)]
pub(crate) struct Census {
    open: AtomicUsize,
    by_address: DashMap<IpAddr, usize>,
    most: usize,
    most_per_address: usize,
}

/// A place for one socket, given back when dropped.
#[derive(Debug)]
pub struct Admission {
    census: Arc<Census>,
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
    /// This node is going away.
    #[error("this node is shutting down")]
    Draining,
}

impl Census {
    pub(crate) fn new(most: usize, most_per_address: usize) -> Self {
        Self { open: AtomicUsize::new(0), by_address: DashMap::new(), most, most_per_address }
    }

    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Admission, Refused> {
        if self.most <= self.open.fetch_add(1, Ordering::Relaxed) {
            self.open.fetch_sub(1, Ordering::Relaxed);
            return Err(Refused::Full);
        }
        let admission = Admission { census: Arc::clone(self), address };
        let mut count = self.by_address.entry(address).or_insert(0);
        *count += 1;
        let too_many = self.most_per_address < *count;
        drop(count);
        // Dropping the admission gives both counts back.
        if too_many { Err(Refused::AddressFull) } else { Ok(admission) }
    }

    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.census.open.fetch_sub(1, Ordering::Relaxed);
        self.census.by_address.remove_if_mut(&self.address, |_, count| {
            *count = count.saturating_sub(1);
            *count == 0
        });
    }
}
