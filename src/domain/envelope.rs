//! The event envelope: the one form in which changes leave, on the bus and on every screen.
//!
//! It is a contract: fields are added, never renamed or removed (`static/schemas` and `tests/fixtures/events` watch over it).

use std::str::FromStr;

use jiff::Timestamp;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, Error},
    ser::SerializeStruct,
};

use crate::domain::{
    Actor, Eta, EventData, EventId, EventType, Order, OrderData, OrderId, Reason, Recorded, Store,
    StoreId, Subject, TraceContext, UnknownWord, Version,
};

/// The version of the envelope's format.
pub const FORMAT_VERSION: &str = "1.0";

/// The `source` of every event that begins here.
pub const SOURCE: &str = "orderwire";

/// One event. `O` is the order in the shape that the reader may see.
///
/// Its type, its subject and its partition key follow from its data. On the wire they stand beside it, for readers who decide by them.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope<O> {
    /// Stable over all deliveries of this event.
    pub event_id: EventId,
    /// [`FORMAT_VERSION`].
    pub version: String,
    /// When it was recorded.
    pub timestamp: Timestamp,
    /// [`SOURCE`].
    pub source: String,
    /// What happened.
    pub data: EventData<O>,
    /// About the event itself.
    pub metadata: Metadata,
}

/// About the event itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// Who did it.
    pub actor: Actor,
    /// When, by the clock of whoever told us.
    #[serde(default)]
    pub occurred_at: Option<Timestamp>,
    /// Why, where somebody had to say.
    #[serde(default)]
    pub reason: Option<Reason>,
    /// See [`TraceContext::correlation_id`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<Box<str>>,
    /// See [`TraceContext::causation_id`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<Box<str>>,
    /// See [`TraceContext::traceparent`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<Box<str>>,
}

impl Metadata {
    /// Of something that was done now, for no reason that would have to be given.
    pub fn new(actor: Actor, context: TraceContext) -> Self {
        let TraceContext { correlation_id, causation_id, traceparent } = context;
        Self { actor, occurred_at: None, reason: None, correlation_id, causation_id, traceparent }
    }
}

impl<'a> Envelope<&'a Order> {
    /// The event of a recorded fact; `order` is the state after it.
    pub fn of(recorded: &Recorded, order: &'a Order) -> Self {
        let metadata = Metadata {
            occurred_at: recorded.occurred_at,
            reason: recorded.fact.reason().cloned(),
            ..Metadata::new(recorded.actor.clone(), recorded.context.clone())
        };
        let data = EventData::of(recorded, order);
        Self::new(recorded.event_id, recorded.recorded_at, data, metadata)
    }
}

impl<O> Envelope<O> {
    /// An event that begins here.
    pub fn new(
        event_id: EventId,
        timestamp: Timestamp,
        data: EventData<O>,
        metadata: Metadata,
    ) -> Self {
        let (version, source) = (FORMAT_VERSION.to_owned(), SOURCE.to_owned());
        Self { event_id, version, timestamp, source, data, metadata }
    }

    /// Its type.
    pub const fn event_type(&self) -> EventType {
        self.data.event_type()
    }

    /// What it is about.
    pub fn subject(&self) -> Subject {
        self.data.subject()
    }

    /// The same event with its order, if there is one, in another shape.
    pub fn map_order<'a, P>(&'a self, shape: impl FnOnce(&'a O) -> P) -> Envelope<P> {
        Envelope {
            event_id: self.event_id,
            version: self.version.clone(),
            timestamp: self.timestamp,
            source: self.source.clone(),
            data: self.data.map_order(shape),
            metadata: self.metadata.clone(),
        }
    }
}

/// Why an event cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// A newer release made it. Nothing is wrong with it.
    #[error("this release does not know events of the type {0:?}")]
    UnknownType(String),
    /// It is no event.
    #[error("it is no event: {0}")]
    Malformed(serde_json::Error),
}

impl<O: DeserializeOwned> Envelope<O> {
    /// Reads an event as it was published.
    pub fn read(body: &[u8]) -> Result<Self, EventError> {
        serde_json::from_slice(body).map_err(|error| match unknown_type(body) {
            Some(event_type) => EventError::UnknownType(event_type),
            None => EventError::Malformed(error),
        })
    }
}

/// The type of an event, if it is an event of a type that is not known here.
fn unknown_type(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Head {
        #[serde(rename = "eventId")]
        _event_id: EventId,
        event_type: String,
    }
    let Head { event_type, .. } = serde_json::from_slice(body).ok()?;
    event_type.parse::<EventType>().is_err().then_some(event_type)
}

impl<O: Serialize> Serialize for Envelope<O> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut envelope = serializer.serialize_struct("Envelope", 9)?;
        envelope.serialize_field("eventId", &self.event_id)?;
        envelope.serialize_field("eventType", &self.event_type())?;
        envelope.serialize_field("version", &self.version)?;
        envelope.serialize_field("timestamp", &self.timestamp)?;
        envelope.serialize_field("source", &self.source)?;
        envelope.serialize_field("subject", &self.subject())?;
        envelope.serialize_field("partitionKey", &self.data.partition_key())?;
        envelope.serialize_field("data", &self.data)?;
        envelope.serialize_field("metadata", &self.metadata)?;
        envelope.end()
    }
}

