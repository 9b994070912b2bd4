//! One WebSocket: a task that reads, writes, pings and closes.

use std::time::Duration;

use axum::{extract::State, response::Response};
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use metrics::counter;
use serde::Deserialize;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message, Utf8Bytes,
        protocol::{CloseFrame, Role, WebSocketConfig},
    },
};

use crate::{
    app::App,
    auth::Caller,
    channels::Channel,
    http::{
        address::Address,
        caller::Watcher,
        extract::Query,
        live::{frame, handshake::Handshake, session::Session, watch::Watch},
        problem::{ErrorBody, Problem},
        shape,
    },
    live::{Batch, Close, Connection, Outgoing},
    telemetry::metric,
};

/// The read buffer of one socket: small, for there are many, and clients say little.
const READ_BYTES: usize = 1024;

/// Frames are put together up to here before they are written: one system call for a burst.
const WRITE_BYTES: usize = 16 * 1024;

/// How long a client may take to answer a close frame.
const CLOSING_TIME: Duration = Duration::from_secs(2);

/// How a socket is opened.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LiveQuery {
    /// The shape in which this socket sees orders; left out: what fits the token's role.
    channel: Option<Channel>,
    /// The token, for clients that cannot set headers.
    #[serde(rename = "token")]
    _token: Option<String>,
}

/// Watch orders live.
///
/// Becomes a WebSocket that speaks the live protocol: JSON text frames to subscribe, events back. See `docs/live-protocol.md`.
#[utoipa::path(
    get, path = "/live", operation_id = "openSocket", tag = "live", params(LiveQuery),
    responses(
        (status = 101, description = "The connection is a WebSocket now."),
        (status = 401, description = "No token, or a bad one.", body = ErrorBody),
        (status = 403, description = "The token's role may not use this channel.", body = ErrorBody),
        (status = 426, description = "Not a WebSocket handshake.", body = ErrorBody),
        (status = 503, description = "No room for another socket; see `Retry-After`.", body = ErrorBody),
    )
)]
pub async fn live(
    Watcher(caller): Watcher,
    State(app): State<App>,
    Address(address): Address,
    Query(query): Query<LiveQuery>,
    handshake: Handshake,
) -> Result<Response, Problem> {
    let shape = shape::on_channel(&caller, query.channel)?;
    let admission = app.hub.admit(address)?;
    let watch = Watch::new(app.clone(), shape, "websocket", admission);
    let (response, upgrade) = handshake.accept();
    app.tasks.clone().spawn(run(app, caller, watch, upgrade));
    Ok(response)
}

async fn run(app: App, caller: Caller, watch: Watch, upgrade: OnUpgrade) {
    let Ok(Ok(upgraded)) = timeout(*app.config.http.header_timeout, upgrade).await else { return };
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BYTES)
        .write_buffer_size(WRITE_BYTES)
        .max_frame_size(Some(app.config.live.frame_bytes))
        .max_message_size(Some(app.config.live.frame_bytes));
    let stream = TokioIo::new(upgraded);
    let stream = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
    let session = Session::begin(app.clone(), caller, watch).await;
    let now = Instant::now();
    let mut socket = Socket { app, stream, session, heard_at: now, sent_at: now, pinged_at: now };
    if let Some(close) = socket.converse().await {
        socket.say_goodbye(close).await;
    }
}

struct Socket {
    app: App,
    stream: WebSocketStream<TokioIo<Upgraded>>,
    session: Session,
    heard_at: Instant,
    sent_at: Instant,
    pinged_at: Instant,
}

impl Socket {
    /// Goes on until one side ends it. `Some` is our reason, `None` means that the client is gone.
    async fn converse(&mut self) -> Option<Close> {
        loop {
            let alarm = sleep_until(self.next_alarm());
            let ended = tokio::select! {
                batch = next_batch(&self.session) => self.write(batch).await,
                message = self.stream.next() => self.read(message).await,
                () = alarm => self.wake().await,
            };
            match ended {
                Ok(()) => {}
                Err(End::Ours(close)) => return Some(close),
                Err(End::Theirs) => return None,
            }
        }
    }

    async fn write(&mut self, batch: Batch) -> Result<(), End> {
        let shape = self.session.connection().shape();
        for outgoing in batch.frames {
            let bytes = match outgoing {
                Outgoing::Event(event) => event.frame(shape).clone(),
                Outgoing::Frame(bytes) => bytes,
            };
            // All frames are JSON that this server wrote.
            let text = Utf8Bytes::try_from(bytes).map_err(|_| End::Ours(Close::Internal))?;
            self.put(Message::Text(text), false).await?;
        }
        self.flush().await?;
        self.sent_at = Instant::now();
        batch.close.map_or(Ok(()), |close| Err(End::Ours(close)))
    }

