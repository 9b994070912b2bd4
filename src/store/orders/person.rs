//! One person's orders: found and anonymised.

use sqlx::{AssertSqlSafe, types::Json};
use uuid::Uuid;

use crate::{
    domain::{Address, Customer, Fact, Order, OrderId, Reason},
    store::{
        StoreError, Tx,
        orders::{Body, bodies, history},
        tx::{Conn, on},
    },
};

/// The orders of whoever has this number, the youngest first, at most `limit`. Looks at every order: this is asked for rarely, and an
/// index would cost every change of every order.
pub async fn of_person(tx: &mut Tx, phone: &str, limit: u32) -> Result<Vec<Order>, StoreError> {
    let phone_of = phone_of(tx);
    let sql = format!(
        "SELECT body FROM orders WHERE {phone_of} = $1 ORDER BY placed_at DESC, id DESC LIMIT $2"
    );
    let rows: Vec<Body> = on!(tx, |conn| sqlx::query_as(AssertSqlSafe(sql))
        .bind(phone)
        .bind(i64::from(limit))
        .fetch_all(conn)
        .await?);
    Ok(bodies(rows))
}

/// Where an order's row says the customer's number.
const fn phone_of(tx: &Tx) -> &'static str {
    tx.dialect("body -> 'customer' ->> 'phone'", "body ->> '$.customer.phone'")
}

/// Lets no order with this number be placed until this unit of work ends, and waits for those that are just being placed.
pub async fn hold_person(tx: &mut Tx, phone: &str) -> Result<(), StoreError> {
    match &mut tx.conn {
        Conn::Postgres(session) => {
            sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
                .bind(phone)
                .execute(&mut **session)
                .await?;
        }
        // The unit of work is the only one that writes.
        Conn::Sqlite(_) => {}
    }
    Ok(())
}

/// Lets nobody erase these people until this unit of work ends, and waits for erasures under way.
pub async fn keep_people(tx: &mut Tx, phones: &[&str]) -> Result<(), StoreError> {
    match &mut tx.conn {
        Conn::Postgres(session) => {
            sqlx::query(
                "SELECT pg_advisory_xact_lock_shared(hashtextextended(phone, 0))
                 FROM UNNEST($1::text[]) AS phone",
            )
            .bind(phones)
            .execute(&mut **session)
            .await?;
        }
        // The unit of work is the only one that writes.
        Conn::Sqlite(_) => {}
    }
    Ok(())
}

/// The ids of this person's orders behind `after`, in their order, at most `limit`. All pages together look at every order once.
pub async fn page_of_person(
    tx: &mut Tx,
    phone: &str,
    after: Option<OrderId>,
    limit: u32,
) -> Result<Vec<OrderId>, StoreError> {
    let phone_of = phone_of(tx);
    let sql =
        format!("SELECT id FROM orders WHERE id > $2 AND {phone_of} = $1 ORDER BY id LIMIT $3");
    let ids: Vec<Uuid> = on!(tx, |conn| sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(phone)
        .bind(after.map_or(Uuid::nil(), OrderId::uuid))
        .bind(i64::from(limit))
        .fetch_all(conn)
        .await?);
    Ok(ids.into_iter().map(OrderId::from_uuid).collect())
}

/// Takes out of orders, of their log, and of what partners have told of them, who ordered, where it went, and what people wrote. What was
/// ordered, when and for how much stays.
/// The orders are locked: [`lock`](crate::store::orders::lock).
pub async fn anonymise(tx: &mut Tx, orders: Vec<Order>) -> Result<(), StoreError> {
    for mut order in orders {
        order.customer = nobody(&order.customer);
        order.address = order.address.map(|_| Address::default());
        order.note = None;
        order.items.iter_mut().for_each(|it| it.note = None);
        order.reason = order.reason.map(|it| Reason { note: None, ..it });
        on!(tx, |conn| sqlx::query(
            "UPDATE orders SET body = $2, customer_id = NULL WHERE id = $1"
        )
        .bind(order.id.uuid())
        .bind(Json(&order))
        .execute(conn)
        .await?
        .rows_affected());
        anonymise_log(tx, order.id).await?;
        // What a partner said of it was understood long ago; its hash still tells a repetition.
        on!(tx, |conn| sqlx::query("UPDATE inbox SET body = $2 WHERE order_id = $1")
            .bind(order.id.uuid())
            .bind(NOTHING)
            .execute(conn)
            .await?
            .rows_affected());
    }
    Ok(())
}

/// What is left of a body.
const NOTHING: &[u8] = b"{}";

async fn anonymise_log(tx: &mut Tx, id: OrderId) -> Result<(), StoreError> {
    for recorded in history(tx, id, 0).await? {
        let fact = without_people(recorded.fact.clone());
        if fact == recorded.fact {
            continue;
        }
        on!(tx, |conn| sqlx::query(
            "UPDATE order_event SET body = $3 WHERE order_id = $1 AND version = $2"
        )
        .bind(id.uuid())
        .bind(i64::from(recorded.version))
        .bind(Json(&fact))
        .execute(conn)
        .await?
        .rows_affected());
    }
    Ok(())
}

fn without_people(fact: Fact) -> Fact {
    match fact {
        Fact::OrderCreated { mut draft } => {
            draft.customer = nobody(&draft.customer);
            draft.address = draft.address.map(|_| Address::default());
            draft.note = None;
            draft.items.iter_mut().for_each(|it| it.note = None);
            Fact::OrderCreated { draft }
        }
        Fact::OrderStatusChanged { from, to, reason } => {
            let reason = reason.map(|it| Reason { note: None, ..it });
            Fact::OrderStatusChanged { from, to, reason }
        }
        other => other,
    }
}

/// Empties the calls of a channel in which this number stands, without its plus: receipts, and what they wrote.
pub async fn empty_calls(tx: &mut Tx, partner: &str, digits: &str) -> Result<u64, StoreError> {
    let position = tx.dialect("POSITION($2 IN body)", "INSTR(body, $2)");
    let sql = format!("UPDATE inbox SET body = $3 WHERE partner = $1 AND {position} > 0");
    Ok(on!(tx, |conn| sqlx::query(AssertSqlSafe(sql))
        .bind(partner)
        .bind(digits.as_bytes())
        .bind(NOTHING)
        .execute(conn)
        .await?
        .rows_affected()))
}

/// A language is nobody's own.
fn nobody(customer: &Customer) -> Customer {
    Customer { language: customer.language, ..Customer::default() }
}
