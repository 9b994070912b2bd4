//! What things are called in Redis. One line for each.

use crate::domain::OrderId;

/// An order's snapshot: a hash of its `version` and the `order` as JSON.
pub fn order(id: OrderId) -> String {
    format!("orderwire:order:{id}")
}

/// The next turn of a number to write: microseconds since 1970.
pub fn turns(number: &str) -> String {
    format!("orderwire:turns:{number}")
}

/// When somebody, by the hash of their number, may be written to again: microseconds since 1970.
pub fn turn(number: &str, person: &str) -> String {
    format!("orderwire:turns:{number}:{person}")
}

/// Processes with screens: a sorted set by when they were last heard of.
pub const WATCHERS: &str = "orderwire:watchers";

/// The topics that customers watch by way of one process: a set.
pub fn watched(node: &str) -> String {
    format!("orderwire:watched:{node}")
}
