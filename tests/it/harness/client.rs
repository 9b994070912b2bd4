//! A caller of the application: plain HTTP, with words for what tests do all the time.

use bytes::Bytes;
use orderwire::base::clock::Clock;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode, header::HeaderMap};
use serde_json::{Value, json};

use crate::harness::{
    folder::unique,
    metrics,
    wait::{PATIENCE, eventually},
};

/// Speaks to one server. [`crate::harness::app::TestApp`] and [`crate::harness::process::Process`] deref to it.
#[derive(Clone, Debug)]
pub struct Client {
    /// The server's clock: tokens and signed times follow it.
    pub clock: Clock,
    base: String,
    http: reqwest::Client,
}

/// What the server said.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub body: Bytes,
    /// The body as JSON; null when it is none.
    pub json: Value,
}

impl Client {
    /// `base` is `http://` and an address.
    pub fn new(base: String, clock: Clock) -> Self {
        // The server ends a connection on which it has waited for a request for `http.header_timeout`. One that is about to end is not used.
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE);
        let http = http.pool_idle_timeout(Duration::from_secs(2)).build().unwrap();
        Self { clock, base, http }
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// `127.0.0.1:8080`, for those who speak TCP themselves.
    pub fn authority(&self) -> &str {
        self.base.trim_start_matches("http://")
    }

    /// A request to build on; hand it to [`answer`].
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, self.url(path))
    }

    /// All metrics of the server, as Prometheus reads them.
    pub async fn metrics(&self) -> String {
        let answer = answer(self.request(Method::GET, "/metrics")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        String::from_utf8(answer.body.to_vec()).unwrap()
    }

    /// The value of the series with this name and these labels; `None` before it is first recorded.
    pub async fn metric(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        metrics::value(&self.metrics().await, name, labels)
    }

    /// `GET`
    pub async fn get(&self, path: &str, token: &str) -> Answer {
        answer(self.request(Method::GET, path).bearer_auth(token)).await
    }

    /// `POST` with a JSON body.
    pub async fn post(&self, path: &str, token: &str, body: &Value) -> Answer {
        answer(self.request(Method::POST, path).bearer_auth(token).json(body)).await
    }

    /// `PUT` with a JSON body.
    pub async fn put(&self, path: &str, token: &str, body: &Value) -> Answer {
        answer(self.request(Method::PUT, path).bearer_auth(token).json(body)).await
    }

    /// `PATCH` with a JSON body.
    pub async fn patch(&self, path: &str, token: &str, body: &Value) -> Answer {
        answer(self.request(Method::PATCH, path).bearer_auth(token).json(body)).await
    }

    /// `POST /v1/orders` under this idempotency key.
    pub async fn post_order(&self, token: &str, key: &str, body: &Value) -> Answer {
        let request = self.request(Method::POST, "/v1/orders").bearer_auth(token);
        answer(request.header("idempotency-key", key).json(body)).await
    }

    /// Opens a store with the stations `grill` and `fry`, and answers its id.
    pub async fn store(&self) -> String {
        let store = json!({
            "name": {"en": "Abdoun", "ar": "عبدون"}, "currency": "JOD", "timezone": "Asia/Amman",
            "stations": ["grill", "fry"], "prepMinutes": 15, "deliveryMinutes": 25,
        });
        let opened = self.post("/v1/stores", &self.service(), &store).await.expect(201);
        opened["id"].as_str().unwrap().to_owned()
    }

    /// Places a delivery of one burger and two portions of fries, and answers the order.
    pub async fn place(&self, store: &str) -> Value {
        self.place_as(&self.service(), &order_for(store)).await
    }

    /// Places an order that looks as the body says, under a key of its own.
    pub async fn place_as(&self, token: &str, body: &Value) -> Value {
        self.post_order(token, &unique(), body).await.expect(201)
    }

    /// The order as the restaurant's own systems see it.
    pub async fn order(&self, id: &str) -> Value {
        self.get(&format!("/v1/orders/{id}"), &self.service()).await.expect(200)
    }

    /// `PATCH /v1/orders/{id}` as a service, which must work.
    pub async fn change(&self, id: &str, patch: &Value) -> Value {
        self.patch(&format!("/v1/orders/{id}"), &self.service(), patch).await.expect(200)
    }

    /// Sets another time of readiness so many times, at most sixty; answers with the version after the last.
    pub async fn postpone(&self, id: &str, times: u32) -> u64 {
        let mut version = 0;
        for minute in 0..times {
            let eta = json!({"eta": {"readyAt": format!("2030-01-01T10:{minute:02}:00Z")}});
            version = self.change(id, &eta).await["version"].as_u64().unwrap();
        }
        version
    }

    /// Moves an order through these statuses.
    pub async fn step(&self, id: &str, statuses: &[&str]) -> Value {
        let mut order = Value::Null;
        for status in statuses {
            order = self.change(id, &json!({"status": status})).await;
        }
        order
    }

    /// The token of a tracking link to this order.
    pub async fn tracking_link(&self, id: &str) -> String {
        let path = format!("/v1/orders/{id}/tracking-link");
        let link = self.post(&path, &self.service(), &json!({})).await.expect(200);
        link["token"].as_str().unwrap().to_owned()
    }

    /// Waits until the order has this status, and answers it.
    pub async fn until_status(&self, id: &str, status: &str) -> Value {
        eventually(async || {
            let order = self.order(id).await;
            if order["status"] == status { Ok(order) } else { Err(order) }
        })
        .await
    }
}

