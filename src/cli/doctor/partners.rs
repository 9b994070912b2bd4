//! What partners prove themselves with, and whether those that are told things are there.

use std::collections::BTreeMap;

use reqwest::{Method, header::HeaderMap};
use secrecy::SecretString;

use crate::{
    auth::keys,
    base::clock::Clock,
    cli::doctor::finding::{
        Finding::{self, Note, Well},
        ill,
    },
    config::Config,
    messaging::whatsapp,
    outbound::{Attempt, Body, Client, Request},
    partners::{Partners, outbound},
};

/// What partners prove themselves with. `stored` are the credentials that the database holds, by partner. Those with nothing share a line.
pub fn credentials(
    config: &Config,
    partners: &Partners,
    stored: &BTreeMap<String, usize>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut without = Vec::new();
    let all = partners.all();
    for slug in all.keys() {
        let is_whatsapp = slug == whatsapp::PARTNER;
        let by_slug = config.partners.get(slug).map_or(0, |partner| partner.secrets.len());
        let by_channel = if is_whatsapp { config.whatsapp.app_secrets.len() } else { 0 };
        let secrets = by_slug + by_channel + stored.get(slug).copied().unwrap_or_default();
        findings.push(match secrets {
            0 if slug == keys::GENERIC => Note(format!(
                "partner {slug}: its secret is in {}",
                config.data_dir.join(keys::FILE_NAME).display()
            )),
            0 => {
                without.push(slug.as_str());
                continue;
            }
            1 => Well(format!("partner {slug}: one secret")),
            more => Well(format!("partner {slug}: {more} secrets, any of them is accepted")),
        });
        if is_whatsapp && by_slug > 0 {
            findings.push(Note(format!(
                "partner {slug}: set `whatsapp.app_secrets` instead of `partners.{slug}.secrets`; both are accepted"
            )));
        }
    }
    if !without.is_empty() {
        findings.push(Note(format!(
            "partners without a secret, whose calls are refused: {}. Set `partners.<name>.secrets` (for whatsapp \
             `whatsapp.app_secrets`) of those that you work with",
            without.join(", ")
        )));
    }
    findings
}

/// The partners that are told what becomes of their orders: whether they are there. Nothing is told, and nobody logs in.
pub async fn lines(config: &Config) -> Vec<Finding> {
    // Which secret signs does not matter here, but that there is one: where none is configured, the server makes it.
    let configured = config.partners.iter().map(|(slug, it)| (slug.clone(), it.secrets.clone()));
    let mut secrets: BTreeMap<_, _> = configured.collect();
    secrets.entry("generic".to_owned()).or_default().push(SecretString::from(String::new()));
    let (lines, client) =
        match (outbound::lines(config, &secrets), Client::new(&config.outbound, Clock::System)) {
            (Ok(lines), Ok(client)) => (lines, client),
            (Err(error), _) => return vec![ill(error.to_string(), "See docs/partner-calls.md.")],
            (_, Err(error)) => return vec![ill(error.to_string(), "Look at the certificates.")],
        };
    let mut findings = Vec::new();
    for (slug, line) in lines {
        let (method, url) = (Method::HEAD, line.base_url.clone());
        // The rest of the address may hold a key.
        let host = url.origin().ascii_serialization();
        let request = Request { method, url, headers: HeaderMap::new(), body: Body::Empty };
        let attempt = client.send(&slug, request).await;
        findings.push(match attempt {
            // Whatever it says: who asks without a token may be refused.
            Attempt::Made(exchange) if exchange.answer.is_ok() => {
                Well(format!("partner {slug}: is told at {host}, which answers"))
            }
            Attempt::Made(exchange) => ill(
                format!(
                    "partner {slug}: {host} does not answer: {}",
                    exchange.answer.err().unwrap_or_default()
                ),
                format!("Check `partners.{slug}.base_url`, and the way there."),
            ),
            Attempt::Spared(_) => Note(format!("partner {slug}: was not asked")),
        });
    }
    findings
}
