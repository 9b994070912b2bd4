//! What the tests stand on: the application itself, isolated services, a browser, and parties that are not ours.

pub mod app;
mod audit;
pub mod browser;
pub mod client;
pub mod cloud_api;
pub mod database;
mod devtools;
pub mod folder;
pub mod metrics;
pub mod process;
pub mod raw;
pub mod screen;
pub mod services;
pub mod sql;
pub mod stand_in;
pub mod third_party;
pub mod tokens;
pub mod traffic;
pub mod wait;
pub mod webhooks;
pub mod witness;
