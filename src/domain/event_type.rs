//! The types of events.

use crate::domain::vocabulary::vocabulary;

vocabulary! {
    /// The type of an event. Past tense, with the domain in front.
    pub enum EventType {
        /// The order is there.
        OrderCreated = "OrderCreated",
        /// The order's status moved.
        OrderStatusChanged = "OrderStatusChanged",
        /// The courier's side moved.
        DeliveryStatusChanged = "DeliveryStatusChanged",
        /// One station's ticket moved.
        TicketStatusChanged = "TicketStatusChanged",
        /// The order is expected at another time.
        OrderEtaChanged = "OrderEtaChanged",
        /// The payment moved.
        PaymentProcessed = "PaymentProcessed",
        /// A store was opened, or its settings were changed.
        StoreUpdated = "StoreUpdated",
    }
}
