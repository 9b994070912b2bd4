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
        App, Failure,
        endpoints::{
            Desk, Outcome, Parcel,
            desk::Room,
            send::{Payload, signing_keys},
            settle::settle,
        },
    },
    channels::message,
    domain::{EndpointFormat, Envelope, EventId, Order},
    store::{self, Tx, endpoints::Due},
    telemetry::metric,
};

/// How much longer than its request may take a delivery is left to whoever took it.
const SPARE: Duration = Duration::from_secs(5);

/// Writes down what came of attempts, and takes what is due next for this process to send. Whoever takes something and dies loses
/// nothing: it is due again when its request would have timed out. After a failure nothing is written, and nothing taken.
pub async fn turn(
    app: &App,
    desk: &mut Desk,
    outcomes: &[Outcome],
) -> Result<Vec<Parcel>, Failure> {
    let now = app.clock.now();
    if outcomes.is_empty() {
        let mut tx = app.db.read().await?;
        let rooms = rooms(app, desk, &mut tx, now).await?;
        drop(tx);
        if rooms.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = app.db.begin().await?;
        let taken = take(app, &mut tx, rooms, now).await?;
        tx.commit().await?;
        return Ok(packed(desk, taken));
    }
    let mut tx = app.db.begin().await?;
    let noted = settle(app, &mut tx, outcomes, now).await?;
    let rooms = rooms(app, desk, &mut tx, now).await?;
    let taken = take(app, &mut tx, rooms, now).await?;
    tx.commit().await?;
    noted.count();
    Ok(packed(desk, taken))
}

/// Writes down what came of the last attempts, and takes nothing.
pub async fn close(app: &App, outcomes: &[Outcome]) -> Result<(), Failure> {
    if outcomes.is_empty() {
        return Ok(());
    }
    let mut tx = app.db.begin().await?;
    let noted = settle(app, &mut tx, outcomes, app.clock.now()).await?;
    tx.commit().await?;
    noted.count();
    Ok(())
}

async fn rooms(
    app: &App,
    desk: &mut Desk,
    tx: &mut Tx,
    now: Timestamp,
) -> Result<Vec<Room>, Failure> {
    let mut waiting = store::endpoints::due(tx).await?;
    gauge!(metric::ENDPOINT_LAG_SECONDS).set(desk.lag(&waiting, now));
    #[expect(clippy::cast_precision_loss, reason = "gauges are floating point")]
    gauge!(metric::ENDPOINTS_LEFT_ALONE).set(desk.left_alone(now) as f64);
    // What this server cannot sign is not claimed: it stays due, for a server that has the key.
    waiting.retain(|(endpoint, due_at)| {
        due_at.is_some_and(|at| at <= now)
            && desk.can_sign(endpoint.id, signing_keys(app, endpoint, now).is_some())
    });
    Ok(desk.rooms(&app.config.endpoints, waiting, now))
}

/// What was taken, and what it says.
struct Taken {
    of: Vec<(Room, Vec<Due>)>,
    bodies: HashMap<EventId, Bytes>,
}

async fn take(app: &App, tx: &mut Tx, rooms: Vec<Room>, now: Timestamp) -> Result<Taken, Failure> {
    let lease = app.config.endpoints.timeout.saturating_add(SPARE);
    let leased_until = now.saturating_add(lease).unwrap_or(Timestamp::MAX);
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

fn packed(desk: &mut Desk, taken: Taken) -> Vec<Parcel> {
    let mut words = Words { bodies: taken.bodies, said: HashMap::new() };
    let mut parcels = Vec::new();
    for ((endpoint, _), deliveries) in taken.of {
        desk.took(endpoint.id, deliveries.len());
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
