//! One person's orders: found, and made nobody's.

use sqlx::types::Json;

use crate::domain::Order;
use crate::{
    domain::{Address, Customer, Fact, OrderId},
    store::{
        StoreError, Tx,
        orders::{Body, bodies},
        tx::{Conn, on},
    },
};

/// The orders of whoever has this number, the youngest first, at most `limit`. Looks at every order: this is asked for rarely, and an
/// index would cost every change of every order.
pub async fn of_person(tx: &mut Tx, phone: &str, limit: u32) -> Result<Vec<Order>, StoreError> {
    macro_rules! find {
        ($phone:literal) => {
            concat!(
                "SELECT body FROM orders WHERE ",
                $phone,
                " = $1 ORDER BY placed_at DESC, id DESC LIMIT $2"
            )
        };
    }
    let rows: Vec<Body> = match &mut tx.conn {
        Conn::Postgres(session) => {
            sqlx::query_as(find!("body -> 'customer' ->> 'phone'"))
                .bind(phone)
                .bind(i64::from(limit))
                .fetch_all(&mut **session)
                .await?
        }
        Conn::Sqlite(session) => {
            sqlx::query_as(find!("body ->> '$.customer.phone'"))
                .bind(phone)
                .bind(i64::from(limit))
                .fetch_all(&mut **session)
                .await?
        }
    };
    Ok(bodies(rows))
}

/// Takes out of orders, of their log, and of what partners have told of them, who ordered, where it went, and what they wrote. What was
/// ordered, when and for how much stays.
pub async fn anonymise(tx: &mut Tx, ids: &[OrderId]) -> Result<(), StoreError> {
    for mut order in crate::store::orders::lock(tx, ids).await? {
        order.customer = nobody(&order.customer);
        order.address = order.address.map(|_| Address::default());
        order.note = None;
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
            .bind(b"{}".as_slice())
            .execute(conn)
            .await?
            .rows_affected());
    }
    Ok(())
}

async fn anonymise_log(tx: &mut Tx, id: OrderId) -> Result<(), StoreError> {
    let first: Option<Json<Fact>> = on!(tx, |conn| sqlx::query_scalar(
        "SELECT body FROM order_event WHERE order_id = $1 AND version = 1"
    )
    .bind(id.uuid())
    .fetch_optional(conn)
    .await?);
    let Some(Json(Fact::OrderCreated { mut draft })) = first else { return Ok(()) };
    draft.customer = nobody(&draft.customer);
    draft.address = draft.address.map(|_| Address::default());
    draft.note = None;
    on!(tx, |conn| sqlx::query(
        "UPDATE order_event SET body = $2 WHERE order_id = $1 AND version = 1"
    )
    .bind(id.uuid())
    .bind(Json(Fact::OrderCreated { draft }))
    .execute(conn)
    .await?
    .rows_affected());
    Ok(())
}

/// A language is nobody's own.
fn nobody(customer: &Customer) -> Customer {
    Customer { language: customer.language, ..Customer::default() }
}
