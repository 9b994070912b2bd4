//! A restaurant that is busy all by itself, for `orderwire demo`. It knows the server as everybody else does: over HTTP.

mod act;
mod client;
mod course;
mod customers;
mod dice;
mod menu;
mod open;
mod phones;
mod plan;
mod restaurant;
mod run;
mod webhook;

pub use self::open::{Kitchen, Link, Opening, Settings, open};
