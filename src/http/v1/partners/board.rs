//! How the traffic with each partner stands.

use std::collections::BTreeMap;

use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::{
        App,
        partner_calls::{self, Health},
    },
    base::circuit_breaker::CircuitState,
    http::{caller::Crew, extract::Body, problem::Problem},
    store::partners::LastError,
};

/// The routes of this file.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(board))
}

/// Every partner.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Board {
    /// In the order of their names.
    partners: Vec<PartnerHealth>,
}

/// How the traffic with one partner stands.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct PartnerHealth {
    /// Its name in paths and settings.
    partner: String,
    /// What it says to us.
    heard: Heard,
    /// What we say to it.
    told: Told,
}

/// What a partner says to us.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct Heard {
    /// When its last call came.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_seen_at: Option<Timestamp>,
    /// Its calls of the last hour, by what came of them.
    last_hour: BTreeMap<String, u64>,
    /// For how many seconds the oldest call waits that is not applied yet; 0 when none does.
    lag_seconds: i64,
}

/// What we say to a partner.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct Told {
    /// Whether it can be told anything: its `base_url` is configured.
    configured: bool,
    /// What happened in the last hour and it was to be told, by where that stands.
    last_hour: BTreeMap<String, u64>,
    /// What it is still to be told.
    due: u64,
    /// For how many seconds the oldest of that waits; 0 when nothing does.
    lag_seconds: i64,
    /// Its hosts that have failed and not answered since, as this node sees them.
    hosts: Vec<HostState>,
    /// The last request that went wrong.
    last_error: Option<Wrong>,
}

/// Whether a host is asked.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct HostState {
    /// Its name, and its port if that is not the usual one.
    host: String,
    /// `open`: it is left alone. `half_open`: the next request shows whether it is back. `closed`: it is asked, though it has failed.
    breaker: CircuitState,
}

/// A request that went wrong.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Wrong {
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The answer's status.
    status: Option<u16>,
    /// Why there was no answer.
    error: Option<String>,
}

impl PartnerHealth {
    fn of(it: Health, now: Timestamp) -> Self {
        let lag = |since: Option<Timestamp>| since.map_or(0, |it| now.duration_since(it).as_secs());
        let traffic = it.traffic;
        let wrong = |LastError { at, status, error }| Wrong { at, status, error };
        Self {
            partner: it.partner,
            heard: Heard {
                last_seen_at: traffic.last_seen_at,
                last_hour: traffic.heard.into_iter().collect(),
                lag_seconds: lag(traffic.oldest_unapplied_at),
            },
            told: Told {
                configured: it.is_told,
                last_hour: traffic.told.into_iter().collect(),
                due: traffic.due,
                lag_seconds: lag(traffic.oldest_due_at),
                hosts: it
                    .hosts
                    .into_iter()
                    .map(|(host, breaker)| HostState { host, breaker })
                    .collect(),
                last_error: traffic.last_error.map(wrong),
            },
        }
    }
}

/// How the traffic with each partner stands.
///
/// When it was last heard of, what came of its calls, what it is still to be told, and whether its hosts answer. Takes a token for all
/// stores with the scope `ops`.
#[utoipa::path(
    get, path = "/partners", operation_id = "partnerBoard", tag = "partners",
    responses((status = 200, description = "Every partner.", body = Board))
)]
async fn board(Crew(caller): Crew, State(app): State<App>) -> Result<Body<Board>, Problem> {
    let now = app.clock.now();
    let board = partner_calls::board(&app, &caller).await?;
    Ok(Body(Board { partners: board.into_iter().map(|it| PartnerHealth::of(it, now)).collect() }))
}
