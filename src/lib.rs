//! Orderwire: real-time order tracking and notification for restaurants.
//!
//! A module uses modules of lower floors only (`tests/tidy.rs` checks it). From the top:
//!
//! ```text
//! cli                                  the commands
//! simulator                            a busy restaurant, for the demo
//! wiring                               puts a server together
//! http   workers                       the edges: HTTP, and everything that runs in a loop
//! app                                  use cases; every transaction begins and ends here
//! partners   messaging   auth   live   capabilities
//! channels                             views: an order as each kind of screen sees it
//! store   cache   bus   outbound       drivers: one external system each
//! telemetry
//! config
//! domain   base                        the ground, without I/O
//! ```
//!
//! `ARCHITECTURE.md` is the map; `docs/walkthroughs.md` follows an order, a webhook, a socket and a shutdown step by step.

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
