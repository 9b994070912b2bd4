//! Changes of an order through the interface that kitchens and partners use.

use std::{net::SocketAddr, sync::atomic::Ordering};

use anyhow::{Context, bail};
use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{drive::Changer, http::Http, machine, scenario::Change, token, world::Order};

/// Changes orders with PATCH and recall, as staff do.
#[derive(Debug)]
pub struct Staff {
    http: Http,
    authorization: String,
    change: Change,
    stations: usize,
}

impl Staff {
    /// One connection.
    pub fn new(address: SocketAddr, token: &str, change: Change, stations: usize) -> Self {
        Self {
            http: Http::new(address),
            authorization: format!("Bearer {token}"),
            change,
            stations,
        }
    }

    /// What to send: (method, end of the path, body).
    fn step(&self, step: u32) -> (&'static str, &'static str, String) {
        match (self.change, step) {
            (Change::Eta | Change::Bus, _) => {
                let (hour, minute, second) = (step / 3600 % 24, step / 60 % 60, step % 60);
                let at = format!("2030-01-01T{hour:02}:{minute:02}:{second:02}Z");
                ("PATCH", "", format!(r#"{{"eta":{{"readyAt":"{at}"}}}}"#))
            }
            (Change::Tickets, _) if step.is_multiple_of(2) => ("PATCH", "", self.tickets("done")),
            (Change::Tickets, _) => ("POST", "/recall", RECALLED.to_owned()),
            (Change::Life, 0) => ("PATCH", "", r#"{"status":"accepted"}"#.to_owned()),
            (Change::Life, 1) => ("PATCH", "", self.tickets("in_progress")),
            (Change::Life, 2) => ("PATCH", "", self.tickets("done")),
            (Change::Life, _) => match step % 3 {
                0 => ("PATCH", "", r#"{"status":"picked_up"}"#.to_owned()),
                1 => ("POST", "/reopen", RECALLED.to_owned()),
                _ => ("PATCH", "", r#"{"status":"ready"}"#.to_owned()),
            },
        }
    }

    fn tickets(&self, status: &str) -> String {
        let each = (0..self.stations.max(1))
            .map(|it| format!(r#"{{"station":"s{it}","status":"{status}"}}"#));
        format!(r#"{{"tickets":[{}]}}"#, each.collect::<Vec<_>>().join(","))
    }
}

const RECALLED: &str = r#"{"reason":{"code":"other"}}"#;

impl Changer for Staff {
    fn change(&mut self, order: &Order) -> anyhow::Result<()> {
        let step = order.step.fetch_add(1, Ordering::Relaxed);
        let (method, end, body) = self.step(step);
        let path = format!("/v1/orders/{}{end}", order.id);
        let headers = [("authorization", self.authorization.as_str())];
        let answer = self.http.call(method, &path, &headers, body.as_bytes())?;
        if answer.status != 200 {
            bail!("{method} {path} {body}: {}", String::from_utf8_lossy(&answer.body));
        }
        let version = answer.version.context("no entity tag")?;
        order.version.store(version, Ordering::Relaxed);
        Ok(())
    }
}

/// Calls as the generic partner does: signed webhooks that move an order forward.
#[derive(Debug)]
pub struct Partner {
    http: Http,
    key: Vec<u8>,
}

/// What a partner can say of one order, in turn. Saying the last again changes nothing.
pub const PARTNER_STEPS: [&str; 3] = ["accepted", "preparing", "ready"];

impl Partner {
    /// One connection.
    pub fn new(address: SocketAddr, secret: &str) -> anyhow::Result<Self> {
        let key = STANDARD.decode(secret).context("the partner's secret is no base64")?;
        Ok(Self { http: Http::new(address), key })
    }
}

impl Changer for Partner {
    fn change(&mut self, order: &Order) -> anyhow::Result<()> {
        let step = order.step.fetch_add(1, Ordering::Relaxed) as usize;
        let word = PARTNER_STEPS.get(step).copied().context("this order has nowhere to go")?;
        let body = format!(
            r#"{{"type":"order.status","data":{{"orderId":"{}","status":"{word}"}}}}"#,
            order.id
        );
        let now = machine::now();
        let (id, seconds) = (format!("msg_{}_{step}_{now}", order.id), now / 1_000_000_000);
        let signature =
            STANDARD.encode(token::mac(&self.key, format!("{id}.{seconds}.{body}").as_bytes()));
        let (seconds, signature) = (seconds.to_string(), format!("v1,{signature}"));
        let headers = [
            ("webhook-id", id.as_str()),
            ("webhook-timestamp", seconds.as_str()),
            ("webhook-signature", signature.as_str()),
        ];
        let answer = self.http.call("POST", "/v1/webhooks/generic", &headers, body.as_bytes())?;
        if answer.status != 200 {
            bail!("a webhook is answered {}", answer.status);
        }
        // It is stored; what becomes of it, the sockets will see.
        order.version.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}
