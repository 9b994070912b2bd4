//! What partners are told of their own orders: written down with the facts ([`crate::app::ledger`]), told here, and looked after.

mod board;
mod listing;
pub(in crate::app) mod outgoing;
pub(in crate::app) mod redact;
pub(in crate::app) mod talk;
mod tell;
mod tokens;

pub(in crate::app) use self::outgoing::calls;
pub use self::{
    board::{Health, board},
    listing::{audit, list, retry},
    outgoing::Outgoing,
    tell::{Attempted, attempt, claim, settle},
};
