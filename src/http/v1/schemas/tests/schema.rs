//! The schemas, put together from one set of definitions: `UPDATE=1 cargo test --lib schemas` writes them to `static/schemas`.

use serde_json::{Map, Value, json};

use crate::domain::{
    ActorKind, DeliveryStatus, EventType, Fulfilment, Language, OrderStatus, PaymentMethod,
    PaymentStatus, ReasonCode, SOURCE, SubjectType, TicketStatus,
};

/// The schema of one event type. Objects stay open: readers pass over properties that they do not know.
pub fn of(event_type: EventType) -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": format!("urn:orderwire:event:{event_type}:1"),
        "title": event_type,
        "description": format!(
            "{} As published on the bus, and as staff and services see it on the channel `web`; other channels {}. \
             Properties and words are only ever added: pass over what you do not know.",
            told_by(event_type),
            if is_about_order(event_type) { "leave properties of `data.order` out" } else { "may not see it" },
        ),
        "type": "object",
        "required": required(event_type),
        "properties": {
            "eventId": with(&id("evt"), "Stable over all deliveries of this event."),
            "eventType": {"const": event_type},
            "version": text(r"^1\.[0-9]+$", "The version of the format; a minor one only adds."),
            "timestamp": moment("When it was recorded, by our clock."),
            "source": {"type": "string", "minLength": 1, "examples": [SOURCE]},
            "subject": subject(event_type),
            "partitionKey": name("Events with the same key stay in order."),
            "data": data(event_type),
            "metadata": metadata(),
        },
        "$defs": if is_about_order(event_type) { definitions() } else { of_store() },
    })
}

fn is_about_order(event_type: EventType) -> bool {
    event_type != EventType::StoreUpdated
}

/// The first events of orders did not name their subject yet.
fn required(event_type: EventType) -> Vec<&'static str> {
    let mut all =
        vec!["eventId", "eventType", "version", "timestamp", "source", "data", "metadata"];
    if !is_about_order(event_type) {
        all.extend(["subject", "partitionKey"]);
    }
    all
}

fn subject(event_type: EventType) -> Value {
    let (subject_type, prefix) = match event_type {
        EventType::StoreUpdated => (SubjectType::Store, "str"),
        _ => (SubjectType::Order, "ord"),
    };
    object(
        "What the event is about.",
        &["type", "id", "version"],
        json!({
            "type": {"const": subject_type},
            "id": id(prefix),
            "version": {
                "type": "integer", "minimum": 1, "maximum": u32::MAX,
                "description": "After the event: each event about it raises it by one.",
            },
        }),
    )
}

fn of_store() -> Value {
    let mut all = json!({
        "Store": object("A store as it is after the event.", &[
            "id", "version", "name", "currency", "timezone", "stations", "prepMinutes",
            "deliveryMinutes", "autoAccept",
        ], json!({
            "id": id("str"),
            "version": {"type": "integer", "minimum": 1, "maximum": u32::MAX},
            "name": reference("LocalizedText"),
            "currency": text("^[A-Z]{3}$", "What it sells in: an ISO 4217 code."),
            "timezone": name("Its zone in the IANA database."),
            "stations": array(&name("A kitchen station."), 1),
            "prepMinutes": {"type": "integer", "minimum": 1, "description": "How long an order takes to cook."},
            "deliveryMinutes": {"type": "integer", "minimum": 1, "description": "How long a courier takes from there."},
            "autoAccept": {"type": "boolean", "description": "Whether orders that partners bring are accepted at once."},
        })),
    });
    let parts = parts();
    for shared in ["LocalizedText", "Reason"] {
        all[shared] = parts[shared].clone();
    }
    all
}

fn told_by(event_type: EventType) -> &'static str {
    match event_type {
        EventType::OrderCreated => "The order is there.",
        EventType::OrderStatusChanged => "The order's status moved.",
        EventType::DeliveryStatusChanged => {
            "The courier's side moved, or its courier became known (then both ends are the same)."
        }
        EventType::TicketStatusChanged => "One station's ticket moved.",
        EventType::OrderEtaChanged => "The order is expected at another time.",
        EventType::PaymentProcessed => "The payment moved.",
        EventType::StoreUpdated => "A store was opened, or its settings were changed.",
    }
}

