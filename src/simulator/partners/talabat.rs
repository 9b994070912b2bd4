//! Talabat's middleware: a token that signs nothing, a path that says what a call is about, and addresses for our answers with each order.
//! It knows an order by our name only after we have told it with the acceptance, and does not say that an order has arrived.

use axum::http::Method;
use jiff::{Timestamp, ToSpan};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::{
    domain::{DeliveryStatus, PartnerAction},
    simulator::partners::{
        book::{Entry, Line, Standing, dinars},
        voice::{Answers, Heard, Said, Told, Voice, word},
    },
};

/// Talabat.
pub struct Talabat;

const WORDS: [(DeliveryStatus, &str); 2] = [
    (DeliveryStatus::AtStore, "COURIER_ARRIVED_AT_VENDOR"),
    (DeliveryStatus::PickedUp, "ORDER_PICKED_UP"),
];

/// Where each answer of ours is to go, and what it says there.
const CALLBACKS: [(&str, &str, PartnerAction); 5] = [
    ("orderAcceptedUrl", "accepted", PartnerAction::Accept),
    ("orderRejectedUrl", "rejected", PartnerAction::Reject),
    ("orderPreparedUrl", "prepared", PartnerAction::Ready),
    ("orderPickedUpUrl", "picked-up", PartnerAction::PickedUp),
    ("orderPreparationTimeAdjustmentUrl", "adjusted", PartnerAction::Delay),
];

/// How long the store may take to answer, in minutes.
const TIME_TO_ANSWER: i64 = 10;

/// How long a token is good, in seconds.
const TOKEN_LIFE: i64 = 60;

impl Voice for Talabat {
    fn words(&self) -> &'static [(DeliveryStatus, &'static str)] {
        &WORDS
    }

    fn answers(&self) -> Answers {
        Answers::Nothing
    }

    fn is_told_of_food(&self) -> bool {
        true
    }

    fn placed(&self, entry: &Entry, here: &str) -> Option<Said> {
        let order = entry.order.as_ref()?;
        let url = |path: &str| format!("{here}/orders/{}/{path}", entry.name);
        let urls = CALLBACKS.iter().map(|(name, path, _)| ((*name).to_owned(), json!(url(path))));
        let (first, last) = order.guest.name.split_once(' ').unwrap_or((order.guest.name, ""));
        let body = json!({
            "token": entry.name,
            "code": entry.name,
            "expeditionType": "delivery",
            "createdAt": order.at,
            "expiryDate": order.at + TIME_TO_ANSWER.minutes(),
            "test": false,
            "preOrder": false,
            "localInfo": {"countryCode": "JO", "platformKey": "TB_JO"},
            "platformRestaurant": {"id": order.store},
            "customer": {"firstName": first, "lastName": last, "mobilePhone": order.guest.phone},
            "delivery": {
                "riderPickupTime": order.at + 15.minutes(),
                "expectedDeliveryTime": order.at + 35.minutes(),
                "address": null,
            },
            "payment": {"status": "paid", "type": "paid"},
            "price": {"grandTotal": dinars(order.total()), "collectFromCustomer": "0"},
            "products": order.lines.iter().map(product).collect::<Vec<_>>(),
            "callbackUrls": Value::Object(urls.collect()),
        });
        let path = format!("/order/{}", order.store);
        Some(Said { method: Method::POST, path, body })
    }

    fn delivery(&self, entry: &Entry, status: DeliveryStatus, now: Timestamp) -> Option<Said> {
        said(entry, word(&WORDS, status)?, now)
    }

    fn cancelled(&self, entry: &Entry, now: Timestamp) -> Option<Said> {
        said(entry, "ORDER_CANCELLED", now)
    }

    fn proof(
        &self,
        secret: &str,
        _: &str,
        now: Timestamp,
        _: &[u8],
    ) -> Vec<(&'static str, String)> {
        let claims = json!({"service": "middleware", "exp": now.as_second() + TOKEN_LIFE});
        let key = EncodingKey::from_secret(secret.as_bytes());
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS512), &claims, &key);
        // Nothing here can fail to be written as JSON; were it so, the call would be refused.
        vec![("authorization", format!("Bearer {}", token.unwrap_or_default()))]
    }

    fn hear(&self, heard: &Heard<'_>) -> Option<Told> {
        let (&Method::POST, ["orders", name, path]) = (heard.method, heard.path) else {
            return None;
        };
        let (_, _, action) = CALLBACKS.iter().find(|(_, it, _)| it == path)?;
        let ours = heard.body.pointer("/remoteOrderId").and_then(Value::as_str);
        let ours = ours.and_then(|it| it.parse().ok());
        Some(Told { name: (*name).to_owned(), action: *action, ours })
    }

    fn answer(&self, _entry: &Entry, _standing: &Standing) -> Value {
        Value::Null
    }
}

fn said(entry: &Entry, status: &str, now: Timestamp) -> Option<Said> {
    let store = &entry.order.as_ref()?.store;
    let ours = entry.standing().ours?;
    let path = format!("/remoteId/{store}/remoteOrder/{ours}/posOrderStatus");
    let body = json!({"status": status, "message": "", "occurredAt": now});
    Some(Said { method: Method::PUT, path, body })
}

/// Money and numbers are texts there.
fn product(line: &Line) -> Value {
    json!({
        "id": line.sku,
        "remoteCode": line.sku,
        "name": line.name.en,
        "quantity": line.quantity.to_string(),
        "unitPrice": dinars(line.unit_price.amount),
        "comment": line.note,
        "selectedToppings": [],
    })
}
