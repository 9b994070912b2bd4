//! A node that hangs as a whole: stopped, paused with its machine, or stuck. Its kernel still answers for it.

use std::{sync::Arc, time::Duration};

use crate::harness::{
    client::{Client, id},
    process::Process,
    services::Stack,
    wait::{eventually, within},
    witness::Witness,
};

/// How long another node may take to lead: `database.lease_timeout`, and some for a busy machine.
const TAKEN_OVER: Duration = Duration::from_secs(20);

async fn metric(server: &Client, name: &str) -> Option<f64> {
    let text = String::from_utf8(server.get("/metrics", "").await.body.to_vec()).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    line.parse().ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_node_publishes_while_the_relay_hangs() {
    if Stack::chosen() == Stack::Embedded {
        return;
    }
    // The first one up is the relay.
    let first = Process::spawn(&[]).await;
    let leads = async |server: &Process, expected: f64| {
        eventually(async || {
            let leads = metric(server, "orderwire_relay_leads").await;
            if leads == Some(expected) { Ok(()) } else { Err(leads) }
        })
        .await;
    };
    leads(&first, 1.0).await;
    let second = Process::on(Arc::clone(first.isolated()), &[]).await;
    leads(&second, 0.0).await;
    let store = second.store().await;
    let order = second.place(&store).await;
    let screen = Witness::on(&second, &second.service(), &format!("order:{}", id(&order))).await;

    first.signal("STOP").await;
    second.step(id(&order), &["accepted"]).await;
    let seen = within(TAKEN_OVER, async || {
        let seen = screen.seen();
        if seen.events.get(id(&order)).is_some_and(|versions| versions.contains(&2)) {
            Ok(seen)
        } else {
            Err(seen)
        }
    })
    .await;
    assert_eq!(seen.connections, 1, "{seen:?}");
    leads(&second, 1.0).await;

    // Once it goes on, it knows that it leads no more, and is of use as before.
    first.signal("CONT").await;
    first.until_ready().await;
    leads(&first, 0.0).await;
    first.step(id(&order), &["preparing"]).await;
    screen
        .until("the change through the thawed node", |seen| seen.events[id(&order)].ends_with(&[3]))
        .await;
}
