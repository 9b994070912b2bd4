//! `/v1/stores`

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::{
        App,
        stores::{self, NewStore, StoreChange},
        timings,
    },
    domain::{LocalizedText, Store, StoreId, Version},
    http::{
        caller::{Anybody, Crew},
        extract::{Body, Path, Trace},
        problem::Problem,
    },
};

/// The routes of this file.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, open))
        .routes(routes!(read, change))
        .routes(routes!(stats))
}

/// One store.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Store)]
struct StoreBody {
    /// Its id.
    id: StoreId,
    /// Raised by one with each change of its settings.
    version: Version,
    /// As people know it.
    name: LocalizedText,
    /// What it sells in: an ISO 4217 code.
    #[schema(value_type = String)]
    currency: &'static str,
    /// Its zone in the IANA database.
    timezone: String,
    /// The kitchen stations.
    stations: Vec<String>,
    /// How long an order takes to cook.
    prep_minutes: u16,
    /// How long a courier takes from there.
    delivery_minutes: u16,
    /// Whether orders that partners bring are accepted at once.
    auto_accept: bool,
}

/// The stores.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct StoreList {
    /// Those that the token reaches.
    stores: Vec<StoreBody>,
}

/// A store's day so far.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct StatsBody {
    /// The store's own day.
    day: String,
    /// Orders placed.
    orders: usize,
    /// Of these, ended.
    ended: usize,
    /// Of these, without the food reaching the customer.
    unhappy: usize,
    /// Half of the orders were accepted within so many seconds.
    median_seconds_to_accept: Option<i64>,
    /// Half of the orders were ready so many seconds after they were accepted.
    median_seconds_to_ready: Option<i64>,
}

impl From<Store> for StoreBody {
    fn from(it: Store) -> Self {
        Self {
            id: it.id,
            version: it.version,
            name: it.name,
            currency: it.currency.code(),
            timezone: it.timezone,
            stations: it.stations,
            prep_minutes: it.prep_minutes,
            delivery_minutes: it.delivery_minutes,
            auto_accept: it.auto_accept,
        }
    }
}

/// The stores.
#[utoipa::path(
    get, path = "/stores", operation_id = "listStores", tag = "stores",
    responses((status = 200, description = "Those that the token reaches.", body = StoreList))
)]
async fn list(Crew(caller): Crew, State(app): State<App>) -> Result<Body<StoreList>, Problem> {
    let stores = stores::list(&app, &caller).await?;
    Ok(Body(StoreList { stores: stores.into_iter().map(StoreBody::from).collect() }))
}

/// Open a store.
///
/// Takes a token for all stores with the scope `stores:write`.
#[utoipa::path(
    post, path = "/stores", operation_id = "openStore", tag = "stores", request_body = NewStore,
    responses((status = 201, description = "The store.", body = StoreBody))
)]
async fn open(
    Crew(caller): Crew,
    State(app): State<App>,
    Trace(context): Trace,
    Body(new): Body<NewStore>,
) -> Result<Response, Problem> {
    let store = stores::open(&app, &caller, new, context).await?;
    Ok((StatusCode::CREATED, Body(StoreBody::from(store))).into_response())
}

/// One store.
#[utoipa::path(
    get, path = "/stores/{id}", operation_id = "readStore", tag = "stores",
    params(("id" = StoreId, Path, description = "The store.")),
    responses((status = 200, description = "The store.", body = StoreBody))
)]
async fn read(
    Anybody(caller): Anybody,
    State(app): State<App>,
    Path(id): Path<StoreId>,
) -> Result<Body<StoreBody>, Problem> {
    Ok(Body(stores::read(&app, &caller, id).await?.into()))
}

/// Change a store's settings.
///
/// What is left out stays. Takes a token for the store with the scope `stores:write`.
#[utoipa::path(
    patch, path = "/stores/{id}", operation_id = "changeStore", tag = "stores", request_body = StoreChange,
    params(("id" = StoreId, Path, description = "The store.")),
    responses((status = 200, description = "The store.", body = StoreBody))
)]
async fn change(
    Crew(caller): Crew,
    State(app): State<App>,
    Trace(context): Trace,
    Path(id): Path<StoreId>,
    Body(change): Body<StoreChange>,
) -> Result<Body<StoreBody>, Problem> {
    Ok(Body(stores::change(&app, &caller, id, change, context).await?.into()))
}

/// A store's day so far.
///
/// Counted from the events, so it is a moment behind the orders.
#[utoipa::path(
    get, path = "/stores/{id}/stats", operation_id = "readStats", tag = "stores",
    params(("id" = StoreId, Path, description = "The store.")),
    responses((status = 200, description = "The figures.", body = StatsBody))
)]
async fn stats(
    Crew(caller): Crew,
    State(app): State<App>,
    Path(id): Path<StoreId>,
) -> Result<Body<StatsBody>, Problem> {
    let (day, stats) = timings::today(&app, &caller, id).await?;
    Ok(Body(StatsBody {
        day: day.to_string(),
        orders: stats.orders,
        ended: stats.ended,
        unhappy: stats.unhappy,
        median_seconds_to_accept: stats.median_seconds_to_accept,
        median_seconds_to_ready: stats.median_seconds_to_ready,
    }))
}
