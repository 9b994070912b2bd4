//! What the stretches of one side gave.

use crate::{machine::Cpu, run::slice::Slice};

/// What the stretches of one side gave, by round.
#[derive(Default)]
pub struct Turns {
    /// With watched orders.
    pub watched: Slice,
    /// With orders that nobody watches.
    pub unwatched: Slice,
    /// Net processor time for each delivered frame, of each round.
    pub net: Vec<Cpu>,
}

impl Turns {
    /// Adds a round.
    pub fn take(&mut self, watched: Slice, unwatched: Slice) {
        self.net.push(net(&watched, &unwatched));
        self.watched.add(watched);
        self.unwatched.add(unwatched);
    }

    /// Net processor time for each delivered frame.
    pub fn total(&self) -> Cpu {
        net(&self.watched, &self.unwatched)
    }

    /// The standard error of the rounds' means, of the total.
    pub fn error(&self) -> f64 {
        let count = self.net.len() as f64;
        let mean = self.net.iter().map(|it| it.total()).sum::<f64>() / count;
        let squares: f64 = self.net.iter().map(|it| (it.total() - mean).powi(2)).sum();
        (squares / (count - 1.0).max(1.0) / count).sqrt()
    }
}

/// Processor time for each delivered frame, without what making the events takes.
fn net(watched: &Slice, unwatched: &Slice) -> Cpu {
    let share = watched.driven.changes as f64 / unwatched.driven.changes.max(1) as f64;
    let frames = watched.tally.frames.max(1) as f64;
    Cpu::of(
        (watched.cpu.user - unwatched.cpu.user * share) / frames,
        (watched.cpu.system - unwatched.cpu.system * share) / frames,
    )
}
