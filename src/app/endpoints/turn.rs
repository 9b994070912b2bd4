//! One turn of the loop that tells endpoints what is due: what came of the last attempts and which are next, in one transaction.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use jiff::Timestamp;
use metrics::gauge;

use crate::{
    app::{
        App, Failure, batch,
        endpoints::{
            Desk, Outcome, Parcel,
            desk::Room,
            send::{Payload, signing_keys},
            settle::settle,
        },
    },
    base::{clock, load::Load},
    channels::message,
    domain::{EndpointFormat, EndpointId, Envelope, EventId, Order},
    store::{self, Tx, endpoints::ClaimedDelivery},
    telemetry::metric,
};

/// How much longer than its request may take a claim holds.
const SPARE: Duration = Duration::from_secs(5);

/// Stores what attempts came to, and claims what is due next, in one transaction. After a failure nothing is stored and nothing claimed;
/// one that is not transient, a panic too, is the fault of an outcome: see [`close`].
pub async fn turn(
    app: &App,
    desk: &mut Desk,
    load: &Load<EndpointId>,
    outcomes: &[&Outcome],
) -> Result<Vec<Parcel>, Failure> {
    batch::caught(turn_once(app, desk, load, outcomes)).await
}

async fn turn_once(
    app: &App,
    desk: &mut Desk,
    load: &Load<EndpointId>,
    outcomes: &[&Outcome],
) -> Result<Vec<Parcel>, Failure> {
    let now = app.clock.now();
    if outcomes.is_empty() {
        let mut tx = app.db.read().await?;
        let rooms = rooms(app, (desk, load), &mut tx, now).await?;
        drop(tx);
        if rooms.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = app.db.begin().await?;
        let taken = take(app, &mut tx, rooms, now).await?;
        tx.commit().await?;
        return Ok(packed(taken));
    }
    let mut tx = app.db.begin().await?;
    let noted = settle(app, &mut tx, outcomes, now).await?;
    let rooms = rooms(app, (desk, load), &mut tx, now).await?;
    let taken = take(app, &mut tx, rooms, now).await?;
    tx.commit().await?;
    noted.count();
    Ok(packed(taken))
}

/// Stores what attempts came to, each apart where they cannot be stored together, and claims nothing. A delivery whose outcome cannot be stored becomes due again when its lease ends.
pub async fn close(app: &App, outcomes: &[&Outcome]) -> Result<(), Failure> {
    let stored = batch::isolate(outcomes, |part| async move {
        let mut tx = app.db.begin().await?;
        let noted = settle(app, &mut tx, part, app.clock.now()).await?;
        tx.commit().await?;
        noted.count();
        Ok(part.iter().map(|_| Ok(())).collect())
    });
    for (outcome, stored) in outcomes.iter().zip(stored.await?) {
        if let Err(failure) = stored {
            let id = outcome.due.id;
            tracing::error!(delivery.id = %id, "the outcome of a delivery cannot be stored: {failure}");
        }
    }
    Ok(())
}

async fn rooms(
    app: &App,
    (desk, load): (&mut Desk, &Load<EndpointId>),
    tx: &mut Tx,
    now: Timestamp,
) -> Result<Vec<Room>, Failure> {
    let mut waiting = store::endpoints::due(tx).await?;
    desk.keep(&waiting);
    gauge!(metric::ENDPOINT_LAG_SECONDS).set(desk.lag(&waiting, now));
    #[expect(clippy::cast_precision_loss, reason = "gauges are floating point")]
    gauge!(metric::ENDPOINTS_LEFT_ALONE).set(desk.left_alone(now) as f64);
    // What this server cannot sign is not claimed: it stays due, for a server that has the key.
    waiting.retain(|(endpoint, due_at)| {
        due_at.is_some_and(|at| at <= now)
            && desk.can_sign(endpoint.id, signing_keys(app, endpoint, now).is_some())
    });
    Ok(desk.rooms(&app.config.endpoints, waiting, load, now))
}

/// What was taken, and what it says.
struct Taken {
    of: Vec<(Room, Vec<ClaimedDelivery>)>,
    bodies: HashMap<EventId, Bytes>,
}

async fn take(app: &App, tx: &mut Tx, rooms: Vec<Room>, now: Timestamp) -> Result<Taken, Failure> {
    let lease = app.config.endpoints.timeout.saturating_add(SPARE);
    let leased_until = clock::after(now, lease);
    let mut of = Vec::with_capacity(rooms.len());
    for (endpoint, room) in rooms {
        let due = store::endpoints::claim(tx, endpoint.id, now, leased_until, room).await?;
        of.push(((endpoint, room), due));
    }
    let events: BTreeSet<_> = of.iter().flat_map(|(_, due)| due).map(|it| it.event_id).collect();
    let events: Vec<_> = events.into_iter().collect();
    let bodies = store::endpoints::bodies(tx, &events).await?;
    Ok(Taken { of, bodies })
}

fn packed(taken: Taken) -> Vec<Parcel> {
    let mut words = Words { bodies: taken.bodies, said: HashMap::new() };
    let mut parcels = Vec::new();
    for ((endpoint, _), deliveries) in taken.of {
        for due in deliveries {
            let payload = words.of(due.event_id, endpoint.format);
            parcels.push(Parcel { due, endpoint: Arc::clone(&endpoint), payload });
        }
    }
    parcels
}

/// Events in the words of their readers, each worded once.
struct Words {
    bodies: HashMap<EventId, Bytes>,
    said: HashMap<(EventId, EndpointFormat), Result<Payload, String>>,
}

impl Words {
    fn of(&mut self, id: EventId, format: EndpointFormat) -> Result<Payload, String> {
        let bodies = &self.bodies;
        let worded = || {
            let body = bodies.get(&id).ok_or("the event is gone")?;
            word(body, format)
        };
        self.said.entry((id, format)).or_insert_with(worded).clone()
    }
}

fn word(body: &[u8], format: EndpointFormat) -> Result<Payload, String> {
    let event: Envelope<Order> =
        Envelope::read(body).map_err(|it| format!("the event cannot be read: {it}"))?;
    let body = message::event(&event, format).map_err(|it| it.to_string())?;
    Ok(Payload { body: body.into(), traceparent: event.metadata.traceparent })
}
