//! What things are called in Redis. One line for each.

use crate::domain::OrderId;

/// An order's snapshot: a hash of its `version` and the `order` as JSON.
pub fn order(id: OrderId) -> String {
    format!("orderwire:order:{id}")
}
