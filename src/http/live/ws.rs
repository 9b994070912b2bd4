//! One WebSocket's own task: it reads, and does what the publisher cannot do without waiting.
//!
//! After the handshake the socket is the raw TCP stream. An idle socket has no buffer, no timer and no channel: frames are read into
//! a buffer that all sockets of a thread share, and the hub's wheel pings.

use std::{
    cell::RefCell, future::poll_fn, io::ErrorKind, net::Shutdown, sync::Arc, time::Duration,
};

use axum::{extract::State, response::Response};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use metrics::counter;
use serde::Deserialize;
use socket2::SockRef;
use tokio::{net::TcpStream, time::timeout};

use crate::{
    app::App,
    auth::Caller,
    channels::{Channel, Shape},
    http::{
        address::Address,
        caller::Watcher,
        extract::Query,
        live::{handshake::Handshake, session::Session, socket_options, watch::Watch},
        problem::{ErrorBody, Problem},
        shape,
    },
    live::{
        Admission, Close, Due, Outlet,
        websocket::{self, Decoder, Message, Violation},
    },
    telemetry::metric,
};

thread_local! {
    /// What has just been read; whatever must be kept is copied out.
    static READ: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// Bytes read at once.
const READ_BYTES: usize = 16 * 1024;

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
        (status = 400, description = "The handshake's key is none, or a parameter is invalid.", body = ErrorBody),
        (status = 426, description = "Not a handshake of WebSocket version 13.", body = ErrorBody),
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
    let admission = app.hub.admit(address).map_err(|it| Problem::turned_away(&app, it))?;
    let (response, upgrade) = handshake.accept();
    app.tasks.clone().spawn(run(open(app, caller, shape, admission, upgrade)));
    Ok(response)
}

/// One socket's life. What an idle one needs is small and stands here; all else is on the heap for as long as it takes.
fn run(opening: impl Future<Output = Option<Socket>> + Send) -> impl Future<Output = ()> + Send {
    let opening = Box::pin(opening);
    async move {
        let Some(mut socket) = opening.await else { return };
        if let Some(close) = socket.converse().await {
            counter!(metric::LIVE_CLOSED, "code" => close.code().to_string()).increment(1);
            drop(Box::pin(timeout(CLOSING_TIME, socket.say_goodbye())).await);
        }
    }
}

async fn open(
    app: App,
    caller: Arc<Caller>,
    shape: Shape,
    admission: Admission,
    upgrade: OnUpgrade,
) -> Option<Socket> {
    let upgraded = timeout(*app.config.http.header_timeout, upgrade).await.ok()?.ok()?;
    let Some((stream, early)) = raw(upgraded) else {
        tracing::error!("a WebSocket's stream is no TCP stream");
        return None;
    };
    if let Err(error) = socket_options::set(&stream) {
        tracing::debug!("a socket keeps the kernel's own options: {error}");
    }
    let outlet = Outlet::Socket(stream);
    let watch = Watch::new(app.clone(), &caller, shape, outlet, admission);
    let decoder = Decoder::new(app.config.live.frame_bytes);
    let session = Session::begin(app, caller, watch).await;
    let mut socket = Socket { session, decoder };
    // Part of the server's read buffer, all of which is kept for as long as this.
    socket.hear(&early).await;
    Some(socket)
}

/// The stream under the connection, and what the client sent before it had our answer.
fn raw(upgraded: Upgraded) -> Option<(TcpStream, bytes::Bytes)> {
    let parts = upgraded.downcast::<TokioIo<TcpStream>>().ok()?;
    Some((parts.io.into_inner(), parts.read_buf))
}

struct Socket {
    session: Session,
    decoder: Decoder,
}

/// The client is gone.
struct Gone;

impl Socket {
    /// Goes on until one side ends it. `Some` when a close frame is on its way, `None` when the client is gone.
    async fn converse(&mut self) -> Option<Close> {
        loop {
            match self.due().await {
                Due::Read => self.read().await.ok()?,
                Due::Close(close) => return Some(close),
                Due::Closed | Due::Gone => return None,
            }
        }
    }

    /// Waits until our close frame has left and the client has answered it, unless it has violated the protocol. Then ends our side and
    /// passes over what still comes until the client ends its own: else it might lose our close frame (RFC 6455 section 7.1.1).
    async fn say_goodbye(&mut self) {
        let mut left = false;
        while !(left && self.decoder.is_over()) {
            match self.due().await {
                Due::Read => {
                    let mut bytes = Vec::new();
                    if self.receive(|read| bytes.extend_from_slice(read)).is_err() {
                        return;
                    }
                    // Of interest is only whether it is over then.
                    let _ = self.decoder.feed(&bytes, drop);
                }
                Due::Close(_) => {}
                Due::Closed => left = true,
                Due::Gone => return,
            }
        }
        let Outlet::Socket(stream) = self.session.connection().outlet() else { return };
        drop(SockRef::from(stream).shutdown(Shutdown::Write));
        while self.due().await == Due::Read && self.receive(|_| ()).is_ok() {}
    }

    async fn due(&self) -> Due {
        let connection = self.session.connection();
        poll_fn(|cx| connection.poll_due(cx)).await
    }

    async fn read(&mut self) -> Result<(), Gone> {
        let mut bytes = Vec::new();
        self.receive(|read| bytes.extend_from_slice(read))?;
        if bytes.is_empty() {
            return Ok(());
        }
        self.session.connection().heard();
        Box::pin(self.hear(&bytes)).await;
        Ok(())
    }

    /// Gives what has come to `each`.
    fn receive(&self, each: impl FnOnce(&[u8])) -> Result<(), Gone> {
        let Outlet::Socket(stream) = self.session.connection().outlet() else { return Err(Gone) };
        READ.with_borrow_mut(|buffer| match stream.try_read(buffer) {
            Ok(0) => Err(Gone),
            Ok(count) => {
                each(buffer.get(..count).unwrap_or_default());
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(_) => Err(Gone),
        })
    }

    /// Answers the messages that are complete with these bytes.
    async fn hear(&mut self, bytes: &[u8]) {
        let mut messages = Vec::new();
        let fed = self.decoder.feed(bytes, |it| messages.push(it));
        for message in messages {
            if let Err(close) = self.answer(message).await {
                self.session.connection().close(close);
                return;
            }
        }
        if let Err(violation) = fed {
            self.session.connection().close(match violation {
                Violation::Protocol => Close::Protocol,
                Violation::NotUtf8 => Close::NotUtf8,
                Violation::TooLarge => Close::BadFrame,
            });
        }
    }

    /// `Err` closes the socket.
    async fn answer(&mut self, message: Message) -> Result<(), Close> {
        self.session.spend_allowance()?;
        match message {
            Message::Text(text) => self.session.hear(&text).await?,
            Message::Binary(_) => return Err(Close::BadFrame),
            Message::Ping(payload) => {
                self.session.connection().send_frame(websocket::pong(&payload));
            }
            Message::Pong => {}
            Message::Close(code) => self.session.connection().answer_close(code),
        }
        Ok(())
    }
}