fn data(event_type: EventType) -> Value {
    if !is_about_order(event_type) {
        let store = with(&reference("Store"), "The store after the event.");
        return json!({"type": "object", "required": ["store"], "properties": {"store": store}});
    }
    let mut properties = Map::new();
    let mut required = vec!["orderId", "storeId", "orderVersion", "order"];
    let version = "The order's version after the event: each event raises it by one.";
    for (name, schema) in [
        ("orderId", id("ord")),
        ("storeId", id("str")),
        (
            "orderVersion",
            json!({"type": "integer", "minimum": 1, "maximum": u32::MAX, "description": version}),
        ),
        ("order", with(&reference("Order"), "The order after the event.")),
    ] {
        properties.insert(name.to_owned(), schema);
    }
    let mut also = |name: &'static str, schema| {
        properties.insert(name.to_owned(), schema);
        required.push(name);
    };
    let mut moves = |between: &str| {
        also("previousStatus", with(&reference(between), "Whence."));
        also("status", with(&reference(between), "Whither."));
    };
    match event_type {
        EventType::OrderCreated => {
            also("status", with(&reference("OrderStatus"), "Where it begins."));
        }
        EventType::OrderStatusChanged => moves("OrderStatus"),
        EventType::DeliveryStatusChanged => moves("DeliveryStatus"),
        EventType::PaymentProcessed => moves("PaymentStatus"),
        EventType::TicketStatusChanged => {
            moves("TicketStatus");
            also("station", name("The station."));
        }
        EventType::OrderEtaChanged => also("eta", with(&reference("Eta"), "The new expectation.")),
        EventType::StoreUpdated => {}
    }
    json!({"type": "object", "required": required, "properties": properties})
}

fn metadata() -> Value {
    let occurred = "When it happened, by the clock of whoever told us.";
    json!({
        "type": "object",
        "required": ["actor", "occurredAt", "reason"],
        "properties": {
            "actor": object("Who did it.", &["kind"], json!({
                "kind": words(ActorKind::ALL, ""),
                "id": name("The token's `sub`, or the partner's slug; left out where the reader may not know."),
            })),
            "occurredAt": {"type": ["string", "null"], "format": "date-time", "description": occurred},
            "reason": {
                "anyOf": [reference("Reason"), {"type": "null"}],
                "description": "Why, where somebody had to say.",
            },
            "correlationId": name("Shared by everything that follows from one request: its `x-request-id`."),
            "causationId": name("The id of the webhook call or event that caused it directly."),
            "traceparent": text("^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$", "W3C Trace Context, as the caller gave it."),
        },
    })
}

fn definitions() -> Value {
    let mut all = standing();
    if let (Some(all), Value::Object(mut parts)) = (all.as_object_mut(), parts()) {
        all.append(&mut parts);
    }
    all
}

/// The order, and where its four axes stand.
fn standing() -> Value {
    json!({
        "Order": order(),
        "OrderStatus": words(OrderStatus::ALL, "Where the order stands."),
        "DeliveryStatus": words(DeliveryStatus::ALL, "Where the courier's side stands."),
        "TicketStatus": words(TicketStatus::ALL, "Where one station's part stands."),
        "PaymentStatus": words(PaymentStatus::ALL, "Where the payment stands."),
        "Delivery": object("The courier's side.", &["status"], json!({
            "status": reference("DeliveryStatus"),
            "courier": object("Who carries it, once known.", &["id"], json!({
                "id": name("The partner's or the restaurant's name for the courier."),
                "name": name("As the customer may call them."),
                "phone": name("In E.164 where the partner gives it so."),
            })),
            "trackingUrl": name("The partner's own tracking page."),
        })),
        "Payment": object("The money side.", &["status", "method"], json!({
            "status": reference("PaymentStatus"),
            "method": words(PaymentMethod::ALL, "How the customer pays."),
        })),
        "Ticket": object("One station's part of the order.", &["station", "status", "changedAt"], json!({
            "station": name("The station."),
            "status": reference("TicketStatus"),
            "changedAt": moment("Since when."),
        })),
    })
}

