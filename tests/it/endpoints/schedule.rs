//! When an endpoint is told again what it did not take, on a clock that stands still.

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;
use orderwire::{base::clock::Clock, config};
use serde_json::{Value, json};

use crate::{
    endpoints::{
        SECRET, app_at, deliveries, detail, endpoint, header, is_signed_by, register, until_states,
    },
    harness::{
        app::{TestApp, evening},
        stand_in::{Reply, StandIn},
        wait::eventually,
    },
};

/// An endpoint that is told of one store's orders, another that is well and is told of another's, and the stores.
struct Scene {
    app: TestApp,
    clock: Clock,
    pos: StandIn,
    hooked: Value,
    store: String,
    well: StandIn,
    other_store: String,
}

impl Scene {
    async fn new(script: &[Reply]) -> Self {
        let (pos, well) = (StandIn::spawn(script).await, StandIn::spawn(&[]).await);
        let clock = evening();
        let app = app_at(&clock).await;
        let (store, other_store) = (app.store().await, app.store().await);
        let hooked = register(&app, &pos, json!({"stores": [store]})).await;
        register(&app, &well, json!({"stores": [other_store]})).await;
        Self { app, clock, pos, hooked, store, well, other_store }
    }

    /// The first delivery of this order, once it is put down.
    async fn delivery_of(&self, order: &Value) -> Value {
        eventually(async || {
            let all = deliveries(&self.app, &self.hooked).await;
            all.iter().find(|it| it["orderId"] == order["id"]).cloned().ok_or(all)
        })
        .await
    }

    /// Waits until so many attempts at a delivery are written down, and answers with when the next one is.
    async fn attempted(&self, delivery: &Value, attempts: usize) -> Option<Timestamp> {
        let delivery = eventually(async || {
            let mut detail = detail(&self.app, delivery).await;
            let made = detail["attempts"].as_array().unwrap().len();
            if made == attempts { Ok(detail["delivery"].take()) } else { Err(detail) }
        })
        .await;
        delivery["nextAttemptAt"].as_str().map(|it| it.parse().unwrap())
    }

    fn advance_to(&self, at: Timestamp) {
        self.clock.advance(Duration::try_from(at.duration_since(self.clock.now())).unwrap());
    }

    /// Returns when the server has looked at what is due: the other endpoint was told something new.
    async fn somebody_has_looked(&self) {
        let before = self.well.heard().len();
        self.app.place(&self.other_store).await;
        self.well.until(before + 1).await;
    }
}

#[tokio::test]
async fn the_whole_schedule_is_walked_then_it_is_given_up_and_the_endpoint_disabled() {
    let scene = Scene::new(&[Reply::Status(500); 10]).await;
    let order = scene.app.place(&scene.store).await;
    let delivery = scene.delivery_of(&order).await;
    let pauses = config::Endpoints::default().retry_after;
    assert_eq!(pauses.to_string(), r#"["5s", "5m", "30m", "2h", "5h", "10h", "14h", "20h", "1d"]"#);
    for (made, pause) in (1..).zip(pauses.iter()) {
        let next = scene.attempted(&delivery, made).await.unwrap();
        let waits = Duration::try_from(next.duration_since(scene.clock.now())).unwrap();
        assert!(**pause <= waits && waits <= pause.mul_f64(1.1), "{made}: {waits:?}");
        scene.advance_to(next - Duration::from_millis(1));
        scene.somebody_has_looked().await;
        assert_eq!(scene.pos.heard().len(), made, "too early");
        scene.advance_to(next);
    }
    assert_eq!(scene.attempted(&delivery, 10).await, None);
    let delivery = until_states(&scene.app, &scene.hooked, &["failed"]).await.remove(0);
    assert_eq!((&delivery["attempts"], &delivery["status"]), (&json!(10), &json!(500)));
    let now = endpoint(&scene.app, &scene.hooked).await;
    assert_eq!((&now["enabled"], &now["disabledReason"]), (&json!(false), &json!("given_up")));
    assert_eq!(now["disabledAt"], json!(scene.clock.now()));
    // One id over all attempts, each with a time and a signature of its own.
    let heard = scene.pos.heard();
    let of = |name| heard.iter().map(|it| header(it, name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(of("webhook-id"), BTreeSet::from([delivery["id"].as_str().unwrap().to_owned()]));
    assert_eq!((of("webhook-timestamp").len(), of("webhook-signature").len()), (10, 10));
    assert!(heard.iter().all(|it| is_signed_by(it, SECRET)));
}

#[tokio::test]
async fn one_delivery_that_is_given_up_does_not_disable_an_endpoint_that_takes_others() {
    let scene = Scene::new(&[Reply::Status(400)]).await;
    let order = scene.app.place(&scene.store).await;
    let delivery = scene.delivery_of(&order).await;
    let mut next = scene.attempted(&delivery, 1).await;
    // A later order is taken, then the first goes on failing.
    scene.clock.advance(Duration::from_millis(1));
    scene.app.place(&scene.store).await;
    scene.pos.until(2).await;
    scene.pos.say(&[Reply::Status(400); 9]);
    for made in 2.. {
        let Some(at) = next else { break };
        scene.advance_to(at);
        next = scene.attempted(&delivery, made).await;
    }
    until_states(&scene.app, &scene.hooked, &["failed", "delivered"]).await;
    let now = endpoint(&scene.app, &scene.hooked).await;
    assert_eq!(now["enabled"], true, "{now}");
}

#[tokio::test]
async fn an_endpoint_that_names_a_time_is_left_alone_until_then() {
    let scene = Scene::new(&[Reply::Wait(7200)]).await;
    let order = scene.app.place(&scene.store).await;
    let delivery = scene.delivery_of(&order).await;
    let next = scene.attempted(&delivery, 1).await.unwrap();
    assert_eq!(next, scene.clock.now() + Duration::from_hours(2));
    scene.advance_to(next - Duration::from_millis(1));
    scene.somebody_has_looked().await;
    assert_eq!(scene.pos.heard().len(), 1);
    scene.advance_to(next);
    until_states(&scene.app, &scene.hooked, &["delivered"]).await;
}

#[tokio::test]
async fn an_endpoint_from_which_nothing_but_failures_come_for_days_is_disabled() {
    let scene = Scene::new(&[Reply::Status(404); 2]).await;
    let order = scene.app.place(&scene.store).await;
    let delivery = scene.delivery_of(&order).await;
    let next = scene.attempted(&delivery, 1).await.unwrap();
    let since = scene.clock.now();
    assert_eq!(endpoint(&scene.app, &scene.hooked).await["failingSince"], json!(since));
    scene.advance_to(next.max(since + Duration::from_hours(5 * 24)));
    scene.attempted(&delivery, 2).await.unwrap();
    let now = endpoint(&scene.app, &scene.hooked).await;
    assert_eq!((&now["enabled"], &now["disabledReason"]), (&json!(false), &json!("failing")));
    // What it was still to be told waits until somebody enables it, and then goes at once.
    let path = format!("/v1/endpoints/{}", scene.hooked["id"].as_str().unwrap());
    scene.clock.advance(Duration::from_hours(1));
    scene.somebody_has_looked().await;
    assert_eq!(scene.pos.heard().len(), 2);
    let enabled = json!({"enabled": true});
    let now = scene.app.patch(&path, &scene.app.service(), &enabled).await.expect(200);
    assert_eq!((&now["enabled"], &now["failingSince"]), (&json!(true), &Value::Null));
    until_states(&scene.app, &scene.hooked, &["delivered"]).await;
}
