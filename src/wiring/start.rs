//! The roles of a process, and the workers of each.

use crate::{
    app::App,
    domain::vocabulary,
    workers::{self, Consume, Dispatcher},
};

vocabulary! {
    /// What a process does. One process may do all of it, or a cluster may share it out.
    pub enum Role {
        /// Orders, stores, webhooks and pages over HTTP.
        Api = "api",
        /// Sockets and event streams.
        Live = "live",
        /// Outbox to bus.
        Relay = "relay",
        /// Stored partner calls to orders, and what is to be told to partners.
        Intake = "intake",
        /// The figures of each store's day.
        Timings = "timings",
        /// Events to the restaurant's own systems.
        Webhooks = "webhooks",
        /// What people are told of their orders.
        Notify = "notify",
    }
}

/// Starts the workers of these roles, in tasks of their own.
pub(in crate::wiring) fn workers(app: &App, roles: &[Role]) {
    let tasks = &app.tasks;
    let stop = || tasks.stop();
    let db = app.db.clone();
    let carried = stop();
    tasks.spawn(async move { db.carry_signals(carried).await });
    // Consumers before the relay: in process, a queue exists from its first consumer on.
    if roles.contains(&Role::Timings) {
        let timings = Consume::<workers::Timings>::new(app.clone());
        tasks.spawn(workers::run(timings, app.clone(), stop()));
    }
    if roles.contains(&Role::Notify) {
        let notifications = Consume::<workers::Notifications>::new(app.clone());
        tasks.spawn(workers::run(notifications, app.clone(), stop()));
        let messages = Dispatcher::new(app.clone(), workers::Messages::new(app));
        tasks.spawn(workers::run(messages, app.clone(), stop()));
    }
    if roles.contains(&Role::Webhooks) {
        let addressing = Consume::<workers::Addressing>::new(app.clone());
        tasks.spawn(workers::run(addressing, app.clone(), stop()));
        let deliveries = Dispatcher::new(app.clone(), workers::Deliveries::new(app));
        tasks.spawn(workers::run(deliveries, app.clone(), stop()));
    }
    if roles.contains(&Role::Live) {
        tasks.spawn(workers::run(workers::Pulse::new(app.clone()), app.clone(), stop()));
        if app.config.cache.redis_url.is_some() {
            tasks.spawn(workers::run(workers::Presence::new(app.clone()), app.clone(), stop()));
        }
        // On a thread of its own: a topic with thousands of sockets must not keep requests waiting.
        let fanout = workers::run(workers::Fanout::new(app.clone()), app.clone(), stop());
        tasks.spawn_blocking(fanout);
    }
    if roles.contains(&Role::Intake) {
        tasks.spawn(workers::run(workers::Reconciler::new(app.clone()), app.clone(), stop()));
        tasks.spawn(workers::run(workers::Deadlines::new(app.clone()), app.clone(), stop()));
        tasks.spawn(workers::run(workers::Intake::new(app.clone()), app.clone(), stop()));
        let calls = Dispatcher::new(app.clone(), workers::PartnerCalls::new(app));
        tasks.spawn(workers::run(calls, app.clone(), stop()));
    }
    if roles.contains(&Role::Relay) {
        tasks.spawn(workers::run(workers::Relay::new(app.clone()), app.clone(), stop()));
    }
    // On a thread of its own: it reads files.
    let adapters = workers::run(workers::Adapters::new(app.clone()), app.clone(), stop());
    tasks.spawn_blocking(adapters);
    tasks.spawn(workers::run(workers::Housekeeping::new(app.clone()), app.clone(), stop()));
}
