//! The partners that can be told something, or asked: their modules by their slugs, and the lines to them by the settings.

use std::collections::BTreeMap;

use reqwest::Url;
use secrecy::SecretString;

use crate::{
    config::{Config, Partner},
    partners::outbound::{
        Inquiry, Line, Outbound, careem::Careem, deliveroo::Deliveroo, generic::Generic,
        talabat::Talabat, uber_eats::UberEats,
    },
};

/// Those whom we can tell something, by their slugs.
pub(in crate::partners::outbound) static SPOKEN_TO: &[(&str, &dyn Outbound)] = &[
    ("careem", &Careem),
    ("deliveroo", &Deliveroo),
    ("generic", &Generic),
    ("talabat", &Talabat),
    ("uber_eats", &UberEats),
];

/// Those who can be asked where their orders stand.
static ASKED: &[(&str, &dyn Inquiry)] =
    &[("careem", &Careem), ("deliveroo", &Deliveroo), ("generic", &Generic)];

/// How a partner is asked where its orders stand; `None` where we do not know how.
pub fn inquiry(slug: &str) -> Option<&'static dyn Inquiry> {
    ASKED.iter().find(|(it, _)| *it == slug).map(|(_, inquiry)| *inquiry)
}

/// How a partner is told things; `None` where we do not know how.
pub fn find(slug: &str) -> Option<&'static dyn Outbound> {
    SPOKEN_TO.iter().find(|(it, _)| *it == slug).map(|(_, outbound)| *outbound)
}

/// A partner cannot be reached with these settings. For the operator.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// An address is none.
    #[error("setting `partners.{slug}.{setting}`: this is no address like https://api.example.com")]
    NoAddress {
        /// Whose.
        slug: String,
        /// Which one.
        setting: &'static str,
    },
    /// There is an address, and something else is missing.
    #[error("setting `partners.{slug}.{setting}` is missing: `base_url` is set, and takes it")]
    Missing {
        /// Whose.
        slug: String,
        /// Which one.
        setting: &'static str,
    },
    /// Nobody knows how to speak to this one.
    #[error("setting `partners.{slug}.base_url`: this partner cannot be told anything yet")]
    Mute {
        /// Whose.
        slug: String,
    },
}

/// The lines that the settings name, by the partners' slugs. `secrets` are those that each partner is known by.
pub fn lines(
    config: &Config,
    secrets: &BTreeMap<String, Vec<SecretString>>,
) -> Result<BTreeMap<String, Line>, LineError> {
    let mut lines = BTreeMap::new();
    for (slug, partner) in &config.partners {
        let Some(base_url) = &partner.base_url else { continue };
        let outbound = find(slug).ok_or_else(|| LineError::Mute { slug: slug.clone() })?;
        let secrets = secrets.get(slug).cloned().unwrap_or_default();
        lines.insert(slug.clone(), line(slug, partner, base_url, secrets, outbound)?);
    }
    Ok(lines)
}

fn line(
    slug: &str,
    partner: &Partner,
    base_url: &str,
    secrets: Vec<SecretString>,
    outbound: &dyn Outbound,
) -> Result<Line, LineError> {
    let address = |setting, text: &str| {
        let url = Url::parse(text).ok().filter(|it| matches!(it.scheme(), "http" | "https"));
        url.ok_or_else(|| LineError::NoAddress { slug: slug.to_owned(), setting })
    };
    let token_url = partner.token_url.as_deref().map(|it| address("token_url", it)).transpose()?;
    for setting in outbound.needs() {
        let is_there = match *setting {
            "token_url" => token_url.is_some(),
            "client_id" => partner.client_id.is_some(),
            "client_secret" => partner.client_secret.is_some(),
            _ => !secrets.is_empty(),
        };
        if !is_there {
            return Err(LineError::Missing { slug: slug.to_owned(), setting });
        }
    }
    Ok(Line {
        base_url: address("base_url", base_url)?,
        token_url,
        client_id: partner.client_id.clone(),
        client_secret: partner.client_secret.clone(),
        secrets,
        callback_hosts: partner.callback_hosts.clone(),
    })
}
