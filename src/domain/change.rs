//! People's commands: strict. Decide first, which may refuse; then record, which may not.

use std::time::Duration;

use jiff::Timestamp;

use crate::domain::{Eta, Fact, Order, OrderStatus, PaymentStatus, Reason, Refusal, TicketStatus};

/// What people ask for.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Move the order one step.
    Step {
        /// Whither.
        to: OrderStatus,
        /// Why, for an unhappy end.
        reason: Option<Reason>,
    },
    /// Move one station's ticket.
    Ticket {
        /// The station.
        station: String,
        /// Whither.
        to: TicketStatus,
    },
    /// Expect it at another time.
    Expect(Eta),
    /// Say what became of the payment.
    Pay(PaymentStatus),
    /// Take a ready order, or one station's finished part of it, back into the kitchen.
    Recall {
        /// One station, or all.
        station: Option<String>,
        /// Why.
        reason: Reason,
    },
    /// Take an ended order back into the kitchen.
    Reopen {
        /// Why.
        reason: Reason,
        /// How long after its end this is possible.
        within: Duration,
    },
}

/// Changes of one order that are recorded together or not at all.
#[derive(Clone, Debug)]
pub struct Change {
    order: Order,
    at: Timestamp,
    facts: Vec<Fact>,
}

impl Change {
    /// Begins with the order as it is.
    pub const fn of(order: Order, at: Timestamp) -> Self {
        Self { order, at, facts: Vec::new() }
    }

    /// The order with the changes so far.
    pub const fn order(&self) -> &Order {
        &self.order
    }

    /// What is to be recorded.
    pub fn into_facts(self) -> Vec<Fact> {
        self.facts
    }

    /// Carries out one command. Asking for what already is changes nothing and is no error.
    pub fn command(&mut self, command: Command) -> Result<(), Refusal> {
        match command {
            Command::Step { to, reason } => self.step(to, reason),
            Command::Ticket { station, to } => self.ticket(&station, to),
            Command::Expect(eta) => {
                if self.order.eta != Some(eta) {
                    self.record(Fact::OrderEtaChanged { eta });
                }
                Ok(())
            }
            Command::Pay(to) => {
                self.pay(to);
                Ok(())
            }
            Command::Recall { station, reason } => self.recall(station.as_deref(), reason),
            Command::Reopen { reason, within } => self.reopen(reason, within),
        }
    }

    /// Records a fact and folds it in.
    pub(crate) fn record(&mut self, fact: Fact) {
        self.order.apply(&fact, self.at);
        self.facts.push(fact);
    }

    /// Records a move of the order itself.
    pub(crate) fn move_to(&mut self, to: OrderStatus, reason: Option<Reason>) {
        let from = self.order.status;
        self.record(Fact::OrderStatusChanged { from, to, reason });
    }

    fn step(&mut self, to: OrderStatus, reason: Option<Reason>) -> Result<(), Refusal> {
        let from = self.order.status;
        if from == to {
            return Ok(());
        }
        let steps = from.next_steps(self.order.fulfilment);
        if !steps.contains(&to) {
            return Err(Refusal::IllegalStep { from, to, steps });
        }
        self.move_to(to, reason);
        Ok(())
    }

    fn ticket(&mut self, station: &str, to: TicketStatus) -> Result<(), Refusal> {
        let status = self.order.status;
        let from = self.ticket_status(station)?;
        if from == to {
            return Ok(());
        }
        let in_kitchen =
            matches!(status, OrderStatus::Accepted | OrderStatus::Preparing | OrderStatus::Ready);
        if !in_kitchen {
            return Err(Refusal::KitchenHasItNot { status });
        }
        let steps = from.next_steps();
        if !steps.contains(&to) {
            return Err(Refusal::IllegalTicketStep {
                station: station.to_owned(),
                from,
                to,
                steps,
            });
        }
        self.record(Fact::TicketStatusChanged { station: station.to_owned(), from, to });
        self.follow_tickets();
        Ok(())
    }

    /// The first ticket at work begins the preparation; the last one done ends it.
    fn follow_tickets(&mut self) {
        if self.order.status == OrderStatus::Accepted {
            self.move_to(OrderStatus::Preparing, None);
        }
        let done = self.order.tickets.iter().all(|it| it.status == TicketStatus::Done);
        if done && self.order.status == OrderStatus::Preparing {
            self.move_to(OrderStatus::Ready, None);
        }
    }

    /// Whether that was news.
    pub(crate) fn pay(&mut self, to: PaymentStatus) -> bool {
        let from = self.order.payment.status;
        if to.rank() <= from.rank() {
            return false;
        }
        self.record(Fact::PaymentProcessed { from, to });
        let paid = matches!(to, PaymentStatus::Authorized | PaymentStatus::Captured);
        if paid && self.order.status == OrderStatus::PendingPayment {
            self.move_to(OrderStatus::Placed, None);
        }
        true
    }

    fn recall(&mut self, station: Option<&str>, reason: Reason) -> Result<(), Refusal> {
        let status = self.order.status;
        if let Some(station) = station {
            self.ticket_status(station)?;
        }
        match (status, station.and_then(|it| self.order.ticket(it))) {
            (OrderStatus::Ready, _) => self.move_to(OrderStatus::Preparing, Some(reason)),
            // The other stations are still at work: only this one's part goes back.
            (OrderStatus::Preparing, Some(ticket)) if ticket.status == TicketStatus::Done => {}
            _ => return Err(Refusal::NotReady { status }),
        }
        let recalled: Vec<_> = self
            .order
            .tickets
            .iter()
            .filter(|it| station.is_none_or(|wanted| it.station == wanted))
            .map(|it| (it.station.clone(), it.status))
            .collect();
        for (station, from) in recalled {
            self.record(Fact::TicketStatusChanged { station, from, to: TicketStatus::Recalled });
        }
        Ok(())
    }

    fn reopen(&mut self, reason: Reason, within: Duration) -> Result<(), Refusal> {
        let status = self.order.status;
        if !status.is_terminal() {
            return Err(Refusal::NotEnded { status });
        }
        let ended_at = self.order.timeline.last().map_or(self.order.updated_at, |it| it.at);
        if self.at.duration_since(ended_at).unsigned_abs() > within {
            return Err(Refusal::TooLate { minutes: within.as_secs() / 60 });
        }
        self.move_to(OrderStatus::Preparing, Some(reason));
        Ok(())
    }

    fn ticket_status(&self, station: &str) -> Result<TicketStatus, Refusal> {
        self.order.ticket(station).map(|it| it.status).ok_or_else(|| Refusal::NoSuchStation {
            station: station.to_owned(),
            stations: self.order.tickets.iter().map(|it| it.station.clone()).collect(),
        })
    }
}
