//! Deliveries to an endpoint whose secret a server cannot open.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    endpoints::{deliveries, detail, endpoint, register, until_states},
    harness::{
        process::Process,
        services::{Isolated, Stack},
        stand_in::StandIn,
        tokens::{OTHER_SEALING_KEY, SEALING_KEY},
        wait::eventually,
    },
};

async fn server(isolated: &Arc<Isolated>, keys: &[&str]) -> Process {
    let keys = format!("auth.sealing_keys={}", json!(keys));
    let settings = [
        "endpoints.allow_http=true",
        "endpoints.allow_private=[\"127.0.0.0/8\"]",
        "endpoints.retry_after=[\"20ms\", \"20ms\", \"20ms\"]",
        "workers.rest=20ms",
        &keys,
    ];
    Process::on(Arc::clone(isolated), &settings).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_wait_for_a_server_that_can_open_the_secret() {
    const ORDERS: usize = 3;
    let isolated = Arc::new(Isolated::new().await);
    let (pos, other) = (StandIn::spawn(&[]).await, StandIn::spawn(&[]).await);
    let mut first = server(&isolated, &[SEALING_KEY]).await;
    let hooked = register(&first, &pos, json!({})).await;
    first.terminate().await;
    // The old key is taken away too early.
    server(&isolated, &[OTHER_SEALING_KEY, SEALING_KEY]).await.terminate().await;
    let mut without = server(&isolated, &[OTHER_SEALING_KEY]).await;
    let well = register(&without, &other, json!({})).await;
    let store = without.store().await;
    for _ in 0..ORDERS {
        without.place(&store).await;
    }
    until_states(&without, &well, &["delivered"; ORDERS]).await;
    let waiting = until_states(&without, &hooked, &["pending"; ORDERS]).await;
    for delivery in &waiting {
        assert_eq!(detail(&without, delivery).await["attempts"], json!([]), "{delivery}");
    }
    let now = endpoint(&without, &hooked).await;
    assert!(now["enabled"] == true && now.get("failingSince").is_none(), "{now}");
    eventually(async || {
        let metrics = without.get("/metrics", "").await;
        let metrics = String::from_utf8(metrics.body.to_vec()).unwrap();
        let is_alarm = metrics.contains("orderwire_secrets_unreadable 1");
        if is_alarm { Ok(()) } else { Err(metrics) }
    })
    .await;
    if Stack::chosen() == Stack::Embedded {
        without.terminate().await;
    }
    // On the real stack it takes what the server beside it leaves.
    let with = server(&isolated, &[OTHER_SEALING_KEY, SEALING_KEY]).await;
    until_states(&with, &hooked, &["delivered"; ORDERS]).await;
    with.place(&store).await;
    let all = until_states(&with, &hooked, &["delivered"; ORDERS + 1]).await;
    let attempts: Vec<&Value> = all.iter().map(|delivery| &delivery["attempts"]).collect();
    assert!(attempts.iter().all(|count| **count == json!(1)), "{attempts:?}");
    assert_eq!(deliveries(&with, &well).await.len(), ORDERS + 1);
}
