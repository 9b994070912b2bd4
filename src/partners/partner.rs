//! One partner: how its calls are verified and read.

use std::{collections::BTreeSet, time::Duration};

use serde_json::Value;
use toml::Spanned;

use crate::{
    domain::News,
    partners::{
        Call, Fault, Kept, Rejection, Trust, Unreadable, Verified,
        definition::Definition,
        place::Place,
        scheme::{self, Scheme},
    },
};

/// A company, or a format, that sends us news of orders.
#[derive(Debug)]
pub struct Partner {
    /// Its name in paths, settings and tables.
    pub slug: String,
    /// How long a store may take to answer its orders, where they do not say.
    pub accept_within: Option<Duration>,
    /// What of a call must be kept beside its body for [`Partner::read`]: names of headers, and [`crate::partners::PATH`].
    pub kept: BTreeSet<String>,
    definition: Definition,
}

impl Partner {
    /// As a TOML file defines it.
    pub fn define(text: &str) -> Result<Self, Fault> {
        let definition = Definition::read(text)?;
        Ok(Self {
            slug: definition.slug.get_ref().clone(),
            accept_within: definition.accept_within.map(|it| *it),
            kept: definition.kept(),
            definition,
        })
    }

    /// Whether the partner sent this. Any one of its schemes will do.
    pub fn verify(&self, call: &Call<'_>, trust: &Trust<'_>) -> Result<Verified, Rejection> {
        let mut why = Rejection::NoSecrets;
        for (at, scheme) in self.schemes().iter().enumerate() {
            match scheme.verify(call, trust) {
                Ok(verified) => return self.named(call, verified),
                // A signature that is wrong says more than one that is missing.
                Err(rejection) if at == 0 || !matches!(rejection, Rejection::MissingHeader(_)) => {
                    why = rejection;
                }
                Err(_) => {}
            }
        }
        Err(why)
    }

    /// Names the call after what stands in it.
    fn named(&self, call: &Call<'_>, mut verified: Verified) -> Result<Verified, Rejection> {
        verified.event_id = match self.definition.event_id.as_ref().map(Spanned::get_ref) {
            // In small letters, because a signature in hexadecimal digits is the same in capitals.
            Some(Place::Header(name)) if self.is_signature(name) => {
                Some(scheme::plain_header(call, name)?.to_ascii_lowercase())
            }
            Some(Place::Header(name)) => Some(scheme::plain_header(call, name)?.to_owned()),
            Some(Place::Body(pointer)) => {
                let body = verified.opened.as_deref().unwrap_or(call.body);
                let body: Value = serde_json::from_slice(body).unwrap_or_default();
                crate::partners::json::word(&body, pointer)
            }
            Some(Place::Path(_)) | None => verified.event_id,
        };
        Ok(verified)
    }

    fn is_signature(&self, header: &str) -> bool {
        self.schemes().iter().any(|it| matches!(it, Scheme::Hmac(it) if *it.header == *header))
    }

    fn schemes(&self) -> &[Scheme] {
        self.definition.schemes.get_ref()
    }

    /// Whether every way in which its calls are proved covers all of the body.
    pub fn signs_bodies(&self) -> bool {
        self.schemes().iter().all(Scheme::covers_body)
    }

    /// What a call says. `kept` is what [`Partner::kept`] asks for. Words that we do not know are news too
    /// ([`crate::domain::Report::Unknown`]).
    pub fn read(&self, kept: &Kept, body: &[u8]) -> Result<Vec<News>, Unreadable> {
        self.definition.news(kept, body)
    }
}
