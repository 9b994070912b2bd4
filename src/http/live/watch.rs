//! What one socket watches, given back to the hub however the socket ends.

use std::sync::Arc;

use bytes::Bytes;
use metrics::gauge;
use serde_json::Value;

use crate::{
    app::{App, Failure, tracking},
    auth::Caller,
    channels::Shape,
    domain::{Order, Subject, Version},
    live::{Admission, Close, Connection, Event, Outlet, ServerFrame, Snapshot, Topic},
    telemetry::metric,
};

/// How often a snapshot is read while the same socket is shown newer state on another topic.
const READS: usize = 5;

/// One socket or event stream, with all it watches.
pub struct Watch {
    app: App,
    connection: Arc<Connection>,
    transport: &'static str,
    _admission: Admission,
}

/// What a watcher of one order starts from.
pub enum Start {
    /// The state.
    Snapshot(Vec<Arc<Order>>),
    /// The events it has missed.
    Missed(Vec<Arc<Event>>),
}

impl Watch {
    /// Nothing yet.
    pub fn new(
        app: App,
        caller: &Caller,
        shape: Shape,
        outlet: Outlet,
        admission: Admission,
    ) -> Self {
        let transport = match outlet {
            Outlet::Socket(_) => "websocket",
            Outlet::Stream => "sse",
        };
        let connection = app.hub.connect(shape, outlet, caller.expires_at);
        connection.retire_after(*app.config.live.max_age, &app.mint);
        connection.see(caller.subjects_seen());
        gauge!(metric::LIVE_SOCKETS, "transport" => transport).increment(1);
        Self { app, connection, transport, _admission: admission }
    }

    /// The hub's side of it.
    pub const fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Watches a topic: registers first, then reads the state or what was missed, then lets through what is newer.
    ///
    /// `announce` says in a frame where the watcher starts; `None` when it has told it in its own way.
    pub async fn add(
        &self,
        caller: &Caller,
        topic: Topic,
        after: Option<Version>,
        mut announce: impl FnMut(&Start) -> Option<Bytes>,
    ) -> Result<(), Failure> {
        // A second subscription of the same topic begins anew.
        self.remove(&topic);
        self.app.hub.subscribe(&self.connection, topic.clone());
        for _ in 0..READS {
            let start = match start(&self.app, caller, &topic, after).await {
                Ok(start) => start,
                Err(failure) => {
                    self.remove(&topic);
                    return Err(failure);
                }
            };
            let shown = shown_by(&start, &topic, after);
            if self.begin(&start, &shown, announce(&start)) {
                self.app.hub.open(&self.connection, &topic, &shown);
                return Ok(());
            }
        }
        self.remove(&topic);
        self.connection.close(Close::PositionLost);
        Ok(())
    }

    /// Sends where the watcher starts. `false`: that is the past by now.
    fn begin(&self, start: &Start, shown: &[Subject], frame: Option<Bytes>) -> bool {
        match start {
            Start::Snapshot(_) => {
                frame.is_none_or(|frame| self.connection.send_snapshot(frame, shown))
            }
            Start::Missed(events) => {
                if let Some(frame) = frame {
                    self.connection.send_frame(frame);
                }
                self.connection.replay(events);
                true
            }
        }
    }

    /// Watches a topic no more.
    pub fn remove(&self, topic: &Topic) {
        self.app.hub.unsubscribe(&self.connection, topic);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.app.hub.disconnect(&self.connection);
        gauge!(metric::LIVE_SOCKETS, "transport" => self.transport).decrement(1);
    }
}

/// The versions that a watcher knows once it has been told where it starts.
fn shown_by(start: &Start, topic: &Topic, after: Option<Version>) -> Vec<Subject> {
    match (start, topic, after) {
        (Start::Snapshot(orders), ..) => {
            let shown = |it: &Arc<Order>| Subject { id: it.id.into(), version: it.version };
            orders.iter().map(shown).collect()
        }
        // Where nothing was missed, `after` is known: a node that heals a gap publishes the past again.
        (Start::Missed(events), Topic::Order(id), Some(after)) => {
            let version = events.last().map_or(after, |it| it.version());
            vec![Subject { id: (*id).into(), version }]
        }
        (Start::Missed(_), ..) => Vec::new(),
    }
}

async fn start(
    app: &App,
    caller: &Caller,
    topic: &Topic,
    after: Option<Version>,
) -> Result<Start, Failure> {
    if let (Topic::Order(id), Some(after)) = (topic, after)
        && let Some(missed) = tracking::missed(app, caller, *id, after).await?
    {
        return Ok(Start::Missed(missed));
    }
    tracking::snapshot(app, caller, topic).await.map(Start::Snapshot)
}

/// The frame that announces where a watcher starts.
pub fn announcement(id: &Value, topic: &Topic, shape: Shape, start: &Start) -> Bytes {
    let (snapshot, resumed) = match start {
        Start::Snapshot(orders) => (Some(Snapshot { topic, shape, orders }), None),
        Start::Missed(_) => (None, Some(true)),
    };
    ServerFrame::Subscribed { id, topic, snapshot, resumed }.encode()
}
