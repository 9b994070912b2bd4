//! Who watches what, from where, with which token.

use std::{
    net::{Ipv4Addr, SocketAddr},
    ops::Range,
};

use crate::{
    client::Plan,
    scenario::{Kind, Scenario, Topic},
    server::Server,
    world::{Blueprint, Order, World, customer},
};

/// Sockets from one loopback address: well below the ports that one address has, also while as many linger after a cut.
const PER_SOURCE: usize = 8000;

/// Orders that nobody watches: changing them costs what changing an order costs without any delivery.
const UNWATCHED: usize = 400;

/// The stores and orders that a scenario takes; those of the last store are watched by nobody.
pub fn blueprint(scenario: &Scenario) -> Blueprint {
    let mut orders_of = match scenario.topic {
        Topic::Store => vec![scenario.orders; scenario.topics],
        Topic::Order => {
            let stores = scenario.topics.div_ceil(100);
            (0..stores).map(|it| (scenario.topics - it * 100).min(100)).collect()
        }
        Topic::Customer => Vec::new(),
    };
    let watched: usize = orders_of.iter().sum();
    if scenario.kind == Kind::Fanout {
        orders_of.push(watched.min(UNWATCHED));
    }
    let accepted = scenario.change == crate::scenario::Change::Tickets;
    Blueprint { orders_of, stations: scenario.stations, accepted }
}

/// The places of the watched orders, and of those that nobody watches.
pub fn orders(scenario: &Scenario, world: &World) -> (Range<usize>, Range<usize>) {
    let all = world.orders.len();
    let unwatched = match scenario.kind {
        Kind::Fanout => world.orders_of.last().copied().unwrap_or(0),
        _ => 0,
    };
    (0..all - unwatched, all - unwatched..all)
}

/// The topics that an order's watchers are on.
pub fn kinds(scenario: &Scenario) -> Vec<Topic> {
    let mut kinds = vec![scenario.topic];
    if 0 < scenario.customers {
        kinds.push(Topic::Order);
    }
    kinds
}

/// The name of the topic of an order's events.
pub fn topic(kind: Topic, world: &World, order: &Order) -> String {
    match kind {
        Topic::Store => {
            format!("store:{}", world.stores.get(order.store).map_or("", String::as_str))
        }
        Topic::Order | Topic::Customer => format!("order:{}", order.id),
    }
}

/// All sockets of a scenario.
pub fn of(scenario: &Scenario, world: &World, server: &Server, address: SocketAddr) -> Vec<Plan> {
    let watched = orders(scenario, world).0.len().max(1);
    let mut plans = Vec::with_capacity(scenario.sockets + scenario.customers);
    let slow = if scenario.kind == Kind::SlowReaders { scenario.slow_share } else { 0.0 };
    let mut slow_owed = 0.0;
    for at in 0..scenario.sockets {
        let topic_at = at % scenario.topics.max(1);
        let (topic, store, token) = match scenario.topic {
            Topic::Store => {
                let store = world.stores.get(topic_at).map_or("", String::as_str);
                let token = server.mint.staff(&format!("staff-{at}"), store);
                (format!("store:{store}"), Some(topic_at), token)
            }
            Topic::Order => order_topic(world, topic_at, server),
            Topic::Customer => {
                let name = format!("idle-{at}");
                (format!("customer:{name}"), None, server.mint.customer(&name))
            }
        };
        slow_owed += slow;
        let deaf = (1.0 <= slow_owed).then_some(scenario.slow_buffer);
        slow_owed -= if deaf.is_some() { 1.0 } else { 0.0 };
        plans.push(Plan {
            topic,
            store,
            upgrade: upgrade(address, &scenario.channel, &token),
            source: source(address, at),
            deaf,
        });
    }
    for at in 0..scenario.customers {
        let (topic, store, token) = order_topic(world, at % watched, server);
        let source = source(address, scenario.sockets + at);
        let upgrade = upgrade(address, "mobile", &token);
        plans.push(Plan { topic, store, upgrade, source, deaf: None });
    }
    plans
}

/// How many sockets each order's events go to.
pub fn watchers(plans: &[Plan], world: &World) -> Vec<u64> {
    let mut of_store = vec![0_u64; world.stores.len()];
    let mut of_order = std::collections::HashMap::<&str, u64>::new();
    for plan in plans.iter().filter(|it| it.deaf.is_none()) {
        match plan.store.and_then(|it| of_store.get_mut(it)) {
            Some(count) => *count += 1,
            None => *of_order.entry(plan.topic.as_str()).or_default() += 1,
        }
    }
    let count = |order: &Order| {
        let store = of_store.get(order.store).copied().unwrap_or(0);
        store + of_order.get(format!("order:{}", order.id).as_str()).copied().unwrap_or(0)
    };
    world.orders.iter().map(count).collect()
}

fn order_topic(world: &World, at: usize, server: &Server) -> (String, Option<usize>, String) {
    let id = world.orders.get(at).map_or("", |it| it.id.as_str());
    (format!("order:{id}"), None, server.mint.customer(&customer(at)))
}

fn source(target: SocketAddr, at: usize) -> Option<Ipv4Addr> {
    let number = u8::try_from(at / PER_SOURCE).unwrap_or(u8::MAX - 1);
    (target.ip().is_loopback() && 0 < number).then(|| Ipv4Addr::new(127, 0, 0, 1 + number))
}

fn upgrade(address: SocketAddr, channel: &str, token: &str) -> Vec<u8> {
    format!(
        "GET /v1/live?channel={channel} HTTP/1.1\r\nhost: {address}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nauthorization: Bearer {token}\r\n\r\n"
    )
    .into_bytes()
}
