//! Tools without business: time, chance, signatures, tasks.

pub mod backoff;
pub mod clock;
pub mod cursor;
pub mod flights;
pub mod folder;
pub mod mac;
pub mod mint;
pub mod seal;
pub mod tasks;
