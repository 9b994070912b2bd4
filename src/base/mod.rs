//! Tools without business: time, chance, signatures, networks, tasks.

pub mod backoff;
pub mod circuit_breaker;
pub mod clock;
pub mod cursor;
pub mod flights;
pub mod folder;
pub mod load;
pub mod mac;
pub mod mint;
pub mod net;
#[cfg(test)]
pub mod proxy;
pub mod seal;
pub mod standard_webhooks;
pub mod tasks;
pub mod traceparent;
