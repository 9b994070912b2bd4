//! What the tests stand on: isolated services, a browser, and parties that are not ours.

pub mod browser;
mod devtools;
pub mod folder;
pub mod services;
pub mod third_party;
