//! Ten thousand notifications, a channel that makes every kind of trouble, and a server that is killed three times: nobody is told twice,
//! nothing too late, nothing against consent, and every row says truly what became of it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    harness::{
        client::{Client, try_answer},
        cloud_api::{
            APP_SECRET, CloudApi, Limits, NUMBER, TOKEN, Taken, Trouble, deliver, inbound,
        },
        process::Process,
        wait::within,
    },
    notifications::{pickup, rules},
};

const ORDERS: usize = 10_000;
/// Each of whom orders five times.
const PEOPLE: usize = 2000;
/// Requests under way at once.
const AT_ONCE: usize = 24;
/// How long all of it may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(5);
/// From the decision to send to the moment at which the channel has it: a turn lies at most so far ahead, and then there is the way.
const ON_THE_WAY: SignedDuration = SignedDuration::from_secs(2);

const TROUBLES: [Trouble; 14] = [
    Trouble::Code(131_000, 500),
    Trouble::Code(130_429, 429),
    Trouble::Code(131_056, 400),
    Trouble::Code(131_048, 400),
    Trouble::Code(131_026, 400),
    Trouble::Code(131_047, 400),
    Trouble::Code(100, 400),
    Trouble::Code(190, 401),
    Trouble::Gateway(503),
    Trouble::Gateway(429),
    Trouble::LostReply,
    Trouble::LostRequest,
    Trouble::TakenBadGateway,
    Trouble::FailsLater(131_026),
];

fn phone(person: usize) -> String {
    format!("+96279{person:07}")
}

/// Every seventh never agreed.
const fn agreed(person: usize) -> bool {
    !person.is_multiple_of(7)
}

/// Some of the others take it back when they have ordered twice.
const fn takes_it_back(person: usize) -> bool {
    agreed(person) && person % 20 == 11
}

