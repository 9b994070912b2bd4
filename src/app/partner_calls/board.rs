//! How the traffic with each partner stands, for those who run the place.

use std::time::Duration;

use crate::{
    app::{App, Failure},
    auth::{Caller, Scope},
    base::{circuit_breaker::CircuitState, clock},
    store::{self, partners::Traffic},
};

/// What is counted on the board.
const LAST_HOUR: Duration = Duration::from_hours(1);

/// How the traffic with one partner stands.
#[derive(Clone, Debug)]
pub struct Health {
    /// The partner's slug.
    pub partner: String,
    /// Whether it can be told anything, by the settings.
    pub is_told: bool,
    /// What the store knows.
    pub traffic: Traffic,
    /// Its hosts that have failed and not answered since, as this process sees them.
    pub hosts: Vec<(String, CircuitState)>,
}

/// How the traffic with every partner stands.
pub async fn board(app: &App, caller: &Caller) -> Result<Vec<Health>, Failure> {
    caller.require(Scope::Ops)?;
    let since = clock::before(app.clock.now(), LAST_HOUR);
    let all = app.partners.all();
    let mut tx = app.db.read().await?;
    let mut board = Vec::with_capacity(all.len());
    for partner in all.keys() {
        board.push(Health {
            partner: partner.clone(),
            is_told: app.outgoing.line(partner).is_some(),
            traffic: store::partners::traffic(&mut tx, partner, since).await?,
            hosts: app.outgoing.client.circuits(partner),
        });
    }
    Ok(board)
}
