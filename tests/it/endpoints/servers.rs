//! Two servers share what endpoints are to be told. Only the real stack can do that.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::json;

use crate::{
    endpoints::{register, versions},
    harness::{
        client::id,
        process::Process,
        services::Stack,
        stand_in::{Heard, StandIn},
        wait::eventually,
    },
};

const ORDERS: usize = 12;
const STEPS: [&str; 3] = ["accepted", "preparing", "ready"];

/// What was heard of each order, in turn.
fn by_order(heard: Vec<Heard>) -> BTreeMap<String, Vec<Heard>> {
    let mut orders = BTreeMap::<_, Vec<_>>::new();
    for it in heard {
        orders.entry(it.json["data"]["orderId"].to_string()).or_default().push(it);
    }
    orders
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_order_is_told_in_order_also_when_a_server_is_killed() {
    if Stack::chosen() == Stack::Embedded {
        return;
    }
    let settings = [
        "endpoints.allow_http=true",
        "endpoints.allow_private=[\"127.0.0.0/8\"]",
        "endpoints.timeout=300ms",
        "endpoints.retry_after=[\"20ms\", \"20ms\", \"20ms\"]",
        "workers.rest=20ms",
    ];
    let mut first = Process::spawn(&settings).await;
    let second = Process::on(Arc::clone(first.isolated()), &settings).await;
    let pos = StandIn::spawn(&[]).await;
    let store = first.store().await;
    register(&second, &pos, json!({"eventTypes": ["OrderCreated", "OrderStatusChanged"]})).await;
    for number in 0..ORDERS {
        let by: &Process = if number % 2 == 0 { &first } else { &second };
        let order = by.place(&store).await;
        if number == ORDERS / 2 {
            first.kill9().await;
            first.restart().await;
        }
        second.step(id(&order), &STEPS).await;
    }
    let told = eventually(async || {
        let told = by_order(pos.heard());
        let last = |it: &Vec<Heard>| versions(it).contains(&(STEPS.len() as u64 + 1));
        let is_all = told.len() == ORDERS && told.values().all(last);
        if is_all {
            Ok(told)
        } else {
            Err(told.values().map(|it| versions(it)).collect::<Vec<_>>())
        }
    })
    .await;
    for heard in told.values() {
        // A killed server may have told something twice: under one id, and before what came next.
        let versions = versions(heard);
        assert!(versions.is_sorted(), "{versions:?}");
        for pair in heard.windows(2) {
            let same = pair[0].json["data"]["eventId"] == pair[1].json["data"]["eventId"];
            assert_eq!(same, pair[0].headers["webhook-id"] == pair[1].headers["webhook-id"]);
        }
    }
}
