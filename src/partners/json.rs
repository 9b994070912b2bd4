//! Reads partners' JSON tolerantly: by pointer (RFC 6901), ids as text or numbers, what is odd as absent.

use jiff::Timestamp;
use serde_json::Value;

use crate::partners::Unreadable;

/// The longest id, name or word, in bytes: longer ones are none.
const LONGEST_WORD: usize = 256;

/// The longest note, in characters: the rest is cut off.
const LONGEST_NOTE: usize = 500;

/// From 2000 to 2100, in seconds since 1970.
const CENTURY: std::ops::Range<i64> = 946_684_800..4_102_444_800;

/// The body as JSON.
pub(crate) fn parse(body: &[u8]) -> Result<Value, Unreadable> {
    serde_json::from_slice(body)
        .map_err(|error| Unreadable::NotJson { line: error.line(), column: error.column() })
}

/// A short text, or a whole number as text. Control characters have no place in one, nor in a database.
pub(crate) fn word(value: &Value, pointer: &str) -> Option<String> {
    let word = match value.pointer(pointer)? {
        Value::String(text) => text.trim().to_owned(),
        // A number too large for 64 bits has lost its last digits here, and with them its identity.
        Value::Number(number) if !number.is_f64() => number.to_string(),
        Value::Number(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            return None;
        }
    };
    let usable = !word.is_empty() && word.len() <= LONGEST_WORD && !word.contains(char::is_control);
    usable.then_some(word)
}

/// A [`word`] that the body cannot do without; `name` is what the sender calls it.
pub(crate) fn need(value: &Value, pointer: &str, name: &'static str) -> Result<String, Unreadable> {
    word(value, pointer).ok_or(Unreadable::Lacks(name.into()))
}

/// A text for people.
pub(crate) fn note(value: &Value, pointer: &str) -> Option<String> {
    let text = value.pointer(pointer)?.as_str()?.trim();
    let plain = text.chars().map(|it| if it.is_control() { ' ' } else { it });
    (!text.is_empty()).then(|| plain.take(LONGEST_NOTE).collect())
}

/// A moment as RFC 3339 writes it, or in seconds or milliseconds since 1970; in whole microseconds, and of this century:
/// databases end where calendars go on.
pub(crate) fn moment(value: &Value, pointer: &str) -> Option<Timestamp> {
    let moment: Timestamp = match value.pointer(pointer)? {
        Value::String(text) => text.parse().ok()?,
        Value::Number(number) => since_1970(number.as_i64()?)?,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    let is_sane = CENTURY.contains(&moment.as_second());
    is_sane.then(|| Timestamp::from_microsecond(moment.as_microsecond()).ok())?
}

/// Seconds or milliseconds: no number is of this century as both.
fn since_1970(number: i64) -> Option<Timestamp> {
    if CENTURY.contains(&number) {
        Timestamp::from_second(number).ok()
    } else {
        Timestamp::from_millisecond(number).ok()
    }
}

/// How many, as a number or as text. Parts of a whole count as one: half a kilogram is one line for the kitchen.
pub(crate) fn count(value: &Value, pointer: &str) -> Option<u32> {
    let text = match value.pointer(pointer)? {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let count: u32 = whole.parse().ok()?;
    let is_plain = fraction.bytes().all(|it| it.is_ascii_digit());
    let more = fraction.bytes().any(|it| it != b'0');
    is_plain.then(|| count.checked_add(u32::from(more)))?
}

/// A telephone number. Careem fills blanks with zeros.
pub(crate) fn phone(value: &Value, pointer: &str) -> Option<String> {
    word(value, pointer).filter(|it| it.bytes().any(|it| matches!(it, b'1'..=b'9')))
}

/// Degrees of latitude or longitude, as a number or as text.
pub(crate) fn degrees(value: &Value, pointer: &str) -> Option<f64> {
    let degrees = match value.pointer(pointer)? {
        Value::String(text) => text.trim().parse().ok()?,
        other => other.as_f64()?,
    };
    (-180.0..=180.0).contains(&degrees).then_some(degrees)
}

/// Every member of the list at `pointer`; `/groups/*/options` are those of all lists.
pub(crate) fn every<'a>(value: &'a Value, pointer: &str) -> Vec<&'a Value> {
    let (first, rest) = match pointer.split_once("/*") {
        Some((first, rest)) => (first, Some(rest)),
        None => (pointer, None),
    };
    let list = value.pointer(first).and_then(Value::as_array).into_iter().flatten();
    match rest {
        None => list.collect(),
        Some(rest) => list.flat_map(|it| every(it, rest)).collect(),
    }
}

/// A link that a page may show.
pub(crate) fn link(value: &Value, pointer: &str) -> Option<String> {
    let text = value.pointer(pointer)?.as_str()?;
    let is_web = text.starts_with("https://") || text.starts_with("http://");
    let is_plain = text.len() <= 2048 && text.chars().all(|it| it.is_ascii_graphic());
    (is_web && is_plain).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_may_be_text_or_numbers_and_nothing_odd() {
        let body = json!({"text": " a1 ", "number": 70_011_223, "fraction": 1.5, "huge": 1e30,
            "nul": "a\u{0}b", "empty": " ", "long": "x".repeat(257), "list": ["a"]});
        assert_eq!(word(&body, "/text").as_deref(), Some("a1"));
        assert_eq!(word(&body, "/number").as_deref(), Some("70011223"));
        for odd in ["/fraction", "/huge", "/nul", "/empty", "/long", "/list", "/missing"] {
            assert_eq!(word(&body, odd), None, "{odd}");
        }
    }

    #[test]
    fn moments_are_sane_or_absent() {
        let body = json!({"fine": "2026-11-20T18:00:00.1234567Z", "zoned": "2026-11-20T21:00:00+03:00",
            "seconds": 1_795_197_600, "millis": 1_795_197_600_500_i64, "old": "-009000-01-01T00:00:00Z", "far": "9999-01-01T00:00:00Z", "words": "yesterday", "number": 1});
        assert_eq!(moment(&body, "/fine").unwrap().to_string(), "2026-11-20T18:00:00.123456Z");
        assert_eq!(moment(&body, "/zoned").unwrap().to_string(), "2026-11-20T18:00:00Z");
        assert_eq!(moment(&body, "/seconds").unwrap().to_string(), "2026-11-20T18:00:00Z");
        assert_eq!(moment(&body, "/millis").unwrap().to_string(), "2026-11-20T18:00:00.5Z");
        for odd in ["/old", "/far", "/words", "/number", "/missing"] {
            assert_eq!(moment(&body, odd), None, "{odd}");
        }
    }

    #[test]
    fn half_of_something_is_one_line_and_nonsense_is_none() {
        for (value, expected) in [
            (json!(2), Some(2)),
            (json!("2"), Some(2)),
            (json!(1.0), Some(1)),
            (json!("0.5"), Some(1)),
            (json!("-1"), None),
            (json!("1e9"), None),
            (json!("99999999999"), None),
            (json!("1.x"), None),
        ] {
            assert_eq!(count(&value, ""), expected, "{value}");
        }
    }

    #[test]
    fn notes_are_cut_and_links_lead_to_the_web() {
        let body = json!({"note": format!("a\u{0}b{}", "é".repeat(600)), "bad": "javascript:alert(1)",
            "good": "https://t.example/1"});
        let note = note(&body, "/note").unwrap();
        assert!(note.starts_with("a b") && note.chars().count() == 500);
        assert_eq!(link(&body, "/bad"), None);
        assert_eq!(link(&body, "/good").as_deref(), Some("https://t.example/1"));
    }
}
