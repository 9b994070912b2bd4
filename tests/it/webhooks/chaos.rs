//! Partners lie: they repeat themselves, change the order of things, and leave things out. However they do it, each order ends where it
//! really did. Where even the end is left out, asking finds it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use orderwire::config::Span;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    harness::{
        app::TestApp,
        client::{Client, id, partner_order_for},
        stand_in::StandIn,
        wait::within,
        webhooks::{Call, order_placed, status_body},
    },
    partner_calls::reach,
};

/// How many orders live at once; they make some 10,000 calls.
const ORDERS: usize = 1200;
/// Who calls at the same time.
const CALLERS: usize = 16;
/// The same chaos every time.
const SEED: u64 = 20_261_122;
/// So many of a hundred calls are lost, and so many are sent once more (and again).
const LOST: u32 = 5;
const REPEATED: u32 = 20;
/// How long it may take until all of it is applied.
const PATIENCE: Duration = Duration::from_mins(2);
/// How many other calls may overtake one.
const DISORDER: usize = 2000;

/// What a partner says of one step, and where the delivery then stands.
type Step = (&'static str, &'static str);

/// What each partner says of an order that goes well.
const LIVES: [(&str, &[Step]); 3] = [
    (
        "careem",
        &[
            ("accepted", ""),
            ("driver_coming", "assigned"),
            ("driver_here", "at_store"),
            ("trip_started", "picked_up"),
            ("trip_ended", "delivered"),
        ],
    ),
    (
        "deliveroo",
        &[
            ("accepted", ""),
            ("confirmed", ""),
            ("rider_assigned", "assigned"),
            ("rider_arrived", "at_store"),
            ("rider_in_transit", "en_route"),
            ("rider_nearby", "nearby"),
            ("delivered", "delivered"),
        ],
    ),
    (
        "generic",
        &[
            ("accepted", ""),
            ("preparing", ""),
            ("ready", ""),
            ("assigned", "assigned"),
            ("picked_up", "picked_up"),
            ("en_route", "en_route"),
            ("delivered", "delivered"),
        ],
    ),
];

/// One order at its partner.
struct Life {
    partner: &'static str,
    name: String,
    steps: Vec<Step>,
}

impl Life {
    fn new(at: usize, dice: &mut StdRng) -> Self {
        let (partner, steps) = LIVES[at % LIVES.len()];
        let mut steps = steps.to_vec();
        if dice.random_ratio(1, 5) {
            steps.truncate(dice.random_range(0..steps.len()));
            steps.push(("cancelled", ""));
        }
        Self { partner, name: format!("chaos-{at}"), steps }
    }

    fn body(&self, (word, delivery): Step) -> Value {
        if self.partner == "generic" && !delivery.is_empty() {
            let data = json!({"externalId": self.name, "status": word});
            return json!({"type": "delivery.status", "data": data});
        }
        status_body(self.partner, &self.name, word)
    }

    /// Where the partner says what became of it, and what it says.
    fn written_down(&self) -> (String, Value) {
        let (word, delivery) = *self.steps.last().unwrap();
        match self.partner {
            "generic" if !delivery.is_empty() => {
                (format!("/orders/{}", self.name), json!({"delivery": word}))
            }
            "deliveroo" => (format!("/v1/orders/{}", self.name), json!({"status": word})),
            _ => (format!("/orders/{}", self.name), json!({"status": word})),
        }
    }

    /// The order's own end.
    fn end(&self) -> &'static str {
        let (word, delivery) = *self.steps.last().unwrap();
        if delivery.is_empty() { word } else { delivery }
    }
}

