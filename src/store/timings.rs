//! How long orders took, for the kitchen's statistics.

use jiff::{Timestamp, civil::Date};

use crate::{
    domain::{OrderId, OrderStatus, StoreId},
    store::{StoreError, Tx, moment::At, row::Nullable, rows::Rows, tx::on},
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

impl Timing {
    /// Adds what a later event of the same order says. What is known stays.
    pub fn merge(&mut self, later: &Self) {
        self.placed_at = self.placed_at.or(later.placed_at);
        self.accepted_at = self.accepted_at.or(later.accepted_at);
        self.ready_at = self.ready_at.or(later.ready_at);
        self.ended_at = self.ended_at.or(later.ended_at);
        self.outcome = self.outcome.or(later.outcome);
    }
}

/// Adds what is known of orders; each may come once. What was known before stays, so noting it again changes nothing.
///
/// Rows are locked in the order of the order ids, so two transactions with the same orders cannot deadlock.
pub async fn note(tx: &mut Tx, timings: &[Timing]) -> Result<(), StoreError> {
    let mut sorted: Vec<_> = timings.iter().collect();
    sorted.sort_by_key(|timing| timing.order_id);
    let all = || sorted.iter();
    let days: Vec<_> = all().map(|timing| timing.day.to_string()).collect();
    let rows = Rows::default()
        .uuids(all().map(|timing| timing.order_id.uuid()))
        .uuids(all().map(|timing| timing.store_id.uuid()))
        .texts(days.iter().map(String::as_str))
        .moments(all().map(|timing| timing.placed_at))
        .moments(all().map(|timing| timing.accepted_at))
        .moments(all().map(|timing| timing.ready_at))
        .moments(all().map(|timing| timing.ended_at))
        .texts(all().map(|timing| timing.outcome.map(OrderStatus::as_str)));
    let head = "INSERT INTO order_timing AS known (
            order_id, store_id, day, placed_at, accepted_at, ready_at, ended_at, outcome
        )";
    let tail = "ON CONFLICT (order_id) DO UPDATE
        SET placed_at = COALESCE(known.placed_at, excluded.placed_at),
            accepted_at = COALESCE(known.accepted_at, excluded.accepted_at),
            ready_at = COALESCE(known.ready_at, excluded.ready_at),
            ended_at = COALESCE(known.ended_at, excluded.ended_at),
            outcome = COALESCE(known.outcome, excluded.outcome)";
    rows.execute(tx, head, tail).await.map(drop)
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

#[derive(sqlx::FromRow)]
struct Way {
    #[sqlx(try_from = "Nullable<At>")]
    placed_at: Option<Timestamp>,
    #[sqlx(try_from = "Nullable<At>")]
    accepted_at: Option<Timestamp>,
    #[sqlx(try_from = "Nullable<At>")]
    ready_at: Option<Timestamp>,
    #[sqlx(try_from = "Nullable<At>")]
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
