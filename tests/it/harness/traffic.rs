//! Orders and webhooks that pour in from several writers, who keep books of what was accepted.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use reqwest::RequestBuilder;
use serde_json::{Value, json};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use crate::harness::{
    client::{Answer, Client, id, partner_order_for, try_answer},
    folder::unique,
    wait::eventually,
};

/// How long an answer may take while services are away.
const BOUND: Duration = Duration::from_secs(20);
/// Between two calls of one writer: the machine has other work too.
const PAUSE: Duration = Duration::from_millis(15);
const BEFORE_TRYING_AGAIN: Duration = Duration::from_millis(100);
const STEPS: [&str; 5] = ["accepted", "preparing", "ready", "out_for_delivery", "delivered"];

/// What the server has said yes to.
#[derive(Clone, Debug, Default)]
pub struct Accepted {
    /// Orders placed, by idempotency key.
    pub orders: BTreeMap<String, String>,
    /// Changes, by order: the version, and a word that its event must hold.
    pub changes: BTreeMap<String, Vec<(u64, String)>>,
    /// Webhooks, by event id, with the order each is about.
    pub webhooks: BTreeMap<String, String>,
    /// How often it answered that it cannot just now.
    pub unavailable: usize,
    /// The slowest answer.
    pub slowest: Duration,
}

/// Writers at work. They end with this value; [`Traffic::stop`] ends them in order.
pub struct Traffic {
    accepted: Arc<Mutex<Accepted>>,
    stop: CancellationToken,
    writers: JoinSet<()>,
}

impl Traffic {
    /// Two writers, each of whom places orders at this store and moves them by hand, one whose orders a partner moves, and one who
    /// changes the times of these `lasting` orders again and again.
    pub fn start(client: &Client, store: &str, lasting: &[String]) -> Self {
        let mut traffic = Self {
            accepted: Arc::default(),
            stop: CancellationToken::new(),
            writers: JoinSet::new(),
        };
        let writer = Writer {
            client: client.clone(),
            store: store.to_owned(),
            accepted: Arc::clone(&traffic.accepted),
            stop: traffic.stop.clone(),
        };
        for by_partner in [false, false, true] {
            traffic.writers.spawn(writer.clone().work(by_partner));
        }
        traffic.writers.spawn(writer.nudge(lasting.to_vec()));
        traffic
    }

    /// What has been accepted so far.
    pub fn accepted(&self) -> Accepted {
        self.accepted.lock().unwrap().clone()
    }

    /// Waits until so many further orders were accepted, and webhooks among them: the server works.
    pub async fn until_more(&self, orders: usize) {
        let before = self.accepted();
        eventually(async || {
            let now = self.accepted();
            let enough = before.orders.len() + orders <= now.orders.len()
                && before.webhooks.len() < now.webhooks.len();
            if enough {
                Ok(())
            } else {
                Err((now.orders.len(), now.webhooks.len(), now.unavailable))
            }
        })
        .await;
    }

    /// Lets every writer finish its order, then returns what was accepted in all.
    pub async fn stop(mut self) -> Accepted {
        self.stop.cancel();
        while let Some(ended) = self.writers.join_next().await {
            ended.unwrap();
        }
        self.accepted()
    }
}

#[derive(Clone)]
struct Writer {
    client: Client,
    store: String,
    accepted: Arc<Mutex<Accepted>>,
    stop: CancellationToken,
}

impl Writer {
    async fn work(self, by_partner: bool) {
        while !self.stop.is_cancelled() {
            let (key, external) = (unique(), unique());
            let body = partner_order_for(&self.store, "generic", &external);
            let Some(order) = self.place(&key, &body).await else { return };
            for status in STEPS {
                let moved = if by_partner {
                    self.tell(&order, &external, status).await
                } else {
                    self.step(&order, status).await
                };
                if moved.is_none() {
                    return;
                }
            }
        }
    }

    async fn nudge(self, orders: Vec<String>) {
        let begin = jiff::Timestamp::constant(1_900_000_000, 0);
        for (second, order) in (0..).zip(orders.iter().cycle()) {
            let eta = begin + Duration::from_secs(second);
            let change = json!({"eta": {"readyAt": eta}});
            if self.stop.is_cancelled()
                || self.patch(order, &change, "OrderEtaChanged").await.is_none()
            {
                return;
            }
        }
    }

    async fn place(&self, key: &str, body: &Value) -> Option<String> {
        let request = || {
            let request = self.client.request(reqwest::Method::POST, "/v1/orders");
            request.bearer_auth(self.client.service()).header("idempotency-key", key).json(body)
        };
        let answer = loop {
            let answer = self.insist(request).await?;
            // The first attempt may still be at work.
            if answer.status != 409 {
                break answer;
            }
        };
        let order = id(&answer.expect(201)).to_owned();
        self.lock().orders.insert(key.to_owned(), order.clone());
        Some(order)
    }

    async fn step(&self, order: &str, status: &str) -> Option<()> {
        self.patch(order, &json!({"status": status}), status).await
    }

    /// A step whose answer was lost may have been taken: then the second attempt is refused, and the order is there already.
    async fn patch(&self, order: &str, change: &Value, word: &str) -> Option<()> {
        let path = format!("/v1/orders/{order}");
        let request = || {
            let request = self.client.request(reqwest::Method::PATCH, &path);
            request.bearer_auth(self.client.service()).json(change)
        };
        let answer = self.insist(request).await?;
        if answer.status == 200 {
            let version = answer.json["version"].as_u64().unwrap();
            let mut accepted = self.lock();
            accepted.changes.entry(order.to_owned()).or_default().push((version, word.to_owned()));
            return Some(());
        }
        assert_eq!(answer.status, 409, "{answer:?}");
        Some(())
    }

    async fn tell(&self, order: &str, external: &str, status: &str) -> Option<()> {
        let event = format!("{external}-{status}");
        let body =
            json!({"type": "order.status", "data": {"externalId": external, "status": status}});
        let call = self.client.webhook("generic", &event, &body);
        self.insist(|| self.client.delivery(&call)).await?.expect(200);
        self.lock().webhooks.insert(event, order.to_owned());
        Some(())
    }

    /// Sends the same request until it is answered with yes or no; `None` when the test is over and nobody answers.
    async fn insist(&self, request: impl Fn() -> RequestBuilder) -> Option<Answer> {
        let mut waited_since_stop = None;
        loop {
            sleep(PAUSE).await;
            let begun = Instant::now();
            let answer = try_answer(request()).await;
            let took = begun.elapsed();
            assert!(took < BOUND, "no answer for {took:?}: {answer:?}");
            match answer {
                Ok(answer) if answer.status < 500 => {
                    let mut accepted = self.lock();
                    accepted.slowest = accepted.slowest.max(took);
                    return Some(answer);
                }
                Ok(answer) => {
                    assert_eq!(answer.status, 503, "{answer:?}");
                    assert!(answer.header("retry-after").is_some(), "{answer:?}");
                    answer.expect_error(503, "UNAVAILABLE");
                    let mut accepted = self.lock();
                    accepted.unavailable += 1;
                    accepted.slowest = accepted.slowest.max(took);
                }
                Err(_gone) => {}
            }
            if self.stop.is_cancelled() {
                let since = *waited_since_stop.get_or_insert_with(Instant::now);
                if BOUND < since.elapsed() {
                    return None;
                }
            }
            sleep(BEFORE_TRYING_AGAIN).await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Accepted> {
        self.accepted.lock().unwrap()
    }
}
