//! Partners' calls, in their own words and signed in their own ways. `docs/partners.md` is what this is written from.

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use crate::{
    base::mac,
    domain::{DeliveryStatus, OrderId},
    simulator::restaurant::Rider,
};

/// A partner that calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partner {
    /// The restaurant's own couriers, in our own format.
    Generic,
    /// Careem.
    Careem,
    /// Deliveroo.
    Deliveroo,
}

use DeliveryStatus::{Assigned, AtStore, Delivered, EnRoute, Nearby, PickedUp};

const CAREEM: [(DeliveryStatus, &str); 4] = [
    (Assigned, "driver_coming"),
    (AtStore, "driver_here"),
    (PickedUp, "trip_started"),
    (Delivered, "trip_ended"),
];

const DELIVEROO: [(DeliveryStatus, &str); 5] = [
    (Assigned, "rider_assigned"),
    (AtStore, "rider_arrived"),
    (EnRoute, "rider_in_transit"),
    (Nearby, "rider_nearby"),
    (Delivered, "rider_delivered"),
];

impl Partner {
    /// Its name in URLs.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::Careem => "careem",
            Self::Deliveroo => "deliveroo",
        }
    }

    /// Its word for where a delivery stands, if it has one.
    pub fn word(self, status: DeliveryStatus) -> Option<&'static str> {
        let find = |words: &[(DeliveryStatus, &'static str)]| {
            words.iter().find(|(it, _)| *it == status).map(|(_, word)| *word)
        };
        match self {
            Self::Generic => Some(status.as_str()),
            Self::Careem => find(&CAREEM),
            Self::Deliveroo => find(&DELIVEROO),
        }
    }
}

/// The order that a partner tells of.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// Our name for it.
    pub order: OrderId,
    /// The partner's.
    pub external_id: &'a str,
    /// Who carries it.
    pub rider: &'a Rider,
}

/// The body of a call that says where the delivery stands; `None` where the partner has no word for it.
pub fn delivery(
    partner: Partner,
    about: &About<'_>,
    status: DeliveryStatus,
    now: Timestamp,
) -> Option<Value> {
    let word = partner.word(status)?;
    let Rider { id, name, phone } = about.rider;
    Some(match partner {
        Partner::Generic => json!({
            "type": "delivery.status",
            "timestamp": now,
            "data": {
                "orderId": about.order,
                "status": word,
                "courier": {"id": id, "name": name, "phone": phone},
            },
        }),
        Partner::Careem => {
            let captain = json!({"name": name, "phone_number": phone, "eta": 7});
            careem(about, json!({"status": word, "captain": captain}))
        }
        Partner::Deliveroo => json!({
            "event": "rider.status_update",
            "body": {
                "order_id": about.external_id,
                "stacked_with": [],
                "riders": [{
                    "full_name": name,
                    "contact_number": phone,
                    "status_log": deliveroo_log(status, now),
                }],
            },
        }),
    })
}

/// The body of a call that calls the order off.
pub fn revocation(partner: Partner, about: &About<'_>, now: Timestamp) -> Value {
    match partner {
        Partner::Generic => json!({
            "type": "order.status",
            "timestamp": now,
            "data": {
                "orderId": about.order,
                "status": "cancelled",
                "reason": {"code": "customer_request"},
            },
        }),
        Partner::Careem => {
            let reason = "ITEM_TEMPORARILY_UNAVAILABLE";
            careem(about, json!({"status": "cancelled", "cancellation_reason": reason}))
        }
        Partner::Deliveroo => json!({
            "event": "order.status_update",
            "body": {"order": {
                "id": about.external_id,
                "status": "canceled",
                "status_log": [{"at": now, "status": "canceled"}],
            }},
        }),
    }
}

