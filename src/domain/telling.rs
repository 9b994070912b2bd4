//! What a partner must hear of its own orders: which of our facts concern it, and in which action.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::{
    ActorKind, Eta, Fact, Order, OrderStatus, Reason, Recorded, vocabulary::vocabulary,
};

vocabulary! {
    /// What a partner is told.
    pub enum PartnerAction {
        /// The order has reached the store.
        Receive = "receive",
        /// The store has taken the order on.
        Accept = "accept",
        /// The store will not make it, or not any more.
        Reject = "reject",
        /// It waits on the pass.
        Ready = "ready",
        /// It has left the store.
        PickedUp = "picked_up",
        /// It will be ready later than was said.
        Delay = "delay",
    }
}

/// One thing that a partner is told, with what it needs to know. Stored until it is told, so members are only ever added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Telling {
    /// What.
    pub action: PartnerAction,
    /// Why, of a rejection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Whether the store had taken the order on before: then other reasons count for a rejection.
    #[serde(default)]
    pub was_accepted: bool,
    /// When the order will be ready, as far as was known then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_at: Option<Timestamp>,
    /// By how many minutes more than was said before, of a delay. At least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_minutes: Option<u32>,
}

/// What is told when an order reaches a status, or skips it on its way further.
const MILESTONES: [(OrderStatus, PartnerAction); 3] = [
    (OrderStatus::Accepted, PartnerAction::Accept),
    (OrderStatus::Ready, PartnerAction::Ready),
    (OrderStatus::OutForDelivery, PartnerAction::PickedUp),
];

/// What the partner where an order was placed must hear of what then happened to it; `before` is `None` for a new one. Nothing, where
/// the order is our own, and where it was the partner itself who said so.
pub fn tellings(before: Option<&Order>, recorded: &Recorded) -> Vec<Telling> {
    match (before, &recorded.fact) {
        (Some(before), _) => changed(before, recorded),
        (None, Fact::OrderCreated { draft }) if draft.external_id.is_some() => {
            vec![Telling {
                action: PartnerAction::Receive,
                reason: None,
                was_accepted: false,
                ready_at: draft.eta.map(|it| it.ready_at),
                delay_minutes: None,
            }]
        }
        (None, _) => Vec::new(),
    }
}

fn changed(before: &Order, recorded: &Recorded) -> Vec<Telling> {
    let actor = &recorded.actor;
    let is_echo =
        actor.kind == ActorKind::Partner && actor.id.as_deref() == Some(before.source.as_str());
    if before.external_id.is_none() || is_echo {
        return Vec::new();
    }
    match &recorded.fact {
        Fact::OrderStatusChanged { from, to, reason } => moved(before, *from, *to, reason.as_ref()),
        Fact::OrderEtaChanged { eta } => delayed(before, eta).into_iter().collect(),
        Fact::OrderCreated { .. }
        | Fact::DeliveryStatusChanged { .. }
        | Fact::TicketStatusChanged { .. }
        | Fact::PaymentProcessed { .. } => Vec::new(),
    }
}

fn moved(
    before: &Order,
    from: OrderStatus,
    to: OrderStatus,
    reason: Option<&Reason>,
) -> Vec<Telling> {
    let was_accepted = OrderStatus::Accepted.rank() <= from.rank();
    let telling = |action| Telling {
        action,
        reason: None,
        was_accepted,
        ready_at: before.eta.map(|it| it.ready_at),
        delay_minutes: None,
    };
    match to {
        OrderStatus::Rejected | OrderStatus::Expired | OrderStatus::Cancelled => {
            vec![Telling { reason: reason.cloned(), ..telling(PartnerAction::Reject) }]
        }
        // It did leave the store, and that was told.
        OrderStatus::Failed => Vec::new(),
        _ => MILESTONES
            .iter()
            .filter(|(status, _)| from.rank() < status.rank() && status.rank() <= to.rank())
            // Only the kitchen says `ready`: an order that left without its word is just gone.
            .filter(|(status, _)| *status != OrderStatus::Ready || to == OrderStatus::Ready)
            .map(|(_, action)| telling(*action))
            .collect(),
    }
}

