//! One socket's conversation: what its client asks.

use std::{future::poll_fn, sync::Arc, time::Instant};

use serde_json::Value;

use crate::{
    app::{App, tracking},
    auth::Caller,
    domain::OrderId,
    http::{
        live::watch::{Watch, announcement},
        problem::Problem,
    },
    live::{Bucket, ClientFrame, Close, Connection, ErrorDetail, PROTOCOL, ServerFrame, Topic},
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
        session.connection().send(&ServerFrame::Hello {
            protocol: PROTOCOL,
            channel: session.connection().shape().channel(),
            expires_at: session.caller.expires_at,
            ping_every: session.app.config.live.ping_every.as_secs_f64(),
        });
        if let Some(since) = session.app.hub.behind_since() {
            session.connection().send(&ServerFrame::Behind { since });
            // The others may have been told so meanwhile, before this one was told that it is behind.
            if session.app.hub.behind_since().is_none() {
                session.connection().send(&ServerFrame::CaughtUp);
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
        let (id, frame) = ClientFrame::read(text);
        let answered = match frame {
            Ok(frame) => self.answer(&id, frame).await?,
            Err(error) => Err(Problem::invalid(error.to_string())),
        };
        if let Err(problem) = answered {
            self.refuse(&id, &problem);
        }
        Ok(())
    }

    fn refuse(&self, id: &Value, problem: &Problem) {
        let error = ErrorDetail { code: problem.code(), message: problem.message() };
        self.connection().send(&ServerFrame::Error { id, error });
    }

    /// `Err` closes the socket; an inner problem is only told.
    async fn answer(
        &mut self,
        id: &Value,
        frame: ClientFrame,
    ) -> Result<Result<(), Problem>, Close> {
        match frame {
            ClientFrame::Subscribe { topic, after } => {
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
            ClientFrame::Unsubscribe { topic } => {
                self.watch.remove(&topic);
                self.connection().send(&ServerFrame::Unsubscribed { id, topic: &topic });
                Ok(Ok(()))
            }
            ClientFrame::Auth { token } => self.take_token(id, &token).await.map(Ok),
            ClientFrame::Ping => {
                self.connection().send(&ServerFrame::Pong { id });
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
        let expires_at = self.caller.expires_at;
        self.connection().send(&ServerFrame::Authenticated { id, expires_at });
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
            self.refuse(&Value::Null, &Problem::from(failure));
            // The link is all this socket is for: let it come back when the store can be read.
            self.connection().close(Close::Internal);
        }
    }

    /// Counts a message of the client, whatever it is: pings are answered, too.
    pub fn spend_allowance(&mut self) -> Result<(), Close> {
        if self.allowance.take(Instant::now()) { Ok(()) } else { Err(Close::Rate) }
    }
}
