//! The server is killed after it has told an endpoint something, and before it has written that down.

use serde_json::json;

use crate::{
    endpoints::{SECRET, is_signed_by, register, until_states, versions},
    harness::{
        client::id,
        process::Process,
        stand_in::{Reply, StandIn},
    },
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_tells_it_again_under_the_same_id() {
    let pos = StandIn::spawn(&[Reply::Lost]).await;
    let mut server = Process::spawn(&[
        "endpoints.allow_http=true",
        "endpoints.allow_private=[\"127.0.0.0/8\"]",
        "endpoints.timeout=300ms",
        "endpoints.retry_after=[\"20ms\", \"20ms\", \"20ms\"]",
        "workers.rest=20ms",
    ])
    .await;
    let store = server.store().await;
    let types = json!({"eventTypes": ["OrderCreated", "OrderStatusChanged"]});
    let hooked = register(&server, &pos, types).await;
    let order = server.place(&store).await;
    server.step(id(&order), &["accepted"]).await;
    // It has been told, and nobody has written that down.
    pos.until(1).await;
    server.kill9().await;
    server.restart().await;
    until_states(&server, &hooked, &["delivered", "delivered"]).await;
    let heard = pos.heard();
    assert_eq!(*versions(&heard).last().unwrap(), 2);
    let first: Vec<_> = heard.iter().filter(|it| it.json["data"]["orderVersion"] == 1).collect();
    assert!(2 <= first.len(), "{heard:?}");
    assert!(first.iter().all(|it| it.headers["webhook-id"] == first[0].headers["webhook-id"]));
    assert!(heard.iter().all(|it| is_signed_by(it, SECRET)));
    assert!(server.terminate().await.success());
}
