//! Orderwire: real-time order tracking and notification for restaurants.
//!
//! Modules stand on floors; each uses lower floors only (`tests/tidy.rs` proves it). From the top:
//!
//! ```text
//! cli                                  the commands
//! simulator                            a busy restaurant, for the demo
//! wiring                               puts a server together
//! http   workers                       the edges: HTTP, and the loops
//! app                                  use cases; every transaction begins and ends here
//! partners   messaging   auth   live   capabilities, strangers to each other
//! channels                             what each kind of screen sees
//! store   cache   bus   outbound       drivers, strangers to each other
//! telemetry
//! config
//! domain   base                        the ground: pure
//! ```
//!
//! `ARCHITECTURE.md` has the picture, the invariants, and walks through an order, a webhook, a reconnect and a shutdown.

mod app;
mod auth;
pub mod base;
mod bus;
mod cache;
mod channels;
pub mod cli;
pub mod config;
mod domain;
mod http;
mod live;
mod messaging;
mod outbound;
mod partners;
pub mod simulator;
mod store;
mod telemetry;
pub mod wiring;
mod workers;
