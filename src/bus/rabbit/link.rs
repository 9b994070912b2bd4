//! One connection to the broker, kept up: made, watched, closed, and made again.

use std::{
    net::{Shutdown, TcpStream},
    os::fd::AsFd,
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures_util::StreamExt;
use lapin::{
    AsyncTcpStream, Channel, Connection, ConnectionProperties, Event, tcp::AMQPUriTcpExt,
    uri::AMQPUri,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    base::{backoff::Backoff, tasks::Tasks},
    bus::{
        BusError, State,
        rabbit::{Settings, declare},
    },
};

/// The delay after the first failure.
pub const FIRST_DELAY: Duration = Duration::from_millis(100);

/// How often the connection is looked at, should lapin not tell that it is gone.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long the broker may take to say goodbye, before it is left without.
const GOODBYE: Duration = Duration::from_millis(500);

/// What a connection is for.
#[derive(Clone, Copy, Debug)]
pub enum Purpose {
    Publish,
    Consume,
}

/// A connection that comes back.
#[derive(Clone, Debug)]
pub struct Link {
    line: watch::Receiver<Line>,
}

/// The present session, or why there is none.
type Line = Result<Arc<Session>, Arc<str>>;

impl Link {
    /// Connects in the background, and stays with it until the tasks stop.
    pub fn open(
        purpose: Purpose,
        settings: &Arc<Settings>,
        state: &watch::Sender<State>,
        tasks: &Tasks,
    ) -> Self {
        let (line, receiver) = watch::channel(Err("not connected yet".into()));
        let keeper = Keeper {
            purpose,
            settings: Arc::clone(settings),
            line,
            state: state.clone(),
            stop: tasks.stop(),
        };
        keeper.note_down("not connected yet");
        tasks.spawn(keeper.run());
        Self { line: receiver }
    }

    /// Waits for a session; `None` once the link is closed.
    pub async fn up(&self) -> Option<Arc<Session>> {
        let mut line = self.line.clone();
        let up = line.wait_for(Result::is_ok).await.ok()?;
        up.as_ref().ok().cloned()
    }

    /// Whether there is no session.
    pub fn is_down(&self) -> bool {
        self.line.borrow().is_err()
    }

    /// Why there is no session.
    pub fn trouble(&self) -> BusError {
        let reason = self.line.borrow().as_ref().err().cloned();
        BusError::Away(reason.unwrap_or_else(|| "it has only just come back".into()))
    }
}

/// One life of a connection.
#[derive(Debug)]
pub struct Session {
    /// The connection.
    pub connection: Connection,
    /// A channel in confirm mode, on which the topology has been declared.
    pub channel: Channel,
    given_up: CancellationToken,
    cord: Cord,
}

impl Session {
    /// Asks for another session.
    pub fn give_up(&self) {
        self.given_up.cancel();
    }

    async fn connect(purpose: Purpose, settings: &Settings) -> Result<Self, BusError> {
        let cord = Cord::default();
        let (socket, timeout) = (Arc::clone(&cord.socket), settings.timeout);
        let connection = Connection::connector(
            settings.uri.clone(),
            lapin::runtime::default_runtime()?,
            async move |uri: AMQPUri, runtime| {
                let stream = tokio::time::timeout(timeout, uri.connect_async(&runtime)).await;
                let stream = stream.map_err(std::io::Error::from)??;
                if let AsyncTcpStream::Plain(plain) = &stream {
                    let copy = plain.get_ref().as_fd().try_clone_to_owned()?;
                    let _only_one = socket.set(TcpStream::from(copy));
                }
                Ok(stream)
            },
            ConnectionProperties::default()
                .with_connection_name(format!("orderwire {purpose:?}").to_lowercase().into()),
        );
        let connection = connection.await?;
        let channel = declare::publishing(&connection, settings).await?;
        Ok(Self { connection, channel, given_up: CancellationToken::new(), cord })
    }

    /// Resolves when the connection is gone, with the reason.
    async fn lost(&self) -> String {
        let mut reason = "the connection was closed".to_owned();
        let mut events = self.connection.events_listener();
        while self.connection.status().connected() {
            if let Ok(Some(Event::Error(error))) =
                tokio::time::timeout(LOOK_EVERY, events.next()).await
            {
                reason = error.to_string();
            }
        }
        reason
    }

    async fn close(&self) {
        // Else the thread that lapin runs for each connection would outlive the runtime, and panic.
        let _lost = tokio::time::timeout(GOODBYE, self.connection.close(200, "bye".into())).await;
        self.cord.pull();
    }
}

/// A second handle to a connection's socket. lapin cannot give up on a broker that accepts and then falls silent: its thread
/// and its socket would stay for good. Pulling the cord ends both.
#[derive(Debug, Default)]
struct Cord {
    socket: Arc<OnceLock<TcpStream>>,
}

impl Cord {
    fn pull(&self) {
        if let Some(socket) = self.socket.get() {
            // Fails on a socket that is closed already.
            let _closed = socket.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Cord {
    fn drop(&mut self) {
        self.pull();
    }
}

struct Keeper {
    purpose: Purpose,
    settings: Arc<Settings>,
    line: watch::Sender<Line>,
    state: watch::Sender<State>,
    stop: CancellationToken,
}

impl Keeper {
    async fn run(self) {
        let stop = self.stop.clone();
        let mut backoff = Backoff::new(FIRST_DELAY, self.settings.reconnect_cap);
        let mut told = String::new();
        while !stop.is_cancelled() {
            let attempt = tokio::select! {
                () = stop.cancelled() => return,
                attempt = self.connect() => attempt,
            };
            let reason = match attempt {
                Ok(session) => {
                    backoff.reset();
                    told.clear();
                    self.hold(Arc::new(session)).await
                }
                Err(error) => error.to_string(),
            };
            if stop.is_cancelled() {
                return;
            }
            self.note_down(&reason);
            // Once for each reason, not once for each attempt.
            if reason != told {
                tracing::warn!(bus.purpose = ?self.purpose, "no connection to the broker: {reason}");
                told = reason;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(backoff.next_delay(&self.settings.mint)) => {}
            }
        }
    }

    async fn connect(&self) -> Result<Session, BusError> {
        let timeout = self.settings.timeout;
        let connecting = Session::connect(self.purpose, &self.settings);
        tokio::time::timeout(timeout, connecting).await.map_err(|_| BusError::Timeout(timeout))?
    }

    /// Shows the session to those who wait for one until it ends, with the reason.
    async fn hold(&self, session: Arc<Session>) -> String {
        tracing::info!(bus.purpose = ?self.purpose, "connected to the broker");
        let _previous = self.line.send_replace(Ok(Arc::clone(&session)));
        self.note(None);
        let reason = tokio::select! {
            reason = session.lost() => reason,
            () = session.given_up.cancelled() => "given up after a failure".to_owned(),
            () = self.stop.cancelled() => "closing".to_owned(),
        };
        self.note_down(&reason);
        session.close().await;
        reason
    }

    fn note_down(&self, reason: &str) {
        let reason: Arc<str> = reason.into();
        let _previous = self.line.send_replace(Err(Arc::clone(&reason)));
        self.note(Some(reason));
    }

    fn note(&self, trouble: Option<Arc<str>>) {
        self.state.send_if_modified(|state| {
            let mine = match self.purpose {
                Purpose::Publish => &mut state.publishing,
                Purpose::Consume => &mut state.consuming,
            };
            let modified = *mine != trouble;
            *mine = trouble;
            modified
        });
    }
}
