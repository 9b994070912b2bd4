//! Our own readers hold what the played partners say, and they understand what our own words for them are.

use std::time::Duration;

use axum::http::Method;
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::{
    config::Config,
    domain::{DeliveryStatus, News, OrderStatus, PartnerAction, Report},
    partners::{Call, Kept, PATH, Partners, Trust},
    simulator::{
        dice::Dice,
        partners::{
            book::Entry,
            partner::Partner,
            storm,
            voice::{Heard, Said},
        },
    },
};

const SECRET: &str = "whsec_Z2VuZXJpYy1zZWNyZXQtb2YtMzItYnl0ZXMtMTIzNDU=";

fn now() -> Timestamp {
    "2026-11-20T18:30:00Z".parse().unwrap()
}

fn entry(partner: Partner) -> Entry {
    let entry = storm::sample(partner, &Dice::seeded(1));
    let ours = "ord_019a0000000070008000000000000118".parse().ok();
    assert!(entry.tell(PartnerAction::Accept, ours));
    entry
}

/// What the server makes of a call, once it believes it.
fn understood(partner: Partner, said: &Said) -> News {
    let body = serde_json::to_vec(&said.body).unwrap();
    let headers = partner.voice().proof(SECRET, "call-1", now(), &body);
    let header =
        |name: &str| headers.iter().find(|(it, _)| *it == name).map(|(_, value)| value.as_bytes());
    let ours = Partners::new(&Config::default()).unwrap().find(partner.slug()).unwrap();
    let (secrets, rest) = ([SecretString::from(SECRET)], said.path.trim_start_matches('/'));
    let replay_window = Duration::from_mins(5);
    let trust = Trust { secrets: &secrets, url: "", replay_window, now: now() };
    ours.verify(&Call { header: &header, rest, body: &body }, &trust).unwrap();
    let kept = Kept::from([(PATH.to_owned(), rest.to_owned())]);
    ours.read(&kept, &body).unwrap().remove(0)
}

#[test]
fn the_server_believes_every_partner_and_understands_every_word() {
    for partner in Partner::ALL {
        let entry = entry(partner);
        for status in DeliveryStatus::ALL {
            let Some(said) = partner.voice().delivery(&entry, *status, now()) else { continue };
            let Report::Delivery { status: read, .. } = understood(partner, &said).report else {
                panic!("{partner:?} {status}")
            };
            assert_eq!(read, *status, "{partner:?}");
        }
    }
}

#[test]
fn every_market_brings_orders_and_can_call_them_off() {
    for partner in Partner::MARKETS {
        let entry = entry(partner);
        let placed = partner.voice().placed(&entry, "http://127.0.0.1:1").unwrap();
        let news = understood(partner, &placed);
        assert_eq!(news.external_id.as_deref(), Some(entry.name.as_str()), "{partner:?}");
        let Report::Placed(order) = news.report else { panic!("{partner:?}") };
        assert_eq!(order.store, "branch-7");
        assert_eq!(order.items.len(), entry.order.as_ref().unwrap().lines.len());
        let cancelled = partner.voice().cancelled(&entry, now()).unwrap();
        let Report::Order { status, .. } = understood(partner, &cancelled).report else {
            panic!("{partner:?}")
        };
        assert_eq!(status, OrderStatus::Cancelled, "{partner:?}");
    }
}

#[test]
fn they_know_what_they_are_told_and_of_which_order() {
    let told = |partner: Partner, method: Method, path: &str, body: Value| {
        let path: Vec<&str> = path.split('/').filter(|it| !it.is_empty()).collect();
        let heard = Heard { method: &method, path: &path, body: &body };
        partner.voice().hear(&heard).map(|it| (it.name, it.action))
    };
    let is = |action| Some(("118".to_owned(), action));
    let accepted = json!({"state": "accepted"});
    let careem = told(Partner::Careem, Method::PUT, "orders/118", accepted.clone());
    assert_eq!(careem, is(PartnerAction::Accept));
    let status = json!({"status": "rejected"});
    let deliveroo = told(Partner::Deliveroo, Method::PATCH, "v1/orders/118", status);
    assert_eq!(deliveroo, is(PartnerAction::Reject));
    let talabat = told(Partner::Talabat, Method::POST, "orders/118/prepared", Value::Null);
    assert_eq!(talabat, is(PartnerAction::Ready));
    let data = json!({"type": "order.picked_up", "data": {"externalId": "118"}});
    assert_eq!(told(Partner::Generic, Method::POST, "", data), is(PartnerAction::PickedUp));
    assert_eq!(told(Partner::UberDirect, Method::PUT, "orders/118", accepted), None);
    assert_eq!(told(Partner::Careem, Method::PUT, "orders/118", json!({"state": "lost"})), None);
}

#[test]
fn an_order_ends_once_and_what_comes_later_changes_nothing() {
    let (well, refused, revoked) = (
        entry(Partner::Careem),
        storm::sample(Partner::Careem, &Dice::seeded(1)),
        entry(Partner::Careem),
    );
    well.deliver(DeliveryStatus::Delivered);
    well.deliver(DeliveryStatus::AtStore);
    well.cancel();
    assert_eq!((well.record().status, well.record().delivery), ("delivered", "delivered"));
    assert!(refused.tell(PartnerAction::Reject, None));
    assert!(refused.tell(PartnerAction::Accept, None));
    assert_eq!(refused.record().status, "rejected");
    assert!(revoked.tell(PartnerAction::Reject, None));
    assert_eq!(revoked.record().status, "cancelled");
}
