//! What one socket watches, given back to the hub however the socket ends.

use std::sync::Arc;

use metrics::gauge;
use serde_json::Value;

use crate::{
    app::{App, Failure, tracking},
    auth::Caller,
    channels::Shape,
    domain::{OrderId, Version},
    http::live::frame,
    live::{Admission, Connection, Event, Outlet, Subscription, Topic},
    telemetry::metric,
};

/// One socket or event stream, with all it watches.
pub struct Watch {
    app: App,
    connection: Arc<Connection>,
    subscriptions: Vec<Arc<Subscription>>,
    transport: &'static str,
    _admission: Admission,
}

/// What a watcher of one order starts from.
pub enum Start {
    /// The state.
    Snapshot(Vec<Arc<crate::domain::Order>>),
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
        gauge!(metric::LIVE_SOCKETS, "transport" => transport).increment(1);
        Self { app, connection, subscriptions: Vec::new(), transport, _admission: admission }
    }

    /// The hub's side of it.
    pub const fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// How many topics it watches.
    pub fn topics(&self) -> usize {
        self.subscriptions.len()
    }

    /// Every topic it watches.
    pub fn watched(&self) -> impl Iterator<Item = &Topic> {
        self.subscriptions.iter().map(|it| it.topic())
    }

    /// Watches a topic: registers first, then reads the state or what was missed, then lets through what is newer.
    ///
    /// `announce` queues the state before anything newer follows.
    pub async fn add(
        &mut self,
        caller: &Caller,
        topic: Topic,
        after: Option<Version>,
        announce: impl FnOnce(&Connection, &Start),
    ) -> Result<(), Failure> {
        // A second subscription of the same topic begins anew.
        self.remove(&topic);
        let subscription = self.app.hub.subscribe(&self.connection, topic.clone());
        let start = match start(&self.app, caller, &topic, after).await {
            Ok(start) => start,
            Err(failure) => {
                self.app.hub.unsubscribe(&subscription);
                return Err(failure);
            }
        };
        announce(&self.connection, &start);
        let shown: Vec<(OrderId, Version)> = match &start {
            Start::Snapshot(orders) => orders.iter().map(|it| (it.id, it.version)).collect(),
            Start::Missed(events) => {
                self.connection.replay(events);
                // Nothing missed is known up to there, too: a node that heals a gap publishes the past again.
                match (&topic, after) {
                    (Topic::Order(id), Some(after)) => {
                        vec![(*id, events.last().map_or(after, |it| it.version()))]
                    }
                    _ => Vec::new(),
                }
            }
        };
        self.app.hub.open(&subscription, &shown);
        self.subscriptions.push(subscription);
        Ok(())
    }

    /// Watches a topic no more.
    pub fn remove(&mut self, topic: &Topic) {
        if let Some(at) = self.subscriptions.iter().position(|it| it.topic() == topic) {
            let subscription = self.subscriptions.swap_remove(at);
            self.app.hub.unsubscribe(&subscription);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.app.hub.disconnect(&self.connection, &self.subscriptions);
        gauge!(metric::LIVE_SOCKETS, "transport" => self.transport).decrement(1);
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
pub fn announcement(id: &Value, topic: &Topic, shape: Shape, start: &Start) -> String {
    match start {
        Start::Snapshot(orders) => frame::subscribed(id, topic, shape, orders),
        Start::Missed(_) => frame::resumed(id, topic),
    }
}
