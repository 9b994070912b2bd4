//! The partners whose calls we understand: one TOML file each in `known/`, read by the same reader as the files that operators add.
//!
//! Verifying and reading are pure: bytes in, news out. Storing comes between them and is somebody else's.

mod contract;
mod definition;
mod deliveroo;
mod dialect;
mod generic;
mod json;
mod layout;
pub mod outbound;
mod partner;
mod place;
mod reader;
mod registry;
mod scheme;
mod words;

pub use self::{
    contract::{Call, Kept, PATH, Rejection, Trust, Unreadable, Verified},
    definition::Fault,
    partner::Partner,
    registry::{Changes, Partners, check_file},
};

#[cfg(test)]
mod tests;
