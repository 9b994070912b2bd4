//! Partners' calls: verified and stored first, understood and applied later.

mod apply;
mod receive;

pub use self::{
    apply::step,
    receive::{Received, Refused, store, verify},
};
