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
        Gauges, Order, Plan, Return,
        hear::Hearing,
        seat::{Connection, Seat, Stage},
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
    poll: Poll,
    address: SocketAddr,
    /// What each socket does.
    pub plans: Arc<Vec<Plan>>,
    /// The sockets.
    pub seats: Vec<Seat>,
    /// What becomes of their frames.
    pub hearing: Hearing,
    gauges: Arc<Gauges>,
    /// Who connects when.
    calendar: BinaryHeap<Reverse<(u64, usize)>>,
    returns: Return,
    /// How long to sleep where no write can wake this thread; zero: wait in epoll.
    pause: Duration,
    scratch: Vec<u8>,
    lots: u64,
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
                        self.calendar.extend(seats.into_iter().map(|(at, due)| Reverse((due, at))));
                    }
                    Order::Cut(seats) => seats.into_iter().for_each(|at| self.leave(at)),
                    Order::Swap(answer) => {
                        // Whoever asked waits for it.
                        let _: Result<(), _> = answer.send(std::mem::take(&mut self.hearing.tally));
                    }
                    Order::Return(value) => self.returns = value,
                    Order::Listen => self.listen(),
                    Order::Pause(pause) => self.pause = pause,
                    Order::Quit => return,
                }
            }
        }
    }

    /// How long until the next connection is due.
    fn until_due(&self) -> Option<Duration> {
        let Reverse((due, _)) = self.calendar.peek()?;
        Some(Duration::from_nanos(due.saturating_sub(machine::now()).max(1000)))
    }

    fn connect_due(&mut self) {
        // Now and then the open ones must be looked after too.
        for _ in 0..64 {
            let Some(Reverse((due, at))) = self.calendar.peek().copied() else { return };
            if machine::now() < due {
                return;
            }
            self.calendar.pop();
            let (Some(seat), Some(plan)) = (self.seats.get_mut(at), self.plans.get(at)) else {
                continue;
            };
            if seat.seen.is_empty() {
                seat.seen = self.hearing.memory(plan);
            }
            seat.due = due;
            let opened = Connection::open(self.address, plan).and_then(|mut connection| {
                let both = Interest::READABLE | Interest::WRITABLE;
                self.poll.registry().register(&mut connection.stream, Token(at), both)?;
                Ok(connection)
            });
            match opened {
                Ok(connection) => {
                    seat.connection = Some(connection);
                    self.gauges.open.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => self.ended(at, End::Failed(error)),
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
            if self.plans.get(at).is_some_and(|it| it.deaf.is_some()) {
                // It stays open and is not looked at any more.
                let _: io::Result<()> = self.poll.registry().deregister(&mut connection.stream);
            }
        }
    }

    fn lose(&mut self, at: usize, was_live: bool, end: End) {
        self.forget(at, was_live);
        self.ended(at, end);
    }

    fn leave(&mut self, at: usize) {
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

    /// Counts an end, and arranges for the return.
    fn ended(&mut self, at: usize, end: End) {
        let now = machine::now();
        let tally = &mut self.hearing.tally;
        let wait = match end {
            End::Closed(code) => {
                *tally.closes.entry(code).or_default() += 1;
                tally.ended_at.push(now);
                None
            }
            End::Refused { status, after } => {
                *tally.refused.entry(status).or_default() += 1;
                after.map(|it| it * 1_000_000_000)
            }
            End::Failed(error) => {
                *tally.failures.entry(error.kind().to_string()).or_default() += 1;
                None
            }
        };
        if self.returns == Return::Always {
            // Never all at once: a random part of a second on top of what the server asked for.
            self.lots ^= self.lots << 13;
            self.lots ^= self.lots >> 7;
            self.lots ^= self.lots << 17;
            let jitter = self.lots % 1_000_000_000;
            self.calendar.push(Reverse((now + wait.unwrap_or(0) + jitter, at)));
        }
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
