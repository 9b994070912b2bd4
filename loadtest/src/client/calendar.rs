//! Who connects when, and what becomes of those who were refused or lost.

use std::{cmp::Reverse, io, sync::atomic::Ordering, time::Duration};

use mio::{Interest, Token};

use crate::{
    client::{
        frames::CLOSE,
        plan::Return,
        poll::{End, Entry, Loop},
        seat::{Connection, Stage},
    },
    machine,
};

/// The close code of a client that has had enough.
const GOODBYE: u16 = 1000;

/// A connection that is to be replaced before it has its snapshot is looked at again after so long, in nanoseconds.
const POSTPONED: u64 = 2_000_000;

impl Loop {
    /// How long until the next connection is due.
    pub fn until_due(&self) -> Option<Duration> {
        let Reverse(next) = self.calendar.peek()?;
        Some(Duration::from_nanos(next.moment.saturating_sub(machine::now()).max(1000)))
    }

    /// Opens what is due.
    pub fn connect_due(&mut self) {
        // Now and then the open ones must be looked after too.
        for _ in 0..64 {
            let Some(Reverse(Entry { moment, seat: at, again })) = self.calendar.peek().copied()
            else {
                return;
            };
            if machine::now() < moment {
                return;
            }
            self.calendar.pop();
            if !again && !self.make_room(at) {
                let moment = machine::now() + POSTPONED;
                self.calendar.push(Reverse(Entry { moment, seat: at, again }));
                continue;
            }
            let (Some(seat), Some(plan)) = (self.seats.get_mut(at), self.plans.get(at)) else {
                continue;
            };
            if seat.connection.is_some() {
                continue;
            }
            if seat.seen.is_empty() {
                seat.seen = self.hearing.memory(plan);
            }
            if !again {
                seat.due = moment;
            }
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

    /// Ends the connection that stands where a new one is due. Half of the seats say goodbye, the others are cut off, as phones are.
    /// `false`: it has not got its snapshot yet, and shall live to see it.
    fn make_room(&mut self, at: usize) -> bool {
        let connection = self.seats.get_mut(at).and_then(|it| it.connection.as_mut());
        let Some(connection) = connection else { return true };
        if connection.stage != Stage::Live {
            return false;
        }
        if at.is_multiple_of(2) {
            // A server that does not take it will see the end of the connection.
            let _: io::Result<()> = connection.send(CLOSE, &GOODBYE.to_be_bytes());
        }
        self.leave(at);
        true
    }

    /// Counts an end, and arranges for the return.
    pub fn ended(&mut self, at: usize, end: End) {
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
            let moment = now + wait.unwrap_or(0) + jitter;
            self.calendar.push(Reverse(Entry { moment, seat: at, again: true }));
        }
    }
}
