//! What the schemas say is what the domain does; what format 1.0 promised stays so.

mod life;
mod schema;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::domain::{Envelope, EventType, Order};

#[test]
fn the_files_hold_what_the_definitions_say() {
    for event_type in EventType::ALL {
        let path = at(&format!("static/schemas/{event_type}.json"));
        let schema = schema::of(*event_type);
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, format!("{schema:#}\n")).unwrap();
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        let found: Value = serde_json::from_str(&found).unwrap_or_default();
        assert!(found == schema, "{event_type} differs: run `UPDATE=1 cargo test --lib schemas`");
    }
}

#[test]
fn every_event_of_every_life_fits_its_schema_and_tells_nothing_that_is_not_declared() {
    let (open, closed): (BTreeMap<_, _>, BTreeMap<_, _>) = EventType::ALL
        .iter()
        .map(|it| {
            let mut shut = schema::of(*it);
            close(&mut shut);
            ((*it, validator(&schema::of(*it))), (*it, validator(&shut)))
        })
        .unzip();
    let events = life::events();
    let told: BTreeSet<_> = events.iter().map(Envelope::event_type).collect();
    assert_eq!(told.into_iter().collect::<Vec<_>>(), EventType::ALL);
    for event in &events {
        for value in life::told(event) {
            assert_fits(&open[&event.event_type()], &value);
            assert_fits(&closed[&event.event_type()], &value);
        }
    }
}

#[test]
fn everything_that_is_declared_happens_in_some_life() {
    let events = life::events();
    let mut silent = BTreeMap::<String, usize>::new();
    for event_type in EventType::ALL {
        let told: Vec<_> = events.iter().filter(|it| it.event_type() == *event_type).collect();
        let told: Vec<_> = told.into_iter().map(|it| json!(it)).collect();
        let schema = schema::of(*event_type);
        let mut paths = Vec::new();
        unheard(&schema, &schema, &told.iter().collect::<Vec<_>>(), "", &mut paths);
        for path in paths {
            *silent.entry(path).or_default() += 1;
        }
    }
    // What all event types may tell, it is enough that one tells: a new order has no courier.
    let by_all = |path: &str| path.starts_with("/data/order/") || path.starts_with("/metadata/");
    silent.retain(|path, types| !by_all(path) || *types == EventType::ALL.len());
    assert!(silent.is_empty(), "nobody ever tells {silent:?}");
}

#[test]
fn a_schema_turns_away_what_is_no_such_event() {
    let mut event = life::events().remove(0);
    event.metadata.traceparent =
        Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into());
    let validator = validator(&schema::of(event.event_type()));
    let good = json!(event);
    for (pointer, wrong) in [
        ("/eventId", json!("ord_00000000000000000000000000000001")),
        ("/eventType", json!("OrderStatusChanged")),
        ("/version", json!("2.0")),
        ("/timestamp", json!("yesterday")),
        ("/subject/type", json!("store")),
        ("/subject/version", json!(0)),
        ("/partitionKey", json!(7)),
        ("/metadata/traceparent", json!("00-00-00-00")),
        ("/data/status", json!("eaten")),
        ("/data/orderVersion", json!(0)),
        ("/data/order/total/amount", json!("9.860")),
        ("/data/order/tickets", json!(null)),
        ("/metadata/occurredAt", json!(12)),
    ] {
        let mut event = good.clone();
        *event.pointer_mut(pointer).unwrap() = wrong;
        assert!(!validator.is_valid(&event), "{pointer} may be anything");
    }
    let mut more = good;
    more["data"]["order"]["colour"] = json!("green");
    assert!(validator.is_valid(&more), "readers must bear growth");
}

#[test]
fn events_of_format_1_0_still_fit_and_are_still_understood() {
    for event_type in EventType::ALL {
        let text = read(&format!("tests/fixtures/events/{event_type}.json"));
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_fits(&validator(&schema::of(*event_type)), &value);
        let event: Envelope<Order> = serde_json::from_str(&text).unwrap();
        let mut today = json!(event);
        // What format 1.0 did not say at first follows from what it did say.
        let data = &value["data"];
        let (id, version) = (&data["orderId"], &data["orderVersion"]);
        let subject = json!({"type": "order", "id": id, "version": version});
        for (added, follows) in [("subject", subject), ("partitionKey", id.clone())] {
            if value.get(added).is_none() {
                let told = today.as_object_mut().unwrap().remove(added);
                assert_eq!(told, Some(follows), "{event_type}");
            }
        }
        // Nothing that an old event says is lost on us.
        assert_eq!(today, value, "{event_type}");
    }
}

