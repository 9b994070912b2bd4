//! The restaurant's own systems, which are told of events by signed webhooks: registered here, told here, and looked after.

mod address;
mod check;
mod desk;
mod history;
mod manage;
mod send;
mod settle;
mod turn;

pub use self::{
    address::address,
    desk::Desk,
    history::{deliveries, delivery, ping, replay, replay_all},
    manage::{EndpointChange, NewEndpoint, NewSecret, add, change, get, list, remove, rotate},
    send::{Fault, Outcome, Parcel, send},
    turn::{close, turn},
};

use crate::{
    base::clock::Clock,
    config,
    outbound::{Bounds, Guard, Http, Unusable},
};

/// What is read of an answer, in bytes, so that its connection can be used again; the log keeps less.
const ANSWER_BYTES: usize = 64 * 1024;

/// What endpoints are told with.
pub fn http(settings: &config::Endpoints, clock: Clock) -> Result<Http, Unusable> {
    let bounds = Bounds {
        connect_timeout: *settings.connect_timeout,
        timeout: *settings.timeout,
        answer_bytes: ANSWER_BYTES,
        idle_connections: settings.at_once,
    };
    Http::new(&bounds, clock, Some(Guard::new(&settings.allow_private)))
}
