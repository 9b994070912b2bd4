//! Partners that are played: they bring orders, carry them, and want to hear what becomes of them, each in its own words and with
//! its own proof. Like the real ones they repeat themselves, overtake themselves and withhold things, by a seed.
//!
//! `docs/partners.md` and `docs/partner-calls.md` are what they are written from. The demo and the tests play with the same ones.

mod book;
mod careem;
mod chaos;
mod deliveroo;
mod desk;
mod doors;
mod generic;
mod life;
mod partner;
mod post;
mod state;
mod storm;
mod talabat;
mod uber_direct;
mod voice;

#[cfg(test)]
mod tests;

pub use self::{book::Record, chaos::Chaos, doors::Doors, state::Partners, storm::Storm};
pub(in crate::simulator) use self::{
    book::{Entry, NewOrder},
    chaos::{PLAYED, WATCHED},
    life::{Life, Outcome},
    partner::{Part, Partner},
};

use self::{
    careem::Careem,
    deliveroo::Deliveroo,
    generic::Generic,
    talabat::Talabat,
    uber_direct::UberDirect,
    voice::{Voice, word},
};
use crate::domain::DeliveryStatus;

impl Partner {
    /// How it speaks.
    pub fn voice(self) -> &'static dyn Voice {
        match self {
            Self::Careem => &Careem,
            Self::Talabat => &Talabat,
            Self::Deliveroo => &Deliveroo,
            Self::UberDirect => &UberDirect,
            Self::Generic => &Generic,
        }
    }

    /// Its word for where a delivery stands, if it has one.
    pub fn word(self, status: DeliveryStatus) -> Option<&'static str> {
        word(self.voice().words(), status)
    }
}