/// Every call that arrives, in the order in which it does, and how far each delivery was told to be. Of those whose last call is lost,
/// the partner's books know the end.
fn chaos(
    app: &Client,
    partner: &StandIn,
    lives: &[Life],
    dice: &mut StdRng,
) -> (Vec<Call>, BTreeMap<String, String>) {
    let (mut sent, mut told) = (Vec::new(), BTreeMap::new());
    let longest = lives.iter().map(|it| it.steps.len()).max().unwrap();
    for round in 0..longest {
        for life in lives {
            let Some(step) = life.steps.get(round) else { continue };
            let ends_here = round + 1 == life.steps.len();
            let is_lost = dice.random_ratio(LOST, 100);
            if ends_here && is_lost {
                let (path, answer) = life.written_down();
                partner.write_down(&path, answer);
            }
            if !step.1.is_empty() && (ends_here || !is_lost) {
                told.insert(life.name.clone(), step.1.to_owned());
            }
            if is_lost {
                continue;
            }
            let event = format!("{}-{round}", life.name);
            let call = app.webhook(life.partner, &event, &life.body(*step));
            loop {
                let place = sent.len() + dice.random_range(0..DISORDER);
                sent.push((place, call.clone()));
                if !dice.random_ratio(REPEATED, 100) {
                    break;
                }
            }
        }
    }
    sent.sort_by_key(|(place, _)| *place);
    (sent.into_iter().map(|(_, call)| call).collect(), told)
}

/// Some orders are placed here, and some at the partner, whose first word may come after the others.
async fn place(app: &Client, store: &str, lives: &[Life], dice: &mut StdRng) {
    let mut placing = JoinSet::new();
    for life in lives {
        let is_here = life.partner != "generic" || [true, false].choose(dice) == Some(&true);
        let (app, name, partner) = (app.clone(), life.name.clone(), life.partner);
        let order = partner_order_for(store, partner, &name);
        placing.spawn(async move {
            if is_here {
                app.place_as(&app.service(), &order).await;
            } else {
                let body = order_placed(&name, "branch-7");
                app.deliver(&app.webhook("generic", &name, &body)).await.expect(200);
            }
        });
        if placing.len() >= CALLERS {
            placing.join_next().await.unwrap().unwrap();
        }
    }
    placing.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_ten_thousand_calls_of_chaos_each_order_ends_where_it_really_did() {
    let partner = StandIn::spawn(&[]).await;
    let app = TestApp::with(|config| {
        for (name, _) in LIVES {
            reach(config, name, &partner);
        }
        config.outbound.reconcile_after = Span::secs(3);
    });
    let app = app.await;
    let store = app.store().await;
    app.name_store("branch-7", &store).await;
    let mut dice = StdRng::seed_from_u64(SEED);
    let lives: Vec<Life> = (0..ORDERS).map(|at| Life::new(at, &mut dice)).collect();
    let (sent, told) = chaos(&app, &partner, &lives, &mut dice);
    assert!((8_000..12_000).contains(&sent.len()), "{}", sent.len());
    let sent = Arc::new(sent);
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let (client, sent) = (Client::clone(&app), Arc::clone(&sent));
        callers.spawn(async move {
            for call in sent.iter().skip(caller).step_by(CALLERS) {
                client.deliver(call).await.expect(200);
            }
        });
    }
    // The orders come while their news does.
    place(&app, &store, &lives, &mut dice).await;
    callers.join_all().await;
    let by_name = within(PATIENCE, async || {
        let parked = app.get("/v1/webhooks/inbox?limit=1&state=parked", &app.service()).await;
        let parked = parked.expect(200)["calls"].take();
        let open = orders(&app, "open=true").await;
        if open.is_empty() && parked == json!([]) {
            Ok(orders(&app, "open=false").await)
        } else {
            Err((open.len(), parked))
        }
    });
    let by_name = by_name.await;
    assert_eq!(by_name.len(), ORDERS);
    for life in &lives {
        let order = &by_name[&life.name];
        assert_eq!(order["status"], life.end(), "{}: {order}", life.name);
        let furthest = told.get(&life.name).map_or("none", String::as_str);
        assert_eq!(order["delivery"]["status"], furthest, "{}: {order}", life.name);
    }
}

/// Orders by their partners' names for them.
async fn orders(app: &Client, query: &str) -> BTreeMap<String, Value> {
    let (mut found, mut cursor) = (BTreeMap::new(), String::new());
    loop {
        let path = format!("/v1/orders?limit=200&{query}{cursor}");
        let mut page = app.get(&path, &app.service()).await.expect(200);
        for order in page["orders"].as_array_mut().unwrap() {
            assert!(id(order).starts_with("ord_"));
            found.insert(order["externalId"].as_str().unwrap().to_owned(), order.take());
        }
        let Some(next) = page["nextCursor"].as_str() else { return found };
        cursor = format!("&cursor={next}");
    }
}
