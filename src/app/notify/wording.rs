//! What stands in the places of templates: taken from the order and its store.

use jiff::{Timestamp, tz::TimeZone};

use crate::domain::{Fulfilment, Language, LocalizedText, Order, ReasonCode, Store};

/// The value of a template's parameter; `None` where the order has none, or nobody knows the parameter.
pub fn value(name: &str, order: &Order, store: &Store, language: Language) -> Option<String> {
    match name {
        "customer" => {
            let name = order.customer.name.clone().filter(|it| !it.trim().is_empty());
            Some(name.unwrap_or_else(|| in_language(language, "dear guest", "ضيفنا العزيز")))
        }
        "number" => Some(order.number.clone()),
        "store" => said_in(&store.name, language),
        "total" => Some(format!("{} {}", order.total, order.total.currency.code())),
        "time" => {
            let eta = order.eta?;
            let at = match order.fulfilment {
                Fulfilment::Delivery => eta.arrives_at.unwrap_or(eta.ready_at),
                Fulfilment::Pickup | Fulfilment::DineIn => eta.ready_at,
            };
            Some(local_time(at, store))
        }
        "reason" => {
            let code = order.reason.as_ref().map_or(ReasonCode::Other, |it| it.code);
            let (en, ar) = reason(code);
            Some(in_language(language, en, ar))
        }
        _ => None,
    }
}

/// The names that [`value`] knows.
pub const PARAMETERS: [&str; 6] = ["customer", "number", "store", "total", "time", "reason"];

/// What is answered to whoever wants no more messages, or wants them again.
pub fn farewell(language: Language) -> String {
    in_language(
        language,
        "You will get no more messages from us. Write START to get them again.",
        "لن تصلك رسائل منا بعد الآن. أرسل «ابدأ» لتصلك من جديد.",
    )
}

/// What is answered to whoever wants messages again.
pub fn welcome(language: Language) -> String {
    in_language(
        language,
        "We will tell you how your orders are coming along. Write STOP to end that.",
        "سنخبرك بأخبار طلباتك. أرسل «إيقاف» لإيقاف الرسائل.",
    )
}

/// The words that such a person has agreed to.
pub const START_SHOWN: &str = "START";

fn in_language(language: Language, en: &str, ar: &str) -> String {
    match language {
        Language::English => en.to_owned(),
        Language::Arabic => ar.to_owned(),
    }
}

fn said_in(text: &LocalizedText, language: Language) -> Option<String> {
    let (first, second) = match language {
        Language::English => (&text.en, &text.ar),
        Language::Arabic => (&text.ar, &text.en),
    };
    first.clone().or_else(|| second.clone())
}

/// By the store's own clock: `20:15`.
fn local_time(at: Timestamp, store: &Store) -> String {
    let zone = TimeZone::get(&store.timezone).unwrap_or(TimeZone::UTC);
    at.to_zoned(zone).strftime("%H:%M").to_string()
}

const fn reason(code: ReasonCode) -> (&'static str, &'static str) {
    match code {
        ReasonCode::ItemUnavailable => ("something on it has run out", "نفاد أحد الأصناف"),
        ReasonCode::TooBusy => ("the kitchen is too busy", "ضغط كبير على المطبخ"),
        ReasonCode::Closed => ("the store is closed", "الفرع مغلق"),
        ReasonCode::NoAnswer => {
            ("the store did not answer in time", "لم يردّ الفرع في الوقت المحدد")
        }
        ReasonCode::NoCourier => ("there is nobody to bring it", "لا يوجد سائق متاح"),
        ReasonCode::AddressProblem => ("it cannot be brought there", "تعذّر الوصول إلى العنوان"),
        ReasonCode::CustomerRequest => ("as you wished", "بناءً على طلبك"),
        ReasonCode::Technical => ("a technical problem", "مشكلة تقنية"),
        ReasonCode::TestOrder => ("it was a test", "طلب تجريبي"),
        ReasonCode::Other => ("please call the store", "يرجى الاتصال بالفرع"),
    }
}
