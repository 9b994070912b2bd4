//! What endpoints were told, for those who look after them.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

use crate::{
    app::{
        App, Failure,
        endpoints::{
            manage::{changeable, get, owned, reads, writes},
            send::{Payload, Seen, post},
        },
    },
    auth::Caller,
    base::cursor::{Page, PageRequest},
    channels::message::{Message, PING},
    domain::{DeliveryId, EndpointId, EventId},
    store::{
        self,
        endpoints::{Attempt, Delivery, DeliveryFilter},
    },
};

/// Deliveries replayed by one request.
pub const MOST_REPLAYED: u32 = 10_000;

/// How long a ping may take: its caller waits for it.
const PING_PATIENCE: Duration = Duration::from_secs(10);

/// What an endpoint was, or is to be, told, as far as it fits the filter; the youngest first.
pub async fn deliveries(
    app: &App,
    caller: &Caller,
    id: EndpointId,
    filter: &DeliveryFilter,
    page: PageRequest,
) -> Result<Page<Delivery>, Failure> {
    get(app, caller, id).await?;
    let mut tx = app.db.read().await?;
    Ok(store::endpoints::list_deliveries(&mut tx, id, filter, page).await?)
}

/// One delivery, and every attempt at it, the first first.
pub async fn delivery(
    app: &App,
    caller: &Caller,
    id: DeliveryId,
) -> Result<(Delivery, Vec<Attempt>), Failure> {
    reads(caller)?;
    let mut tx = app.db.read().await?;
    // In this order, so that the delivery stands where these attempts left it, or further on.
    let attempts = store::endpoints::attempts(&mut tx, id).await?;
    let delivery = store::endpoints::delivery(&mut tx, id).await?.ok_or(NO_SUCH)?;
    let endpoint = store::endpoints::get(&mut tx, delivery.endpoint_id).await?;
    let is_theirs = endpoint.is_some_and(|it| caller.may_read_endpoints(&it.stores));
    if is_theirs { Ok((delivery, attempts)) } else { Err(NO_SUCH) }
}

/// Sends one delivery once more, under the same id.
pub async fn replay(app: &App, caller: &Caller, id: DeliveryId) -> Result<(), Failure> {
    writes(caller)?;
    let mut tx = app.db.begin().await?;
    let delivery = store::endpoints::delivery(&mut tx, id).await?.ok_or(NO_SUCH)?;
    let endpoint_id = delivery.endpoint_id;
    let endpoint = store::endpoints::lock(&mut tx, &[endpoint_id]).await?.pop();
    let endpoint = endpoint.filter(|it| caller.may_change_endpoints(&it.stores)).ok_or(NO_SUCH)?;
    if endpoint.disabled.is_some() {
        return Err(disabled());
    }
    let filter = DeliveryFilter { id: Some(id), ..DeliveryFilter::default() };
    let now = app.clock.now();
    if store::endpoints::replay(&mut tx, endpoint_id, &filter, now, 1).await? == 0 {
        return Err(Failure::Taken("It is still being tried.".to_owned()));
    }
    tx.commit().await?;
    Ok(())
}

/// Sends the settled deliveries that fit the filter once more, the oldest first; answers how many they are, at most [`MOST_REPLAYED`].
pub async fn replay_all(
    app: &App,
    caller: &Caller,
    id: EndpointId,
    filter: &DeliveryFilter,
) -> Result<u64, Failure> {
    let mut tx = app.db.begin().await?;
    if owned(&mut tx, caller, id).await?.disabled.is_some() {
        return Err(disabled());
    }
    let now = app.clock.now();
    let replayed = store::endpoints::replay(&mut tx, id, filter, now, MOST_REPLAYED).await?;
    tx.commit().await?;
    Ok(replayed)
}

/// What came of a ping.
pub struct Pinged {
    /// Under which id it went.
    pub id: EventId,
    /// What was answered, or why nothing was.
    pub seen: Seen,
    /// How long that took.
    pub took: Duration,
}

/// Sends an endpoint something that says nothing, disabled or not, and waits for the answer. It is tried once, and stands in no log.
pub async fn ping(app: &App, caller: &Caller, id: EndpointId) -> Result<Pinged, Failure> {
    let mut tx = app.db.read().await?;
    let endpoint = store::endpoints::get(&mut tx, id).await?;
    drop(tx);
    let endpoint = changeable(caller, endpoint)?;
    let now = app.clock.now();
    let event = EventId::from_uuid(app.mint.uuid(now));
    let data = json!({"endpointId": id});
    let message = Message { id: event, kind: PING, at: now, about: None, data };
    let payload = message.in_words(endpoint.format);
    let payload = payload.map_err(|it| Failure::Internal(it.to_string()))?;
    let name = event.to_string();
    let payload = Payload { body: Bytes::from(payload), traceparent: None };
    let said = post(app, &endpoint, &name, &payload);
    let (took, seen) = match tokio::time::timeout(PING_PATIENCE, said).await {
        Ok(Ok(exchange)) => (exchange.took, Seen::of(app, exchange)),
        Ok(Err(why)) => (Duration::ZERO, Seen::nothing(why)),
        Err(_) => (PING_PATIENCE, Seen::nothing("no answer in time".to_owned())),
    };
    Ok(Pinged { id: event, seen, took })
}

const NO_SUCH: Failure = Failure::NoSuch("delivery");

fn disabled() -> Failure {
    Failure::Taken("The endpoint is disabled: enable it first.".to_owned())
}
