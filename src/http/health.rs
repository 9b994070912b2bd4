//! For orchestrators and Prometheus: alive, ready, metrics. They carry no authority; keep them off the public proxy.

use std::time::Duration;

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use metrics::gauge;
use serde::Serialize;

use crate::{
    app::App,
    base::circuit_breaker::CircuitState,
    bus::Bus,
    cache,
    domain::MessageChannel,
    store::{self, StoreError, Tx, inbox::Counts},
    telemetry::metric,
};

/// How long the store may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(2);

/// Outside the API, and outside its document.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics_text))
}

/// How everything stands that this process leans on.
#[derive(Debug, Serialize)]
struct Readiness {
    ready: bool,
    store: Standing,
    bus: Standing,
    cache: Standing,
    /// Only while this node is behind: events are not published, or do not come here.
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<Standing>,
    draining: bool,
    /// Sockets and event streams open on this node.
    sockets: usize,
}

#[derive(Debug, Serialize)]
struct Standing {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
}

impl Standing {
    const fn new(trouble: Option<String>) -> Self {
        Self { ok: trouble.is_none(), trouble }
    }
}

/// Ready to take requests: the store answers and no shutdown is under way. Without the bus writes go on, and without the cache
/// everything does, so neither takes a node out of service.
async fn ready(State(app): State<App>) -> Response {
    let store = match tokio::time::timeout(PATIENCE, app.db.ping()).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.trouble().to_owned()),
        Err(_) => Some("does not answer".to_owned()),
    };
    let bus = app.bus.state().borrow().trouble().map(|_| "cannot be reached".to_owned());
    let cache = (app.cache.state() == cache::State::Away).then(|| "cannot be reached".to_owned());
    let events = app.hub.behind_since().map(|since| {
        let age = app.clock.now().duration_since(since).as_secs();
        Standing::new(Some(format!("screens have been behind for {age} s")))
    });
    let draining = app.hub.is_draining();
    let ready = store.is_none() && !draining;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let readiness = Readiness {
        ready,
        store: Standing::new(store),
        bus: Standing::new(bus),
        cache: Standing::new(cache),
        events,
        draining,
        sockets: app.hub.open_sockets(),
    };
    (status, Json(readiness)).into_response()
}

async fn metrics_text(State(app): State<App>) -> Response {
    // A store that is away leaves its gauges as they were: the other metrics matter most just then.
    drop(tokio::time::timeout(PATIENCE, measure_store(&app)).await);
    let text = app.metrics.render();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

/// What only the store can count, at the moment somebody asks.
async fn measure_store(app: &App) -> Result<(), StoreError> {
    let mut tx = app.db.read().await?;
    let backlog = store::outbox::backlog(&mut tx, app.bus.published_through()).await?;
    let age = backlog.oldest.map_or(0.0, |it| app.clock.now().duration_since(it).as_secs_f64());
    #[expect(clippy::cast_precision_loss, reason = "gauges are floating point")]
    gauge!(metric::OUTBOX_ROWS).set(backlog.rows as f64);
    gauge!(metric::OUTBOX_AGE_SECONDS).set(age);
    show_queues(app, &mut tx).await?;
    show_inbox(store::inbox::counts(&mut tx).await?);
    let due = store::partner_calls::due(&mut tx).await?;
    #[expect(clippy::cast_precision_loss, reason = "gauges are floating point")]
    gauge!(metric::PARTNER_CALLS_DUE).set(due as f64);
    let due = store::endpoints::unsettled(&mut tx).await?;
    #[expect(clippy::cast_precision_loss, reason = "gauges are floating point")]
    gauge!(metric::ENDPOINT_DELIVERIES_DUE).set(due as f64);
    let now = app.clock.now();
    let (due, oldest) = store::notifications::backlog(&mut tx, now).await?;
    #[expect(clippy::cast_precision_loss, reason = "gauges are floating point")]
    gauge!(metric::NOTIFICATIONS_DUE).set(due as f64);
    let age = oldest.map_or(0.0, |it| now.duration_since(it).as_secs_f64());
    gauge!(metric::NOTIFICATIONS_AGE_SECONDS).set(age);
    for channel in MessageChannel::ALL {
        let is_broken = app.messaging.circuit(*channel, now) != CircuitState::Closed;
        gauge!(metric::NOTIFICATION_CIRCUIT, "channel" => channel.as_str())
            .set(f64::from(u8::from(is_broken)));
    }
    Ok(())
}

/// Without a broker, what each durable consumer has yet to take or to acknowledge.
async fn show_queues(app: &App, tx: &mut Tx) -> Result<(), StoreError> {
    let Bus::Local(local) = &app.bus else { return Ok(()) };
    for queue in local.queues() {
        let untaken = store::outbox::backlog(tx, queue.position()).await?.rows;
        #[expect(clippy::cast_precision_loss, reason = "gauges are floating point")]
        let unacknowledged = untaken as f64 + queue.unanswered() as f64;
        gauge!(metric::QUEUE_UNACKNOWLEDGED, "queue" => queue.queue().as_str()).set(unacknowledged);
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "gauges are floating point")]
fn show_inbox(Counts { pending, parked, dead }: Counts) {
    for (state, rows) in [("pending", pending), ("parked", parked), ("dead", dead)] {
        gauge!(metric::INBOX_ROWS, "state" => state).set(rows as f64);
    }
}
