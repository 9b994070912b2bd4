//! The loop of one client thread.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    io,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering, mpsc},
    time::Duration,
};

use mio::{Events, Interest, Poll, Token};

use crate::{
    client::{
        hear::Hearing,
        plan::{Gauges, Order, Plan, Return},
        seat::{Seat, Stage},
    },
    machine,
};

/// Wakes the loop for an order.
pub const WAKER: Token = Token(usize::MAX);

/// One read takes this much at most: the whole of a burst, usually.
const READ_BYTES: usize = 256 * 1024;

/// A connection that ended without a close frame.
pub const NO_CODE: u16 = 1006;

/// One thread's sockets.
#[derive(Debug)]
pub struct Loop {
    /// What the kernel watches for us.
    pub poll: Poll,
    /// The target.
    pub address: SocketAddr,
    /// What each socket does.
    pub plans: Arc<Vec<Plan>>,
    /// The sockets.
    pub seats: Vec<Seat>,
    /// What becomes of their frames.
    pub hearing: Hearing,
    /// How it goes, for outside.
    pub gauges: Arc<Gauges>,
    /// Who connects when.
    pub calendar: BinaryHeap<Reverse<Entry>>,
    /// Whether the lost come back.
    pub returns: Return,
    /// How long to sleep where no write can wake this thread; zero: wait in epoll.
    pause: Duration,
    scratch: Vec<u8>,
    /// The last lot drawn.
    pub lots: u64,
}

/// A connection to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// When, in nanoseconds since 1970.
    pub moment: u64,
    /// For whom.
    pub seat: usize,
    /// It was due before, and was refused or lost: what it waits until then counts.
    pub again: bool,
}

/// Why a connection is over.
#[derive(Debug)]
pub enum End {
    /// With a close code.
    Closed(u16),
    /// Before it began.
    Refused { status: u16, after: Option<u64> },
    /// The system says so.
    Failed(io::Error),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

impl Loop {
    /// A loop whose seats are empty.
    pub fn new(
        poll: Poll,
        address: SocketAddr,
        plans: Arc<Vec<Plan>>,
        hearing: Hearing,
        gauges: Arc<Gauges>,
    ) -> Self {
        let seats = plans.iter().map(|_| Seat::default()).collect();
        let scratch = vec![0; READ_BYTES];
        let (calendar, returns, lots) = (BinaryHeap::new(), Return::Never, machine::now() | 1);
        let pause = Duration::ZERO;
        Self {
            poll,
            address,
            plans,
            seats,
            hearing,
            gauges,
            calendar,
            returns,
            pause,
            scratch,
            lots,
        }
    }

    /// Goes on until it is told to quit.
    pub fn run(&mut self, inbox: &mpsc::Receiver<Order>) {
        let mut events = Events::with_capacity(1024);
        loop {
            let timeout = if self.pause.is_zero() {
                self.until_due()
            } else {
                if events.is_empty() {
                    std::thread::sleep(self.pause);
                }
                Some(Duration::ZERO)
            };
            // Interrupted is all that can go wrong, and then the next round goes well.
            if self.poll.poll(&mut events, timeout).is_err() {
                continue;
            }
            let frames = self.hearing.tally.frames;
            for event in &events {
                if event.token() != WAKER {
                    self.stir(event.token().0, event.is_read_closed() || event.is_error());
                }
            }
            let more = self.hearing.tally.frames - frames;
            self.gauges.frames.fetch_add(more, Ordering::Relaxed);
            self.connect_due();
            while let Ok(order) = inbox.try_recv() {
                match order {
                    Order::Connect(seats) => {
                        let fresh = |(seat, moment)| Reverse(Entry { moment, seat, again: false });
                        self.calendar.extend(seats.into_iter().map(fresh));
                    }
                    Order::Cut(seats) => seats.into_iter().for_each(|at| self.leave(at)),
                    Order::Swap(answer) => {
                        // Whoever asked waits for it.
                        let _: Result<(), _> = answer.send(std::mem::take(&mut self.hearing.tally));
                    }
                    Order::Stale(answer) => {
                        let _: Result<(), _> = answer.send(self.stale());
                    }
                    Order::Return(value) => self.returns = value,
                    Order::Listen => self.listen(),
                    Order::Pause(pause) => self.pause = pause,
                    Order::Quit => return,
                }
            }
        }
    }

    /// Something has happened to a connection.
    fn stir(&mut self, at: usize, to_the_end: bool) {
        let (Some(seat), Some(plan)) = (self.seats.get_mut(at), self.plans.get(at)) else { return };
        let Some(mut connection) = seat.connection.take() else { return };
        let was_live = connection.stage == Stage::Live;
        if connection.stage == Stage::Connecting {
            let begun = match connection.stream.take_error() {
                Ok(None) => connection.send_raw(&plan.upgrade),
                Ok(Some(error)) | Err(error) => Err(error),
            };
            connection.stage = Stage::Upgrading;
            seat.connection = Some(connection);
            if let Err(error) = begun {
                self.lose(at, was_live, End::Failed(error));
            }
            return;
        }
        seat.connection = Some(connection);
        let mut scratch = std::mem::take(&mut self.scratch);
        let ended = self.read(at, &mut scratch, to_the_end);
        self.scratch = scratch;
        if let Err(end) = ended {
            self.lose(at, was_live, end);
            return;
        }
        let Some(seat) = self.seats.get_mut(at) else { return };
        let Some(connection) = &mut seat.connection else { return };
        if !was_live && connection.stage == Stage::Live {
            self.gauges.subscribed.fetch_add(1, Ordering::Relaxed);
            self.gauges.lives.fetch_add(1, Ordering::Relaxed);
            if self.plans.get(at).is_some_and(|it| it.deaf.is_some()) {
                // It stays open and is not looked at any more.
                let _: io::Result<()> = self.poll.registry().deregister(&mut connection.stream);
            }
        }
    }

    fn lose(&mut self, at: usize, was_live: bool, end: End) {
        self.forget(at, was_live);
        if let Some(seat) = self.seats.get_mut(at).filter(|_| was_live) {
            seat.due = machine::now();
        }
        self.ended(at, end);
    }

    /// Cuts a connection off without a word.
    pub fn leave(&mut self, at: usize) {
        let connection = self.seats.get(at).and_then(|it| it.connection.as_ref());
        let Some(live) = connection.map(|it| it.stage == Stage::Live) else { return };
        self.forget(at, live);
    }

    fn forget(&mut self, at: usize, was_live: bool) {
        let Some(connection) = self.seats.get_mut(at).and_then(|it| it.connection.take()) else {
            return;
        };
        drop(connection);
        self.gauges.open.fetch_sub(1, Ordering::Relaxed);
        if was_live {
            self.gauges.subscribed.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Orders that an open socket shows in an old version, counted for each socket.
    fn stale(&self) -> usize {
        let seats = self.seats.iter().zip(self.plans.iter());
        let live = seats
            .filter(|(seat, _)| seat.connection.as_ref().is_some_and(|it| it.stage == Stage::Live));
        live.map(|(seat, plan)| self.hearing.stale(seat, plan)).sum()
    }

    fn listen(&mut self) {
        for (at, plan) in self.plans.iter().enumerate() {
            let connection = self.seats.get_mut(at).and_then(|it| it.connection.as_mut());
            if let Some(connection) = connection.filter(|_| plan.deaf.is_some()) {
                let interest = Interest::READABLE;
                // One that fails here has been closed, and its next read would say no more.
                let _: io::Result<()> =
                    self.poll.registry().register(&mut connection.stream, Token(at), interest);
            }
        }
    }
}
