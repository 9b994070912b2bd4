//! Events that are published together: who watches one of their topics gets those that are for it in one write.

use std::{cell::OnceCell, sync::Arc};

use bytes::{Bytes, BytesMut};

use crate::{
    channels::{PerShape, Shape},
    live::Event,
};

/// At most [`MOST`] events that are published together.
#[derive(Clone, Copy, Debug)]
pub struct Burst<'a> {
    events: &'a [Arc<Event>],
    /// Those that are not about orders. Not everybody who watches their topics may see them.
    not_about_orders: Choice,
}

impl<'a> Burst<'a> {
    /// As many of these events as it takes, in their order.
    pub fn all(events: &'a [Arc<Event>]) -> impl Iterator<Item = Self> {
        events.chunks(MOST).map(|events| {
            let others = events.iter().enumerate().filter(|(_, event)| event.order().is_none());
            let not_about_orders = others.fold(0, |chosen, (at, _)| chosen | bit(at));
            Self { events, not_about_orders }
        })
    }
}

/// Some events of a burst, in the order of the burst.
#[derive(Debug)]
pub struct Portion<'a> {
    burst: Burst<'a>,
    chosen: Choice,
    /// Several frames as one, put together for the first socket that needs them and written to all others.
    joined: PerShape<OnceCell<Bytes>>,
}

/// Which events of a burst: the lowest bit is the first event.
pub type Choice = u32;

/// Events in one burst.
pub const MOST: usize = Choice::BITS as usize;

impl<'a> Portion<'a> {
    /// These of a burst.
    pub fn of(burst: Burst<'a>, chosen: Choice) -> Self {
        Self { burst, chosen, joined: PerShape::default() }
    }

    /// All of a burst.
    pub fn all(burst: Burst<'a>) -> Self {
        let chosen = (0..burst.events.len()).fold(0, |chosen, at| chosen | bit(at));
        Self::of(burst, chosen)
    }

    /// Whether all of them are about orders.
    pub const fn are_about_orders(&self) -> bool {
        self.chosen & self.burst.not_about_orders == 0
    }

    /// Those of them that `admits` lets pass.
    pub fn narrowed(&self, mut admits: impl FnMut(&Event) -> bool) -> Self {
        let kept = self.places().filter(|(_, event)| admits(event));
        Self::of(self.burst, kept.fold(0, |chosen, (at, _)| chosen | bit(at)))
    }

    /// How many.
    pub const fn len(&self) -> u32 {
        self.chosen.count_ones()
    }

    /// The events.
    pub fn events(&self) -> impl Iterator<Item = &'a Arc<Event>> + '_ {
        self.places().map(|(_, event)| event)
    }

    /// All frames, one behind the other; `None` if there is no event.
    pub fn bytes(&self, shape: Shape) -> Option<&Bytes> {
        let mut events = self.events();
        let first = events.next()?;
        if events.next().is_none() {
            return Some(first.frame(shape));
        }
        Some(self.joined.of(shape).get_or_init(|| {
            let length = self.events().map(|it| it.frame(shape).len()).sum();
            let mut joined = BytesMut::with_capacity(length);
            self.events().for_each(|it| joined.extend_from_slice(it.frame(shape)));
            joined.freeze()
        }))
    }

    /// The events, with their places in the burst.
    pub fn places(&self) -> impl Iterator<Item = (usize, &'a Arc<Event>)> + '_ {
        self.burst.events.iter().enumerate().filter(|(at, _)| self.chosen & bit(*at) != 0)
    }
}

/// The choice of one event.
pub const fn bit(at: usize) -> Choice {
    1 << at
}
