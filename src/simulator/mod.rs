//! A restaurant that is busy all by itself, for `orderwire demo`. It knows the server as everybody else does: over HTTP.

mod act;
mod client;
mod course;
mod customers;
mod dice;
mod menu;
mod open;
pub mod partners;
mod phones;
mod place;
mod plan;
mod restaurant;
mod run;

pub use self::open::{Kitchen, Link, Opening, Settings, open};
