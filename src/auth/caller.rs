//! Who calls: what a verified token says.

use jiff::Timestamp;

use crate::{
    auth::{Scope, ScopeSet},
    domain::{Actor, ActorKind, OrderId, StoreId, vocabulary},
};

vocabulary! {
    /// What kind of somebody calls.
    pub enum Role {
        /// Somebody who orders; sees their own orders.
        Customer = "customer",
        /// Somebody, or a screen, at one store or more.
        Staff = "staff",
        /// One of the restaurant's own systems; does what its scopes say.
        Service = "service",
        /// Somebody who carries orders; sees those they carry.
        Courier = "courier",
        /// Whoever holds a tracking link; sees one order.
        Tracking = "tracking",
    }
}

/// The stores that a token reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stores {
    /// Every one: `["*"]`.
    All,
    /// Only these.
    Only(Vec<StoreId>),
}

impl Stores {
    /// No store at all.
    pub const NONE: Self = Self::Only(Vec::new());

    /// Whether this store is among them.
    pub fn contains(&self, store: StoreId) -> bool {
        match self {
            Self::All => true,
            Self::Only(stores) => stores.contains(&store),
        }
    }
}

/// Who calls, by a verified token. What they may do stands in the functions below `may_…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// What kind of somebody.
    pub role: Role,
    /// Which one: the token's `sub`.
    pub subject: String,
    /// What the token allows beyond its role.
    pub scopes: ScopeSet,
    /// The stores it reaches.
    pub stores: Stores,
    /// The one order of a tracking link.
    pub order: Option<OrderId>,
    /// When the token ends, by its own word; [`crate::config::Auth::leeway`] comes on top.
    pub expires_at: Timestamp,
    /// When the first of a chain of renewed tokens was issued.
    pub first_issued_at: Timestamp,
    /// Whether one of our own secrets signed it, and not an identity provider.
    pub issued_here: bool,
}

impl Caller {
    /// Whether the token carries this scope.
    pub const fn has(&self, scope: Scope) -> bool {
        self.scopes.contains(scope)
    }

    /// The caller as the actor of what it changes.
    pub fn actor(&self) -> Actor {
        let kind = match self.role {
            Role::Customer | Role::Tracking => ActorKind::Customer,
            Role::Staff => ActorKind::Staff,
            Role::Service => ActorKind::Service,
            Role::Courier => ActorKind::Courier,
        };
        Actor::new(kind, &self.subject)
    }
}
