//! Orderwire.
#![allow(missing_docs)]
pub mod base;
pub mod config;
pub mod domain;
pub mod store;
