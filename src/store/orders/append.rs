//! The one way in which orders change: log, read model, outbox and what partners are to be told, together.

use jiff::Timestamp;

use crate::{
    domain::{Order, Recorded, Version},
    store::{
        StoreError, Tx,
        outbox::{self, OutboxMessage},
        partner_calls::{self, NewPartnerCall},
        rows::Rows,
        tx::Conn,
    },
};

/// What happened to one order.
#[derive(Clone, Debug)]
pub struct Append<'a> {
    /// The version that was decided upon; 0 for a new order.
    pub previous: Version,
    /// What happened, one fact for each version from `previous` on.
    pub recorded: &'a [Recorded],
    /// The order after the last fact.
    pub order: &'a Order,
    /// What is to leave by the bus, in this order.
    pub messages: Vec<OutboxMessage>,
    /// What the partner where it was placed is to be told of it.
    pub calls: Vec<NewPartnerCall>,
}

/// Records what happened to one order. [`StoreError::Conflict`] when it has moved on from `previous` meanwhile.
pub async fn append(tx: &mut Tx, append: Append<'_>) -> Result<(), StoreError> {
    append_all(tx, &[append]).await
}

/// Records what happened to many orders, in as few statements as for one. Each order may come once.
///
/// [`StoreError::Conflict`] when any has moved on; then nothing of it is recorded, and `tx` is of no more use.
pub async fn append_all(tx: &mut Tx, appends: &[Append<'_>]) -> Result<(), StoreError> {
    let moved: Vec<_> = appends.iter().filter(|it| !it.recorded.is_empty()).collect();
    for append in &moved {
        check(append)?;
    }
    let (new, known): (Vec<_>, Vec<_>) = moved.iter().partition(|it| it.previous == 0);
    write_events(tx, &moved).await?;
    insert_orders(tx, &new).await?;
    update_orders(tx, &known).await?;
    let messages: Vec<_> = appends.iter().flat_map(|append| &append.messages).collect();
    outbox::put(tx, &messages).await?;
    let calls: Vec<_> = appends.iter().flat_map(|it| &it.calls).collect();
    partner_calls::put(tx, &calls).await
}

/// The log has no gaps, and the read model stands at its end.
fn check(append: &Append<'_>) -> Result<(), StoreError> {
    let order = append.order;
    let mut version = append.previous;
    for recorded in append.recorded {
        version += 1;
        if recorded.order_id != order.id || recorded.version != version {
            return Err(StoreError::Inconsistent(format!(
                "a fact of {} at version {} cannot follow version {} of {}",
                recorded.order_id,
                recorded.version,
                version - 1,
                order.id,
            )));
        }
    }
    if order.version != version {
        return Err(StoreError::Inconsistent(format!(
            "{} is at version {}, and its last fact at {version}",
            order.id, order.version,
        )));
    }
    Ok(())
}

async fn write_events(tx: &mut Tx, appends: &[&Append<'_>]) -> Result<(), StoreError> {
    let events = || appends.iter().flat_map(|it| it.recorded);
    let rows = Rows::default()
        .uuids(events().map(|it| it.order_id.uuid()))
        .numbers(events().map(|it| it.version))
        .uuids(events().map(|it| it.event_id.uuid()))
        .texts(events().map(|it| it.fact.event_type().as_str()))
        .moments(events().map(|it| it.recorded_at))
        .moments(events().map(|it| it.occurred_at))
        .jsons(events().map(|it| &it.actor))?
        .jsons(events().map(|it| &it.fact))?
        .jsons_or_none(events().map(|it| Some(&it.context).filter(|it| !it.is_empty())))?;
    let head = "INSERT INTO order_event (
            order_id, version, event_id, event_type, recorded_at, occurred_at, actor, body, context
        )";
    rows.execute(tx, head, "").await.map(drop)
}

async fn insert_orders(tx: &mut Tx, appends: &[&&Append<'_>]) -> Result<(), StoreError> {
    let orders = || appends.iter().map(|it| it.order);
    let rows = Rows::default()
        .uuids(orders().map(|it| it.id.uuid()))
        .uuids(orders().map(|it| it.store_id.uuid()))
        .texts(orders().map(|it| it.customer.id.as_deref()))
        .texts(orders().map(courier_id))
        .texts(orders().map(|it| it.number.as_str()))
        .texts(orders().map(|it| it.status.as_str()))
        .numbers(orders().map(|it| it.version))
        .moments(orders().map(|it| it.placed_at))
        .moments(orders().map(|it| it.updated_at))
        .moments(orders().map(ended_at))
        .moments(orders().map(Order::answer_by))
        .jsons(orders())?
        .texts(orders().map(|order| order.customer.phone.as_deref()));
    let head = "WITH placed (
            id, store_id, customer_id, courier_id, number, status, version,
            placed_at, updated_at, ended_at, answer_by, body, phone
        ) AS (";
    macro_rules! insert {
        ($($hold:literal)?) => {
            concat!(
                ")
                INSERT INTO orders (
                    id, store_id, customer_id, courier_id, number, status, version,
                    placed_at, updated_at, ended_at, answer_by, body
                )
                SELECT id, store_id, customer_id, courier_id, number, status, version,
                    placed_at, updated_at, ended_at, answer_by, body
                FROM placed",
                $($hold)?
            )
        };
    }
    let tail = match tx.conn {
        // Until the commit nobody erases this person: see `hold_person`. In this statement it costs no round trip.
        Conn::Postgres(_) => insert!(
            " WHERE phone IS NULL
                OR pg_advisory_xact_lock_shared(hashtextextended(phone, 0)) IS NOT NULL"
        ),
        // The unit of work is the only one that writes.
        Conn::Sqlite(_) => insert!(),
    };
    rows.execute(tx, head, tail).await.map(drop)
}

async fn update_orders(tx: &mut Tx, appends: &[&&Append<'_>]) -> Result<(), StoreError> {
    let orders = || appends.iter().map(|it| it.order);
    let rows = Rows::default()
        .uuids(orders().map(|it| it.id.uuid()))
        .numbers(appends.iter().map(|it| it.previous))
        .texts(orders().map(courier_id))
        .texts(orders().map(|it| it.status.as_str()))
        .numbers(orders().map(|it| it.version))
        .moments(orders().map(|it| it.updated_at))
        .moments(orders().map(ended_at))
        .moments(orders().map(Order::answer_by))
        .jsons(orders())?;
    let head = "WITH changed (
            id, previous, courier_id, status, version, updated_at, ended_at, answer_by, body
        ) AS (";
    let tail = ")
        UPDATE orders
        SET courier_id = changed.courier_id,
            status = changed.status,
            version = changed.version,
            updated_at = changed.updated_at,
            ended_at = changed.ended_at,
            answer_by = changed.answer_by,
            body = changed.body
        FROM changed
        WHERE orders.id = changed.id
          AND orders.version = changed.previous";
    let updated = rows.execute(tx, head, tail).await?;
    if usize::try_from(updated) == Ok(appends.len()) { Ok(()) } else { Err(StoreError::Conflict) }
}

fn courier_id(order: &Order) -> Option<&str> {
    order.delivery.courier.as_ref().map(|it| it.id.as_str())
}

fn ended_at(order: &Order) -> Option<Timestamp> {
    let last = order.timeline.last().map_or(order.updated_at, |it| it.at);
    order.status.is_terminal().then_some(last)
}
