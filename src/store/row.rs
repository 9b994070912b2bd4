//! Reading rows of either dialect.

use std::str::FromStr;

use sqlx::{FromRow, Row, postgres::PgRow, sqlite::SqliteRow};
use uuid::Uuid;

use crate::domain::UnknownWord;

/// What can be read from a row of either dialect.
pub(in crate::store) trait Readable:
    for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin
{
}

impl<T> Readable for T where
    T: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin
{
}

/// Says once, for both dialects, how a row becomes a value.
macro_rules! from_row {
    ($kind:ty, |$row:ident| $body:expr) => {
        impl sqlx::FromRow<'_, sqlx::postgres::PgRow> for $kind {
            fn from_row($row: &sqlx::postgres::PgRow) -> Result<Self, sqlx::Error> {
                use sqlx::Row;
                Ok($body)
            }
        }

        impl sqlx::FromRow<'_, sqlx::sqlite::SqliteRow> for $kind {
            fn from_row($row: &sqlx::sqlite::SqliteRow) -> Result<Self, sqlx::Error> {
                use sqlx::Row;
                Ok($body)
            }
        }
    };
}

pub(in crate::store) use from_row;

/// A row that is read by itself, so that one that cannot be read does not hide the others.
pub(in crate::store) struct Lenient<T> {
    /// What the row's `id` says.
    pub id: Option<Uuid>,
    pub value: Result<T, sqlx::Error>,
}

impl<'r, T: FromRow<'r, PgRow>> FromRow<'r, PgRow> for Lenient<T> {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self { id: row.try_get("id").ok(), value: T::from_row(row) })
    }
}

impl<'r, T: FromRow<'r, SqliteRow>> FromRow<'r, SqliteRow> for Lenient<T> {
    fn from_row(row: &'r SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self { id: row.try_get("id").ok(), value: T::from_row(row) })
    }
}

/// The rows that can be read, and the ids of the others. What is wrong with those is logged; `what` names their kind.
pub(in crate::store) fn readable<T>(rows: Vec<Lenient<T>>, what: &str) -> (Vec<T>, Vec<Uuid>) {
    let (mut values, mut unreadable) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in rows {
        match row.value {
            Ok(value) => values.push(value),
            Err(error) => {
                let id = row.id.map(tracing::field::display);
                tracing::error!(id, "a stored {what} cannot be read and is left out: {error}");
                unreadable.extend(row.id);
            }
        }
    }
    (values, unreadable)
}

/// A word of one of our vocabularies.
pub(in crate::store) fn word<T: FromStr<Err = UnknownWord>>(text: &str) -> Result<T, sqlx::Error> {
    text.parse().map_err(|unknown: UnknownWord| sqlx::Error::Decode(unknown.into()))
}

/// A number that is small by nature.
pub(in crate::store) fn number<T: TryFrom<i64>>(stored: i64) -> Result<T, sqlx::Error> {
    T::try_from(stored)
        .map_err(|_| sqlx::Error::Decode(format!("{stored} is out of bounds").into()))
}