#[test]
fn what_readers_of_format_1_0_rely_on_is_still_promised() {
    for event_type in EventType::ALL {
        let promised = read(&format!("tests/fixtures/events/schemas-1.0/{event_type}.json"));
        let mut broken = Vec::new();
        keeps(&serde_json::from_str(&promised).unwrap(), &schema::of(*event_type), "", &mut broken);
        assert!(broken.is_empty(), "{event_type} would break its readers: {broken:#?}");
    }
}

#[test]
fn a_promise_that_is_broken_is_noticed() {
    let promised = schema::of(EventType::OrderEtaChanged);
    for pointer in [
        "/properties/eventId",
        "/properties/data/required/3",
        "/$defs/Order/properties/eta",
        "/$defs/OrderStatus/enum/4",
        "/$defs/Money/properties/amount/type",
    ] {
        let mut today = promised.clone();
        let (parent, last) = pointer.rsplit_once('/').unwrap();
        match today.pointer_mut(parent).unwrap() {
            Value::Array(words) => drop(words.remove(last.parse().unwrap())),
            parent => parent[last] = json!("another"),
        }
        let mut broken = Vec::new();
        keeps(&promised, &today, "", &mut broken);
        assert_eq!(broken.len(), 1, "{pointer}: {broken:?}");
    }
    let mut grown = promised.clone();
    grown["$defs"]["Order"]["properties"]["colour"] = json!({"type": "string"});
    grown["$defs"]["OrderStatus"]["enum"].as_array_mut().unwrap().push(json!("eaten"));
    let mut broken = Vec::new();
    keeps(&promised, &grown, "", &mut broken);
    assert_eq!(broken, Vec::<String>::new());
}

/// Notes what `today` takes back of what was `promised`. Properties, duties and words may be added, comments may change.
fn keeps(promised: &Value, today: &Value, path: &str, broken: &mut Vec<String>) {
    let (Value::Object(promised), Value::Object(now)) = (promised, today) else {
        if promised != today {
            broken.push(format!("{path}: {promised} has become {today}"));
        }
        return;
    };
    for (key, was) in promised {
        let path = format!("{path}/{key}");
        match (key.as_str(), now.get(key)) {
            ("description" | "title" | "examples", _)
                if !path.ends_with(&format!("/properties/{key}")) => {}
            (_, None) => broken.push(format!("{path} is gone")),
            ("required" | "enum", Some(Value::Array(is))) => {
                let gone = was.as_array().into_iter().flatten().filter(|it| !is.contains(it));
                broken.extend(gone.map(|it| format!("{path}: {it} is gone")));
            }
            (_, Some(is)) => keeps(was, is, &path, broken),
        }
    }
}

/// Declares everything complete: the strictest reader that there could be.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.get("properties").is_some_and(Value::is_object)
                && members.contains_key("type")
            {
                members.insert("additionalProperties".to_owned(), json!(false));
            }
            members.values_mut().for_each(close);
        }
        Value::Array(members) => members.iter_mut().for_each(close),
        _ => {}
    }
}

/// Notes the properties that none of the values has.
fn unheard(root: &Value, schema: &Value, values: &[&Value], path: &str, silent: &mut Vec<String>) {
    if values.is_empty() {
        silent.push(path.to_owned());
        return;
    }
    if let Some(reference) = schema["$ref"].as_str() {
        let target = root.pointer(reference.trim_start_matches('#')).unwrap();
        return unheard(root, target, values, path, silent);
    }
    if schema["items"].is_object() {
        let items: Vec<_> = values.iter().filter_map(|it| it.as_array()).flatten().collect();
        return unheard(root, &schema["items"], &items, path, silent);
    }
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        let inside: Vec<_> = values.iter().filter_map(|it| it.get(name)).collect();
        unheard(root, inner, &inside, &format!("{path}/{name}"), silent);
    }
}

#[track_caller]
fn assert_fits(validator: &Validator, value: &Value) {
    let faults: Vec<_> =
        validator.iter_errors(value).map(|it| format!("{}: {it}", it.instance_path())).collect();
    assert!(faults.is_empty(), "{faults:#?} in {value:#}");
}

fn validator(schema: &Value) -> Validator {
    assert!(jsonschema::meta::is_valid(schema), "no schema: {schema:#}");
    jsonschema::options().should_validate_formats(true).build(schema).unwrap()
}

fn read(file: &str) -> String {
    fs::read_to_string(at(file)).unwrap()
}

fn at(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}
