//! What partners are told of their own orders, in their words: one file and one line each. Pure: a telling in, a request out.

mod careem;
mod contract;
mod deliveroo;
mod generic;
mod line;
mod talabat;
mod token;
mod uber_eats;

use self::{
    careem::Careem, deliveroo::Deliveroo, generic::Generic, talabat::Talabat, uber_eats::UberEats,
};
pub use self::{
    contract::{Outbound, Saying, Wording},
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

/// How a partner is told things; `None` where we do not know how.
pub fn find(slug: &str) -> Option<&'static dyn Outbound> {
    SPOKEN_TO.iter().find(|(it, _)| *it == slug).map(|(_, outbound)| *outbound)
}

#[cfg(test)]
mod tests;
