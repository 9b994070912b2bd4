//! The kinds of job that the product has.

use jiff::Timestamp;
use uuid::Uuid;

use crate::store::{
    StoreError, Tx, endpoints, inbox, notifications, partner_calls,
    queue::{
        Hold, Queue,
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

struct Deliveries;

impl Kind for Deliveries {
    const QUEUE: Queue = endpoints::QUEUE;
    const DONE: &'static str = "delivered";

    async fn insert(tx: &mut Tx, id: Uuid, lane: u8, due: Timestamp) -> Result<(), StoreError> {
        let lane = format!("ord_{lane}");
        let rows = Rows::default()
            .uuids([id].into_iter())
            .uuids([Uuid::from_u128(7)].into_iter())
            .uuids([id].into_iter())
            .texts(["OrderCreated"].into_iter())
            .texts(["order"].into_iter())
            .texts([lane.as_str()].into_iter())
            .numbers([i64::try_from(id.as_u128()).unwrap()].into_iter())
            .texts([lane.as_str()].into_iter())
            .texts(["pending"].into_iter())
            .moments([due].into_iter())
            .moments([due].into_iter());
        let head = "INSERT INTO webhook_delivery (
                id, endpoint_id, event_id, event_type, subject_type, subject_id, subject_version, partition_key, state,
                created_at, next_attempt_at
            )";
        rows.execute(tx, head, "").await.map(drop)
    }
}

property_suite!(deliveries_suite, Deliveries);

struct Notifications;

impl Kind for Notifications {
    const QUEUE: Queue = notifications::QUEUE;
    const DONE: &'static str = "accepted";

    async fn insert(tx: &mut Tx, id: Uuid, _: u8, due: Timestamp) -> Result<(), StoreError> {
        let subject = id.to_string();
        let rows = Rows::default()
            .uuids([id].into_iter())
            .texts([subject.as_str()].into_iter())
            .texts(["ready"].into_iter())
            .texts(["customer"].into_iter())
            .texts(["whatsapp"].into_iter())
            .numbers([0].into_iter())
            .texts(["ar"].into_iter())
            .texts(["utility"].into_iter())
            .jsons([None::<u8>].into_iter())?
            .texts(["queued"].into_iter())
            .moments([due].into_iter())
            .moments([due].into_iter())
            .moments([due].into_iter())
            .moments([due].into_iter());
        let head = "INSERT INTO notification (
                id, subject, event, audience, channel, order_version, language, category, rule, state,
                created_at, worthless_at, next_attempt_at, updated_at
            )";
        rows.execute(tx, head, "").await.map(drop)
    }
}

property_suite!(notifications_suite, Notifications);

/// The inbox holds its calls by the locks of a unit of work; its table must bear leases like the others.
struct Inbox;

impl Kind for Inbox {
    const QUEUE: Queue = Queue { hold: Hold::Lease, ..inbox::QUEUE };
    const DONE: &'static str = "done";

    async fn insert(tx: &mut Tx, id: Uuid, _: u8, due: Timestamp) -> Result<(), StoreError> {
        let rows = Rows::default()
            .uuids([id].into_iter())
            .texts(["careem"].into_iter())
            .blobs([id.as_bytes().as_slice()].into_iter())
            .jsons([serde_json::json!({})].into_iter())?
            .blobs([b"{}".as_slice()].into_iter())
            .moments([due].into_iter())
            .texts(["pending"].into_iter())
            .moments([due].into_iter());
        let head = "INSERT INTO inbox (
                id, partner, body_hash, headers, body, received_at, state, next_attempt_at
            )";
        rows.execute(tx, head, "").await.map(drop)
    }
}

property_suite!(partner_calls_suite, PartnerCalls);
property_suite!(inbox_suite, Inbox);
