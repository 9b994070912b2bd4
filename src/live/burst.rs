//! Events that are published together: who watches one of their topics gets those that are for it in one write.

use std::{cell::OnceCell, sync::Arc};

use bytes::{Bytes, BytesMut};

use crate::{
    channels::{PerShape, Shape},
    live::Event,
};

/// Some events of a burst, in the order of the burst.
#[derive(Debug)]
pub struct Portion<'a> {
    burst: &'a [Arc<Event>],
    chosen: Choice,
    /// Several frames as one, put together for the first socket that needs them and written to all others.
    joined: PerShape<OnceCell<Bytes>>,
}

/// Which events of a burst: the lowest bit is the first event.
pub type Choice = u32;

/// Events in one burst.
pub const MOST: usize = Choice::BITS as usize;

impl<'a> Portion<'a> {
    /// These of at most [`MOST`] events.
    pub fn of(burst: &'a [Arc<Event>], chosen: Choice) -> Self {
        Self { burst, chosen, joined: PerShape::default() }
    }

    /// All of at most [`MOST`] events.
    pub fn all(burst: &'a [Arc<Event>]) -> Self {
        let chosen = (0..burst.len()).fold(0, |chosen, at| chosen | bit(at));
        Self::of(burst, chosen)
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
        self.burst.iter().enumerate().filter(|(at, _)| self.chosen & bit(*at) != 0)
    }
}

/// The choice of one event.
pub const fn bit(at: usize) -> Choice {
    1 << at
}
