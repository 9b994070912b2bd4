//! Outbox → broker.

use metrics::counter;

use crate::{
    app::App,
    bus::{Message, Rabbit},
    store::outbox,
    telemetry::metric,
    workers::{
        Step,
        relay::{message, remember},
    },
};

/// Publishes what waits.
pub async fn relay(app: &App, rabbit: &Rabbit) -> anyhow::Result<Step> {
    let mut tx = app.db.read().await?;
    let rows = outbox::peek(&mut tx, 0, app.config.workers.relay_batch).await?;
    drop(tx);
    if rows.is_empty() {
        return Ok(Step::Idle);
    }
    let messages: Vec<Message> = rows.iter().map(message).collect();
    let (published, ()) = tokio::join!(rabbit.publish(&messages), remember(app, &rows));
    published?;
    let mut tx = app.db.begin().await?;
    outbox::may_come_back(&mut tx).await?;
    let seqs: Vec<i64> = rows.iter().map(|row| row.seq).collect();
    outbox::remove(&mut tx, &seqs).await?;
    tx.commit().await?;
    counter!(metric::RELAY_PUBLISHED).increment(rows.len() as u64);
    Ok(Step::Worked)
}
