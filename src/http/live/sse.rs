//! One order as server-sent events, for clients without WebSockets.

use std::{
    collections::VecDeque, convert::Infallible, future::poll_fn, slice, sync::Arc, time::Duration,
};

use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{
        IntoResponse, Response, Sse,
        sse::{Event as Message, KeepAlive},
    },
};
use futures_util::stream;
use serde::Deserialize;

use crate::{
    app::App,
    channels::{Channel, Shape},
    domain::{Order, OrderId, Version},
    http::{
        address::Address,
        caller::Watcher,
        extract::{Path, Query},
        live::watch::{Start, Watch},
        problem::{ErrorBody, Problem},
        shape,
    },
    live::{Outgoing, Outlet, Snapshot, Topic},
};

/// The shortest time after which a client comes back; the longest is twice that, drawn for each stream.
const RETRY: Duration = Duration::from_secs(1);

/// How a stream is opened.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// The shape in which the order is shown; left out: what fits the token's role.
    channel: Option<Channel>,
    /// The token, for clients that cannot set headers.
    #[serde(rename = "token")]
    _token: Option<String>,
}

/// Watch one order as server-sent events.
///
/// First `snapshot`, then one message for each event, its `id` the order's version. With `Last-Event-ID` the missed events come
/// instead of the snapshot.
#[utoipa::path(
    get, path = "/orders/{id}/events", operation_id = "watchOrder", tag = "live",
    params(
        ("id" = OrderId, Path, description = "The order."),
        EventsQuery,
        ("Last-Event-ID" = Option<Version>, Header, description = "The last version seen."),
    ),
    responses(
        (status = 200, description = "The stream.", body = String, content_type = "text/event-stream"),
        (status = 503, description = "No room for another stream; see `Retry-After`.", body = ErrorBody),
    )
)]
pub async fn events(
    Watcher(caller): Watcher,
    State(app): State<App>,
    Address(address): Address,
    Path(id): Path<OrderId>,
    Query(query): Query<EventsQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let shape = shape::on_channel(&caller, query.channel)?;
    let after = last_event_id(&headers)?;
    let admission = app.hub.admit(address).map_err(|it| Problem::turned_away(&app, it))?;
    let watch = Watch::new(app.clone(), &caller, shape, Outlet::Stream, admission);
    let mut first = VecDeque::new();
    watch
        .add(&caller, Topic::Order(id), after, |start| {
            if let Start::Snapshot(orders) = start {
                first.extend(orders.first().map(|order| snapshot(order, shape)));
            }
            None
        })
        .await?;
    let retry = RETRY.mul_f64(1.0 + app.mint.fraction());
    first.push_front(Message::default().retry(retry).comment(""));
    let ping_every = *app.config.live.ping_every;
    let stream = stream::unfold(Stream { watch, waiting: first, ended: false }, next);
    let mut response =
        Sse::new(stream).keep_alive(KeepAlive::new().interval(ping_every)).into_response();
    let headers = response.headers_mut();
    // Proxies that buffer would hold every event back.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

struct Stream {
    watch: Watch,
    waiting: VecDeque<Message>,
    ended: bool,
}

async fn next(mut stream: Stream) -> Option<(Result<Message, Infallible>, Stream)> {
    loop {
        if let Some(message) = stream.waiting.pop_front() {
            return Some((Ok(message), stream));
        }
        if stream.ended {
            return None;
        }
        let connection = stream.watch.connection();
        let shape = connection.shape();
        let batch = poll_fn(|cx| connection.poll_batch(cx)).await;
        stream.ended = batch.close.is_some();
        stream.waiting.extend(batch.frames.iter().filter_map(|it| message(it, shape)));
    }
}

fn message(outgoing: &Outgoing, shape: Shape) -> Option<Message> {
    match outgoing {
        Outgoing::Event(event) => {
            let body = event.body(shape);
            let message = Message::default()
                .event(event.event_type().as_str())
                .id(event.version().to_string())
                .data(String::from_utf8_lossy(&body));
            Some(message)
        }
        // Frames of the socket's conversation, `behind` and the like: this stream is one-way.
        Outgoing::Frame(_) => None,
    }
}

fn snapshot(order: &Arc<Order>, shape: Shape) -> Message {
    let (topic, orders) = (&Topic::Order(order.id), slice::from_ref(order));
    let body = serde_json::to_string(&Snapshot { topic, shape, orders }).unwrap_or_default();
    Message::default().event("snapshot").id(order.version.to_string()).data(body)
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<Version>, Problem> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let version = value.to_str().ok().and_then(|it| it.trim().parse().ok());
    version.map(Some).ok_or_else(|| Problem::invalid("Last-Event-ID is an order's version: 5."))
}
