//! Orderwire.
#![allow(missing_docs)]
pub mod auth;
pub mod base;
pub mod config;
pub mod domain;
pub mod partners;
