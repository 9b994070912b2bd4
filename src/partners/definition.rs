//! A partner as a TOML file defines it: how it proves itself, where its calls say what, and what its words mean to us.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, de};
use toml::Spanned;

use crate::{
    config::Span,
    domain::{DeliveryStatus, OrderStatus, PaymentStatus, ReasonCode},
    partners::{
        PATH,
        layout::OrderLayout,
        place::{Place, Places, Pointer},
        reader::Reader,
        scheme::Scheme,
    },
};

/// A whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// The partner's name in paths, settings and tables.
    pub slug: Spanned<String>,
    /// How it proves itself; any one of them will do.
    pub schemes: Spanned<Vec<Scheme>>,
    /// Where the name of the call stands, the same over all its attempts; it must be signed.
    pub event_id: Option<Spanned<Place>>,
    /// How long a store may take to answer its orders, where they do not say.
    pub accept_within: Option<Span>,
    /// Where the word stands that says what a call is about; left out: all are about the same.
    #[serde(default)]
    pub event: Places,
    /// Its reasons, in our words.
    #[serde(default)]
    pub reasons: BTreeMap<String, ReasonCode>,
    /// Its kinds of calls; the first that fits counts.
    pub messages: Vec<Spanned<Message>>,
    /// Where an order that was placed there says what.
    pub order: Option<OrderLayout>,
}

/// One kind of call.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// The event's words; left out: all others.
    #[serde(default)]
    pub when: Vec<String>,
    /// What reads it, where a table cannot.
    pub reader: Option<Reader>,
    /// The partner's name for the order.
    #[serde(default)]
    pub external_id: Places,
    /// Our id of the order, where the partner gives it back.
    #[serde(default)]
    pub order_id: Places,
    /// When it happened.
    #[serde(default)]
    pub occurred_at: Places,
    /// A log in which the words stand with their times, in place of `occurred_at`.
    pub log: Option<LogLayout>,
    /// Why, of an unhappy end.
    #[serde(default)]
    pub reason: Places,
    /// Who carries the order.
    pub courier: Option<CourierLayout>,
    /// The partner's tracking page.
    #[serde(default)]
    pub tracking_url: Places,
    /// What it says.
    #[serde(default)]
    pub says: Vec<Says>,
}

/// One thing that a call says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Says {
    /// Where the word stands; left out: the event's word.
    #[serde(default)]
    pub at: Places,
    /// What the words mean. `000.*` is every word that begins so, and the longest that fits counts.
    pub words: BTreeMap<String, Meaning>,
}

/// A list of words with their times.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogLayout {
    /// The list.
    pub at: Pointer,
    /// The word, from an entry of the list on.
    pub word: Places,
    /// Its time, from an entry of the list on.
    pub time: Places,
}

/// Where the courier is told of.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CourierLayout {
    /// The partner's name for the courier.
    pub id: Places,
    /// What people call them.
    pub name: Places,
    /// Their telephone.
    pub phone: Places,
}

/// What a partner's word means to us. In files: `order.accepted`, `delivery.assigned`, `payment.captured`, `placed`, `nothing`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The order stands there.
    Order(OrderStatus),
    /// The delivery stands there.
    Delivery(DeliveryStatus),
    /// The payment stands there.
    Payment(PaymentStatus),
    /// An order was placed at the partner.
    Placed,
    /// We know it, and nothing follows from it.
    Nothing,
}

impl Meaning {
    fn read(text: &str) -> Result<Self, String> {
        match text.split_once('.') {
            Some(("order", status)) => status.parse().map(Self::Order).map_err(|it| it.to_string()),
            Some(("delivery", status)) => {
                status.parse().map(Self::Delivery).map_err(|it| it.to_string())
            }
            Some(("payment", status)) => {
                status.parse().map(Self::Payment).map_err(|it| it.to_string())
            }
            None if text == "placed" => Ok(Self::Placed),
            None if text == "nothing" => Ok(Self::Nothing),
            _ => Err(format!(
                "{text:?} is not a meaning: write order.<status>, delivery.<status>, payment.<status>, placed or nothing"
            )),
        }
    }
}

impl<'de> Deserialize<'de> for Meaning {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// Why a file defines no partner. `line` is counted from 1.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct Fault {
    /// Where.
    pub line: usize,
    /// What is wrong there, and what would be right.
    pub what: String,
}

impl Definition {
    /// Reads a file.
    pub fn read(text: &str) -> Result<Self, Fault> {
        let fault =
            |at: usize, what: &str| Fault { line: line_of(text, at), what: what.to_owned() };
        let definition: Self = toml::from_str(text).map_err(|error| {
            let what = match error.message().trim() {
                it if it.contains("unit variant") => "a scheme is a table: { basic = {} }",
                it => it,
            };
            fault(error.span().map_or(0, |it| it.start), what)
        })?;
        definition.check().map_err(|(at, what)| fault(at, &what))?;
        Ok(definition)
    }

    fn check(&self) -> Result<(), (usize, String)> {
        let slug = self.slug.get_ref();
        let fits =
            |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_' || it == b'-';
        if slug.is_empty() || 64 < slug.len() || !slug.bytes().all(fits) {
            let what = "a slug has 1 to 64 small letters, digits, `_` and `-`".to_owned();
            return Err((self.slug.span().start, what));
        }
        let schemes = self.schemes.get_ref();
        if schemes.is_empty() {
            let what = "there must be a scheme: without one, nobody can be believed".to_owned();
            return Err((self.schemes.span().start, what));
        }
        if let Some(place) = &self.event_id
            && !schemes.iter().all(|it| is_signed(it, place.get_ref()))
        {
            let what = format!("{} is not signed, so it cannot name the call", place.get_ref());
            return Err((place.span().start, what));
        }
        let keeps_secret = |it: &Scheme| matches!(it, Scheme::SecretPath {});
        if schemes.iter().any(keeps_secret) && self.kept().contains(PATH) {
            let what = "with secret-path nothing may be read from the path: the secret would be kept with it";
            return Err((self.schemes.span().start, what.to_owned()));
        }
        if self.messages.is_empty() {
            return Err((0, "there must be at least one [[messages]]".to_owned()));
        }
        self.messages.iter().try_for_each(|it| {
            self.check_message(it.get_ref()).map_err(|what| (it.span().start, what.to_owned()))
        })
    }

