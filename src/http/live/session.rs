//! One socket's conversation: what its client asks.

use std::{future::poll_fn, sync::Arc, time::Instant};

use serde_json::Value;

use crate::{
    app::{App, tracking},
    auth::Caller,
    domain::OrderId,
    http::{
        live::{
            frame::{self, Request},
            watch::{Watch, announcement},
        },
        problem::Problem,
    },
    live::{Bucket, Close, Connection, Topic},
};

/// One socket's conversation.
pub struct Session {
    app: App,
    caller: Arc<Caller>,
    watch: Watch,
    /// Frames that the client may still send at once.
    allowance: Bucket,
}

impl Session {
    /// Greets, and subscribes a tracking link to its order.
    pub async fn begin(app: App, caller: Arc<Caller>, watch: Watch) -> Self {
        let allowance = Bucket::new(app.config.live.frames_per_second);
        let mut session = Self { app, caller, watch, allowance };
        let ping_every = session.app.config.live.ping_every.as_secs_f64();
        let shape = session.connection().shape();
        let hello = frame::hello(shape, session.caller.expires_at, ping_every);
        session.connection().send(hello);
        if let Some(since) = session.app.hub.behind_since() {
            session.connection().send(frame::behind(since));
            // The others may have been told so meanwhile, before this one was told that it is behind.
            if session.app.hub.behind_since().is_none() {
                session.connection().send(frame::CAUGHT_UP);
            }
        }
        if let Some(order) = session.caller.order {
            session.subscribe_to_link(order).await;
        }
        session
    }

    /// The hub's side of it.
    pub const fn connection(&self) -> &Arc<Connection> {
        self.watch.connection()
    }

    /// Answers one frame of the client.
    pub async fn hear(&mut self, text: &str) -> Result<(), Close> {
        let (id, request) = frame::read(text);
        let answered = match request {
            Ok(request) => self.answer(&id, request).await?,
            Err(problem) => Err(problem),
        };
        if let Err(problem) = answered {
            self.connection().send(frame::error(&id, &problem));
        }
        Ok(())
    }

    /// `Err` closes the socket; an inner problem is only told.
    async fn answer(&mut self, id: &Value, request: Request) -> Result<Result<(), Problem>, Close> {
        match request {
            Request::Subscribe { topic, after } => {
                let limit = self.app.config.live.topics_per_socket;
                let watched = self.connection().topics();
                if limit <= watched.len() && !watched.contains(&topic) {
                    let message = format!("One socket watches at most {limit} topics.");
                    return Ok(Err(Problem::invalid(message)));
                }
                poll_fn(|cx| self.connection().poll_room(cx)).await;
                let shape = self.connection().shape();
                let announced = topic.clone();
                let added = self.watch.add(&self.caller, topic, after, |start| {
                    Some(announcement(id, &announced, shape, start))
                });
                Ok(added.await.map_err(Problem::from))
            }
            Request::Unsubscribe { topic } => {
                self.watch.remove(&topic);
                self.connection().send(frame::unsubscribed(id, &topic));
                Ok(Ok(()))
            }
            Request::Auth { token } => self.take_token(id, &token).await.map(Ok),
            Request::Ping => {
                self.connection().send(frame::pong(id));
                Ok(Ok(()))
            }
        }
    }

    /// A fresh token must be the same caller's; whatever it may no longer watch closes the socket.
    async fn take_token(&mut self, id: &Value, token: &str) -> Result<(), Close> {
        let fresh = self.app.tokens.verify(token).map_err(|_| Close::BadToken)?;
        let same = fresh.role == self.caller.role
            && fresh.subject == self.caller.subject
            && fresh.order == self.caller.order;
        if !same {
            return Err(Close::BadToken);
        }
        for topic in self.connection().topics() {
            if !tracking::may_still_watch(&self.app, &fresh, &topic).await {
                return Err(Close::Forbidden);
            }
        }
        self.connection().expires(fresh.expires_at);
        self.connection().see(fresh.subjects_seen());
        self.caller = fresh;
        self.connection().send(frame::authenticated(id, self.caller.expires_at));
        Ok(())
    }

    async fn subscribe_to_link(&mut self, order: OrderId) {
        let topic = Topic::Order(order);
        let shape = self.connection().shape();
        let announced = topic.clone();
        let added = self.watch.add(&self.caller, topic, None, |start| {
            Some(announcement(&Value::Null, &announced, shape, start))
        });
        if let Err(failure) = added.await {
            let connection = self.connection();
            connection.send(frame::error(&Value::Null, &Problem::from(failure)));
            // The link is all this socket is for: let it come back when the store can be read.
            connection.close(Close::Internal);
        }
    }

    /// Counts a message of the client, whatever it is: pings are answered, too.
    pub fn spend_allowance(&mut self) -> Result<(), Close> {
        if self.allowance.take(Instant::now()) { Ok(()) } else { Err(Close::Rate) }
    }
}
