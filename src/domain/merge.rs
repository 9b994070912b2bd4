//! Machines' reports: tolerant. They only move rank forward; whatever comes late changes nothing.

use jiff::Timestamp;

use crate::domain::{
    Change, Courier, DeliveryStatus, Fact, Fulfilment, OrderId, OrderStatus, PartnerOrder,
    PaymentStatus, Reason, vocabulary::vocabulary,
};

/// What a partner told us about one order.
#[derive(Clone, Debug, PartialEq)]
pub struct News {
    /// The partner's name for the order.
    pub external_id: Option<String>,
    /// Our own id, where the partner gives it back.
    pub order_id: Option<OrderId>,
    /// When it happened, by the partner's clock.
    pub occurred_at: Option<Timestamp>,
    /// What it says.
    pub report: Report,
}

/// What a machine says of an order, in our words.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// Where the order stands.
    Order {
        /// Its status.
        status: OrderStatus,
        /// Why.
        reason: Option<Reason>,
    },
    /// Where the delivery stands.
    Delivery {
        /// Its status.
        status: DeliveryStatus,
        /// Who carries it.
        courier: Option<Courier>,
        /// The partner's tracking page.
        tracking_url: Option<String>,
    },
    /// It was placed at the partner just now.
    Placed(Box<PartnerOrder>),
    /// Where its payment stands.
    Payment {
        /// Its status.
        status: PaymentStatus,
    },
    /// A word that we do not know. Kept, so that somebody can see it.
    Unknown {
        /// The partner's word.
        word: String,
    },
    /// A word that we know and that changes nothing here.
    Nothing {
        /// The partner's word.
        word: String,
    },
}

vocabulary! {
    /// What became of a report.
    pub enum Merged {
        /// It moved the order.
        Applied = "applied",
        /// It told what was known, or less.
        Late = "late",
        /// An order fulfilled this way can never stand there.
        NotApplicable = "not_applicable",
        /// Its word is not in our tables.
        UnknownStatus = "unknown_status",
        /// Its word means nothing to an order.
        Ignored = "ignored",
    }
}

impl Change {
    /// Merges a report in. Never refuses: what does not move the order forward changes nothing.
    pub fn merge(&mut self, report: Report) -> Merged {
        match report {
            Report::Order { status, reason } => self.merge_order(status, reason),
            Report::Delivery { status, courier, tracking_url } => {
                self.merge_delivery(status, courier, tracking_url)
            }
            // We have it already.
            Report::Placed(_) => Merged::Late,
            Report::Payment { status } => self.merge_payment(status),
            Report::Unknown { .. } => Merged::UnknownStatus,
            Report::Nothing { .. } => Merged::Ignored,
        }
    }

    fn merge_order(&mut self, status: OrderStatus, reason: Option<Reason>) -> Merged {
        let order = self.order();
        if !status.applies_to(order.fulfilment) {
            return Merged::NotApplicable;
        }
        if order.status.is_terminal() || status.rank() <= order.status.rank() {
            return Merged::Late;
        }
        self.move_to(status, reason);
        Merged::Applied
    }

    fn merge_payment(&mut self, status: PaymentStatus) -> Merged {
        if self.pay(status) { Merged::Applied } else { Merged::Late }
    }

    fn merge_delivery(
        &mut self,
        status: DeliveryStatus,
        courier: Option<Courier>,
        tracking_url: Option<String>,
    ) -> Merged {
        if self.order().fulfilment != Fulfilment::Delivery {
            return Merged::NotApplicable;
        }
        let known = self.order().delivery.clone();
        let forward = !known.status.is_terminal() && known.status.rank() < status.rank();
        // A late report may still be the first to name the courier, but never replaces one.
        let courier = courier.filter(|it| match &known.courier {
            None => true,
            Some(known) => forward && known != it,
        });
        let tracking_url = tracking_url.filter(|it| match &known.tracking_url {
            None => true,
            Some(known) => forward && known != it,
        });
        if !forward && courier.is_none() && tracking_url.is_none() {
            return Merged::Late;
        }
        let to = if forward { status } else { known.status };
        self.record(Fact::DeliveryStatusChanged { from: known.status, to, courier, tracking_url });
        // A late report may name the courier, but says nothing new of the order, which may have been reopened since.
        if forward && let Some(implied) = status.implies() {
            self.merge_order(implied, None);
        }
        Merged::Applied
    }
}
