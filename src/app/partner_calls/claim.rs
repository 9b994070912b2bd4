//! Claims calls that are due.

use std::time::Duration;

use crate::{
    app::{App, Failure},
    base::clock,
    store::{self, partner_calls::PartnerCall},
};

/// How much longer than its requests may take a claim holds.
const SPARE: Duration = Duration::from_secs(5);

/// Claims calls that are due: for each partner at most so many.
///
/// A claim holds for the time-outs of three requests: a login that another call waits for too, an own one, and the call.
pub async fn claim(app: &App, rooms: &[(&str, u32)]) -> Result<Vec<PartnerCall>, Failure> {
    let now = app.clock.now();
    let mut due = Vec::new();
    let mut tx = app.db.read().await?;
    for (partner, room) in rooms {
        if store::partner_calls::has_due(&mut tx, partner, now).await? {
            due.push((*partner, *room));
        }
    }
    drop(tx);
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let lease = app.config.outbound.timeout.saturating_mul(3).saturating_add(SPARE);
    let leased_until = clock::after(now, lease);
    let mut calls = Vec::new();
    let mut tx = app.db.begin().await?;
    for (partner, room) in due {
        let claimed = store::partner_calls::claim(&mut tx, partner, now, leased_until, room);
        calls.extend(claimed.await?);
    }
    tx.commit().await?;
    Ok(calls)
}