/// Only while the kitchen has it: before, the acceptance will tell the time, and afterwards nobody waits for it.
fn delayed(before: &Order, eta: &Eta) -> Option<Telling> {
    let in_kitchen = matches!(before.status, OrderStatus::Accepted | OrderStatus::Preparing);
    let said = before.eta.filter(|_| in_kitchen)?.ready_at;
    let minutes = u32::try_from(eta.ready_at.duration_since(said).as_mins()).ok()?;
    (minutes > 0).then_some(Telling {
        action: PartnerAction::Delay,
        reason: None,
        was_accepted: true,
        ready_at: Some(eta.ready_at),
        delay_minutes: Some(minutes),
    })
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;
    use uuid::Uuid;

    use super::*;
    use crate::domain::{Actor, EventId, Fulfilment, ReasonCode, TraceContext, samples};

    use OrderStatus::{
        Accepted, Cancelled, Delivered, Expired, Failed, OutForDelivery, Placed, Preparing, Ready,
        Rejected,
    };
    use PartnerAction::{Accept, PickedUp};

    fn order() -> Order {
        let mut order = samples::order();
        order.source = "careem".to_owned();
        order
    }

    fn told(before: &Order, actor: Actor, fact: Fact) -> Vec<Telling> {
        let recorded = Recorded {
            event_id: EventId::from_uuid(Uuid::nil()),
            order_id: before.id,
            version: before.version + 1,
            recorded_at: samples::moment(),
            occurred_at: None,
            actor,
            context: TraceContext::default(),
            fact,
        };
        tellings(Some(before), &recorded)
    }

    fn actions(from: OrderStatus, to: OrderStatus) -> Vec<PartnerAction> {
        let mut before = order();
        before.status = from;
        let fact = Fact::OrderStatusChanged { from, to, reason: None };
        let told = told(&before, Actor::new(ActorKind::Staff, "sami"), fact);
        told.into_iter().map(|it| it.action).collect()
    }

    #[test]
    fn each_milestone_is_told_once_and_skipped_ones_too() {
        assert_eq!(actions(Placed, Accepted), [Accept]);
        assert_eq!(actions(Accepted, Preparing), []);
        assert_eq!(actions(Preparing, Ready), [PartnerAction::Ready]);
        assert_eq!(actions(Ready, OutForDelivery), [PickedUp]);
        assert_eq!(actions(OutForDelivery, Delivered), []);
        assert_eq!(actions(Ready, Delivered), [PickedUp]);
        assert_eq!(actions(Placed, OutForDelivery), [Accept, PickedUp]);
        for end in [Rejected, Expired, Cancelled] {
            assert_eq!(actions(Placed, end), [PartnerAction::Reject]);
        }
        assert_eq!(actions(OutForDelivery, Failed), []);
    }

    #[test]
    fn a_partner_does_not_hear_its_own_words_and_another_partners_it_does() {
        let reason = Some(Reason { code: ReasonCode::TooBusy, note: None });
        let fact =
            || Fact::OrderStatusChanged { from: Placed, to: Rejected, reason: reason.clone() };
        assert_eq!(told(&order(), Actor::new(ActorKind::Partner, "careem"), fact()), []);
        let heard = told(&order(), Actor::new(ActorKind::Partner, "generic"), fact());
        assert_eq!((heard[0].reason.as_ref(), heard[0].was_accepted), (reason.as_ref(), false));
        let mut ours = order();
        ours.external_id = None;
        assert_eq!(told(&ours, Actor::new(ActorKind::Staff, "sami"), fact()), []);
    }

    #[test]
    fn a_partner_hears_that_its_order_has_come_and_nobody_hears_it_of_our_own() {
        let created = |external_id: Option<&str>| {
            let mut draft = samples::draft(Fulfilment::Delivery, Placed);
            draft.external_id = external_id.map(str::to_owned);
            let recorded = Recorded {
                event_id: EventId::from_uuid(Uuid::nil()),
                order_id: draft.id,
                version: 1,
                recorded_at: samples::moment(),
                occurred_at: None,
                actor: Actor::new(ActorKind::Partner, "careem"),
                context: TraceContext::default(),
                fact: Fact::OrderCreated { draft: Box::new(draft) },
            };
            tellings(None, &recorded).into_iter().map(|it| it.action).collect::<Vec<_>>()
        };
        assert_eq!(created(Some("c-1")), [PartnerAction::Receive]);
        assert_eq!(created(None), []);
    }

    #[test]
    fn only_a_later_time_is_told_and_only_while_the_kitchen_has_the_order() {
        let at = |minutes: i64| Eta {
            ready_at: samples::moment() + minutes.minutes(),
            arrives_at: None,
        };
        let minutes = |status, to: i64| {
            let mut before = order();
            (before.status, before.eta) = (status, Some(at(20)));
            let fact = Fact::OrderEtaChanged { eta: at(to) };
            let told = told(&before, Actor::new(ActorKind::Staff, "sami"), fact);
            told.first().and_then(|it| it.delay_minutes)
        };
        assert_eq!(minutes(Accepted, 30), Some(10));
        assert_eq!(minutes(Preparing, 21), Some(1));
        for (status, to) in [(Accepted, 20), (Accepted, 10), (Placed, 30), (Ready, 30)] {
            assert_eq!(minutes(status, to), None, "{status} {to}");
        }
    }
}
