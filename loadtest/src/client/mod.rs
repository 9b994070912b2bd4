//! Very many sockets for very little: one or two threads wait for all of them and read them into one buffer.
//!
//! A task and a buffer for each socket would cost more than the server that is measured.

mod calendar;
pub mod check;
pub mod frames;
mod hear;
mod plan;
mod poll;
mod read;
pub mod scan;
mod seat;

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::Context;

use self::plan::{Gauges, Order};
pub use self::plan::{Plan, Return};
use crate::{record::Tally, world::World};

/// All sockets of one target.
#[derive(Debug)]
pub struct Client {
    threads: Vec<(mpsc::Sender<Order>, Arc<mio::Waker>, JoinHandle<()>)>,
    /// How it goes.
    pub gauges: Arc<Gauges>,
    seats: usize,
}

impl Client {
    /// A client whose sockets are still closed.
    pub fn start(
        address: SocketAddr,
        world: &Arc<World>,
        plans: Vec<Plan>,
        threads: usize,
    ) -> anyhow::Result<Self> {
        let seats = plans.len();
        let plans = Arc::new(plans);
        let gauges = Arc::<Gauges>::default();
        let threads = (0..threads.max(1))
            .map(|_| {
                let (orders, inbox) = mpsc::channel();
                let poll = mio::Poll::new().context("no epoll")?;
                let waker = Arc::new(mio::Waker::new(poll.registry(), poll::WAKER)?);
                let hearing = hear::Hearing::new(Arc::clone(world));
                let mut looping = poll::Loop::new(
                    poll,
                    address,
                    Arc::clone(&plans),
                    hearing,
                    Arc::clone(&gauges),
                );
                let thread = std::thread::Builder::new()
                    .name("sockets".to_owned())
                    .spawn(move || looping.run(&inbox))?;
                Ok((orders, waker, thread))
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        Ok(Self { threads, gauges, seats })
    }

    /// Opens sockets, each at its moment. One that is open then is replaced, as soon as it has its snapshot.
    pub fn connect(&self, seats: impl IntoIterator<Item = (usize, u64)>) {
        let mut shares = vec![Vec::new(); self.threads.len()];
        for (seat, due) in seats {
            if let Some(share) = shares.get_mut(seat % self.threads.len()) {
                share.push((seat, due));
            }
        }
        for (at, share) in shares.into_iter().enumerate() {
            self.tell(at, Order::Connect(share));
        }
    }

    /// Opens all sockets at this rate, and waits until the last one is subscribed.
    pub fn connect_all(&self, per_second: u64, patience: Duration) -> anyhow::Result<()> {
        let now = crate::machine::now();
        let gap = 1_000_000_000 / per_second.max(1);
        self.connect((0..self.seats).map(|it| (it, now + gap * it as u64)));
        let patience = patience + Duration::from_nanos(gap * self.seats as u64);
        let whole = wait(patience, || self.subscribed() == self.seats);
        if !whole {
            let tally = self.swap();
            anyhow::bail!(
                "only {} of {} sockets are subscribed; refused {:?}, failures {:?}, closed {:?}, the server says {:?}",
                self.subscribed(),
                self.seats,
                tally.refused,
                tally.failures,
                tally.closes,
                tally.complaint,
            );
        }
        Ok(())
    }

    /// Cuts sockets off without a word.
    pub fn cut(&self, seats: impl IntoIterator<Item = usize>) {
        let mut shares = vec![Vec::new(); self.threads.len()];
        for seat in seats {
            if let Some(share) = shares.get_mut(seat % self.threads.len()) {
                share.push(seat);
            }
        }
        for (at, share) in shares.into_iter().enumerate() {
            self.tell(at, Order::Cut(share));
        }
    }

    /// What was counted since the last time.
    pub fn swap(&self) -> Tally {
        let mut all = Tally::default();
        for at in 0..self.threads.len() {
            let (answer, tally) = mpsc::channel();
            self.tell(at, Order::Swap(answer));
            if let Ok(tally) = tally.recv() {
                all.add(tally);
            }
        }
        all
    }

    /// Orders whose newest version an open socket that watches them has not seen, counted for each socket.
    pub fn stale(&self) -> usize {
        let of_thread = |at| {
            let (answer, stale) = mpsc::channel();
            self.tell(at, Order::Stale(answer));
            stale.recv().unwrap_or(0)
        };
        (0..self.threads.len()).map(of_thread).sum()
    }

    /// Whether the lost come back.
    pub fn set_return(&self, value: Return) {
        (0..self.threads.len()).for_each(|at| self.tell(at, Order::Return(value)));
    }

    /// How the threads wait for frames. Zero: in epoll, so that a frame's moment is its arrival, and every write to a socket whose
    /// thread sleeps there wakes it, at the writer's cost. More: each thread sleeps for so long, where no write can wake it, then
    /// reads whatever there is. A frame's moment is then that of its reading, up to the pause (and the reading of what came
    /// with it) after its arrival, so latencies are worth less; but the writer pays for writing only.
    pub fn set_pause(&self, pause: Duration) {
        (0..self.threads.len()).for_each(|at| self.tell(at, Order::Pause(pause)));
    }

    /// Reads what the deaf were sent.
    pub fn listen(&self) {
        (0..self.threads.len()).for_each(|at| self.tell(at, Order::Listen));
    }

    /// Sockets that have their snapshot.
    pub fn subscribed(&self) -> usize {
        self.gauges.subscribed.load(Ordering::Relaxed)
    }

    /// Connections that are open.
    pub fn open(&self) -> usize {
        self.gauges.open.load(Ordering::Relaxed)
    }

    /// Connections that were given their snapshot, since the beginning.
    pub fn lives(&self) -> u64 {
        self.gauges.lives.load(Ordering::Relaxed)
    }

    /// Event frames since the beginning.
    pub fn frames(&self) -> u64 {
        self.gauges.frames.load(Ordering::Relaxed)
    }

    fn tell(&self, at: usize, order: Order) {
        let Some((orders, waker, _)) = self.threads.get(at) else { return };
        // A thread that is gone has panicked, which its join tells.
        if orders.send(order).is_ok() {
            let _: Result<(), _> = waker.wake();
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        (0..self.threads.len()).for_each(|at| self.tell(at, Order::Quit));
        for (_, _, thread) in self.threads.drain(..) {
            let _: Result<(), _> = thread.join();
        }
    }
}

/// Waits for something, for so long. Answers whether it came.
pub fn wait(patience: Duration, come: impl Fn() -> bool) -> bool {
    let end = Instant::now() + patience;
    while !come() {
        if end <= Instant::now() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    true
}
