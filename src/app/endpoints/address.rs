//! Addresses events to the endpoints that want them.

use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    app::{App, Failure},
    domain::{DeliveryId, EventId, EventType, OrderId, StoreId, Version},
    store::{
        self,
        endpoints::{Endpoint, NewDelivery, NewEvent},
    },
};

/// What of an event decides who is told of it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    event_id: EventId,
    event_type: EventType,
    data: About,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct About {
    order_id: OrderId,
    store_id: StoreId,
    order_version: Version,
}

/// Puts down who is to be told of which of these events, in one transaction. Doing it twice is doing it once.
///
/// The inner answers are those events' own, in their order; an outer failure is nobody's, and nothing is put down.
pub async fn address(app: &App, bodies: &[&[u8]]) -> Result<Vec<Result<(), Failure>>, Failure> {
    let heads: Vec<serde_json::Result<Head>> =
        bodies.iter().map(|it| serde_json::from_slice(it)).collect();
    let now = app.clock.now();
    let mut read = app.db.read().await?;
    let endpoints = store::endpoints::enabled(&mut read).await?;
    drop(read);
    let (mut events, mut deliveries) = (Vec::new(), Vec::new());
    for (head, body) in heads.iter().zip(bodies) {
        let Ok(head) = head else { continue };
        let before = deliveries.len();
        let wanting = endpoints.iter().filter(|it| it.wants(head.event_type, head.data.store_id));
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
    let unread = |it: serde_json::Error| Failure::Internal(it.to_string());
    Ok(heads.into_iter().map(|it| it.map(drop).map_err(unread)).collect())
}

fn delivery(app: &App, endpoint: &Endpoint, head: &Head, now: Timestamp) -> NewDelivery {
    NewDelivery {
        id: DeliveryId::from_uuid(app.mint.uuid(now)),
        endpoint_id: endpoint.id,
        event_id: head.event_id,
        event_type: head.event_type,
        order_id: head.data.order_id,
        order_version: head.data.order_version,
        created_at: now,
    }
}
