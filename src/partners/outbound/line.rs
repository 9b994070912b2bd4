//! The line to a partner: where it is reached, and who we are there.

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

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
