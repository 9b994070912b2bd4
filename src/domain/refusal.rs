//! Why a command was turned down. Never an infrastructure failure.

use serde::{Deserialize, Serialize};

use crate::domain::{MoneyError, OrderStatus, TicketStatus, Version, vocabulary::vocabulary};

vocabulary! {
    /// Why an order was stopped or turned back: one list for all partners.
    pub enum ReasonCode {
        /// Something on it is not to be had.
        ItemUnavailable = "item_unavailable",
        /// The kitchen cannot keep up.
        TooBusy = "too_busy",
        /// The store is closed.
        Closed = "closed",
        /// Nobody answered in time.
        NoAnswer = "no_answer",
        /// Nobody to bring it.
        NoCourier = "no_courier",
        /// It cannot be brought there.
        AddressProblem = "address_problem",
        /// The customer asked for it.
        CustomerRequest = "customer_request",
        /// A system failed.
        Technical = "technical",
        /// It was a test.
        TestOrder = "test_order",
        /// Something else; the note says what.
        Other = "other",
    }
}

/// Why, in a word and in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// In a word.
    pub code: ReasonCode,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Why a command was turned down.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The step is not on the map.
    #[error("an order that is {from} cannot become {to}; {}", allowed(steps))]
    IllegalStep {
        /// Where it stands.
        from: OrderStatus,
        /// What was asked for.
        to: OrderStatus,
        /// What could have been.
        steps: &'static [OrderStatus],
    },
    /// The ticket cannot take this step.
    #[error("the {station} ticket is {from} and cannot become {to}; {}", allowed(steps))]
    IllegalTicketStep {
        /// Whose ticket.
        station: String,
        /// Where it stands.
        from: TicketStatus,
        /// What was asked for.
        to: TicketStatus,
        /// What could have been.
        steps: &'static [TicketStatus],
    },
    /// Tickets move only while the kitchen has the order.
    #[error(
        "the tickets of an order that is {status} cannot move; it must be accepted, preparing or ready"
    )]
    KitchenHasItNot {
        /// Where the order stands.
        status: OrderStatus,
    },
    /// The order needs nothing from this station.
    #[error("this order has no ticket for the station {station:?}; it has {}", stations.join(", "))]
    NoSuchStation {
        /// What was asked for.
        station: String,
        /// What there is.
        stations: Vec<String>,
    },
    /// Only what is done can be recalled.
    #[error(
        "an order that is {status} cannot be recalled; only one that is ready can, or a station's finished part"
    )]
    NotReady {
        /// Where it stands.
        status: OrderStatus,
    },
    /// Only an ended order can be reopened.
    #[error("an order that is {status} is still open")]
    NotEnded {
        /// Where it stands.
        status: OrderStatus,
    },
    /// It ended too long ago.
    #[error("the order ended more than {minutes} minutes ago and cannot be reopened")]
    TooLate {
        /// How long a reopening is possible.
        minutes: u64,
    },
    /// The caller looked at an older version.
    #[error("the order is at version {actual}, not {expected}; read it again")]
    Stale {
        /// What the caller knew.
        expected: Version,
        /// What it is.
        actual: Version,
    },
    /// The sums do not add up.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

fn allowed<T: std::fmt::Display>(steps: &[T]) -> String {
    if steps.is_empty() {
        return "nothing follows it".to_owned();
    }
    let words: Vec<_> = steps.iter().map(ToString::to_string).collect();
    format!("allowed: {}", words.join(", "))
}
