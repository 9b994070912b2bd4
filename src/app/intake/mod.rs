//! Partners' calls: verified and stored first, understood and applied later.

mod apply;
mod batch;
mod gather;
pub(in crate::app) mod outcome;
mod receive;
mod stores;

pub use self::{
    apply::step,
    gather::{Gathered, Gathering, gathering},
    receive::{Received, Refused, secrets, store, verify},
};