    async fn read(
        &mut self,
        message: Option<Result<Message, tungstenite::Error>>,
    ) -> Result<(), End> {
        self.heard_at = Instant::now();
        match message {
            Some(Ok(Message::Text(text))) => Ok(self.session.hear(text.as_str()).await?),
            Some(Ok(Message::Binary(_)) | Err(tungstenite::Error::Capacity(_))) => {
                Err(End::Ours(Close::BadFrame))
            }
            // The library answers pings by itself; the pong leaves with the next flush.
            Some(Ok(Message::Ping(_))) => self.flush().await,
            Some(Ok(Message::Pong(_) | Message::Frame(_))) => Ok(()),
            Some(Ok(Message::Close(_))) => {
                // The library has queued the answer.
                drop(timeout(CLOSING_TIME, self.stream.flush()).await);
                Err(End::Theirs)
            }
            Some(Err(_)) | None => Err(End::Theirs),
        }
    }

    /// Something is due: a ping, the end of the client's silence, the end of its token.
    async fn wake(&mut self) -> Result<(), End> {
        let live = &self.app.config.live;
        let now = Instant::now();
        if *live.idle_timeout <= now.duration_since(self.heard_at) {
            return Err(End::Ours(Close::NoAnswer));
        }
        self.session.check_expiry()?;
        if *live.ping_every <= now.duration_since(self.pinged_at) {
            self.pinged_at = now;
            // Browsers answer protocol pings unseen by their pages, which need a frame of their own to tell silence from quiet.
            let quiet = *live.ping_every <= now.duration_since(self.sent_at);
            if quiet {
                self.put(Message::text(frame::PING), false).await?;
                self.sent_at = now;
            }
            self.put(Message::Ping(bytes::Bytes::new()), true).await?;
        }
        Ok(())
    }

    fn next_alarm(&self) -> Instant {
        let live = &self.app.config.live;
        let until = self.session.next_expiry().duration_since(self.app.clock.now());
        // A token that has just been announced as expiring is looked at again by the next ping, or when it ends.
        let until = until.unsigned_abs().max(Duration::from_millis(10));
        let expiry = Instant::now() + until.min(*live.ping_every);
        let silence = self.heard_at + *live.idle_timeout;
        expiry.min(silence).min(self.pinged_at + *live.ping_every)
    }

    async fn put(&mut self, message: Message, flush: bool) -> Result<(), End> {
        let connection = std::sync::Arc::clone(self.session.connection());
        let written = async {
            self.stream.feed(message).await?;
            if flush { self.stream.flush().await } else { Ok(()) }
        };
        bounded(&self.app, &connection, written).await
    }

    async fn flush(&mut self) -> Result<(), End> {
        let connection = std::sync::Arc::clone(self.session.connection());
        bounded(&self.app, &connection, self.stream.flush()).await
    }

    async fn say_goodbye(&mut self, close: Close) {
        counter!(metric::LIVE_CLOSED, "code" => close.code().to_string()).increment(1);
        let frame = CloseFrame { code: close.code().into(), reason: close.reason().into() };
        let goodbye = async {
            self.stream.close(Some(frame)).await?;
            // The client's answer ends the stream.
            while let Some(Ok(_)) = self.stream.next().await {}
            Ok::<(), tungstenite::Error>(())
        };
        drop(timeout(CLOSING_TIME, goodbye).await);
    }
}

/// Why a conversation ends.
enum End {
    Ours(Close),
    Theirs,
}

impl From<Close> for End {
    fn from(close: Close) -> Self {
        Self::Ours(close)
    }
}

async fn next_batch(session: &Session) -> Batch {
    session.connection().next().await
}

/// A write that waits for its reader, but not for ever, and not once the connection is given up.
async fn bounded(
    app: &App,
    connection: &Connection,
    write: impl Future<Output = Result<(), tungstenite::Error>>,
) -> Result<(), End> {
    tokio::select! {
        biased;
        written = timeout(*app.config.live.idle_timeout, write) => match written {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Theirs),
            Err(_) => Err(End::Ours(Close::Slow)),
        },
        close = connection.closed() => Err(End::Ours(close)),
    }
}
