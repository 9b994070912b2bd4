//! Reading rows of either dialect.

use std::str::FromStr;

use sqlx::{FromRow, postgres::PgRow, sqlite::SqliteRow};

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

/// A word of one of our vocabularies.
pub(in crate::store) fn word<T: FromStr<Err = UnknownWord>>(text: &str) -> Result<T, sqlx::Error> {
    text.parse().map_err(|unknown: UnknownWord| sqlx::Error::Decode(unknown.into()))
}

/// A number that is small by nature.
pub(in crate::store) fn number<T: TryFrom<i64>>(stored: i64) -> Result<T, sqlx::Error> {
    T::try_from(stored)
        .map_err(|_| sqlx::Error::Decode(format!("{stored} is out of bounds").into()))
}
