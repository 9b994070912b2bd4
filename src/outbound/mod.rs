//! Requests that we make of others over HTTP, in one way: bounded in time and size, told apart by whether they are worth repeating, and
//! kept from those who are down. Who is asked, and in which words, is somebody else's.

mod client;
mod exchange;
mod guard;
mod http;
mod signature;
mod verdict;

pub use self::{
    client::Client,
    exchange::{Answer, Attempt, Body, Exchange, Request},
    guard::Guard,
    http::{Bounds, Http, Unusable},
    signature::{sign, trace},
    verdict::Verdict,
};

#[cfg(test)]
mod tests;
