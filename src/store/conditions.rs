//! Conditions of a statement whose number is known only when it runs: a column, a comparison, a value.

use jiff::Timestamp;
use sqlx::{Database, Encode, QueryBuilder, Type};
use uuid::Uuid;

use crate::{
    base::cursor::{Cursor, Page, PageRequest},
    store::{StoreError, Tx, moment::At, row::Readable, tx::on},
};

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
pub(in crate::store) struct Conditions<'a>(Vec<Condition<'a>>);

#[derive(Clone, Debug)]
enum Condition<'a> {
    Is(&'static str),
    Compares(&'static str, Value<'a>),
    IsOneOf(&'static str, Vec<Value<'a>>),
}

impl<'a> Conditions<'a> {
    /// One more: `.and("created_at <", Value::Moment(before))`. `None` adds nothing.
    pub fn and(mut self, comparison: &'static str, value: impl Into<Option<Value<'a>>>) -> Self {
        self.0.extend(value.into().map(|value| Condition::Compares(comparison, value)));
        self
    }

    /// One more without a value: `.and_is("ended_at IS NULL")`. `None` adds nothing.
    pub fn and_is(mut self, condition: impl Into<Option<&'static str>>) -> Self {
        self.0.extend(condition.into().map(Condition::Is));
        self
    }

    /// One more: the column has one of the values. `None` adds nothing; an empty list holds for no row.
    pub fn and_one_of(
        mut self,
        column: &'static str,
        values: Option<impl Iterator<Item = Value<'a>>>,
    ) -> Self {
        self.0.extend(values.map(|values| Condition::IsOneOf(column, values.collect())));
        self
    }

    /// Appends ` AND condition` for each.
    pub fn push<DB>(&self, query: &mut QueryBuilder<DB>)
    where
        DB: Database,
        Uuid: Encode<'a, DB> + Type<DB>,
        &'a str: Encode<'a, DB> + Type<DB>,
        At: Encode<'a, DB> + Type<DB>,
    {
        for condition in &self.0 {
            query.push(" AND ");
            match condition {
                Condition::Is(condition) => drop(query.push(condition)),
                Condition::Compares(comparison, value) => {
                    value.push(query.push(comparison).push(" "));
                }
                Condition::IsOneOf(column, values) => {
                    query.push(column).push(" IN (");
                    for (place, value) in values.iter().enumerate() {
                        value.push(query.push(if place == 0 { "" } else { ", " }));
                    }
                    query.push(if values.is_empty() { "NULL)" } else { ")" });
                }
            }
        }
    }

    /// A page of the rows of which they hold, newest first: by the moment in the column `at`, then by id. `select` is the
    /// statement without its conditions, `cursor` the position of a row.
    pub async fn page<T: Readable>(
        &self,
        tx: &mut Tx,
        (select, at): (&'static str, &'static str),
        page: PageRequest,
        cursor: impl FnOnce(&T) -> Cursor,
    ) -> Result<Page<T>, StoreError> {
        let rows = on!(tx, |conn| {
            let mut query = QueryBuilder::new(select);
            query.push(" WHERE TRUE");
            self.push(&mut query);
            if let Some(after) = page.after {
                query.push(" AND (").push(at).push(", id) < (").push_bind(At(after.at));
                query.push(", ").push_bind(after.id).push(")");
            }
            query.push(" ORDER BY ").push(at).push(" DESC, id DESC LIMIT ");
            query.push_bind(i64::from(page.limit) + 1).build_query_as().fetch_all(conn).await?
        });
        Ok(Page::of(rows, page.limit, cursor))
    }
}
