//! `POST /v1/orders`

use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::{
    app::{
        App,
        idempotency::{self, KeyedRequest},
        orders::{self, NewOrder, Placed},
    },
    channels::OrderView,
    domain::Order,
    http::{
        caller::Ordering,
        extract::{RawBody, Trace},
        problem::{ErrorBody, Problem},
        shape,
    },
    store::idempotency::Saved,
};

/// Says that an answer was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Place an order.
///
/// The same `Idempotency-Key` with the same body places one order, however often it is sent; every time the answer is the first one
/// (later ones carry `Idempotent-Replayed: true`). Keys are remembered for `http.idempotency_ttl`.
#[utoipa::path(
    post, path = "/orders", operation_id = "placeOrder", tag = "orders",
    params(("Idempotency-Key" = String, Header, description = "1 to 255 characters of the caller's choice, a UUID say.")),
    request_body = NewOrder,
    responses(
        (status = 201, description = "The order.", body = OrderView<'static>),
        (status = 400, description = "The key is missing, or the body has faults; `details` names each.", body = ErrorBody),
        (status = 404, description = "No such store.", body = ErrorBody),
        (status = 409, description = "A request with this key is running, or the partner's order is known.", body = ErrorBody),
        (status = 422, description = "The key came with another body before.", body = ErrorBody),
    )
)]
pub async fn place(
    Ordering(caller): Ordering,
    State(app): State<App>,
    Trace(context): Trace,
    headers: HeaderMap,
    RawBody(new, body): RawBody<NewOrder>,
) -> Result<Response, Problem> {
    let request = KeyedRequest { key: key(&headers)?, body: &body };
    let shape = shape::widest(&caller);
    let answer = |order: &Order| Saved {
        status: StatusCode::CREATED.as_u16(),
        body: serde_json::to_vec(&shape.view(order)).unwrap_or_default().into(),
    };
    match orders::place(&app, &caller, request, new, context, answer).await? {
        Placed::Now(order, saved) => {
            let mut response = response(saved);
            let headers = response.headers_mut();
            if let Ok(location) = HeaderValue::try_from(format!("/v1/orders/{}", order.id)) {
                headers.insert(header::LOCATION, location);
            }
            headers.insert(header::ETAG, HeaderValue::from_static("\"1\""));
            Ok(response)
        }
        Placed::Before(saved) => {
            let mut response = response(saved);
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
            Ok(response)
        }
    }
}

fn response(saved: Saved) -> Response {
    let status = StatusCode::from_u16(saved.status).unwrap_or(StatusCode::CREATED);
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    (status, headers, saved.body).into_response()
}

fn key(headers: &HeaderMap) -> Result<&str, Problem> {
    let value = headers.get("idempotency-key").ok_or_else(|| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "IDEMPOTENCY_KEY_MISSING",
            "Send an Idempotency-Key header, a UUID say: it makes a repeated request harmless.",
        )
    })?;
    let key = value.to_str().unwrap_or_default().trim();
    if key.is_empty() || idempotency::LONGEST_KEY < key.len() {
        let longest = idempotency::LONGEST_KEY;
        let message = format!("Idempotency-Key has 1 to {longest} visible ASCII characters.");
        return Err(Problem::invalid(message));
    }
    Ok(key)
}
