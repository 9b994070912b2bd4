//! What partners are told of their own orders, in their words: one file and one line each. Pure: a telling in, a request out.

mod careem;
mod contract;
mod deliveroo;
mod generic;
mod inquiry;
mod line;
mod talabat;
mod token;
mod uber_eats;

use self::{
    careem::Careem, deliveroo::Deliveroo, generic::Generic, talabat::Talabat, uber_eats::UberEats,
};
pub use self::{
    contract::{Outbound, Saying, Wording},
    inquiry::{Asking, Inquiry},
    line::{Line, lines},
    token::{Token, token},
};

/// Those whom we can tell something, by their slugs.
static SPOKEN_TO: &[(&str, &dyn Outbound)] = &[
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

#[cfg(test)]
mod tests;
