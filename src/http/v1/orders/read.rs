//! `GET /v1/orders` and `GET /v1/orders/{id}`

use axum::{extract::State, response::Response};
use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    app::{
        App, Detail,
        orders::{self, Query as Wanted},
    },
    base::cursor::Page,
    channels::OrderView,
    domain::{OrderId, OrderStatus, StoreId},
    http::{
        caller::{Anybody, Party},
        extract::{Body, Path},
        paging::{PageParams, PageQuery, page_body},
        problem::Problem,
        shape,
        v1::orders::answer,
    },
};

/// One order.
///
/// As much of it as the token may see.
#[utoipa::path(
    get, path = "/orders/{id}", operation_id = "readOrder", tag = "orders",
    params(("id" = OrderId, Path, description = "The order.")),
    responses((status = 200, description = "The order; `ETag` is its version.", body = OrderView<'static>))
)]
pub async fn read(
    Anybody(caller): Anybody,
    State(app): State<App>,
    Path(id): Path<OrderId>,
) -> Result<Response, Problem> {
    let order = orders::read(&app, &caller, id).await?;
    Ok(answer(&order, shape::widest(&caller)))
}

/// What is looked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    /// Of one store.
    store: Option<StoreId>,
    /// With one of these statuses: `placed,accepted`.
    status: Option<String>,
    /// `true`: not ended. `false`: ended.
    open: Option<bool>,
    /// Placed then or later (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Placed before (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
}

page_body! {
    /// A page of orders.
    OrderList<'a> { orders: OrderView<'a> }
}

/// Orders, newest first.
///
/// Customers and couriers find their own, staff and services those of the stores that their token reaches.
#[utoipa::path(
    get, path = "/orders", operation_id = "listOrders", tag = "orders", params(ListQuery, PageParams),
    responses((status = 200, description = "A page of orders.", body = OrderList<'static>))
)]
pub async fn list(
    Party(caller): Party,
    State(app): State<App>,
    PageQuery(query, page): PageQuery<ListQuery>,
) -> Result<Response, Problem> {
    use axum::response::IntoResponse;
    let wanted = Wanted {
        store: query.store,
        statuses: statuses(query.status.as_deref())?,
        open: query.open,
        from: query.from,
        to: query.to,
    };
    let Page { rows, next } = orders::list(&app, &caller, wanted, page).await?;
    let shape = shape::widest(&caller);
    let rows = rows.iter().map(|order| shape.view(order)).collect();
    Ok(Body(OrderList::from(Page { rows, next })).into_response())
}

fn statuses(words: Option<&str>) -> Result<Vec<OrderStatus>, Problem> {
    let words = words.into_iter().flat_map(|it| it.split(',')).map(str::trim);
    let statuses: Result<_, _> = words.filter(|it| !it.is_empty()).map(str::parse).collect();
    statuses.map_err(|error: crate::domain::UnknownWord| {
        Problem::faults(vec![Detail::new("status", error.to_string())])
    })
}
