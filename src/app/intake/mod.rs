//! Partners' calls: verified and stored first, understood and applied later.

mod apply;
mod batch;
mod context;
mod gather;
mod receive;
mod stores;

pub use self::{
    apply::step,
    gather::{Gathered, Gathering, gathering},
    receive::{Received, Refused, lacks_secrets, secrets, store, verify},
};
