//! Customers are told of their orders as fast as WhatsApp lets us.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};

use crate::{
    cloud::{APP_SECRET, Cloud, Reported, Seen},
    drive::{Changer, Load},
    http::Http,
    machine,
    report::{Report, Unit},
    run::stage::Stage,
    world::Order,
};

/// People who order in turns: each is written to a little less often than WhatsApp allows.
const PEOPLE: u64 = 600;

/// How long no message may come before those that are missing count as lost.
const SILENCE: Duration = Duration::from_secs(15);

/// What the server is told of the stand-in.
pub fn settings(cloud: &Cloud) -> Vec<String> {
    vec![
        "whatsapp.phone_number_id=1065".to_owned(),
        "whatsapp.token=loadtest".to_owned(),
        format!("whatsapp.app_secrets=[{APP_SECRET:?}]"),
        format!("whatsapp.base_url=http://{}", cloud.address),
        "notify.window=0ms".to_owned(),
    ]
}

/// Carries it out.
pub fn run(stage: Stage, cloud: Option<Cloud>) -> anyhow::Result<Report> {
    let cloud = cloud.context("nobody has started the channel")?;
    let Stage { scenario, server, world, progress, mut report, .. } = stage;
    let cloud = cloud.report_to(server.address);
    let authorization = format!("Bearer {}", server.mint.service("loadtest"));
    let Some(store) = world.stores.first() else { bail!("there is no store") };
    let (address, authorization) = (server.address, authorization.as_str());
    rule(address, authorization, store)?;
    let load = Load {
        rate: scenario.rate,
        seconds: scenario.seconds,
        orders: (0..world.orders.len()).collect(),
        connections: scenario.connections,
        first: 0,
    };
    let next = AtomicU64::new(0);
    let cpu = machine::cpu(server.pid());
    progress.begin("placing orders whose customers want to be told");
    let driven = load.drive(
        &world,
        &mut Vec::new(),
        || Ok(Guest { http: Http::new(address), authorization, store, next: &next }),
        || progress.tell(|| format!("{} messages", cloud.seen().taken)),
    )?;
    let expected = driven.changes - driven.failed;
    // While orders come faster than messages may go; after that the last ones wait for their own turns.
    let sustained = cloud.seen().per_second();
    progress.begin("waiting for the last messages");
    settle(&cloud, expected);
    let cpu = machine::cpu(server.pid()) - cpu;
    progress.end();
    let (reports, seen) = cloud.finish()?;
    let seen = seen.lock();
    report.condition(
        "load",
        format!(
            "{} orders/s for {} s by {PEOPLE} people; the stand-in takes 150 ms for an answer, and reports each message three times",
            scenario.rate, scenario.seconds
        ),
    );
    let meaning = "messages that the channel took while more orders came than may be told";
    report.figure("messages_per_second", sustained, Unit::PerSecond, meaning);
    count(&mut report, &seen, expected);
    report.count("reports", reports, "receipts, each stored before it was answered");
    report.count("change_failures", driven.failed, "orders that could not be placed");
    report.notes.extend(driven.failure.map(|it| format!("the first of them: {it}")));
    let each = cpu.total() / seen.taken.max(1) as f64;
    let meaning = "server's processor time for each message, its order and its receipts included";
    report.figure("message_cpu_us", each, Unit::Micros, meaning);
    Ok(report)
}

/// Has customers told of every order.
fn rule(address: SocketAddr, authorization: &str, store: &str) -> anyhow::Result<()> {
    let rules = r#"{"rules":[{"on":"placed","template":"order_ready","worthMinutes":60}]}"#;
    let path = format!("/v1/stores/{store}/notifications");
    let headers = [("authorization", authorization)];
    let answer = Http::new(address).call("PUT", &path, &headers, rules.as_bytes())?;
    ensure!(answer.status == 204, "the rules are answered {}", answer.status);
    Ok(())
}

/// Waits until so many messages have come, or none comes any more.
fn settle(cloud: &Reported, expected: u64) {
    let (mut last, mut since) = (0, Instant::now());
    while last < expected && since.elapsed() < SILENCE {
        std::thread::sleep(Duration::from_millis(20));
        let taken = cloud.seen().taken;
        if taken != last {
            (last, since) = (taken, Instant::now());
        }
    }
}

/// What came, and what did not.
fn count(report: &mut Report, seen: &Seen, expected: u64) {
    report.count("messages", seen.taken, "that the channel took");
    report.count("lost", expected.saturating_sub(seen.taken), "that should have come and did not");
    report.count("repeated", seen.repeated, "that had come before");
    report.count("most_per_second", seen.most_per_second as u64, "within 950 ms, at most");
    report.count("too_fast", seen.too_fast, "refused for too many in a second");
    report.count("too_often", seen.too_often, "refused for too many to one person");
    let pair = seen.shortest_pair.map_or(0.0, |it| it as f64 / 1e9);
    let meaning = "seconds between two messages to one person, at least";
    report.figure("shortest_pair_s", pair, Unit::Count, meaning);
}

/// Places orders for one person after the other.
struct Guest<'a> {
    http: Http,
    authorization: &'a str,
    store: &'a str,
    next: &'a AtomicU64,
}

impl Changer for Guest<'_> {
    fn change(&mut self, _: &Order) -> anyhow::Result<()> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let phone = format!("+96279{:07}", number % PEOPLE);
        let body = serde_json::json!({
            "storeId": self.store, "fulfilment": "pickup",
            "items": [{"sku": "sku-0", "name": {"en": "Double burger"}, "quantity": 1,
                "unitPrice": {"amount": 4250, "currency": "JOD"}}],
            "customer": {"name": "Sara", "phone": phone, "language": "ar"},
            "consent": {"decision": "granted", "source": "checkout", "shown": "Tell me on WhatsApp"},
        });
        let key = format!("guest-{number}-{}", machine::now());
        let headers = [("authorization", self.authorization), ("idempotency-key", key.as_str())];
        let answer = self.http.call("POST", "/v1/orders", &headers, body.to_string().as_bytes())?;
        if answer.status != 201 {
            bail!(
                "an order is answered {}: {}",
                answer.status,
                String::from_utf8_lossy(&answer.body)
            );
        }
        Ok(())
    }
}
