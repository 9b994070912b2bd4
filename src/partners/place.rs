//! Where something stands in a call: `/order/id` in the body (RFC 6901), `header:x-topic`, or `path:0`, a segment of the rest of
//! the path.

use std::{borrow::Cow, fmt, ops::Deref, str::FromStr};

use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use crate::partners::{Kept, PATH, Unreadable, json};

/// A pointer into the body: empty, or begins with a slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer(String);

/// A header by its lower-case name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HeaderName(String);

/// Where something stands in a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the body, or in the item at hand.
    Body(Pointer),
    /// In a header.
    Header(HeaderName),
    /// In the rest of the path: the number of a segment, from 0.
    Path(usize),
}

/// Places where something may stand; the first that has it counts.
#[derive(Clone, Debug, Default)]
pub struct Places(pub Vec<Place>);

/// What a text is not.
#[derive(Debug, thiserror::Error)]
#[error("{text:?} is not {wanted}")]
pub struct NoPlace {
    text: String,
    wanted: &'static str,
}

impl FromStr for Pointer {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let wanted = "a JSON pointer: write \"/order/id\"";
        let is_one = text.is_empty() || text.starts_with('/');
        is_one
            .then(|| Self(text.to_owned()))
            .ok_or_else(|| NoPlace { text: text.to_owned(), wanted })
    }
}

impl FromStr for HeaderName {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let wanted = "the name of a header in small letters: write \"x-signature\"";
        let fits =
            |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-' || it == b'_';
        let is_one = !text.is_empty() && text.bytes().all(fits);
        is_one
            .then(|| Self(text.to_owned()))
            .ok_or_else(|| NoPlace { text: text.to_owned(), wanted })
    }
}

impl FromStr for Place {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let wanted =
            "a place: write \"/order/id\" (a JSON pointer), \"header:x-topic\" or \"path:0\"";
        let no_place = || NoPlace { text: text.to_owned(), wanted };
        if let Some(name) = text.strip_prefix("header:") {
            return name.parse().map(Self::Header);
        }
        if let Some(number) = text.strip_prefix("path:") {
            return number.parse().map(Self::Path).map_err(|_| no_place());
        }
        text.parse().map(Self::Body).map_err(|_: NoPlace| no_place())
    }
}

macro_rules! text_in_files {
    ($($kind:ty),+) => { $(
        impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    )+ };
}
text_in_files!(Pointer, HeaderName, Place);

impl Deref for Pointer {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Deref for HeaderName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// As senders speak of it: `order.id` for `/order/id`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body(pointer) => f.write_str(&pointer.trim_start_matches('/').replace('/', ".")),
            Self::Header(name) => write!(f, "header {}", name.0),
            Self::Path(number) => write!(f, "segment {number} of the path"),
        }
    }
}

impl<'de> Deserialize<'de> for Places {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMore;
        impl<'de> de::Visitor<'de> for OneOrMore {
            type Value = Places;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a place, or a list of places")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Places, E> {
                text.parse().map(|it| Places(vec![it])).map_err(E::custom)
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Places, A::Error> {
                let mut places = Vec::new();
                while let Some(place) = list.next_element()? {
                    places.push(place);
                }
                Ok(Places(places))
            }
        }
        deserializer.deserialize_any(OneOrMore)
    }
}

/// A call, or an item of it, to look places up in.
#[derive(Clone, Copy)]
pub struct Document<'a> {
    /// The body, or the item.
    pub value: &'a Value,
    /// What was kept beside it.
    pub kept: &'a Kept,
}

impl<'a> Document<'a> {
    /// The same call, at an item of its body.
    pub const fn at(self, value: &'a Value) -> Self {
        Self { value, ..self }
    }

    fn look_up(self, place: &Place) -> Option<Cow<'a, Value>> {
        let text = |it: &str| Cow::Owned(Value::String(it.to_owned()));
        match place {
            Place::Body(pointer) => self.value.pointer(pointer).map(Cow::Borrowed),
            Place::Header(name) => self.kept.get(&**name).map(|it| text(it)),
            Place::Path(number) => self.kept.get(PATH)?.split('/').nth(*number).map(text),
        }
    }

    /// What stands at the first place that has something but `null`.
    pub fn value(self, places: &Places) -> Option<Cow<'a, Value>> {
        places.0.iter().filter_map(|it| self.look_up(it)).find(|it| !it.is_null())
    }

    /// What `read` makes of the first place of which it makes something.
    pub fn first<T>(self, places: &Places, read: impl Fn(&Value, &str) -> Option<T>) -> Option<T> {
        places.0.iter().filter_map(|it| self.look_up(it)).find_map(|it| read(&it, ""))
    }

    /// A short text; numbers, `true` and `false` as text.
    pub fn word(self, places: &Places) -> Option<String> {
        self.first(places, |value, pointer| match value {
            Value::Bool(yes) => Some(yes.to_string()),
            _ => json::word(value, pointer),
        })
    }

    /// A [`Document::word`] that the call cannot do without.
    pub fn need(self, places: &Places) -> Result<String, Unreadable> {
        self.word(places).ok_or_else(|| places.lacking())
    }

    /// The words of all places.
    pub fn joined(self, places: &Places, between: &str) -> Option<String> {
        let words = places.0.iter().filter_map(|it| json::word(&*self.look_up(it)?, ""));
        let words: Vec<_> = words.collect();
        (!words.is_empty()).then(|| words.join(between))
    }
}

impl Places {
    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Nothing usable stands there.
    pub fn lacking(&self) -> Unreadable {
        let names: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        Unreadable::Lacks(names.join(" or ").into())
    }
}

impl Place {
    /// Under which name it must be kept beside the body, if it is not in there.
    pub fn kept_as(&self) -> Option<String> {
        match self {
            Self::Body(_) => None,
            Self::Header(name) => Some(name.0.clone()),
            Self::Path(_) => Some(PATH.to_owned()),
        }
    }
}