fn settings(cloud: &CloudApi) -> Vec<String> {
    [
        ("whatsapp.phone_number_id", NUMBER.to_owned()),
        ("whatsapp.token", TOKEN.to_owned()),
        ("whatsapp.app_secrets", format!("[{APP_SECRET:?}]")),
        ("whatsapp.base_url", cloud.url()),
        ("whatsapp.rate", "220".to_owned()),
        ("whatsapp.pair_every", "300ms".to_owned()),
        ("whatsapp.rest", "200ms".to_owned()),
        ("notify.window", "0ms".to_owned()),
        ("notify.first_delay", "50ms".to_owned()),
        ("notify.longest_delay", "1s".to_owned()),
        ("notify.hold_for", "20s".to_owned()),
        ("notify.at_once", "128".to_owned()),
        ("outbound.timeout", "1s".to_owned()),
        ("outbound.breaker_rest", "200ms".to_owned()),
        ("workers.rest", "50ms".to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| format!("{name}={value}"))
    .collect()
}

/// Orders come in, whatever happens to the server meanwhile.
struct Rush {
    placed: Arc<AtomicUsize>,
    tasks: JoinSet<()>,
}

impl Rush {
    fn start(client: &Client, store: &str) -> Self {
        let next = Arc::new(AtomicUsize::new(0));
        let placed = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        for _ in 0..AT_ONCE {
            let (client, store) = (client.clone(), store.to_owned());
            let (next, placed) = (Arc::clone(&next), Arc::clone(&placed));
            tasks.spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if ORDERS <= number {
                        return;
                    }
                    place(&client, &store, number).await;
                    placed.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        Self { placed, tasks }
    }

    async fn until(&self, count: usize) {
        within(PATIENCE, async || {
            let placed = self.placed.load(Ordering::Relaxed);
            if count <= placed { Ok(()) } else { Err(placed) }
        })
        .await;
    }

    async fn end(mut self) {
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
    }
}

async fn place(client: &Client, store: &str, number: usize) {
    let person = number % PEOPLE;
    let mut body =
        pickup(store, &phone(person), if person.is_multiple_of(2) { "ar" } else { "en" });
    if number < PEOPLE && agreed(person) {
        body["consent"] =
            json!({"decision": "granted", "source": "checkout", "shown": "Tell me on WhatsApp"});
    }
    loop {
        let request = client
            .request(Method::POST, "/v1/orders")
            .bearer_auth(client.service())
            .header("idempotency-key", format!("order-{number}"))
            .json(&body);
        match try_answer(request).await {
            Ok(it) if it.status == 201 => break,
            Ok(it) if it.status < 500 && it.status != 409 => panic!("{it:?}"),
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
    if (2 * PEOPLE..3 * PEOPLE).contains(&number) && takes_it_back(person) {
        let wamid = format!("wamid.in.{person}");
        let stop = if person.is_multiple_of(2) { "إيقاف" } else { "stop" };
        deliver(client, &inbound(&phone(person), &wamid, stop, client.clock.now())).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_notifications_through_chaos_and_three_kills() {
    let limits = Limits { per_second: 250, pair: Duration::from_millis(300) };
    let cloud = CloudApi::with(limits).await;
    cloud.make_trouble(7, 0.08, &TROUBLES);
    let settings = settings(&cloud);
    let settings: Vec<_> = settings.iter().map(String::as_str).collect();
    let mut server = Process::spawn(&settings).await;
    let store = server.store().await;
    // Worth a minute: with a third of them still to come when the last order is placed, some must be too late.
    rules(&server, &store, json!([{"on": "placed", "template": "order_ready", "worthMinutes": 1}]))
        .await;
    let _reports = cloud.report_to(&server, 11);
    let rush = Rush::start(&server, &store);
    for kill in 1..=3 {
        rush.until(kill * ORDERS / 5).await;
        server.kill9().await;
        server.restart().await;
    }
    rush.end().await;
    let rows = settled(&server).await;
    assert!(ORDERS <= rows.len(), "{}", rows.len());
    let states = audit(&rows, &cloud.taken());
    against_consent(&server, &cloud.taken()).await;
    println!("{states:?}; refused: {:?}", cloud.refused());
    for state in ["read", "failed", "unconfirmed", "no_consent"] {
        assert!(states.contains_key(state), "{state}: {states:?}");
    }
    assert!(server.terminate().await.success());
}

/// All notifications, when none of them is on its way any more and all receipts have come.
async fn settled(client: &Client) -> Vec<Value> {
    for state in ["queued", "sending", "held", "accepted", "sent"] {
        let path = format!("/v1/notifications?limit=1&state={state}");
        within(PATIENCE, async || {
            let page = client.get(&path, &client.service()).await.expect(200);
            if page["notifications"] == json!([]) { Ok(()) } else { Err(page) }
        })
        .await;
    }
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/notifications?limit=200{cursor}");
        let mut page = client.get(&path, &client.service()).await.expect(200);
        let Value::Array(found) = page["notifications"].take() else { panic!("{page}") };
        rows.extend(found);
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return rows,
        }
    }
}

/// Holds what each row says against what the channel has seen; answers how many stand where.
fn audit(rows: &[Value], taken: &[Taken]) -> BTreeMap<String, usize> {
    let mut received: HashMap<&str, Vec<&Taken>> = HashMap::new();
    for message in taken {
        received.entry(&message.ours).or_default().push(message);
    }
    let mut states = BTreeMap::new();
    for row in rows {
        let word = |name: &str| row[name].as_str().unwrap_or_default();
        let got = received.remove(word("id")).unwrap_or_default();
        assert!(got.len() <= 1, "told {} times: {row:#?}", got.len());
        let worthless: Timestamp = word("worthlessAt").parse().unwrap();
        let in_time = |it: &&Taken| it.at <= worthless.saturating_add(ON_THE_WAY).unwrap();
        assert!(got.iter().all(in_time), "too late: {row:#?}");
        let arrives = got.iter().any(|it| it.fails.is_none());
        let is_true = match word("state") {
            "delivered" | "read" => arrives,
            // Refused, or taken and failed later.
            "failed" => !arrives && !word("code").is_empty(),
            "expired" | "superseded" | "suppressed" | "no_consent" | "unconfirmed" => {
                got.is_empty() && !word("code").is_empty()
            }
            _ => false,
        };
        assert!(is_true, "{row:#?} {got:#?}");
        *states.entry(word("state").to_owned()).or_default() += 1;
    }
    assert!(received.is_empty(), "sent, and nobody knows of it: {received:#?}");
    states
}

/// Who never agreed has got nothing; who took it back has got nothing after we knew.
async fn against_consent(client: &Client, taken: &[Taken]) {
    for person in (0..PEOPLE).filter(|it| !agreed(*it) || takes_it_back(*it)) {
        let phone = phone(person);
        let got: Vec<_> = taken.iter().filter(|it| it.to == phone).collect();
        if !agreed(person) {
            assert!(got.is_empty(), "{got:#?}");
            continue;
        }
        let ledger =
            client.get(&format!("/v1/contacts/{phone}"), &client.service()).await.expect(200);
        let entries = ledger["consents"].as_array().unwrap().clone();
        let withdrawn = entries.iter().find(|it| it["decision"] == "withdrawn").unwrap();
        let at: Timestamp = withdrawn["at"].as_str().unwrap().parse().unwrap();
        let after: Vec<_> = got
            .iter()
            .filter(|it| it.what == "order_ready" && at.saturating_add(ON_THE_WAY).unwrap() < it.at)
            .collect();
        assert!(after.is_empty(), "{at}: {after:#?}");
        let goodbyes = got.iter().filter(|it| it.what != "order_ready").count();
        assert!(goodbyes <= 1, "{got:#?}");
    }
}
