//! What a table cannot say is read by code, which definitions name.

use serde::Deserialize;

use crate::{
    domain::News,
    partners::{Unreadable, deliveroo, generic, json},
};

/// Code that reads a kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reader {
    /// Deliveroo's riders, whose whole log comes each time.
    DeliverooRiders,
    /// Our own format.
    Generic,
}

impl Reader {
    /// Reads a call.
    pub fn read(self, body: &[u8]) -> Result<Vec<News>, Unreadable> {
        let call = json::parse(body)?;
        match self {
            Self::DeliverooRiders => deliveroo::riders(&call),
            Self::Generic => generic::read(&call),
        }
    }
}