impl Answer {
    /// The JSON, if the status is this one; else the test fails and shows the answer.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        let said = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, status, "{said}");
        self.json
    }

    /// Asserts that this is a failure in the envelope, with this status and code and with a request id; answers its inside.
    #[track_caller]
    pub fn expect_error(self, status: u16, code: &str) -> Value {
        assert!(self.headers.contains_key("x-request-id"), "{self:?}");
        let content_type = self.header("content-type").unwrap_or_default();
        assert_eq!(content_type, "application/json", "{self:?}");
        let said = String::from_utf8_lossy(&self.body).into_owned();
        let error = self.expect(status)["error"].take();
        assert_eq!(error["code"], code, "{said}");
        assert!(error["message"].as_str().is_some_and(|it| !it.is_empty()), "{said}");
        error
    }

    /// One header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|it| it.to_str().unwrap())
    }
}

/// Sends a request and reads the whole answer.
pub async fn answer(request: RequestBuilder) -> Answer {
    try_answer(request).await.unwrap()
}

/// [`answer`], for servers that may be away.
pub async fn try_answer(request: RequestBuilder) -> reqwest::Result<Answer> {
    let response = request.send().await?;
    let (status, headers): (StatusCode, _) = (response.status(), response.headers().clone());
    let body = response.bytes().await?;
    let json = serde_json::from_slice(&body).unwrap_or_default();
    Ok(Answer { status: status.as_u16(), headers, body, json })
}

/// The body of an ordinary order: a delivery of one burger and two portions of fries, 6.250 JOD.
pub fn order_for(store: &str) -> Value {
    json!({
        "storeId": store, "fulfilment": "delivery",
        "items": [
            {"sku": "burger", "name": {"en": "Burger", "ar": "برغر"}, "quantity": 1, "station": "grill",
             "unitPrice": {"amount": 4250, "currency": "JOD"}},
            {"sku": "fries", "name": {"en": "Fries", "ar": "بطاطا"}, "quantity": 2, "station": "fry",
             "unitPrice": {"amount": 1000, "currency": "JOD"}},
        ],
        "customer": {"id": "sara", "name": "Sara Haddad", "phone": "+962790000001", "language": "ar"},
        "address": {"line": "12 Rainbow Street", "area": "Abdoun", "city": "Amman"},
    })
}

/// [`order_for`], placed at a partner under this id.
pub fn partner_order_for(store: &str, partner: &str, external_id: &str) -> Value {
    let mut order = order_for(store);
    order["partner"] = json!({"name": partner, "orderId": external_id});
    order
}

/// The order's id.
#[track_caller]
pub fn id(order: &Value) -> &str {
    order["id"].as_str().unwrap()
}
