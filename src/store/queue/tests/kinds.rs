//! The kinds of job that the product has.

use jiff::Timestamp;
use uuid::Uuid;

use crate::store::{
    StoreError, Tx, partner_calls,
    queue::{
        Queue,
        tests::{Kind, property_suite},
    },
    rows::Rows,
};

struct PartnerCalls;

impl Kind for PartnerCalls {
    const QUEUE: Queue = partner_calls::QUEUE;
    const DONE: &'static str = "sent";

    async fn insert(tx: &mut Tx, id: Uuid, lane: u8, due: Timestamp) -> Result<(), StoreError> {
        let rows = Rows::default()
            .uuids([id].into_iter())
            .texts(["careem"].into_iter())
            .uuids([Uuid::from_u128(lane.into())].into_iter())
            .numbers([i64::try_from(id.as_u128()).unwrap()].into_iter())
            .numbers([0].into_iter())
            .texts(["accept"].into_iter())
            .jsons([serde_json::json!({})].into_iter())?
            .texts(["pending"].into_iter())
            .moments([due].into_iter())
            .moments([due].into_iter())
            .moments([due].into_iter());
        let head = "INSERT INTO partner_call (
                id, partner, order_id, order_version, place, action, telling, state,
                created_at, worthless_at, next_attempt_at
            )";
        rows.execute(tx, head, "").await.map(drop)
    }
}

property_suite!(partner_calls_suite, PartnerCalls);
