//! How long orders took, for the kitchen's statistics.

use jiff::{Timestamp, civil::Date};

use crate::{
    domain::{OrderId, OrderStatus, StoreId},
    store::{
        StoreError, Tx,
        moment::At,
        row::{from_row, word},
        tx::on,
    },
};

/// What is known of one order's way.
#[derive(Clone, Debug)]
pub struct Timing {
    /// The order.
    pub order_id: OrderId,
    /// Its store.
    pub store_id: StoreId,
    /// The store's own business day that the order belongs to.
    pub day: Date,
    /// When it was placed.
    pub placed_at: Option<Timestamp>,
    /// When the store took it on.
    pub accepted_at: Option<Timestamp>,
    /// When it was on the pass.
    pub ready_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<OrderStatus>,
}

/// One store's day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DayStats {
    /// How many orders there were.
    pub orders: usize,
    /// How many of them have ended.
    pub ended: usize,
    /// How many of those without the food reaching the customer.
    pub unhappy: usize,
    /// How long half of the orders waited for the store's answer, or less.
    pub median_seconds_to_accept: Option<i64>,
    /// How long half of the orders took from the answer to the pass, or less.
    pub median_seconds_to_ready: Option<i64>,
}

/// Adds what is known. What was known before stays, so that nothing changes when it is noted again.
pub async fn note(tx: &mut Tx, timing: &Timing) -> Result<(), StoreError> {
    on!(tx, |conn| sqlx::query(
        "INSERT INTO order_timing AS known (
             order_id, store_id, day, placed_at, accepted_at, ready_at, ended_at, outcome
         )
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (order_id) DO UPDATE
         SET placed_at = COALESCE(known.placed_at, excluded.placed_at),
             accepted_at = COALESCE(known.accepted_at, excluded.accepted_at),
             ready_at = COALESCE(known.ready_at, excluded.ready_at),
             ended_at = COALESCE(known.ended_at, excluded.ended_at),
             outcome = COALESCE(known.outcome, excluded.outcome)",
    )
    .bind(timing.order_id.uuid())
    .bind(timing.store_id.uuid())
    .bind(timing.day.to_string())
    .bind(timing.placed_at.map(At))
    .bind(timing.accepted_at.map(At))
    .bind(timing.ready_at.map(At))
    .bind(timing.ended_at.map(At))
    .bind(timing.outcome.map(OrderStatus::as_str))
    .execute(conn)
    .await?
    .rows_affected());
    Ok(())
}

/// One store's day in figures.
pub async fn day(tx: &mut Tx, store_id: StoreId, day: Date) -> Result<DayStats, StoreError> {
    // A day of one store is small enough to be counted here, where both dialects have the same median.
    let ways: Vec<Way> = on!(tx, |conn| sqlx::query_as(
        "SELECT placed_at, accepted_at, ready_at, ended_at, outcome
         FROM order_timing
         WHERE store_id = $1
           AND day = $2",
    )
    .bind(store_id.uuid())
    .bind(day.to_string())
    .fetch_all(conn)
    .await?);
    Ok(DayStats {
        orders: ways.len(),
        ended: ways.iter().filter(|it| it.ended_at.is_some()).count(),
        unhappy: ways.iter().filter(|it| it.outcome.is_some_and(OrderStatus::is_unhappy)).count(),
        median_seconds_to_accept: median(ways.iter().map(|it| (it.placed_at, it.accepted_at))),
        median_seconds_to_ready: median(ways.iter().map(|it| (it.accepted_at, it.ready_at))),
    })
}

struct Way {
    placed_at: Option<Timestamp>,
    accepted_at: Option<Timestamp>,
    ready_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    outcome: Option<OrderStatus>,
}

/// The lower median of those spans that have both ends, in seconds.
fn median(spans: impl Iterator<Item = (Option<Timestamp>, Option<Timestamp>)>) -> Option<i64> {
    let mut seconds: Vec<_> =
        spans.filter_map(|(from, to)| Some(to?.duration_since(from?).as_secs())).collect();
    seconds.sort_unstable();
    seconds.get(seconds.len().checked_sub(1)? / 2).copied()
}

from_row!(Way, |row| Self {
    placed_at: row.try_get::<Option<At>, _>("placed_at")?.map(|At(at)| at),
    accepted_at: row.try_get::<Option<At>, _>("accepted_at")?.map(|At(at)| at),
    ready_at: row.try_get::<Option<At>, _>("ready_at")?.map(|At(at)| at),
    ended_at: row.try_get::<Option<At>, _>("ended_at")?.map(|At(at)| at),
    outcome: row.try_get::<Option<&str>, _>("outcome")?.map(word).transpose()?,
});
