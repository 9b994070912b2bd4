//! What became of a call, in a word, beside what becomes of reports ([`Merged`]).

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    base::{backoff::Backoff, clock, mint::Mint},
    domain::Merged,
    store::inbox::{Call, CallState, Settled},
};

/// It began an order.
pub const BEGUN: &str = "begun";
/// It is about an order that is not there.
pub const UNKNOWN_ORDER: &str = "unknown_order";
/// It is for a store that nobody has named.
pub const UNKNOWN_STORE: &str = "unknown_store";
/// It is a rehearsal, which no kitchen gets.
pub const TEST_ORDER: &str = "test_order";
/// It cannot become an order.
pub const UNUSABLE_ORDER: &str = "unusable_order";
/// It could not be applied, however often it was tried.
pub const FAILED: &str = "failed";
/// Nothing in it can be used.
pub const UNREADABLE: &str = "unreadable";

/// How long a call waits for its order before it looks again by itself: the order may be placed while the call is being parked.
const FIRST_LOOK: Duration = Duration::from_secs(30);
const RAREST_LOOK: Duration = Duration::from_hours(6);

/// The order is not there: it may come yet, if it has a name.
pub fn nobodys(mint: &Mint, call: &Call, names_an_order: bool, now: Timestamp) -> Settled {
    if names_an_order {
        parked(mint, call, UNKNOWN_ORDER, now)
    } else {
        settled(call, CallState::Done, Merged::Ignored.as_str())
    }
}

/// It cannot become an order: somebody must look at it.
pub fn unusable(call: &Call, why: String) -> Settled {
    Settled { note: Some(why), ..settled(call, CallState::Dead, UNUSABLE_ORDER) }
}

/// It waits for something that is not there yet.
pub fn parked(mint: &Mint, call: &Call, outcome: &str, now: Timestamp) -> Settled {
    let mut looks = Backoff::after(FIRST_LOOK, RAREST_LOOK, call.attempts);
    let look_at = clock::after(now, looks.next_delay(mint));
    Settled { retry_at: Some(look_at), ..settled(call, CallState::Parked, outcome) }
}

/// What became of a call, with nothing more to say.
pub fn settled(call: &Call, state: CallState, outcome: &str) -> Settled {
    Settled {
        claim: call.claim(),
        state,
        outcome: Some(outcome.to_owned()),
        order_id: None,
        external_id: None,
        note: None,
        retry_at: None,
    }
}
