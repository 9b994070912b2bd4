//! Orderwire.
#![allow(missing_docs)]
pub mod app;
pub mod auth;
pub mod base;
pub mod bus;
pub mod cache;
pub mod channels;
pub mod config;
pub mod domain;
pub mod http;
pub mod live;
pub mod partners;
pub mod store;
pub mod telemetry;
