//! One store (a branch) of a restaurant.

use serde::{Deserialize, Serialize};

use crate::domain::{Currency, LocalizedText, StoreId};

/// One store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Store {
    /// Its id.
    pub id: StoreId,
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
}
