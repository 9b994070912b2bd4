//! The open-loop driver: every change happens at its appointed time, or as soon after it as its connection is free, and is counted
//! from the appointed time either way. A slow server cannot slow the load down.

pub mod bus;
pub mod change;

use std::time::Duration;

use crate::{
    machine,
    record::Times,
    world::{Order, World},
};

/// Something that can change an order.
pub trait Changer: Send {
    /// Changes it, waits until that is sure, and writes the order's new version down.
    fn change(&mut self, order: &Order) -> anyhow::Result<()>;
}

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Load {
    /// Changes in a second.
    pub rate: f64,
    /// For so long.
    pub seconds: f64,
    /// The orders to change, one after the other, by their places.
    pub orders: Vec<usize>,
    /// Over so many connections. An order stays with one of them, so its changes do not overtake each other.
    pub connections: usize,
    /// Where in `orders` to begin.
    pub first: usize,
}

/// What was done.
#[derive(Debug, Default)]
pub struct Driven {
    /// Changes.
    pub changes: u64,
    /// From the appointed moment to the answer.
    pub answered: Times,
    /// How late the driver itself sent, for want of a free connection or of processor time.
    pub late: Times,
    /// Changes that failed.
    pub failed: u64,
    /// Why the first of them failed.
    pub failure: Option<String>,
    /// How long it took until the last answer, in seconds.
    pub seconds: f64,
}

impl Load {
    /// How many changes that makes.
    pub fn count(&self) -> usize {
        (self.rate * self.seconds).round().max(1.0) as usize
    }

    /// The appointed moments.
    fn schedule(&self, start: u64) -> impl Iterator<Item = (u64, usize)> {
        let gap = 1e9 / self.rate;
        let orders =
            self.orders.iter().copied().cycle().skip(self.first % self.orders.len().max(1));
        (0..self.count())
            .zip(orders)
            .map(move |(at, order)| (start + (gap * at as f64) as u64, order))
    }

    /// Does it. `changer` makes what each connection works with; `meanwhile` is called now and then.
    pub fn drive<C: Changer>(
        &self,
        world: &World,
        changers: &mut Vec<C>,
        mut changer: impl FnMut() -> anyhow::Result<C>,
        meanwhile: impl Fn(),
    ) -> anyhow::Result<Driven> {
        let connections = self.connections.clamp(1, self.orders.len().max(1));
        while changers.len() < connections {
            changers.push(changer()?);
        }
        let start = machine::now() + 5_000_000;
        let mut shares = vec![Vec::new(); connections];
        for (due, order) in self.schedule(start) {
            if let Some(share) = shares.get_mut(order % connections) {
                share.push((due, order));
            }
        }
        let mut all = Driven::default();
        std::thread::scope(|scope| {
            let threads: Vec<_> = shares
                .iter()
                .zip(changers.iter_mut())
                .map(|(share, changer)| scope.spawn(move || work(world, share, changer)))
                .collect();
            while threads.iter().any(|it| !it.is_finished()) {
                meanwhile();
                std::thread::sleep(Duration::from_millis(20));
            }
            for thread in threads {
                if let Ok(part) = thread.join() {
                    all.add(part);
                }
            }
        });
        all.seconds = machine::now().saturating_sub(start) as f64 / 1e9;
        Ok(all)
    }
}

fn work(world: &World, share: &[(u64, usize)], changer: &mut impl Changer) -> Driven {
    let mut driven = Driven::default();
    for (due, order) in share {
        let Some(order) = world.orders.get(*order) else { continue };
        machine::sleep_until(*due);
        driven.late.between(*due, machine::now());
        order.expect(*due);
        driven.changes += 1;
        match changer.change(order) {
            Ok(()) => driven.answered.between(*due, machine::now()),
            Err(error) => {
                driven.failed += 1;
                driven.failure.get_or_insert_with(|| format!("{error:#}"));
            }
        }
    }
    driven
}

impl Driven {
    /// Takes in what another one has.
    pub fn add(&mut self, other: Self) {
        self.changes += other.changes;
        self.answered.add(&other.answered);
        self.late.add(&other.late);
        self.failed += other.failed;
        self.failure = self.failure.take().or(other.failure);
        self.seconds += other.seconds;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_appointed_moments_do_not_depend_on_anything_but_the_rate() {
        let load = Load { rate: 4.0, seconds: 1.5, orders: vec![7, 8], connections: 1, first: 1 };
        let schedule: Vec<_> = load.schedule(0).collect();
        assert_eq!(
            schedule,
            [
                (0, 8),
                (250_000_000, 7),
                (500_000_000, 8),
                (750_000_000, 7),
                (1_000_000_000, 8),
                (1_250_000_000, 7)
            ]
        );
    }
}
