//! The liveness of one connection: pings, silence, the end of its token. The hub's wheel looks at it now and then.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::{
    base::{clock, mint::Mint},
    config,
    live::{Close, Connection, Head, Outlet, ServerFrame, Topic, websocket},
};

/// How often what is done.
#[derive(Clone, Copy, Debug)]
pub struct Rhythm {
    /// A ping goes out at least so often.
    pub ping_every: Duration,
    /// A client may be silent for so long.
    pub idle_timeout: Duration,
    /// So long before its end a token is announced as `expiring`.
    pub expiry_notice: Duration,
    /// A token is taken for so long after its end.
    pub leeway: Duration,
}

impl Rhythm {
    /// As the settings have them; `leeway` is that of tokens.
    pub fn of(settings: &config::Live, leeway: Duration) -> Self {
        Self {
            ping_every: *settings.ping_every,
            idle_timeout: *settings.idle_timeout,
            expiry_notice: *settings.expiry_notice,
            leeway,
        }
    }
}

/// The liveness of one connection.
#[derive(Debug)]
pub struct Pulse {
    heard_at: Instant,
    pinged_at: Instant,
    /// Something was sent since the last ping.
    spoke: bool,
    expires_at: Timestamp,
    warned: bool,
    /// When it has been open for long enough.
    retires_at: Option<Instant>,
}

impl Pulse {
    /// Heard just now.
    pub fn new(expires_at: Timestamp) -> Self {
        let now = Instant::now();
        Self {
            heard_at: now,
            pinged_at: now,
            spoke: false,
            expires_at,
            warned: false,
            retires_at: None,
        }
    }

    /// Something is being sent.
    pub const fn spoke(&mut self) {
        self.spoke = true;
    }

    /// When the connection wants to be looked at next.
    fn next(&self, rhythm: &Rhythm, now: Instant, clock: Timestamp) -> Instant {
        let end = if self.warned {
            clock::after(self.expires_at, rhythm.leeway)
        } else {
            clock::before(self.expires_at, rhythm.expiry_notice)
        };
        let until_end = Duration::try_from(end.duration_since(clock)).unwrap_or_default();
        let ping = self.pinged_at + rhythm.ping_every;
        let silence = self.heard_at + rhythm.idle_timeout;
        // An event stream says nothing, however long one waits.
        let silence = if silence <= now { ping } else { silence };
        let next = ping.min(silence).min(now + until_end);
        self.retires_at.map_or(next, |it| it.min(next))
    }
}

impl Connection {
    /// The client said something.
    pub fn heard(&self) {
        self.state.lock().pulse.heard_at = Instant::now();
    }

    /// A fresh token was taken.
    pub fn expires(&self, at: Timestamp) {
        let mut state = self.state.lock();
        state.pulse.expires_at = at;
        state.pulse.warned = false;
    }

    /// It is sent away, to come back with a new socket, at this age give or take a fifth: those that came together are not to go
    /// together. Zero: never.
    pub fn retire_after(&self, age: Duration, mint: &Mint) {
        if !age.is_zero() {
            let age = age.mul_f64(0.8 + 0.4 * mint.fraction());
            self.state.lock().pulse.retires_at = Some(Instant::now() + age);
        }
    }

    /// Does what is due; answers when to look again, or `None` when there is no need to. `heads` knows the newest event of topics.
    pub(crate) fn beat(
        &self,
        rhythm: &Rhythm,
        now: Instant,
        clock: Timestamp,
        heads: impl Fn(&[Topic]) -> Vec<Head>,
    ) -> Option<Instant> {
        let mut state = self.state.lock();
        if !state.is_open() {
            return None;
        }
        let pulse = &mut state.pulse;
        let end = clock::after(pulse.expires_at, rhythm.leeway);
        if end < clock {
            drop(state);
            self.close(Close::TokenExpired);
            return None;
        }
        if rhythm.idle_timeout <= now.duration_since(pulse.heard_at) && self.speaks_websocket() {
            drop(state);
            self.close(Close::NoAnswer);
            return None;
        }
        if pulse.retires_at.is_some_and(|it| it <= now) {
            drop(state);
            self.send(&ServerFrame::Reconnect { after_ms: 0 });
            self.close(Close::Shutdown);
            return None;
        }
        // One that talks but does not read, or an event stream whose reader is gone.
        if rhythm.idle_timeout <= state.queue.stalled_for(now) {
            self.give_up(&mut state);
            return None;
        }
        let pulse = &mut state.pulse;
        let notice = clock::before(pulse.expires_at, rhythm.expiry_notice);
        let warns = !pulse.warned && notice <= clock;
        let due = rhythm.ping_every <= now.duration_since(pulse.pinged_at);
        let pings = due && self.speaks_websocket();
        let was_quiet = !pulse.spoke;
        pulse.warned |= warns;
        if due {
            pulse.pinged_at = now;
        }
        let expires_at = pulse.expires_at;
        let next = pulse.next(rhythm, now, clock);
        drop(state);
        if warns {
            self.send(&ServerFrame::Expiring { expires_at });
        }
        if pings {
            let heads = heads(&self.topics());
            // Browsers answer protocol pings unseen by their pages, which need a frame of their own to tell silence from quiet.
            if was_quiet || !heads.is_empty() {
                self.send(&ServerFrame::Ping { heads });
            }
            self.send_frame(websocket::ping());
            self.state.lock().pulse.spoke = false;
        }
        Some(next)
    }

    /// An event stream's client has nothing to answer with.
    const fn speaks_websocket(&self) -> bool {
        matches!(self.outlet, Outlet::Socket(_))
    }
}