    fn check_message(&self, message: &Message) -> Result<(), &'static str> {
        let meanings = || message.says.iter().flat_map(|it| it.words.values());
        let names_an_order = !message.external_id.is_empty() || !message.order_id.is_empty();
        if !message.when.is_empty() && self.event.is_empty() {
            return Err("`when` needs `event`, which says where the event's word stands");
        }
        if message.says.is_empty() && message.reader.is_none() {
            return Err("it says nothing: it needs [[messages.says]]");
        }
        if self.event.is_empty() && message.says.iter().any(|it| it.at.is_empty()) {
            return Err("`says` needs `at`, or the file needs `event`");
        }
        if meanings().any(|it| *it == Meaning::Placed) {
            if self.order.is_none() {
                return Err("it begins orders (`placed`), so the file needs [order]");
            }
            if message.external_id.is_empty() {
                return Err("it begins orders (`placed`), so it needs `external_id`");
            }
        }
        if !names_an_order && meanings().any(|it| *it != Meaning::Nothing) {
            return Err("it needs `external_id` or `order_id`: which order is it about?");
        }
        Ok(())
    }

    /// Headers that reading needs, and [`crate::partners::PATH`].
    pub fn kept(&self) -> BTreeSet<String> {
        let messages = self.messages.iter().map(Spanned::get_ref).flat_map(Message::places);
        let order = self.order.iter().flat_map(OrderLayout::places);
        let places = messages.chain(order).chain([&self.event]);
        places.flat_map(|it| &it.0).filter_map(Place::kept_as).collect()
    }
}

impl Message {
    /// Whether it tells of payments: then a name of the order that is not ours is of no use.
    pub fn is_of_payments(&self) -> bool {
        let mut meanings = self.says.iter().flat_map(|it| it.words.values());
        meanings.any(|it| matches!(it, Meaning::Payment(_)))
    }

    fn places(&self) -> Vec<&Places> {
        let mut places = vec![
            &self.external_id,
            &self.order_id,
            &self.occurred_at,
            &self.reason,
            &self.tracking_url,
        ];
        places.extend(self.courier.iter().flat_map(|it| [&it.id, &it.name, &it.phone]));
        places.extend(self.says.iter().map(|it| &it.at));
        places
    }
}

fn is_signed(scheme: &Scheme, place: &Place) -> bool {
    match place {
        Place::Body(_) => scheme.covers_body(),
        Place::Header(name) => scheme.covers_header(name),
        Place::Path(_) => false,
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|it| *it == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = r#"
slug = "nashmi"
schemes = [{ hmac = { header = "x-signature" } }]
event = "/event"

[[messages]]
when = ["status"]
external_id = "/id"
[[messages.says]]
at = "/status"
words = { done = "delivery.delivered" }
"#;

    #[test]
    fn a_fault_is_told_with_its_line_and_with_what_is_allowed() {
        Definition::read(GOOD).unwrap();
        for (good, bad, line, what) in [
            ("slug = \"nashmi\"", "slug = \"Nash mi\"", 2, "small letters"),
            (
                "slug = \"nashmi\"",
                "slog = \"nashmi\"",
                2,
                "unknown field `slog`, expected one of `slug`",
            ),
            ("{ hmac = { header = \"x-signature\" } }", "", 3, "there must be a scheme"),
            ("{ hmac = { header = \"x-signature\" } }", "\"basic\"", 3, "{ basic = {} }"),
            ("hmac", "hmak", 3, "unknown variant `hmak`, expected one of `hmac`"),
            ("x-signature", "X-Signature", 3, "small letters"),
            ("header = \"x-signature\"", "encoding = \"hex\"", 3, "missing field `header`"),
            ("event = \"/event\"", "event_id = \"header:x-id\"", 4, "is not signed"),
            (
                "event = \"/event\"",
                "event = \"event\"",
                4,
                "\"event\" is not a place: write \"/order/id\"",
            ),
            ("event = \"/event\"", "", 6, "`when` needs `event`"),
            ("external_id = \"/id\"", "", 6, "which order is it about?"),
            ("delivery.delivered", "delivery.gone", 11, "\"gone\" is not one of none, searching"),
            ("delivery.delivered", "gone", 11, "write order.<status>"),
            ("delivery.delivered", "placed", 6, "the file needs [order]"),
            ("words = {", "wards = {", 11, "unknown field `wards`"),
        ] {
            let fault = Definition::read(&GOOD.replacen(good, bad, 1)).unwrap_err();
            assert!(fault.what.contains(what), "{bad}: {fault}");
            assert_eq!(fault.line, line, "{bad}: {fault}");
        }
    }

    proptest! {
        #[test]
        fn no_file_makes_it_panic(at in 0..GOOD.len(), length in 0..20_usize, patch in "[ -~\n]{0,20}") {
            let to = GOOD.len().min(at + length);
            let _any = Definition::read(&format!("{}{patch}{}", &GOOD[..at], &GOOD[to..]));
        }
    }
}
