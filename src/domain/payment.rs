//! The fourth axis: the money.

use serde::{Deserialize, Serialize};

use crate::domain::vocabulary::vocabulary;

vocabulary! {
    /// Where the payment stands.
    pub enum PaymentStatus {
        /// Nothing to do before the hand-over: cash.
        None = "none",
        /// Asked for.
        Pending = "pending",
        /// Set aside.
        Authorized = "authorized",
        /// Taken.
        Captured = "captured",
        /// Some of it given back.
        PartiallyRefunded = "partially_refunded",
        /// All of it given back.
        Refunded = "refunded",
        /// Refused.
        Failed = "failed",
        /// Let go before it was taken.
        Voided = "voided",
    }
}

impl PaymentStatus {
    /// How far along it is; gateways may only raise it.
    pub const fn rank(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Pending => 10,
            Self::Authorized => 20,
            Self::Failed => 30,
            Self::Captured => 40,
            Self::PartiallyRefunded => 50,
            Self::Refunded | Self::Voided => 60,
        }
    }
}

vocabulary! {
    /// How the customer pays.
    pub enum PaymentMethod {
        /// At the hand-over, in notes.
        Cash = "cash",
        /// By card, now or at the door.
        Card = "card",
        /// By a wallet (Apple Pay, Zain Cash, eFAWATEERcom…).
        Wallet = "wallet",
        /// The partner has been paid.
        Partner = "partner",
    }
}

/// The money side of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// Where it stands.
    pub status: PaymentStatus,
    /// How.
    pub method: PaymentMethod,
}
