//! Addresses events to the endpoints that want them.

use bytes::Bytes;
use jiff::Timestamp;

use crate::{
    app::{App, Failure, events},
    domain::{DeliveryId, Envelope, EventId, EventType, Order, Routing},
    store::{
        self,
        endpoints::{Endpoint, NewDelivery, NewEvent},
    },
};

/// What of an event decides which endpoints are sent it.
struct Head {
    event_id: EventId,
    event_type: EventType,
    routing: Routing,
}

/// Writes down which endpoints are sent which of these events, in one transaction. Doing it twice has the same effect as once.
///
/// An event is read as completely as it must be to word a delivery: one that cannot be worded later is refused now.
///
/// Returns one result per event, in order. After an outer `Err` nothing is written.
pub async fn address(app: &App, bodies: &[&[u8]]) -> Result<Vec<Result<(), Failure>>, Failure> {
    let heads: Vec<_> = bodies.iter().map(|body| head(body)).collect();
    let now = app.clock.now();
    let mut tx = app.db.read().await?;
    let endpoints = store::endpoints::enabled(&mut tx).await?;
    drop(tx);
    let (mut events, mut deliveries) = (Vec::new(), Vec::new());
    for (head, body) in heads.iter().zip(bodies) {
        let Ok(Some(head)) = head else { continue };
        let before = deliveries.len();
        let wanting =
            endpoints.iter().filter(|it| it.wants(head.event_type, head.routing.store_id));
        deliveries.extend(wanting.map(|it| delivery(app, it, head, now)));
        if before < deliveries.len() {
            let body = Bytes::copy_from_slice(body);
            events.push(NewEvent { id: head.event_id, body, created_at: now });
        }
    }
    if !deliveries.is_empty() {
        let mut tx = app.db.begin().await?;
        store::endpoints::put(&mut tx, &events, &deliveries).await?;
        tx.commit().await?;
    }
    Ok(heads.into_iter().map(|it| it.map(drop)).collect())
}

/// Reads the whole event: one that cannot be read later must not become a delivery.
fn head(body: &[u8]) -> Result<Option<Head>, Failure> {
    let event: Option<Envelope<Order>> = events::read(body, "addressing")?;
    Ok(event.map(|event| Head {
        event_id: event.event_id,
        event_type: event.event_type(),
        routing: Routing::of(&event),
    }))
}

fn delivery<'a>(app: &App, endpoint: &Endpoint, head: &'a Head, now: Timestamp) -> NewDelivery<'a> {
    NewDelivery {
        id: DeliveryId::from_uuid(app.mint.uuid(now)),
        endpoint_id: endpoint.id,
        event_id: head.event_id,
        routing: &head.routing,
        created_at: now,
    }
}
