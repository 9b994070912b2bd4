//! The second axis: the courier's side of an order.

use serde::{Deserialize, Serialize};

use crate::domain::{OrderStatus, vocabulary::vocabulary};

vocabulary! {
    /// Where the delivery stands.
    pub enum DeliveryStatus {
        /// Nobody looks for a courier yet.
        None = "none",
        /// A courier is being looked for.
        Searching = "searching",
        /// A courier is on the way to the store.
        Assigned = "assigned",
        /// The courier waits at the store.
        AtStore = "at_store",
        /// The courier has the food.
        PickedUp = "picked_up",
        /// On the way to the customer.
        EnRoute = "en_route",
        /// Close to the customer.
        Nearby = "nearby",
        /// At the customer's door.
        AtDoor = "at_door",
        /// Handed over.
        Delivered = "delivered",
        /// Nobody took it in.
        FailedAttempt = "failed_attempt",
        /// On the way back to the store.
        Returning = "returning",
        /// Back at the store.
        Returned = "returned",
        /// The courier side called it off.
        Cancelled = "cancelled",
    }
}

impl DeliveryStatus {
    /// How far along it is; machines may only raise it. The way back ranks above the way out.
    pub const fn rank(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Searching => 10,
            Self::Assigned => 20,
            Self::AtStore => 30,
            Self::PickedUp => 40,
            Self::EnRoute => 50,
            Self::Nearby => 60,
            Self::AtDoor => 70,
            Self::FailedAttempt => 80,
            Self::Returning => 90,
            Self::Delivered | Self::Returned | Self::Cancelled => 100,
        }
    }

    /// Whether nothing follows.
    pub const fn is_terminal(self) -> bool {
        self.rank() == 100
    }

    /// What this says about the order itself. Nothing here ever implies `ready`: only the kitchen knows.
    pub const fn implies(self) -> Option<OrderStatus> {
        match self {
            Self::PickedUp
            | Self::EnRoute
            | Self::Nearby
            | Self::AtDoor
            | Self::FailedAttempt
            | Self::Returning => Some(OrderStatus::OutForDelivery),
            Self::Delivered => Some(OrderStatus::Delivered),
            Self::Returned => Some(OrderStatus::Failed),
            Self::None | Self::Searching | Self::Assigned | Self::AtStore | Self::Cancelled => None,
        }
    }
}

/// Who carries the order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Courier {
    /// The partner's or the restaurant's name for the courier.
    pub id: String,
    /// As the customer may call them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// In E.164 (`+962…`) where the partner gives it so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

/// The courier's side of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// Where it stands.
    pub status: DeliveryStatus,
    /// Who carries it, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub courier: Option<Courier>,
    /// The partner's own tracking page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking_url: Option<String>,
}

impl Default for Delivery {
    fn default() -> Self {
        Self { status: DeliveryStatus::None, courier: None, tracking_url: None }
    }
}
