//! The partners whose calls we understand: one file and one line each.
//!
//! Verifying and reading are pure: bytes in, news out. Storing comes between them and is somebody else's.

mod careem;
mod contract;
mod deliveroo;
mod generic;
mod json;
pub mod outbound;
mod verify;
mod words;

pub use self::contract::{Call, Inbound, Rejection, Unreadable, Verified};
use self::{careem::Careem, deliveroo::Deliveroo, generic::Generic};
use std::{collections::BTreeSet, time::Duration};

use crate::config::Config;

/// A company, or a format, that sends us news of orders.
pub struct Partner {
    /// Its name in paths, settings and tables.
    pub slug: &'static str,
    /// How its calls are verified and read.
    pub inbound: &'static dyn Inbound,
    /// How long a store may take to answer its orders, where they do not say.
    pub accept_within: Option<Duration>,
}

/// Every partner.
pub static PARTNERS: &[Partner] = &[
    Partner { slug: "careem", inbound: &Careem, accept_within: None },
    Partner { slug: "deliveroo", inbound: &Deliveroo, accept_within: Some(Duration::from_mins(7)) },
    Partner { slug: "generic", inbound: &Generic, accept_within: None },
];

/// The partner of this name.
pub fn find(slug: &str) -> Option<&'static Partner> {
    PARTNERS.iter().find(|it| it.slug == slug)
}

/// The names of all that speak to us or are spoken to.
pub fn slugs() -> BTreeSet<&'static str> {
    PARTNERS.iter().map(|it| it.slug).chain(outbound::slugs()).collect()
}

/// The settings name a partner that nobody knows. For the operator.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("setting `partners.{slug}`: there is no such partner; there are {}", known.join(", "))]
pub struct UnknownPartner {
    slug: String,
    known: Vec<&'static str>,
}

/// Finds a partner in the settings that nobody knows: its secrets would be waited for in vain.
pub fn check(config: &Config) -> Result<(), UnknownPartner> {
    match config.partners.keys().find(|it| !slugs().contains(it.as_str())) {
        None => Ok(()),
        Some(slug) => {
            Err(UnknownPartner { slug: slug.clone(), known: slugs().into_iter().collect() })
        }
    }
}

#[cfg(test)]
mod tests;
