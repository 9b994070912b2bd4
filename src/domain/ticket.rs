//! The third axis: what each kitchen station has to do for an order.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::{OrderStatus, vocabulary::vocabulary};

vocabulary! {
    /// Where one station's part of an order stands.
    pub enum TicketStatus {
        /// The order is not accepted yet.
        Held = "held",
        /// Waiting for the station.
        Queued = "queued",
        /// Being made.
        InProgress = "in_progress",
        /// Made.
        Done = "done",
        /// Was done and is wanted again.
        Recalled = "recalled",
        /// Not to be made any more.
        Voided = "voided",
    }
}

impl TicketStatus {
    /// The steps that the station may take from here.
    pub const fn next_steps(self) -> &'static [Self] {
        match self {
            Self::Queued | Self::Recalled => &[Self::InProgress, Self::Done],
            Self::InProgress => &[Self::Done],
            Self::Held | Self::Done | Self::Voided => &[],
        }
    }

    /// What becomes of the ticket when its order moves by itself.
    pub(crate) const fn follow(self, order: OrderStatus) -> Self {
        match (order, self) {
            (OrderStatus::Accepted | OrderStatus::Preparing, Self::Held) => Self::Queued,
            (
                OrderStatus::Ready
                | OrderStatus::OutForDelivery
                | OrderStatus::Delivered
                | OrderStatus::PickedUp
                | OrderStatus::Served,
                Self::Held | Self::Queued | Self::InProgress | Self::Recalled,
            ) => Self::Done,
            (
                OrderStatus::Rejected
                | OrderStatus::Expired
                | OrderStatus::Cancelled
                | OrderStatus::Failed,
                Self::Held | Self::Queued | Self::InProgress | Self::Recalled,
            ) => Self::Voided,
            (_, unchanged) => unchanged,
        }
    }
}

/// One station's part of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ticket {
    /// The station: `grill`, `fry`, `drinks`…
    pub station: String,
    /// Where it stands.
    pub status: TicketStatus,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub changed_at: Timestamp,
}