/// The headers that prove who sent a body. `id` is the same each time this call is sent.
pub fn headers(
    partner: Partner,
    secret: &str,
    id: &str,
    now: Timestamp,
    body: &[u8],
) -> Vec<(&'static str, String)> {
    match partner {
        Partner::Generic => {
            let encoded = secret.strip_prefix("whsec_").unwrap_or(secret);
            let key = STANDARD.decode(encoded).unwrap_or_default();
            let time = now.as_second().to_string();
            let parts = [id.as_bytes(), b".", time.as_bytes(), b".", body];
            let signature = STANDARD.encode(mac::hmac_sha256(&key, &parts));
            vec![
                ("webhook-id", id.to_owned()),
                ("webhook-timestamp", time),
                ("webhook-signature", format!("v1,{signature}")),
            ]
        }
        Partner::Careem => vec![("x-careem-api-key", secret.to_owned())],
        Partner::Deliveroo => {
            let signature = mac::hmac_sha256(secret.as_bytes(), &[id.as_bytes(), b" ", body]);
            vec![
                ("x-deliveroo-sequence-guid", id.to_owned()),
                ("x-deliveroo-hmac-sha256", mac::to_hex(&signature)),
            ]
        }
    }
}

fn careem(about: &About<'_>, news: Value) -> Value {
    let mut details = json!({"id": about.external_id, "delivery_type": "careem"});
    if let (Value::Object(details), Value::Object(news)) = (&mut details, news) {
        details.extend(news);
    }
    json!({"event_type": "ORDER_STATUS_UPDATED", "details": details})
}

/// Deliveroo tells the whole log each time.
fn deliveroo_log(status: DeliveryStatus, now: Timestamp) -> Vec<Value> {
    let so_far: Vec<_> = DELIVEROO.iter().filter(|(it, _)| it.rank() <= status.rank()).collect();
    let ages = (0_i64..).map(|it| it * 7);
    let mut log: Vec<_> = so_far
        .into_iter()
        .rev()
        .zip(ages)
        .map(|((_, word), age)| {
            json!({"at": now.checked_sub(age.seconds()).unwrap_or(now), "status": word})
        })
        .collect();
    log.reverse();
    log
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use secrecy::SecretString;
    use uuid::Uuid;

    use super::*;
    use crate::{
        config::Config,
        domain::{News, OrderStatus, Report},
        partners::{Call, Kept, Partners, Trust},
        simulator::restaurant::RIDERS,
    };

    const SECRETS: [(Partner, &str); 3] = [
        (Partner::Generic, "whsec_Z2VuZXJpYy1zZWNyZXQtb2YtMzItYnl0ZXMtMTIzNDU="),
        (Partner::Careem, "careem-key"),
        (Partner::Deliveroo, "deliveroo-secret"),
    ];

    fn now() -> Timestamp {
        "2026-11-20T18:30:00Z".parse().unwrap()
    }

    fn about() -> About<'static> {
        let order = OrderId::from_uuid(Uuid::from_u128(118));
        About { order, external_id: "demo-118", rider: &RIDERS[0] }
    }

    /// What the server makes of a call, once it believes it.
    fn understood(partner: Partner, secret: &str, body: &Value) -> News {
        let body = serde_json::to_vec(body).unwrap();
        let headers = headers(partner, secret, "call-1", now(), &body);
        let header = |name: &str| {
            headers.iter().find(|(it, _)| *it == name).map(|(_, value)| value.as_bytes())
        };
        let ours = Partners::new(&Config::default()).unwrap().find(partner.slug()).unwrap();
        let secrets = [SecretString::from(secret)];
        let replay_window = Duration::from_mins(5);
        let trust = Trust { secrets: &secrets, url: "", replay_window, now: now() };
        ours.verify(&Call { header: &header, rest: "", body: &body }, &trust).unwrap();
        ours.read(&Kept::new(), &body).unwrap().remove(0)
    }

    #[test]
    fn the_server_believes_every_partner_and_understands_every_word() {
        for (partner, secret) in SECRETS {
            for status in DeliveryStatus::ALL {
                let Some(body) = delivery(partner, &about(), *status, now()) else { continue };
                let news = understood(partner, secret, &body);
                let Report::Delivery { status: read, courier, .. } = news.report else {
                    panic!("{partner:?} {status}: {news:?}")
                };
                assert_eq!(read, *status, "{partner:?}");
                assert_eq!(courier.unwrap().name.as_deref(), Some("Omar Khatib"));
            }
        }
    }

    #[test]
    fn every_partner_can_call_an_order_off() {
        for (partner, secret) in SECRETS {
            let news = understood(partner, secret, &revocation(partner, &about(), now()));
            let Report::Order { status, .. } = news.report else { panic!("{news:?}") };
            assert_eq!(status, OrderStatus::Cancelled, "{partner:?}");
        }
    }
}
