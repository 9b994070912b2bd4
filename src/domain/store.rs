//! One store (a branch) of a restaurant.

use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use crate::domain::{Currency, Eta, Fulfilment, LocalizedText, StoreId, Version};

/// One store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Store {
    /// Its id.
    pub id: StoreId,
    /// Raised by one with each change of its settings. Kept beside the body, which a release before this one writes without it.
    #[serde(default = "first_version")]
    pub version: Version,
    /// As people know it.
    pub name: LocalizedText,
    /// What it sells in.
    pub currency: Currency,
    /// Its zone in the IANA database: `Asia/Amman`. Decides where its day begins.
    pub timezone: String,
    /// The kitchen stations that items may name; the first takes items that name none.
    pub stations: Vec<String>,
    /// How long an order takes to cook, when nobody says better.
    pub prep_minutes: u16,
    /// How long a courier takes from there, when nobody says better.
    pub delivery_minutes: u16,
    /// Whether orders that partners bring are accepted at once, without anybody's tap.
    #[serde(default)]
    pub auto_accept: bool,
}

impl Store {
    /// When an order placed now is expected, by the store's usual times.
    pub fn usual_eta(&self, fulfilment: Fulfilment, now: Timestamp) -> Option<Eta> {
        let ready_at = now.checked_add(i64::from(self.prep_minutes).minutes()).ok()?;
        let arrives_at = match fulfilment {
            Fulfilment::Delivery => {
                Some(ready_at.checked_add(i64::from(self.delivery_minutes).minutes()).ok()?)
            }
            Fulfilment::Pickup | Fulfilment::DineIn => None,
        };
        Some(Eta { ready_at, arrives_at })
    }
}

const fn first_version() -> Version {
    1
}
