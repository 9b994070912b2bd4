//! Events in the words of the restaurant's own systems, which are told of them by webhook: always in the shape `web` of those who may
//! see everything.

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    channels::{OrderView, Shape},
    domain::{
        EndpointFormat, Envelope, EventData, EventId, Metadata, Order, SOURCE, Subject, SubjectId,
    },
};

/// The `type` of what only shows that an endpoint is there.
pub const PING: &str = "Ping";

/// Digits of a version in CloudEvents' `sequence`, whose texts must sort as their numbers do.
const DIGITS: usize = 10;

/// What an endpoint is told.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a, D> {
    /// Stable over all its deliveries.
    pub id: EventId,
    /// What it tells of.
    pub kind: &'a str,
    /// When that was recorded.
    pub at: Timestamp,
    /// What it is about, and what it stays in order with; nothing for what is no event.
    pub about: Option<(Subject, SubjectId)>,
    /// What happened.
    pub data: D,
}

/// The payload of Standard Webhooks.
#[derive(Serialize)]
struct Standard<'a, D> {
    #[serde(rename = "type")]
    kind: &'a str,
    timestamp: Timestamp,
    data: &'a D,
}

/// CloudEvents 1.0 in JSON, with the extensions `sequence` and `partitionkey`.
#[derive(Serialize)]
struct CloudEvent<'a, D> {
    specversion: &'static str,
    id: EventId,
    source: &'static str,
    #[serde(rename = "type")]
    kind: &'a str,
    time: Timestamp,
    datacontenttype: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<SubjectId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partitionkey: Option<SubjectId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<String>,
    data: &'a D,
}

/// What stands in `data`, in either format: an envelope without what stands beside it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    event_id: EventId,
    version: &'a str,
    source: &'a str,
    subject: Subject,
    partition_key: SubjectId,
    #[serde(flatten)]
    data: &'a EventData<OrderView<'a>>,
    metadata: &'a Metadata,
}

impl<D: Serialize> Message<'_, D> {
    /// As the payload of Standard Webhooks 1.0.0, or as an event of CloudEvents 1.0 in structured mode.
    pub fn in_words(&self, format: EndpointFormat) -> serde_json::Result<Vec<u8>> {
        let Self { id, kind, at, about, data } = self;
        match format {
            EndpointFormat::Standard => {
                serde_json::to_vec(&Standard { kind, timestamp: *at, data })
            }
            EndpointFormat::CloudEvents => serde_json::to_vec(&CloudEvent {
                specversion: "1.0",
                id: *id,
                source: SOURCE,
                kind,
                time: *at,
                datacontenttype: "application/json",
                subject: about.map(|(subject, _)| subject.id),
                partitionkey: about.map(|(_, partition_key)| partition_key),
                sequence: about.map(|(subject, _)| format!("{:0DIGITS$}", subject.version)),
                data,
            }),
        }
    }
}

/// An event as endpoints are told of it.
pub fn event(event: &Envelope<Order>, format: EndpointFormat) -> serde_json::Result<Vec<u8>> {
    let shown = Shape::Full.event(event);
    let (subject, partition_key) = (shown.subject(), shown.data.partition_key());
    let message = Message {
        id: shown.event_id,
        kind: shown.event_type().as_str(),
        at: shown.timestamp,
        about: Some((subject, partition_key)),
        data: Told {
            event_id: shown.event_id,
            version: &shown.version,
            source: &shown.source,
            subject,
            partition_key,
            data: &shown.data,
            metadata: &shown.metadata,
        },
    };
    message.in_words(format)
}
