//! Who did it.

use serde::{Deserialize, Serialize};

use crate::domain::vocabulary::vocabulary;

vocabulary! {
    /// What kind of somebody did it.
    pub enum ActorKind {
        /// The customer.
        Customer = "customer",
        /// Somebody at the store.
        Staff = "staff",
        /// The courier.
        Courier = "courier",
        /// One of the restaurant's own systems.
        Service = "service",
        /// A partner's system.
        Partner = "partner",
        /// Orderwire itself.
        System = "system",
    }
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Actor {
    /// What kind of somebody.
    pub kind: ActorKind,
    /// Which one: the token's `sub`, or the partner's slug. Left out where the reader may not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

impl Actor {
    /// Somebody by name.
    pub fn new(kind: ActorKind, id: impl Into<String>) -> Self {
        Self { kind, id: Some(id.into()) }
    }
}
