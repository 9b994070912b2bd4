//! The first axis: where the order itself stands. One table says which step may follow which.

use crate::domain::vocabulary::vocabulary;

vocabulary! {
    /// How the food reaches the customer.
    pub enum Fulfilment {
        /// A courier brings it.
        Delivery = "delivery",
        /// The customer fetches it, at the counter, the kerb or the drive-through.
        Pickup = "pickup",
        /// It is served at a table.
        DineIn = "dine_in",
    }
}

vocabulary! {
    /// Where an order stands, as its customer sees it.
    pub enum OrderStatus {
        /// Not paid yet; the kitchen does not see it.
        PendingPayment = "pending_payment",
        /// With the store, which has not answered.
        Placed = "placed",
        /// The store has taken it on.
        Accepted = "accepted",
        /// Being cooked.
        Preparing = "preparing",
        /// On the pass, waiting to be handed over.
        Ready = "ready",
        /// With the courier.
        OutForDelivery = "out_for_delivery",
        /// Handed to the customer at the door.
        Delivered = "delivered",
        /// Handed to the customer at the store.
        PickedUp = "picked_up",
        /// Brought to the table.
        Served = "served",
        /// The store said no.
        Rejected = "rejected",
        /// The store said nothing in time.
        Expired = "expired",
        /// Called off.
        Cancelled = "cancelled",
        /// Could not be handed over.
        Failed = "failed",
    }
}

use OrderStatus::{
    Accepted, Cancelled, Delivered, Expired, Failed, OutForDelivery, PendingPayment, PickedUp,
    Placed, Preparing, Ready, Rejected, Served,
};

impl OrderStatus {
    /// How far along it is. Machines may only raise it; every end has the same.
    pub const fn rank(self) -> u8 {
        match self {
            PendingPayment => 0,
            Placed => 10,
            Accepted => 20,
            Preparing => 30,
            Ready => 40,
            OutForDelivery => 50,
            Delivered | PickedUp | Served | Rejected | Expired | Cancelled | Failed => 100,
        }
    }

    /// Whether nothing follows, but a reopening by staff.
    pub const fn is_terminal(self) -> bool {
        self.rank() == 100
    }

    /// Whether it ended without the food reaching the customer.
    pub const fn is_unhappy(self) -> bool {
        matches!(self, Rejected | Expired | Cancelled | Failed)
    }

    /// The end that everybody hopes for.
    pub const fn happy_end(fulfilment: Fulfilment) -> Self {
        match fulfilment {
            Fulfilment::Delivery => Delivered,
            Fulfilment::Pickup => PickedUp,
            Fulfilment::DineIn => Served,
        }
    }

    /// Whether an order fulfilled this way can ever stand here.
    pub fn applies_to(self, fulfilment: Fulfilment) -> bool {
        match self {
            OutForDelivery => fulfilment == Fulfilment::Delivery,
            Delivered | PickedUp | Served => self == Self::happy_end(fulfilment),
            PendingPayment | Placed | Accepted | Preparing | Ready | Rejected | Expired
            | Cancelled | Failed => true,
        }
    }

    /// The steps that people may take from here. What is absent is refused.
    pub const fn next_steps(self, fulfilment: Fulfilment) -> &'static [Self] {
        match (self, fulfilment) {
            (PendingPayment, _) => &[Placed, Cancelled],
            (Placed, _) => &[Accepted, Rejected, Expired, Cancelled],
            (Accepted, _) => &[Preparing, Cancelled],
            (Preparing, _) => &[Ready, Cancelled],
            (Ready, Fulfilment::Delivery) => &[OutForDelivery, Cancelled],
            (Ready, Fulfilment::Pickup) => &[PickedUp, Failed, Cancelled],
            (Ready, Fulfilment::DineIn) => &[Served, Cancelled],
            (OutForDelivery, _) => &[Delivered, Failed, Cancelled],
            (Delivered | PickedUp | Served | Rejected | Expired | Cancelled | Failed, _) => &[],
        }
    }
}
