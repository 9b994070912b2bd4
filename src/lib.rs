//! Orderwire.
#![allow(missing_docs)]
pub mod base;
pub mod bus;
pub mod cache;
pub mod config;
pub mod domain;