/// What was ordered, for whom, and what else an order is made of.
fn parts() -> Value {
    json!({
        "Item": object("One line.", &["sku", "name", "quantity", "unitPrice", "station"], json!({
            "sku": name("The menu's name for it."),
            "name": reference("LocalizedText"),
            "quantity": {"type": "integer", "minimum": 1},
            "unitPrice": with(&reference("Money"), "What one costs, options included."),
            "station": name("The station that makes it."),
            "note": name("For the station."),
            "options": array(&object("Something chosen with it.", &["name", "quantity"], json!({
                "name": reference("LocalizedText"),
                "quantity": {"type": "integer", "minimum": 1, "description": "For each item."},
            })), 1),
        })),
        "Customer": object("Who ordered; everything may be left out.", &[], json!({
            "id": name("The `sub` of their token."),
            "name": name("As they want to be called."),
            "phone": text(r"^\+[1-9][0-9]{7,14}$", "In E.164."),
            "language": words(Language::ALL, "The language they read."),
        })),
        "Address": object("Where the food goes.", &[], json!({
            "line": name("Street, building, floor."),
            "area": name("The part of town."),
            "city": name("The town."),
            "instructions": name("For the courier."),
            "latitude": {"type": "number", "minimum": -90, "maximum": 90, "description": "WGS 84."},
            "longitude": {"type": "number", "minimum": -180, "maximum": 180, "description": "WGS 84."},
        })),
        "Eta": object("When it is expected.", &["readyAt"], json!({
            "readyAt": moment("On the pass."),
            "arrivesAt": moment("At the customer's door."),
        })),
        "Milestone": object("One status, and since when.", &["status", "at"], json!({
            "status": reference("OrderStatus"),
            "at": moment("Since when."),
        })),
        "Reason": object("Why.", &["code"], json!({
            "code": words(ReasonCode::ALL, "In a word."),
            "note": name("In words."),
        })),
        "Money": object(
            "Whole minor units and an ISO 4217 currency: 9860 of JOD is 9.860 dinars.",
            &["amount", "currency", "decimal"],
            json!({
                "amount": {"type": "integer"},
                "currency": text("^[A-Z]{3}$", ""),
                "decimal": text(r"^-?[0-9]+(\.[0-9]+)?$", "The same for reading."),
            }),
        ),
        "LocalizedText": object("English, Arabic or both.", &[], json!({
            "en": {"type": "string"},
            "ar": {"type": "string"},
        })),
    })
}

fn order() -> Value {
    let required = [
        "id",
        "storeId",
        "number",
        "version",
        "fulfilment",
        "source",
        "status",
        "delivery",
        "payment",
        "tickets",
        "items",
        "total",
        "customer",
        "timeline",
        "placedAt",
        "updatedAt",
    ];
    object(
        "An order as it is after the event.",
        &required,
        json!({
            "id": id("ord"),
            "storeId": id("str"),
            "number": name("What people call it."),
            "version": {"type": "integer", "minimum": 1, "maximum": u32::MAX},
            "fulfilment": words(Fulfilment::ALL, "How the food reaches the customer."),
            "source": name("`app` for the restaurant's own channels, else the partner's slug."),
            "externalId": name("The partner's name for the order."),
            "status": reference("OrderStatus"),
            "delivery": reference("Delivery"),
            "payment": reference("Payment"),
            "tickets": array(&reference("Ticket"), 0),
            "items": array(&reference("Item"), 1),
            "total": with(&reference("Money"), "What it costs."),
            "customer": reference("Customer"),
            "address": reference("Address"),
            "note": name("For the kitchen."),
            "eta": reference("Eta"),
            "reason": with(&reference("Reason"), "Why it stands where it stands."),
            "timeline": with(&array(&reference("Milestone"), 1), "Every status it had, oldest first."),
            "placedAt": moment("When it was placed."),
            "updatedAt": moment("When it last changed."),
        }),
    )
}

fn object(description: &str, required: &[&str], properties: Value) -> Value {
    let mut object = json!({"type": "object", "description": description});
    object["properties"] = properties;
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

fn array(items: &Value, least: u32) -> Value {
    if least == 0 {
        json!({"type": "array", "items": items})
    } else {
        json!({"type": "array", "items": items, "minItems": least})
    }
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/$defs/{name}")})
}

fn id(prefix: &str) -> Value {
    json!({"type": "string", "pattern": format!("^{prefix}_[0-9a-f]{{32}}$")})
}

fn moment(description: &str) -> Value {
    json!({"type": "string", "format": "date-time", "description": description})
}

fn name(description: &str) -> Value {
    json!({"type": "string", "description": description})
}

fn text(pattern: &str, description: &str) -> Value {
    with(&json!({"type": "string", "pattern": pattern}), description)
}

fn words<W: serde::Serialize>(all: &[W], description: &str) -> Value {
    with(&json!({"type": "string", "enum": all}), description)
}

fn with(schema: &Value, description: &str) -> Value {
    let mut schema = schema.clone();
    if !description.is_empty() {
        schema["description"] = json!(description);
    }
    schema
}
