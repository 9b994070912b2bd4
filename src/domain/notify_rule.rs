//! Who hears of what: a store's rules, as data.

use jiff::{SignedDuration, Timestamp, ToSpan, civil::Time, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::domain::{
    Audience, DeliveryStatus, Envelope, EventData, Fulfilment, MessageChannel, Order, OrderStatus,
    vocabulary::vocabulary,
};

vocabulary! {
    /// What happens to a message that would arrive in the quiet hours.
    pub enum InQuiet {
        /// It is sent: whoever waits for food is awake.
        Send = "send",
        /// It waits until they are over, if it is worth something then.
        Wait = "wait",
        /// It is not sent.
        Drop = "drop",
    }
}

/// When nobody wants to be woken, by the store's own clock. They may go past midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuietHours {
    /// From when on: `22:30:00`.
    #[schema(value_type = String, example = "23:00:00")]
    pub from: Time,
    /// Until when.
    #[schema(value_type = String, example = "08:00:00")]
    pub until: Time,
}

impl QuietHours {
    /// When the quiet hours end in which `at` lies; `None` outside them.
    pub fn end(&self, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let local = at.to_zoned(zone.clone());
        let (now, day) = (local.time(), local.date());
        let over_midnight = self.until <= self.from;
        let is_quiet = if over_midnight {
            self.from <= now || now < self.until
        } else {
            self.from <= now && now < self.until
        };
        let last_day =
            if over_midnight && self.from <= now { day.checked_add(1.day()).ok()? } else { day };
        let end = last_day.to_datetime(self.until).to_zoned(zone.clone()).ok()?.timestamp();
        is_quiet.then_some(end)
    }
}

/// One rule: what happens, who is told, how, and for how long that is worth something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NotifyRule {
    /// What happens: a status of the order (`ready`), or of its delivery (`delivery.nearby`).
    pub on: String,
    /// Only of orders fulfilled like this; left out: of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fulfilment: Option<Fulfilment>,
    /// Who is told.
    #[serde(default = "customer")]
    pub audience: Audience,
    /// How: the first that can.
    #[serde(default = "whatsapp")]
    pub channels: Vec<MessageChannel>,
    /// In which words: the name of a template.
    pub template: String,
    /// How long it waits for something newer to say, in seconds; left out: `notify.window`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_seconds: Option<u32>,
    /// For how many minutes after it happened it is worth telling.
    #[serde(default = "half_an_hour")]
    pub worth_minutes: u32,
    /// Whether it is sent even to a customer who is watching the live page.
    #[serde(default)]
    pub even_if_watching: bool,
    /// Whether it is also for orders that partners brought, whose customers are the partner's.
    #[serde(default)]
    pub partner_orders: bool,
    /// What happens to it in the quiet hours.
    #[serde(default = "send")]
    pub in_quiet: InQuiet,
}

const fn customer() -> Audience {
    Audience::Customer
}

fn whatsapp() -> Vec<MessageChannel> {
    vec![MessageChannel::WhatsApp]
}

const fn half_an_hour() -> u32 {
    30
}

const fn send() -> InQuiet {
    InQuiet::Send
}

/// A store's rules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NotifyRules {
    /// When nobody wants to be woken; left out: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet: Option<QuietHours>,
    /// The number of whoever answers for the store, in E.164.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_phone: Option<String>,
    /// The rules. Of those that fit an event, the first for each audience counts.
    pub rules: Vec<NotifyRule>,
}

impl NotifyRule {
    /// The longest wait and worth that make sense: a day.
    pub const MOST_MINUTES: u32 = 24 * 60;

    /// Whether `on` is a word that something can happen by.
    pub fn is_possible(on: &str) -> bool {
        match on.strip_prefix(DELIVERY) {
            Some(status) => status.parse::<DeliveryStatus>().is_ok(),
            None => on.parse::<OrderStatus>().is_ok_and(|it| it != OrderStatus::PendingPayment),
        }
    }

    /// From when on it is worth nothing, if it happened then.
    pub fn worthless_at(&self, happened_at: Timestamp) -> Timestamp {
        let worth = SignedDuration::from_mins(i64::from(self.worth_minutes));
        happened_at.saturating_add(worth).unwrap_or(Timestamp::MAX)
    }
}

/// What stands in front of a delivery's status, in the words of rules.
pub const DELIVERY: &str = "delivery.";

impl NotifyRules {
    /// The rules by which people are told of an event, one for each audience at most.
    pub fn fitting(&self, event: &Envelope<Order>) -> Vec<&NotifyRule> {
        let Some(on) = happened(event) else { return Vec::new() };
        let Some(data) = event.data.order() else { return Vec::new() };
        let order = &data.order;
        let mut fitting: Vec<&NotifyRule> = Vec::new();
        for rule in &self.rules {
            let fits = rule.on == on
                && rule.fulfilment.is_none_or(|it| it == order.fulfilment)
                && (rule.partner_orders || order.external_id.is_none());
            if fits && fitting.iter().all(|it| it.audience != rule.audience) {
                fitting.push(rule);
            }
        }
        fitting
    }
}

/// What happened, in the words of rules.
pub fn happened(event: &Envelope<Order>) -> Option<String> {
    match &event.data {
        EventData::OrderCreated { status, .. } | EventData::OrderStatusChanged { status, .. } => {
            Some(status.to_string())
        }
        // A new courier alone is no news for anybody who waits.
        EventData::DeliveryStatusChanged { previous_status, status, .. }
            if previous_status != status =>
        {
            Some(format!("{DELIVERY}{status}"))
        }
        EventData::DeliveryStatusChanged { .. }
        | EventData::TicketStatusChanged { .. }
        | EventData::OrderEtaChanged { .. }
        | EventData::PaymentProcessed { .. }
        | EventData::StoreUpdated { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn quiet_hours_go_past_midnight_by_the_stores_own_clock() {
        let zone = TimeZone::get("Asia/Amman").unwrap();
        let night =
            QuietHours { from: Time::constant(23, 0, 0, 0), until: Time::constant(8, 0, 0, 0) };
        // Amman is three hours ahead.
        assert_eq!(night.end(at("2026-11-20T19:59:59Z"), &zone), None);
        assert_eq!(night.end(at("2026-11-20T20:00:00Z"), &zone), Some(at("2026-11-21T05:00:00Z")));
        assert_eq!(night.end(at("2026-11-21T04:59:59Z"), &zone), Some(at("2026-11-21T05:00:00Z")));
        assert_eq!(night.end(at("2026-11-21T05:00:00Z"), &zone), None);
        let noon =
            QuietHours { from: Time::constant(12, 0, 0, 0), until: Time::constant(14, 0, 0, 0) };
        assert_eq!(noon.end(at("2026-11-20T10:00:00Z"), &zone), Some(at("2026-11-20T11:00:00Z")));
        assert_eq!(noon.end(at("2026-11-20T11:00:00Z"), &zone), None);
    }

    #[test]
    fn only_what_can_happen_can_be_told() {
        for on in ["ready", "cancelled", "delivery.nearby"] {
            assert!(NotifyRule::is_possible(on), "{on}");
        }
        for on in ["pending_payment", "cooked", "delivery.cooked", ""] {
            assert!(!NotifyRule::is_possible(on), "{on}");
        }
    }
}
