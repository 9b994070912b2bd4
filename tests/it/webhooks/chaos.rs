//! Partners lie: they repeat themselves, change the order of things, leave things out, and do not take what they are told. However they
//! do it, each order ends where the partner's own record says. Where even the end is left out, asking finds it.

use std::{collections::BTreeMap, time::Duration};

use futures_util::{StreamExt, future::join_all, stream};
use orderwire::{
    base::{mint::Mint, tasks::Tasks},
    config::Span,
    simulator::partners::{Chaos, Doors, Partners, Record, Storm},
};
use serde_json::{Value, json};

use crate::{
    harness::{
        app::TestApp,
        client::{Client, id, order_for},
        wait::within,
    },
    partner_calls::drift,
};

/// How many orders live at once; they make some 10,000 calls.
const ORDERS: usize = 1250;
/// One in so many is our own, and carried by Uber Direct.
const OWN: usize = 5;
/// The store turns one in so many down.
const REJECTED: usize = 9;
/// The same chaos every time.
const SEED: u64 = 20_261_122;
/// How long it may take until all of it is over.
const PATIENCE: Duration = Duration::from_mins(4);
/// What people at the store do at the same time.
const HANDS: usize = 8;

/// How long they rest between two looks at their screen.
const BREAK: Duration = Duration::from_millis(50);

const CHAOS: Chaos = Chaos {
    lost_in: 12,
    repeated_in: 2,
    late_in: 2,
    late_by: 3000,
    deaf_in: 8,
    pace: (0, 500),
    waits_for_food: false,
};

/// The partners, open, and a server that tells and asks them.
async fn town() -> (TestApp, Partners, Tasks) {
    let (mint, tasks) = (Mint::system(), Tasks::default());
    let doors = Doors::open(&mint).await.unwrap();
    let app = TestApp::with(|config| {
        doors.name(config, &mint);
        config.outbound.first_delay = Span::millis(50);
        config.outbound.longest_delay = Span::secs(1);
        config.outbound.breaker_rest = Span::millis(300);
        config.outbound.reconcile_after = Span::secs(3);
    })
    .await;
    let secrets = app.config().partners.iter().map(|(slug, it)| (slug.clone(), it.secrets.clone()));
    let partners = doors.serve(&tasks, app.url(""), &secrets.collect()).unwrap();
    (app, partners, tasks)
}

/// Takes new orders on, turns some down, and cooks: what the couriers have not taken away by then, for they do not wait.
async fn run_kitchen(app: &Client) {
    loop {
        let path = "/v1/orders?limit=40&status=placed,accepted";
        let mut page = app.get(path, &app.service()).await.expect(200);
        let Value::Array(orders) = page["orders"].take() else { panic!("{page}") };
        let work = stream::iter(orders).map(|order| async move {
            let step = if order["status"] == "accepted" {
                json!({"tickets": [{"station": "grill", "status": "done"}]})
            } else if is_turned_down(&order) {
                json!({"status": "rejected", "reason": {"code": "too_busy"}})
            } else {
                json!({"status": "accepted"})
            };
            let path = format!("/v1/orders/{}", id(&order));
            let answer = app.patch(&path, &app.service(), &step).await;
            // Somebody may have moved it meanwhile.
            assert!([200, 409].contains(&answer.status), "{answer:?}");
        });
        work.buffer_unordered(HANDS).collect::<Vec<()>>().await;
        tokio::time::sleep(BREAK).await;
    }
}

/// By the number of the order, with which its partner's name for it ends.
fn is_turned_down(order: &Value) -> bool {
    let name = order["externalId"].as_str().unwrap_or_default();
    let number: Option<usize> =
        name.get(name.len().saturating_sub(6)..).and_then(|it| it.parse().ok());
    number.is_some_and(|it| it.is_multiple_of(REJECTED))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_ten_thousand_calls_of_chaos_each_order_ends_where_its_partner_says() {
    let (app, partners, tasks) = town().await;
    let store = app.store().await;
    for partner in ["careem", "talabat", "deliveroo", "generic"] {
        let path = format!("/v1/mappings/{partner}/stores/branch-7");
        app.put(&path, &app.service(), &json!({"storeId": store})).await.expect(200);
    }
    let asked = ["careem", "deliveroo", "generic"];
    let before = join_all(asked.map(|it| drift(&app, it))).await;
    let evening = Storm { seed: SEED, chaos: CHAOS, store: "branch-7".to_owned() };
    let placing = async {
        for nth in 0..ORDERS {
            if nth % OWN == 0 {
                let order = app.place_as(&app.service(), &order_for(&store)).await;
                assert!(evening.carry(&partners, nth, id(&order)));
            } else {
                evening.place(&partners, nth);
            }
        }
    };
    let whole = async {
        placing.await;
        let quiet = async || if partners.are_quiet() { Ok(()) } else { Err(partners.calls()) };
        within(PATIENCE, quiet).await;
    };
    tokio::select! {
        () = whole => {}
        () = run_kitchen(&app) => {}
    }
    assert!(10_000 <= partners.calls(), "{}", partners.calls());
    let records = partners.records();
    assert_eq!(records.len(), ORDERS);
    // What was withheld is found by asking; what nobody says stays open.
    let open = records.iter().filter(|it| it.status == "out_for_delivery").count();
    within(PATIENCE, async || {
        let left = orders(&app, "open=true").await.len();
        if left == open { Ok(()) } else { Err((left, open)) }
    })
    .await;
    within(PATIENCE, async || {
        let ours = orders(&app, "").await;
        let differs = |it: &&Record| statuses(&ours, it) != Some((it.status, it.is_carried));
        let differ: Vec<_> = records.iter().filter(differs).collect();
        if differ.is_empty() { Ok(()) } else { Err(format!("{} of {differ:?}", differ.len())) }
    })
    .await;
    for state in ["parked", "dead"] {
        let path = format!("/v1/webhooks/inbox?limit=5&state={state}");
        assert_eq!(app.get(&path, &app.service()).await.expect(200)["calls"], json!([]));
    }
    for (partner, before) in asked.into_iter().zip(before) {
        assert!(before < drift(&app, partner).await, "asking {partner} brought nothing to light");
    }
    assert!(tasks.shut_down(PATIENCE).await);
}

/// Where an order of a partner's record stands with us, and whether it is our own.
fn statuses<'a>(ours: &'a BTreeMap<String, Value>, record: &Record) -> Option<(&'a str, bool)> {
    let name = match (&record.order_id, record.is_carried) {
        (Some(order_id), true) => order_id,
        _ => &record.name,
    };
    let order = ours.get(name)?;
    Some((order["status"].as_str()?, order["externalId"].is_null()))
}

/// Orders by their partners' names for them; our own by their ids.
async fn orders(app: &Client, query: &str) -> BTreeMap<String, Value> {
    let (mut found, mut cursor) = (BTreeMap::new(), String::new());
    loop {
        let path = format!("/v1/orders?limit=200&{query}{cursor}");
        let mut page = app.get(&path, &app.service()).await.expect(200);
        for order in page["orders"].as_array_mut().unwrap() {
            let name = order["externalId"].as_str().unwrap_or(id(order)).to_owned();
            found.insert(name, order.take());
        }
        let Some(next) = page["nextCursor"].as_str() else { return found };
        cursor = format!("&cursor={next}");
    }
}
