//! The line to a partner: where it is reached, and who we are there.

use std::collections::BTreeMap;

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    config::{Config, Partner},
    partners::outbound::{Outbound, find},
};

/// Where a partner is reached, and who we are there.
#[derive(Clone, Debug)]
pub struct Line {
    /// Where its interface begins.
    pub base_url: Url,
    /// Where it gives out its tokens.
    pub token_url: Option<Url>,
    /// Who we are.
    pub client_id: Option<String>,
    /// What proves it.
    pub client_secret: Option<SecretString>,
    /// What we sign with: the first one that can be signed with.
    pub secrets: Vec<SecretString>,
    /// Hosts beside that of `base_url` that our answers may go to, with their subdomains.
    pub callback_hosts: Vec<String>,
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

impl Line {
    /// An address under the base's.
    pub(crate) fn under(&self, parts: &[&str]) -> Option<Url> {
        let mut url = self.base_url.clone();
        // Each part is encoded, so that an id with a slash in it leads nowhere else.
        url.path_segments_mut().ok()?.pop_if_empty().extend(parts);
        Some(url)
    }

    /// Who we are and what proves it.
    pub(crate) fn credentials(&self) -> Option<(&str, &str)> {
        Some((self.client_id.as_deref()?, self.client_secret.as_ref()?.expose_secret()))
    }

    /// An address that came with an order, if our token may go there: by the base's scheme, to its host or one of `callback_hosts`.
    /// Else whoever can send us an order could have it sent to themselves.
    pub(crate) fn callback(&self, address: &str) -> Option<Url> {
        let url = Url::parse(address).ok()?;
        let host = url.host_str()?;
        let is_base = (url.host_str(), url.port_or_known_default())
            == (self.base_url.host_str(), self.base_url.port_or_known_default());
        let is_allowed = |it: &String| {
            let below = host.strip_suffix(it.as_str());
            below.is_some_and(|it| it.is_empty() || it.ends_with('.'))
        };
        let may = is_base || self.callback_hosts.iter().any(is_allowed);
        let is_plain = url.username().is_empty() && url.password().is_none();
        (may && is_plain && url.scheme() == self.base_url.scheme()).then_some(url)
    }
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