/// What follows from the data is not read: events of older releases do not have it.
impl<'de, O: Deserialize<'de>> Deserialize<'de> for Envelope<O> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Wire<O> {
            event_id: EventId,
            event_type: EventType,
            version: String,
            timestamp: Timestamp,
            source: String,
            data: WireData<O>,
            metadata: Metadata,
        }
        let wire = Wire::deserialize(deserializer)?;
        Ok(Self {
            event_id: wire.event_id,
            version: wire.version,
            timestamp: wire.timestamp,
            source: wire.source,
            data: wire.data.of_type(wire.event_type).map_err(D::Error::custom)?,
            metadata: wire.metadata,
        })
    }
}

/// The data of any event as it stands on the wire, where the type of the event stands beside it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireData<O> {
    order_id: Option<OrderId>,
    store_id: Option<StoreId>,
    order_version: Option<Version>,
    station: Option<String>,
    previous_status: Option<String>,
    status: Option<String>,
    eta: Option<Eta>,
    order: Option<O>,
    store: Option<Box<Store>>,
}

impl<O> WireData<O> {
    /// The data of an event of this type; else what is missing or wrong.
    fn of_type(self, event_type: EventType) -> Result<EventData<O>, String> {
        let Self { order_id, store_id, order_version, order, .. } = self;
        let order = || {
            Ok::<_, String>(OrderData {
                order_id: given(order_id, "orderId")?,
                store_id: given(store_id, "storeId")?,
                order_version: given(order_version, "orderVersion")?,
                order: given(order, "order")?,
            })
        };
        let (before, after) = (self.previous_status, self.status);
        Ok(match event_type {
            EventType::OrderCreated => {
                EventData::OrderCreated { order: order()?, status: word(after, "status")? }
            }
            EventType::OrderStatusChanged => EventData::OrderStatusChanged {
                order: order()?,
                previous_status: word(before, "previousStatus")?,
                status: word(after, "status")?,
            },
            EventType::DeliveryStatusChanged => EventData::DeliveryStatusChanged {
                order: order()?,
                previous_status: word(before, "previousStatus")?,
                status: word(after, "status")?,
            },
            EventType::TicketStatusChanged => EventData::TicketStatusChanged {
                order: order()?,
                station: given(self.station, "station")?,
                previous_status: word(before, "previousStatus")?,
                status: word(after, "status")?,
            },
            EventType::OrderEtaChanged => {
                EventData::OrderEtaChanged { order: order()?, eta: given(self.eta, "eta")? }
            }
            EventType::PaymentProcessed => EventData::PaymentProcessed {
                order: order()?,
                previous_status: word(before, "previousStatus")?,
                status: word(after, "status")?,
            },
            EventType::StoreUpdated => {
                EventData::StoreUpdated { store: given(self.store, "store")? }
            }
        })
    }
}

fn given<T>(value: Option<T>, field: &str) -> Result<T, String> {
    value.ok_or_else(|| format!("missing field `data.{field}`"))
}

fn word<T: FromStr<Err = UnknownWord>>(text: Option<String>, field: &str) -> Result<T, String> {
    given(text, field)?.parse().map_err(|it: UnknownWord| format!("`data.{field}`: {it}"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::{ActorKind, Fact, samples};

    fn created() -> Value {
        let draft = samples::draft(crate::domain::Fulfilment::Pickup, samples::order().status);
        let recorded = Recorded {
            event_id: "evt_00000000000000000000000000000001".parse().unwrap(),
            order_id: draft.id,
            version: 1,
            recorded_at: samples::moment(),
            occurred_at: None,
            actor: Actor::new(ActorKind::Customer, "sami"),
            context: TraceContext::default(),
            fact: Fact::OrderCreated { draft: Box::new(draft) },
        };
        let order = recorded.fold(None).unwrap();
        json!(Envelope::of(&recorded, &order))
    }

    fn read(event: &Value) -> Result<Envelope<Order>, EventError> {
        Envelope::read(event.to_string().as_bytes())
    }

    #[test]
    fn an_event_names_its_subject_and_an_old_one_without_it_is_read_alike() {
        let event = created();
        let id = "ord_00000000000000000000000000000118";
        assert_eq!(event["subject"], json!({"type": "order", "id": id, "version": 1}));
        assert_eq!(event["partitionKey"], id);
        let mut old = event.clone();
        for added in ["subject", "partitionKey"] {
            old.as_object_mut().unwrap().remove(added);
        }
        assert_eq!(read(&old).unwrap(), read(&event).unwrap());
        assert_eq!(json!(read(&old).unwrap()), event);
    }

    #[test]
    fn an_event_of_a_newer_release_is_told_from_one_that_is_malformed() {
        let mut event = created();
        event["data"]["order"]["total"] = json!("ten");
        assert!(matches!(read(&event), Err(EventError::Malformed(_))));
        event["eventType"] = json!("MenuPublished");
        let Err(EventError::UnknownType(event_type)) = read(&event) else { panic!("it was read") };
        assert_eq!(event_type, "MenuPublished");
        for bad in [json!({"eventType": "MenuPublished"}), json!({"eventId": 7}), json!("event")] {
            assert!(matches!(read(&bad), Err(EventError::Malformed(_))), "{bad}");
        }
    }

    #[test]
    fn data_that_does_not_fit_its_type_is_malformed() {
        for (event_type, field) in [
            ("OrderStatusChanged", "previousStatus"),
            ("TicketStatusChanged", "station"),
            ("OrderEtaChanged", "eta"),
            ("StoreUpdated", "store"),
        ] {
            let mut event = created();
            event["eventType"] = json!(event_type);
            let error = read(&event).unwrap_err().to_string();
            assert!(error.contains(&format!("missing field `data.{field}`")), "{error}");
        }
        let mut event = created();
        event["data"]["status"] = json!("eaten");
        assert!(read(&event).unwrap_err().to_string().contains("`data.status`"));
    }
}
