//! One stretch of measurement: changes go in, frames come out, processor time is read before and after.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use crate::{
    client::Client,
    drive::{Changer, Driven, Load},
    machine::{self, Cpu},
    progress::Progress,
    record::Tally,
    world::World,
};

/// How long no frame may come before the missing ones count as lost.
const SILENCE: Duration = Duration::from_secs(4);

/// What follows the last frame on the server: outbox rows that go, acknowledgements.
const AFTERMATH: Duration = Duration::from_millis(60);

/// Whoever is measured.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// What it is called on the progress line.
    pub name: &'a str,
    /// Its sockets.
    pub client: &'a Client,
    /// Its orders.
    pub world: &'a World,
    /// Its process.
    pub pid: Option<u32>,
    /// How many sockets each order's events go to.
    pub watchers: &'a [u64],
    /// How the client's threads wait for frames meanwhile; see [`Client::set_pause`].
    pub pause: Duration,
}

/// What one stretch gave.
#[derive(Default)]
pub struct Slice {
    /// What the process used.
    pub cpu: Cpu,
    /// What went in.
    pub driven: Driven,
    /// What came out.
    pub tally: Tally,
    /// Frames that should have come.
    pub expected: u64,
    /// Events that were made.
    pub events: u64,
}

impl Side<'_> {
    /// Measures one stretch.
    pub fn slice<C: Changer>(
        &self,
        load: &Load,
        changers: &mut Vec<C>,
        changer: impl FnMut() -> anyhow::Result<C>,
        progress: &Progress,
    ) -> anyhow::Result<Slice> {
        let before = self.versions();
        let frames_before = self.client.frames();
        self.client.set_pause(self.pause);
        drop(self.client.swap());
        let cpu = machine::cpu(self.pid);
        let driven = load.drive(self.world, changers, changer, || {
            progress.tell(|| {
                let frames = self.client.frames() - frames_before;
                format!("{}: {} sockets, {frames} frames", self.name, self.client.subscribed())
            });
        })?;
        let (mut events, mut expected) = (0, 0);
        for ((before, after), watchers) in before.iter().zip(self.versions()).zip(self.watchers) {
            events += after - before;
            expected += (after - before) * watchers;
        }
        self.settle(frames_before + expected);
        let cpu = machine::cpu(self.pid) - cpu;
        self.client.set_pause(Duration::ZERO);
        Ok(Slice { cpu, driven, tally: self.client.swap(), expected, events })
    }

    /// Waits until so many frames have come, or none comes any more.
    pub fn settle(&self, frames: u64) {
        let (mut last, mut heard) = (self.client.frames(), Instant::now());
        while last < frames && heard.elapsed() < SILENCE {
            std::thread::sleep(Duration::from_millis(2));
            let now = self.client.frames();
            if now != last {
                (last, heard) = (now, Instant::now());
            }
        }
        std::thread::sleep(AFTERMATH);
    }

    fn versions(&self) -> Vec<u64> {
        self.world.orders.iter().map(|it| it.version.load(Ordering::Relaxed)).collect()
    }
}

impl Slice {
    /// Takes in what another stretch gave.
    pub fn add(&mut self, other: Self) {
        self.cpu += other.cpu;
        self.driven.add(other.driven);
        self.tally.add(other.tally);
        self.expected += other.expected;
        self.events += other.events;
    }

    /// Frames that should have come and did not.
    pub fn lost(&self) -> u64 {
        self.expected.saturating_sub(self.tally.distinct())
    }
}
