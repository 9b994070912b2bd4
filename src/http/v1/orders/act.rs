//! `PATCH /v1/orders/{id}` and the steps that have a name of their own: cancel, recall, reopen.

use axum::{extract::State, response::Response};
use serde::Deserialize;

use crate::{
    app::{App, orders},
    channels::OrderView,
    domain::{Command, Eta, OrderId, OrderStatus, PaymentStatus, Reason, TicketStatus},
    http::{
        caller::{Crew, Ordering},
        extract::{Body, IfMatch, Path, Trace},
        problem::{ErrorBody, Problem},
        shape,
        v1::orders::answer,
    },
};

/// What is to change; what is left out stays.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OrderPatch {
    /// The next status.
    status: Option<OrderStatus>,
    /// Why, for an unhappy end.
    reason: Option<Reason>,
    /// The next status of tickets. The first one at work makes the order `preparing`, the last one done makes it `ready`.
    #[serde(default)]
    tickets: Vec<TicketPatch>,
    /// When it is expected.
    eta: Option<Eta>,
    /// Where the payment stands; it only moves forward. `authorized` or `captured` places an order that waited for it.
    payment: Option<PaymentStatus>,
}

/// One ticket's next status.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TicketPatch {
    /// The station.
    station: String,
    /// Its next status: `in_progress` or `done`.
    status: TicketStatus,
}

/// Why an order is stopped or turned back.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelBody {
    /// Why.
    reason: Reason,
}

/// What is wanted back in the kitchen, and why.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecallBody {
    /// One station; left out: all of them.
    station: Option<String>,
    /// Why.
    reason: Reason,
}

/// Move an order.
///
/// Everything in the body happens, or nothing. Steps are strict: an illegal one is a 409 that names both ends and what is allowed.
/// Asking for what already is changes nothing and is no error.
#[utoipa::path(
    patch, path = "/orders/{id}", operation_id = "moveOrder", tag = "orders",
    params(
        ("id" = OrderId, Path, description = "The order."),
        ("If-Match" = Option<String>, Header, description = "The version seen, in quotes: `\"5\"`."),
    ),
    request_body = OrderPatch,
    responses(
        (status = 200, description = "The order after the change.", body = OrderView<'static>),
        (status = 409, description = "The step is not allowed from here.", body = ErrorBody),
    )
)]
pub async fn act(
    Crew(caller): Crew,
    State(app): State<App>,
    Trace(context): Trace,
    Path(id): Path<OrderId>,
    IfMatch(expected): IfMatch,
    Body(patch): Body<OrderPatch>,
) -> Result<Response, Problem> {
    let order = orders::act(&app, &caller, id, expected, patch.into_commands()?, context).await?;
    Ok(answer(&order, shape::widest(&caller)))
}

/// Cancel an order.
///
/// Customers may cancel their own until the store has taken it on; staff and services until it has ended.
#[utoipa::path(
    post, path = "/orders/{id}/cancel", operation_id = "cancelOrder", tag = "orders",
    params(("id" = OrderId, Path, description = "The order."),
        ("If-Match" = Option<String>, Header, description = "The version seen, in quotes.")),
    request_body = CancelBody,
    responses(
        (status = 200, description = "The order after the change.", body = OrderView<'static>),
        (status = 409, description = "Too late.", body = ErrorBody),
    )
)]
pub async fn cancel(
    Ordering(caller): Ordering,
    State(app): State<App>,
    Trace(context): Trace,
    Path(id): Path<OrderId>,
    IfMatch(expected): IfMatch,
    Body(body): Body<CancelBody>,
) -> Result<Response, Problem> {
    let order = orders::cancel(&app, &caller, id, expected, body.reason, context).await?;
    Ok(answer(&order, shape::widest(&caller)))
}

/// Take a ready order back into the kitchen.
///
/// The order becomes `preparing` again, the tickets named become `recalled`.
#[utoipa::path(
    post, path = "/orders/{id}/recall", operation_id = "recallOrder", tag = "orders",
    params(("id" = OrderId, Path, description = "The order."),
        ("If-Match" = Option<String>, Header, description = "The version seen, in quotes.")),
    request_body = RecallBody,
    responses(
        (status = 200, description = "The order after the change.", body = OrderView<'static>),
        (status = 400, description = "The order has no ticket for this station.", body = ErrorBody),
        (status = 409, description = "The order is not ready.", body = ErrorBody),
    )
)]
pub async fn recall(
    Crew(caller): Crew,
    State(app): State<App>,
    Trace(context): Trace,
    Path(id): Path<OrderId>,
    IfMatch(expected): IfMatch,
    Body(body): Body<RecallBody>,
) -> Result<Response, Problem> {
    let command = Command::Recall { station: body.station, reason: body.reason };
    let order = orders::act(&app, &caller, id, expected, vec![command], context).await?;
    Ok(answer(&order, shape::widest(&caller)))
}

/// Reopen an ended order.
///
/// Within `orders.reopen_within` of its end it becomes `preparing` again, all its tickets `recalled`.
#[utoipa::path(
    post, path = "/orders/{id}/reopen", operation_id = "reopenOrder", tag = "orders",
    params(("id" = OrderId, Path, description = "The order."),
        ("If-Match" = Option<String>, Header, description = "The version seen, in quotes.")),
    request_body = CancelBody,
    responses(
        (status = 200, description = "The order after the change.", body = OrderView<'static>),
        (status = 409, description = "The order is still open, or ended too long ago.", body = ErrorBody),
    )
)]
pub async fn reopen(
    Crew(caller): Crew,
    State(app): State<App>,
    Trace(context): Trace,
    Path(id): Path<OrderId>,
    IfMatch(expected): IfMatch,
    Body(body): Body<CancelBody>,
) -> Result<Response, Problem> {
    let within = *app.config.orders.reopen_within;
    let command = Command::Reopen { reason: body.reason, within };
    let order = orders::act(&app, &caller, id, expected, vec![command], context).await?;
    Ok(answer(&order, shape::widest(&caller)))
}

impl OrderPatch {
    fn into_commands(self) -> Result<Vec<Command>, Problem> {
        if self.reason.is_some() && self.status.is_none() {
            return Err(Problem::invalid("A `reason` goes with a `status`."));
        }
        let mut commands = Vec::new();
        commands.extend(self.payment.map(Command::Pay));
        commands.extend(self.eta.map(Command::Expect));
        commands.extend(
            self.tickets
                .into_iter()
                .map(|it| Command::Ticket { station: it.station, to: it.status }),
        );
        commands.extend(self.status.map(|to| Command::Step { to, reason: self.reason }));
        if commands.is_empty() {
            return Err(Problem::invalid(
                "The body changes nothing: give a status, tickets, eta or payment.",
            ));
        }
        Ok(commands)
    }
}
