//! Many rows in one statement, of whatever number.
//!
//! PostgreSQL gets one array for each column and `UNNEST`s them: the statement reads the same for every number of
//! rows, so it is prepared once. SQLite, where preparing is cheap and arrays are none, gets `VALUES`.

use std::ops::Range;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::{Arguments, AssertSqlSafe, postgres::PgArguments, sqlite::SqliteArguments, types::Json};
use uuid::Uuid;

use crate::store::{StoreError, Tx, moment::At, row::Readable, tx::Conn};

/// How many values SQLite takes in one statement.
const SQLITE_VALUES: usize = 32_766;

/// Rows, column by column. Every column must be as long as the first.
#[derive(Debug, Default)]
pub(in crate::store) struct Rows<'a> {
    columns: Vec<Column<'a>>,
}

#[derive(Debug)]
enum Column<'a> {
    Uuids(Vec<Option<Uuid>>),
    Numbers(Vec<Option<i64>>),
    Texts(Vec<Option<&'a str>>),
    Moments(Vec<Option<At>>),
    Blobs(Vec<&'a [u8]>),
    Jsons(Vec<Option<Json<Box<RawValue>>>>),
}

/// Does the same for the values of a column, whatever they are.
macro_rules! each {
    ($column:expr, |$values:ident| $body:expr) => {
        match $column {
            Column::Uuids($values) => $body,
            Column::Numbers($values) => $body,
            Column::Texts($values) => $body,
            Column::Moments($values) => $body,
            Column::Blobs($values) => $body,
            Column::Jsons($values) => $body,
        }
    };
}

impl<'a> Rows<'a> {
    /// Adds a column of ids.
    pub fn uuids(self, values: impl Iterator<Item = impl Into<Option<Uuid>>>) -> Self {
        self.with(Column::Uuids(values.map(Into::into).collect()))
    }

    /// Adds a column of whole numbers.
    pub fn numbers(self, values: impl Iterator<Item = impl Into<i64>>) -> Self {
        self.with(Column::Numbers(values.map(|it| Some(it.into())).collect()))
    }

    /// Adds a column of whole numbers of which some may be missing.
    pub fn numbers_or_none(self, values: impl Iterator<Item = Option<impl Into<i64>>>) -> Self {
        self.with(Column::Numbers(values.map(|it| it.map(Into::into)).collect()))
    }

    /// Adds a column of texts.
    pub fn texts(self, values: impl Iterator<Item = impl Into<Option<&'a str>>>) -> Self {
        self.with(Column::Texts(values.map(Into::into).collect()))
    }

    /// Adds a column of moments.
    pub fn moments(self, values: impl Iterator<Item = impl Into<Option<Timestamp>>>) -> Self {
        self.with(Column::Moments(values.map(|it| it.into().map(At)).collect()))
    }

    /// Adds a column of bytes.
    pub fn blobs(self, values: impl Iterator<Item = &'a [u8]>) -> Self {
        self.with(Column::Blobs(values.collect()))
    }

    /// Adds a column of JSON.
    pub fn jsons<T: Serialize>(self, values: impl Iterator<Item = T>) -> Result<Self, StoreError> {
        self.jsons_or_none(values.map(Some))
    }

    /// Adds a column of JSON of which some may be missing.
    pub fn jsons_or_none<T: Serialize>(
        self,
        values: impl Iterator<Item = Option<T>>,
    ) -> Result<Self, StoreError> {
        let raw = |value: T| serde_json::value::to_raw_value(&value).map(Json);
        let values: Result<_, serde_json::Error> =
            values.map(|value| value.map(raw).transpose()).collect();
        let values = values.map_err(|error| StoreError::Inconsistent(error.to_string()))?;
        Ok(self.with(Column::Jsons(values)))
    }

    /// Adds the columns of other rows, which must be as many.
    pub fn and(mut self, other: Self) -> Self {
        self.columns.extend(other.columns);
        self
    }

    /// Runs `head`, the rows, `tail`; answers how many rows of the table were touched.
    pub async fn execute(&self, tx: &mut Tx, head: &str, tail: &str) -> Result<u64, StoreError> {
        let mut touched = 0;
        match &mut tx.conn {
            Conn::Postgres(session) if self.len() > 0 => {
                let sql = AssertSqlSafe(self.postgres_sql(head, tail));
                let query = sqlx::query_with(sql, self.postgres_arguments()?);
                touched = query.execute(&mut **session).await?.rows_affected();
            }
            Conn::Postgres(_) => {}
            Conn::Sqlite(session) => {
                for range in self.sqlite_chunks() {
                    let sql = AssertSqlSafe(self.sqlite_sql(head, range.len(), tail));
                    let lone = range.len() == 1;
                    let query = sqlx::query_with(sql, self.sqlite_arguments(range)?);
                    let done = query.persistent(lone).execute(&mut **session).await?;
                    touched += done.rows_affected();
                }
            }
        }
        Ok(touched)
    }

    /// Runs `head`, the rows, `tail`; answers what that returns.
    pub async fn fetch<T: Readable>(
        &self,
        tx: &mut Tx,
        head: &str,
        tail: &str,
    ) -> Result<Vec<T>, StoreError> {
        let mut found = Vec::new();
        match &mut tx.conn {
            Conn::Postgres(session) if self.len() > 0 => {
                let sql = AssertSqlSafe(self.postgres_sql(head, tail));
                let query = sqlx::query_as_with(sql, self.postgres_arguments()?);
                found = query.fetch_all(&mut **session).await?;
            }
            Conn::Postgres(_) => {}
            Conn::Sqlite(session) => {
                for range in self.sqlite_chunks() {
                    let sql = AssertSqlSafe(self.sqlite_sql(head, range.len(), tail));
                    let lone = range.len() == 1;
                    let query = sqlx::query_as_with(sql, self.sqlite_arguments(range)?);
                    found.extend(query.persistent(lone).fetch_all(&mut **session).await?);
                }
            }
        }
        Ok(found)
    }

    fn with(mut self, column: Column<'a>) -> Self {
        self.columns.push(column);
        self
    }

    fn len(&self) -> usize {
        self.columns.first().map_or(0, |it| each!(it, |values| values.len()))
    }

    fn postgres_sql(&self, head: &str, tail: &str) -> String {
        let arrays: Vec<_> = (1..)
            .zip(&self.columns)
            .map(|(place, column)| format!("${place}::{}[]", column.postgres_type()))
            .collect();
        format!("{head} SELECT * FROM UNNEST({}) {tail}", arrays.join(", "))
    }

    fn postgres_arguments(&self) -> Result<PgArguments, StoreError> {
        let mut arguments = PgArguments::default();
        for column in &self.columns {
            each!(column, |values| arguments.add(values)).map_err(sqlx::Error::Encode)?;
        }
        Ok(arguments)
    }

    fn sqlite_chunks(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let len = self.len();
        let most = SQLITE_VALUES / self.columns.len().max(1);
        (0..len).step_by(most).map(move |from| from..len.min(from + most))
    }

    fn sqlite_sql(&self, head: &str, rows: usize, tail: &str) -> String {
        let row = format!("({})", vec!["?"; self.columns.len()].join(", "));
        format!("{head} VALUES {} {tail}", vec![row; rows].join(", "))
    }

    fn sqlite_arguments(&self, range: Range<usize>) -> Result<SqliteArguments, StoreError> {
        let mut arguments = SqliteArguments::default();
        for row in range {
            for column in &self.columns {
                each!(column, |values| arguments.add(values.get(row)))
                    .map_err(sqlx::Error::Encode)?;
            }
        }
        Ok(arguments)
    }
}

impl Column<'_> {
    const fn postgres_type(&self) -> &'static str {
        match self {
            Self::Uuids(_) => "uuid",
            Self::Numbers(_) => "bigint",
            Self::Texts(_) => "text",
            Self::Moments(_) => "timestamptz",
            Self::Blobs(_) => "bytea",
            Self::Jsons(_) => "jsonb",
        }
    }
}
