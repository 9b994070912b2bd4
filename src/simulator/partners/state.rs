//! What the partners that are played share: their books, their secrets, and how they call.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use dashmap::DashMap;
use tokio::sync::Semaphore;

use crate::{
    base::{clock::Clock, mint::Mint, tasks::Tasks},
    simulator::partners::{
        book::{Entry, Record},
        partner::Partner,
    },
};

/// The partners, open. Clones are the same partners.
#[derive(Clone)]
pub struct Partners(pub(in crate::simulator::partners) Arc<Shared>);

/// What they share.
pub struct Shared {
    /// By partner and the partner's name for the order.
    pub book: DashMap<(Partner, String), Arc<Entry>>,
    /// Where they are reached.
    pub here: String,
    /// Where our server is.
    pub server: String,
    /// What each proves itself with.
    pub secrets: BTreeMap<String, String>,
    /// What we prove ourselves with.
    pub token: String,
    /// What calls are made with.
    pub http: reqwest::Client,
    /// Calls that may still begin.
    pub turns: Semaphore,
    /// Lives and calls that are not over.
    pub under_way: AtomicUsize,
    /// Calls made so far.
    pub calls: AtomicUsize,
    /// They sign with it.
    pub clock: Clock,
    /// Names that are new each time: a kept data folder may know the same seed.
    pub mint: Mint,
    /// Where lives are spawned.
    pub tasks: Tasks,
}

impl Partners {
    /// Calls made so far, each copy counted.
    pub fn calls(&self) -> usize {
        self.0.calls.load(Ordering::Relaxed)
    }

    /// Whether they have said all that they had to say, and nothing is on its way.
    pub fn are_quiet(&self) -> bool {
        self.0.under_way.load(Ordering::Acquire) == 0
    }

    /// All orders in their books.
    pub fn records(&self) -> Vec<Record> {
        self.0.book.iter().map(|it| it.record()).collect()
    }

    /// What a partner signs with.
    pub(in crate::simulator) fn secret(&self, partner: Partner) -> Option<&str> {
        self.0.secrets.get(partner.slug()).map(String::as_str)
    }

    /// A name that this partner may give to an order, and has not given yet, in this run or an earlier one.
    pub(in crate::simulator) fn new_name(&self, partner: Partner) -> String {
        if partner == Partner::Careem {
            let mut bytes = [0; 8];
            self.0.mint.fill(&mut bytes);
            // As large as a number may be that every reader of JSON takes as it is.
            return (u64::from_le_bytes(bytes) >> 11).to_string();
        }
        self.0.mint.uuid(self.0.clock.now()).simple().to_string()
    }
}
