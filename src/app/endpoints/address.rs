//! Addresses events to the endpoints that want them.

use bytes::Bytes;
use jiff::Timestamp;

use crate::{
    app::{App, Failure},
    domain::{DeliveryId, Envelope, Order},
    store::{
        self,
        endpoints::{Endpoint, NewDelivery, NewEvent},
    },
};

/// Writes down which endpoints are sent which of these events, in one transaction. Doing it twice has the same effect as once.
///
/// An event is read as completely as it must be to word a delivery: one that cannot be worded later is refused now.
///
/// Returns one result per event, in order. After an outer `Err` nothing is written.
pub async fn address(app: &App, bodies: &[&[u8]]) -> Result<Vec<Result<(), Failure>>, Failure> {
    let read: Vec<serde_json::Result<Envelope<Order>>> =
        bodies.iter().map(|body| serde_json::from_slice(body)).collect();
    let now = app.clock.now();
    let mut tx = app.db.read().await?;
    let endpoints = store::endpoints::enabled(&mut tx).await?;
    drop(tx);
    let (mut events, mut deliveries) = (Vec::new(), Vec::new());
    for (event, body) in read.iter().zip(bodies) {
        let Ok(event) = event else { continue };
        let before = deliveries.len();
        let wanting = endpoints.iter().filter(|it| it.wants(event.event_type, event.data.store_id));
        deliveries.extend(wanting.map(|it| delivery(app, it, event, now)));
        if before < deliveries.len() {
            let body = Bytes::copy_from_slice(body);
            events.push(NewEvent { id: event.event_id, body, created_at: now });
        }
    }
    if !deliveries.is_empty() {
        let mut tx = app.db.begin().await?;
        store::endpoints::put(&mut tx, &events, &deliveries).await?;
        tx.commit().await?;
    }
    let unread = |error: serde_json::Error| Failure::Internal(error.to_string());
    Ok(read.into_iter().map(|event| event.map(drop).map_err(unread)).collect())
}

fn delivery(
    app: &App,
    endpoint: &Endpoint,
    event: &Envelope<Order>,
    now: Timestamp,
) -> NewDelivery {
    NewDelivery {
        id: DeliveryId::from_uuid(app.mint.uuid(now)),
        endpoint_id: endpoint.id,
        event_id: event.event_id,
        event_type: event.event_type,
        order_id: event.data.order_id,
        order_version: event.data.order_version,
        created_at: now,
    }
}
