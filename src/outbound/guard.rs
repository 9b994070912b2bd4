//! Keeps requests to addresses that others have chosen away from where only we can go.
//!
//! Names are judged when they are resolved, for the very connection that is then made: a name that pointed elsewhere a moment ago
//! changes nothing.

use std::{io, net::IpAddr, sync::Arc};

use reqwest::{
    Url,
    dns::{Addrs, Name, Resolve, Resolving},
};

use crate::base::net::{Net, is_public};

/// Says who may be asked: the public internet, and the networks that the operator allows.
#[derive(Clone, Debug)]
pub struct Guard {
    allowed: Arc<[Net]>,
}

/// Somebody would send us where only we can go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("leads to no public address")]
pub struct NotPublic;

impl Guard {
    /// The public internet and these networks.
    pub fn new(allowed: &[Net]) -> Self {
        Self { allowed: allowed.into() }
    }

    /// Judges an address that stands in a URL as such. A name passes: it is judged when it is resolved.
    pub fn check(&self, url: &Url) -> Result<(), NotPublic> {
        let host = url.host_str().unwrap_or_default();
        let bare = host.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(host);
        match bare.parse::<IpAddr>() {
            Ok(address) if !self.allows(address) => Err(NotPublic),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Judges what a URL leads to at this moment, its name resolved. A name that cannot be resolved now passes.
    pub async fn look(&self, url: &Url) -> Result<(), NotPublic> {
        self.check(url)?;
        let host = url.host_str().unwrap_or_default();
        let Ok(found) = tokio::net::lookup_host((host, 0)).await else { return Ok(()) };
        let mut found = found.peekable();
        if found.peek().is_none() || found.any(|it| self.allows(it.ip())) {
            return Ok(());
        }
        Err(NotPublic)
    }

    fn allows(&self, address: IpAddr) -> bool {
        is_public(address) || self.allowed.iter().any(|it| it.contains(address))
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<_> = found.filter(|it| guard.allows(it.ip())).collect();
            if allowed.is_empty() {
                return Err(io::Error::other(NotPublic).into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(allowed: &[&str]) -> Guard {
        let allowed: Vec<_> = allowed.iter().map(|it| it.parse().unwrap()).collect();
        Guard::new(&allowed)
    }

    async fn resolved(guard: &Guard, name: &str) -> Result<usize, String> {
        let found = guard.resolve(name.parse().unwrap()).await;
        found.map(Iterator::count).map_err(|it| it.to_string())
    }

    #[test]
    fn an_address_is_judged_however_it_is_written() {
        let guard = guard(&[]);
        for url in [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0177.0.0.1/",
            "http://[::1]/",
            "http://[::ffff:10.0.0.1]/",
            "http://[::ffff:a9fe:a9fe]/",
            "http://169.254.169.254/latest",
            "http://0/",
            "http://[fe80::1]/",
            "http://１２７.0.0.1/",
        ] {
            assert_eq!(guard.check(&url.parse().unwrap()), Err(NotPublic), "{url}");
        }
        for url in ["http://8.8.8.8/", "http://[2606:4700::1111]/", "https://pos.example/"] {
            assert_eq!(guard.check(&url.parse().unwrap()), Ok(()), "{url}");
        }
    }

    #[tokio::test]
    async fn a_name_is_judged_by_what_it_resolves_to() {
        let closed = guard(&[]);
        assert_eq!(resolved(&closed, "localhost").await, Err(NotPublic.to_string()));
        let url = "http://localhost/".parse().unwrap();
        assert_eq!(closed.look(&url).await, Err(NotPublic));
        let open = guard(&["127.0.0.0/8", "::1"]);
        assert!(0 < resolved(&open, "localhost").await.unwrap());
        assert_eq!(open.look(&url).await, Ok(()));
        assert_eq!(open.check(&"http://10.0.0.1/".parse().unwrap()), Err(NotPublic));
    }
}
