//! What partners are told of their own orders, in their words: one file and one line each. Pure: a telling in, a request out.

mod careem;
mod contract;
mod deliveroo;
mod generic;
mod inquiry;
mod line;
mod registry;
mod talabat;
mod token;
mod uber_eats;

pub use self::{
    contract::{Outbound, Saying, Wording},
    inquiry::{Asking, Inquiry},
    line::Line,
    registry::{find, inquiry, lines},
    token::{Token, token},
};

#[cfg(test)]
mod tests;
