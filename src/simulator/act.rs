//! What an act asks of the server, as the order stands now. Pure; whoever was faster is left in peace.

use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use crate::{
    domain::{Eta, Fulfilment, OrderStatus, ReasonCode, TicketStatus},
    simulator::{client::Seen, course::Act},
};

/// What to ask for.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// Of the store's staff: this change.
    Staff(Value),
    /// Of the store's staff, before the act itself can be: this change.
    First(Value),
    /// Of the restaurant's own system: this change.
    Service(Value),
    /// Of the customer: to call it off.
    CallOff,
}

/// What to ask for; `None` when there is nothing left to do, or nothing that could be done.
pub fn ask(act: &Act, order: &Seen, now: Timestamp) -> Option<Ask> {
    use OrderStatus::{Accepted, OutForDelivery, PendingPayment, Placed, Preparing, Rejected};
    let status = order.status;
    if status.is_terminal() {
        return None;
    }
    let step = |to: OrderStatus| Ask::Staff(json!({"status": to}));
    let end = |to: OrderStatus, code| Ask::Staff(json!({"status": to, "reason": {"code": code}}));
    match act {
        Act::Pay => {
            (status == PendingPayment).then(|| Ask::Service(json!({"payment": "captured"})))
        }
        Act::Accept => (status == Placed).then(|| step(Accepted)),
        Act::Reject(code) => (status == Placed).then(|| end(Rejected, *code)),
        Act::Expect { ready, arrives } => expectation(order, *ready, *arrives, now),
        Act::Start(station) => {
            let is_due = |it| matches!(it, TicketStatus::Queued | TicketStatus::Recalled);
            ticket(order, station, is_due, TicketStatus::InProgress)
        }
        Act::Finish(station) => ticket(order, station, is_open, TicketStatus::Done),
        Act::Cook => first(order).map(|it| Ask::Staff(it.0)),
        Act::CallOff => (status == Placed).then_some(Ask::CallOff),
        Act::Stop(code) => {
            let cooking = matches!(status, Accepted | Preparing);
            cooking.then(|| end(OrderStatus::Cancelled, *code))
        }
        Act::HandOver if status == OutForDelivery => None,
        Act::HandOver => Some(first(order).map_or_else(
            || {
                let delivery = order.fulfilment == Fulfilment::Delivery;
                step(if delivery {
                    OutForDelivery
                } else {
                    OrderStatus::happy_end(order.fulfilment)
                })
            },
            Ask::from,
        )),
        Act::Deliver => (status == OutForDelivery).then(|| step(OrderStatus::Delivered)),
        Act::GiveUp => Some(
            first(order)
                .map_or_else(|| end(OrderStatus::Failed, ReasonCode::CustomerRequest), Ask::from),
        ),
        // A courier waits for the food.
        Act::Serve => first(order).map(Ask::from),
        Act::CallCourier => None,
    }
}

/// What the kitchen has to do before the food can leave.
struct Unfinished(Value);

impl From<Unfinished> for Ask {
    fn from(it: Unfinished) -> Self {
        Self::First(it.0)
    }
}

fn first(order: &Seen) -> Option<Unfinished> {
    use OrderStatus::{Accepted, PendingPayment, Placed, Preparing};
    let body = match order.status {
        PendingPayment => json!({"payment": "captured"}),
        Placed => json!({"status": Accepted}),
        Accepted | Preparing => {
            let open = order.tickets.iter().filter(|it| is_open(it.status));
            let done: Vec<_> = open
                .map(|it| json!({"station": it.station, "status": TicketStatus::Done}))
                .collect();
            // Without tickets the order itself is moved.
            match (done.is_empty(), order.status) {
                (false, _) => json!({"tickets": done}),
                (true, Accepted) => json!({"status": Preparing}),
                (true, _) => json!({"status": OrderStatus::Ready}),
            }
        }
        _ => return None,
    };
    Some(Unfinished(body))
}

const fn is_open(ticket: TicketStatus) -> bool {
    matches!(ticket, TicketStatus::Queued | TicketStatus::InProgress | TicketStatus::Recalled)
}

fn ticket(
    order: &Seen,
    station: &str,
    is_due: impl Fn(TicketStatus) -> bool,
    to: TicketStatus,
) -> Option<Ask> {
    let in_kitchen = matches!(order.status, OrderStatus::Accepted | OrderStatus::Preparing);
    let ticket = order.tickets.iter().find(|it| it.station == station)?;
    let body = json!({"tickets": [{"station": station, "status": to}]});
    (in_kitchen && is_due(ticket.status)).then_some(Ask::Staff(body))
}

fn expectation(order: &Seen, ready: u8, arrives: Option<u8>, now: Timestamp) -> Option<Ask> {
    let at = |minutes: u8| now.checked_add(i64::from(minutes).minutes()).ok();
    let is_ready = OrderStatus::Ready.rank() <= order.status.rank();
    let since = order.eta.filter(|_| is_ready).map(|it| it.ready_at.min(now));
    let ready_at = match since {
        Some(since) => since,
        None => at(ready)?,
    };
    let eta = Eta { ready_at, arrives_at: arrives.and_then(at) };
    Some(Ask::Service(json!({"eta": eta})))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(fulfilment: &str, status: &str, tickets: &[(&str, &str)]) -> Seen {
        let at = "2026-11-20T18:30:00Z";
        let tickets: Vec<_> = tickets
            .iter()
            .map(|(it, status)| json!({"station": it, "status": status, "changedAt": at}))
            .collect();
        serde_json::from_value(json!({
            "id": "ord_019a0000000070008000000000000118",
            "storeId": "str_019a0000000070008000000000000001",
            "number": "118", "version": 3, "fulfilment": fulfilment, "status": status,
            "tickets": tickets, "updatedAt": at,
        }))
        .unwrap()
    }

    fn asked(act: &Act, order: &Seen) -> Option<Ask> {
        ask(act, order, order.updated_at)
    }

    #[test]
    fn what_somebody_did_already_is_not_asked_for_again() {
        let cooking = order("pickup", "preparing", &[("grill", "done"), ("fry", "queued")]);
        assert_eq!(asked(&Act::Accept, &cooking), None);
        assert_eq!(asked(&Act::Start("grill"), &cooking), None);
        assert_eq!(asked(&Act::Finish("grill"), &cooking), None);
        assert!(asked(&Act::Finish("fry"), &cooking).is_some());
        assert_eq!(asked(&Act::CallOff, &cooking), None);
        let gone = order("pickup", "picked_up", &[("grill", "done")]);
        assert_eq!(asked(&Act::HandOver, &gone), None);
        assert_eq!(asked(&Act::Serve, &gone), None);
    }

    #[test]
    fn food_that_was_called_back_is_finished_before_it_leaves() {
        let recalled = order("delivery", "preparing", &[("grill", "recalled"), ("fry", "done")]);
        let finish = json!({"tickets": [{"station": "grill", "status": "done"}]});
        for act in [Act::HandOver, Act::Serve] {
            assert_eq!(asked(&act, &recalled), Some(Ask::First(finish.clone())));
        }
        assert_eq!(asked(&Act::CallCourier, &recalled), None);
    }

    #[test]
    fn each_way_of_fulfilment_ends_in_its_own_way() {
        for (fulfilment, status) in
            [("delivery", "out_for_delivery"), ("pickup", "picked_up"), ("dine_in", "served")]
        {
            let ready = order(fulfilment, "ready", &[("grill", "done")]);
            let wanted = Ask::Staff(json!({"status": status}));
            assert_eq!(asked(&Act::HandOver, &ready), Some(wanted));
        }
    }
}
