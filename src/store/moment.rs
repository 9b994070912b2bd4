//! Moments as the databases keep them: `timestamptz`, or an integer of microseconds.
//!
//! SQLite's own habit, text with a variable number of digits, neither sorts nor compares.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::{
    Decode, Encode, Postgres, Sqlite, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueRef},
    sqlite::{SqliteArgumentsBuffer, SqliteTypeInfo, SqliteValueRef},
};

/// Where PostgreSQL's calendar begins, in 4714 BC. Callers may search from earlier on, but nothing is found there.
const EARLIEST: Timestamp = Timestamp::constant(-210_866_803_200, 0);

/// A moment on its way into or out of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct At(pub Timestamp);

impl From<At> for Timestamp {
    fn from(At(moment): At) -> Self {
        moment
    }
}

impl Type<Postgres> for At {
    fn type_info() -> PgTypeInfo {
        <jiff_sqlx::Timestamp as Type<Postgres>>::type_info()
    }
}

impl PgHasArrayType for At {
    fn array_type_info() -> PgTypeInfo {
        <jiff_sqlx::Timestamp as PgHasArrayType>::array_type_info()
    }
}

impl Encode<'_, Postgres> for At {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Postgres>::encode_by_ref(&self.0.max(EARLIEST).to_sqlx(), buffer)
    }
}

impl<'r> Decode<'r, Postgres> for At {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        <jiff_sqlx::Timestamp as Decode<'r, Postgres>>::decode(value).map(|it| Self(it.to_jiff()))
    }
}

impl Type<Sqlite> for At {
    fn type_info() -> SqliteTypeInfo {
        <i64 as Type<Sqlite>>::type_info()
    }

    fn compatible(kind: &SqliteTypeInfo) -> bool {
        <i64 as Type<Sqlite>>::compatible(kind)
    }
}

impl Encode<'_, Sqlite> for At {
    fn encode_by_ref(&self, buffer: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Sqlite>::encode(self.0.as_microsecond(), buffer)
    }
}

impl<'r> Decode<'r, Sqlite> for At {
    fn decode(value: SqliteValueRef<'r>) -> Result<Self, BoxDynError> {
        let micros = <i64 as Decode<'r, Sqlite>>::decode(value)?;
        Ok(Self(Timestamp::from_microsecond(micros)?))
    }
}
