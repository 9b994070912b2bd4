//! What an event is about: one thing, by its type, its id and the version that the event gave it.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};

use crate::domain::{IdError, OrderId, StoreId, Version, vocabulary::vocabulary};

vocabulary! {
    /// The kind of thing that an event is about.
    pub enum SubjectType {
        /// An order.
        Order = "order",
        /// A store.
        Store = "store",
    }
}

/// The id of a subject. Its prefix says of which type it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SubjectId {
    /// An order's.
    Order(OrderId),
    /// A store's.
    Store(StoreId),
}

impl SubjectId {
    /// The type of the subject.
    pub const fn subject_type(self) -> SubjectType {
        match self {
            Self::Order(_) => SubjectType::Order,
            Self::Store(_) => SubjectType::Store,
        }
    }
}

impl From<OrderId> for SubjectId {
    fn from(id: OrderId) -> Self {
        Self::Order(id)
    }
}

impl From<StoreId> for SubjectId {
    fn from(id: StoreId) -> Self {
        Self::Store(id)
    }
}

impl fmt::Display for SubjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order(id) => id.fmt(f),
            Self::Store(id) => id.fmt(f),
        }
    }
}

impl FromStr for SubjectId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        text.parse().map(Self::Store).or_else(|_| text.parse().map(Self::Order))
    }
}

impl Serialize for SubjectId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Subject {
    /// Its id.
    pub id: SubjectId,
    /// Its version after the event. Each event about a subject raises it by one.
    pub version: Version,
}

impl Serialize for Subject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Wire {
            #[serde(rename = "type")]
            subject_type: SubjectType,
            id: SubjectId,
            version: Version,
        }
        let Self { id, version } = *self;
        Wire { subject_type: id.subject_type(), id, version }.serialize(serializer)
    }
}

/// Several types of subjects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SubjectTypes(u64);

impl SubjectTypes {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// With one more type.
    pub const fn with(self, subject_type: SubjectType) -> Self {
        Self(self.0 | bit(subject_type))
    }

    /// Whether this type is among them.
    pub const fn contains(self, subject_type: SubjectType) -> bool {
        self.0 & bit(subject_type) != 0
    }
}

const fn bit(subject_type: SubjectType) -> u64 {
    const { assert!(SubjectType::ALL.len() <= u64::BITS as usize) };
    1 << subject_type as u64
}
