//! What partners are told of their own orders: written down with the facts ([`crate::app::ledger`]), told here, and looked after.

mod attempt;
mod board;
mod claim;
mod listing;
pub(in crate::app) mod outgoing;
mod settle;
pub(in crate::app) mod talk;
mod tokens;

pub(in crate::app) use self::outgoing::calls;
pub use self::{
    attempt::{Attempted, attempt},
    board::{Health, board},
    claim::claim,
    listing::{audit, list, retry},
    outgoing::Outgoing,
    settle::settle,
};
