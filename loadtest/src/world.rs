//! The restaurant that is tested: stores, and orders placed before the clock starts.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
};

use anyhow::Context;
use serde_json::{Value, json};

use crate::{http::Http, token::Mint};

/// Versions of one order whose due moment is remembered at once: more than one change makes.
const RING: u64 = 32;

/// Threads that set the world up.
const BUILDERS: usize = 8;

/// One order.
#[derive(Debug)]
pub struct Order {
    /// Its id, as the server writes it.
    pub id: String,
    /// Its place in the world.
    pub place: usize,
    /// Its store's place in the world.
    pub store: usize,
    /// Its place among the orders of its store.
    pub slot: usize,
    /// Its version, as far as the driver knows.
    pub version: AtomicU64,
    /// Steps that were taken with it.
    pub step: AtomicU32,
    due: [AtomicU64; RING as usize],
}

impl Order {
    /// Remembers when the change that makes the next versions was due.
    pub fn expect(&self, due: u64) {
        let version = self.version.load(Ordering::Relaxed);
        for next in version + 1..=version + RING - 8 {
            if let Some(slot) = self.due.get((next % RING) as usize) {
                slot.store(due, Ordering::Relaxed);
            }
        }
    }

    /// When the change that made this version was due; 0 where nobody knows.
    pub fn due(&self, version: u64) -> u64 {
        self.due.get((version % RING) as usize).map_or(0, |it| it.load(Ordering::Relaxed))
    }
}

/// The restaurant.
#[derive(Debug, Default)]
pub struct World {
    /// Stores, by their ids.
    pub stores: Vec<String>,
    /// Orders.
    pub orders: Vec<Order>,
    /// How many orders each store has.
    pub orders_of: Vec<usize>,
    places: HashMap<u128, usize>,
}

/// What to set up.
#[derive(Clone, Debug)]
pub struct Blueprint {
    /// How many orders each store has.
    pub orders_of: Vec<usize>,
    /// Kitchen stations of each store: tickets of each order.
    pub stations: usize,
    /// Whether the orders are accepted at once.
    pub accepted: bool,
}

impl World {
    /// Sets it up through the interface that everybody uses.
    pub fn build(address: SocketAddr, mint: &Mint, plan: &Blueprint) -> anyhow::Result<Self> {
        let token = format!("Bearer {}", mint.service("loadtest"));
        let names: Vec<String> = (0..plan.stations.max(1)).map(|it| format!("s{it}")).collect();
        let body = json!({"name": {"en": "Load"}, "stations": names}).to_string();
        let stores = in_parallel(address, plan.orders_of.len(), |http, _| {
            let headers = [("authorization", token.as_str())];
            let store = http.call("POST", "/v1/stores", &headers, body.as_bytes())?.json()?;
            id(&store).context("a store without an id")
        })?;
        let of = |(store, count): (usize, &usize)| std::iter::repeat_n(store, *count);
        let homes: Vec<usize> = plan.orders_of.iter().enumerate().flat_map(of).collect();
        let orders = in_parallel(address, homes.len(), |http, at| {
            let store = homes.get(at).and_then(|it| stores.get(*it)).context("no store")?;
            place(http, &token, store, at, plan)
        })?;
        let mut world = Self { orders_of: vec![0; stores.len()], stores, ..Self::default() };
        for (store, (id, version)) in homes.into_iter().zip(orders) {
            world.add(id, store, version);
        }
        Ok(world)
    }

    /// The same orders for the floor, with versions of their own.
    pub fn twin(&self) -> Self {
        let mut twin = Self {
            stores: self.stores.clone(),
            orders_of: vec![0; self.stores.len()],
            ..Self::default()
        };
        for order in &self.orders {
            twin.add(order.id.clone(), order.store, order.version.load(Ordering::Relaxed));
        }
        twin
    }

    fn add(&mut self, id: String, store: usize, version: u64) {
        let number = id.strip_prefix("ord_").and_then(|it| hexadecimal(it.as_bytes()));
        self.places.extend(number.map(|it| (it, self.orders.len())));
        let count = self.orders_of.get_mut(store);
        let slot = count.map_or(0, |it| {
            *it += 1;
            *it - 1
        });
        self.orders.push(Order {
            place: self.orders.len(),
            id,
            store,
            slot,
            version: AtomicU64::new(version),
            step: AtomicU32::new(0),
            due: Default::default(),
        });
    }

    /// The place of an order.
    pub fn place(&self, order: u128) -> Option<usize> {
        self.places.get(&order).copied()
    }
}

/// The customer of an order, by the order's place.
pub fn customer(at: usize) -> String {
    format!("c{at}")
}

fn place(
    http: &mut Http,
    token: &str,
    store: &str,
    at: usize,
    plan: &Blueprint,
) -> anyhow::Result<(String, u64)> {
    let items: Vec<Value> = (0..plan.stations.max(1))
        .map(|it| {
            json!({
                "sku": format!("sku-{it}"), "name": {"en": "Double burger"}, "quantity": 1, "station": format!("s{it}"),
                "unitPrice": {"amount": 4250, "currency": "JOD"},
            })
        })
        .collect();
    let body = json!({
        "storeId": store, "fulfilment": "pickup", "items": items,
        "customer": {"id": customer(at), "name": "Sara H", "phone": "+962790000001", "language": "en"},
    });
    let key = format!("loadtest-{at}-{}", crate::machine::now());
    let headers = [("authorization", token), ("idempotency-key", key.as_str())];
    let order = http.call("POST", "/v1/orders", &headers, body.to_string().as_bytes())?.json()?;
    let id = id(&order).context("an order without an id")?;
    let mut version = order["version"].as_u64().unwrap_or(1);
    if plan.accepted {
        let headers = [("authorization", token)];
        let path = format!("/v1/orders/{id}");
        let answer = http.call("PATCH", &path, &headers, br#"{"status":"accepted"}"#)?;
        version = answer.version.unwrap_or(version + 1);
        answer.json()?;
    }
    Ok((id, version))
}

fn id(body: &Value) -> Option<String> {
    body["id"].as_str().map(str::to_owned)
}

/// Does something `count` times over a few connections; the results stand in order.
pub fn in_parallel<T: Send>(
    address: SocketAddr,
    count: usize,
    work: impl Fn(&mut Http, usize) -> anyhow::Result<T> + Sync,
) -> anyhow::Result<Vec<T>> {
    let work = &work;
    let mut results: Vec<(usize, T)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..BUILDERS)
            .map(|first| {
                scope.spawn(move || {
                    let mut http = Http::new(address);
                    let mine = (first..count).step_by(BUILDERS);
                    mine.map(|at| Ok((at, work(&mut http, at)?)))
                        .collect::<anyhow::Result<Vec<_>>>()
                })
            })
            .collect();
        let mut all = Vec::with_capacity(count);
        for thread in threads {
            let part = thread.join().map_err(|_| anyhow::anyhow!("a thread panicked"))?;
            all.extend(part?);
        }
        Ok::<_, anyhow::Error>(all)
    })?;
    results.sort_unstable_by_key(|(at, _)| *at);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

/// The UUID behind `ord_`.
pub fn hexadecimal(text: &[u8]) -> Option<u128> {
    let mut number = 0_u128;
    for byte in text {
        let digit = char::from(*byte).to_digit(16)?;
        number = number << 4 | u128::from(digit);
    }
    (text.len() == 32).then_some(number)
}
