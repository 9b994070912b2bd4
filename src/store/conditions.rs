//! Conditions of a statement whose number is known only when it runs: a column, a comparison, a value.

use jiff::Timestamp;
use sqlx::{Database, Encode, QueryBuilder, Type};
use uuid::Uuid;

use crate::store::moment::At;

/// What a column is compared with, or set to.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) enum Value<'a> {
    /// An id.
    Uuid(Uuid),
    /// A text.
    Text(&'a str),
    /// A moment.
    Moment(Timestamp),
}

impl<'a> Value<'a> {
    /// Appends it as a bound value.
    pub fn push<DB>(self, query: &mut QueryBuilder<DB>)
    where
        DB: Database,
        Uuid: Encode<'a, DB> + Type<DB>,
        &'a str: Encode<'a, DB> + Type<DB>,
        At: Encode<'a, DB> + Type<DB>,
    {
        match self {
            Self::Uuid(id) => query.push_bind(id),
            Self::Text(text) => query.push_bind(text),
            Self::Moment(moment) => query.push_bind(At(moment)),
        };
    }
}

/// Conditions that must all hold. The values are bound, never written into the statement.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct Conditions<'a>(Vec<(&'static str, Value<'a>)>);

impl<'a> Conditions<'a> {
    /// One more: `.and("created_at <", Value::Moment(before))`. `None` adds nothing.
    pub fn and(mut self, comparison: &'static str, value: impl Into<Option<Value<'a>>>) -> Self {
        self.0.extend(value.into().map(|value| (comparison, value)));
        self
    }

    /// Appends ` AND column = value` for each.
    pub fn push<DB>(&self, query: &mut QueryBuilder<DB>)
    where
        DB: Database,
        Uuid: Encode<'a, DB> + Type<DB>,
        &'a str: Encode<'a, DB> + Type<DB>,
        At: Encode<'a, DB> + Type<DB>,
    {
        for (comparison, value) in &self.0 {
            query.push(" AND ").push(comparison).push(" ");
            value.push(query);
        }
    }
}
