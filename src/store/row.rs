//! Reading rows of either dialect.

use std::num::TryFromIntError;

use jiff::Timestamp;
use sqlx::{ColumnIndex, Decode, FromRow, Row, Type, postgres::PgRow, sqlite::SqliteRow};
use uuid::Uuid;

use crate::{
    domain::{
        Audience, AuditId, Category, ConsentId, CredentialId, Decision, DeliveryId, EndpointFormat,
        EndpointId, EventId, InboxId, Language, MessageChannel, NotificationId, NotificationState,
        OrderId, OrderStatus, PartnerCallId, StoreId,
    },
    store::moment::At,
};

/// What can be read from a row of either dialect.
pub(in crate::store) trait Readable:
    for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin
{
}

impl<T> Readable for T where
    T: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin
{
}

/// Reads types of ours from a column of another type.
macro_rules! read_from {
    ($column:ty, $read:expr, $($kind:ident),+ $(,)?) => {$(
        impl<'r, DB: sqlx::Database> sqlx::Type<DB> for $kind
        where
            $column: sqlx::Type<DB>,
        {
            fn type_info() -> DB::TypeInfo {
                <$column>::type_info()
            }

            fn compatible(column: &DB::TypeInfo) -> bool {
                <$column>::compatible(column)
            }
        }

        impl<'r, DB: sqlx::Database> sqlx::Decode<'r, DB> for $kind
        where
            $column: sqlx::Decode<'r, DB>,
        {
            fn decode(value: DB::ValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
                $read(<$column>::decode(value)?)
            }
        }
    )+};
}

pub(in crate::store) use read_from;

/// Reads words of our vocabularies.
macro_rules! read_words {
    ($($kind:ident),+ $(,)?) => {
        $crate::store::row::read_from!(&'r str, |word: &str| Ok(word.parse()?), $($kind),+);
    };
}

pub(in crate::store) use read_words;

read_from!(
    Uuid,
    |id| Ok(Self::from_uuid(id)),
    AuditId,
    ConsentId,
    CredentialId,
    DeliveryId,
    EndpointId,
    EventId,
    InboxId,
    NotificationId,
    OrderId,
    PartnerCallId,
    StoreId,
);

read_words!(
    Audience,
    Category,
    Decision,
    EndpointFormat,
    Language,
    MessageChannel,
    NotificationState,
    OrderStatus,
);

/// A column that may be NULL, where what is read from it is of another type.
#[derive(sqlx::Type)]
#[sqlx(transparent)]
pub struct Nullable<T>(Option<T>);

impl From<Nullable<At>> for Option<Timestamp> {
    fn from(column: Nullable<At>) -> Self {
        column.0.map(Timestamp::from)
    }
}

impl TryFrom<Nullable<i64>> for Option<u16> {
    type Error = TryFromIntError;

    fn try_from(column: Nullable<i64>) -> Result<Self, TryFromIntError> {
        column.0.map(u16::try_from).transpose()
    }
}

/// Says once, for both dialects, how a row becomes a value whose form is not that of the row; others derive [`FromRow`].
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

impl<'r, R: Row, T: FromRow<'r, R>> FromRow<'r, R> for Lenient<T>
where
    &'static str: ColumnIndex<R>,
    Uuid: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
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

/// A number that is small by nature.
pub(in crate::store) fn number<T: TryFrom<i64>>(stored: i64) -> Result<T, sqlx::Error> {
    T::try_from(stored)
        .map_err(|_| sqlx::Error::Decode(format!("{stored} is out of bounds").into()))
}
