//! An order that was placed at whoever sends our own format.

use serde_json::Value;

use crate::{
    domain::{
        Address, Amount, Customer, Eta, Fulfilment, ItemOption, LocalizedText, PartnerItem,
        PartnerOrder, Payment, PaymentMethod, PaymentStatus,
    },
    partners::{Unreadable, json},
};

/// `data` of `order.placed`.
pub fn read(data: &Value) -> Result<PartnerOrder, Unreadable> {
    let items = data.pointer("/items").and_then(Value::as_array).map(Vec::as_slice);
    let items: Result<Vec<_>, _> = items.unwrap_or_default().iter().map(item).collect();
    let fulfilment = json::need(data, "/fulfilment", "data.fulfilment")?;
    let fulfilment: Option<Fulfilment> = fulfilment.parse().ok();
    let flag = |pointer| data.pointer(pointer).and_then(Value::as_bool) == Some(true);
    Ok(PartnerOrder {
        store: json::need(data, "/storeId", "data.storeId")?,
        number: json::word(data, "/number"),
        is_test: flag("/test"),
        is_accepted: flag("/accepted"),
        accept_by: json::moment(data, "/acceptBy"),
        fulfilment: fulfilment.ok_or(Unreadable::Lacks("data.fulfilment".into()))?,
        payment: payment(data),
        items: items?,
        total: amount(data, "/total", "data.total")?,
        currency: json::word(data, "/currency"),
        customer: Customer {
            id: None,
            name: json::word(data, "/customer/name"),
            phone: json::word(data, "/customer/phone"),
            language: json::word(data, "/customer/language").and_then(|it| it.parse().ok()),
        },
        address: data.pointer("/address").filter(|it| it.is_object()).map(address),
        note: json::note(data, "/note"),
        eta: json::moment(data, "/eta/readyAt")
            .map(|ready_at| Eta { ready_at, arrives_at: json::moment(data, "/eta/arrivesAt") }),
        contact: data.pointer("/contact").filter(|it| it.is_object()).cloned(),
    })
}

fn item(item: &Value) -> Result<PartnerItem, Unreadable> {
    let count = |value: &Value| value.pointer("/quantity").and_then(Value::as_u64);
    let options = item.pointer("/options").and_then(Value::as_array).map(Vec::as_slice);
    let option = |it: &Value| {
        let quantity = count(it).unwrap_or(1).try_into().ok()?;
        Some(ItemOption { name: text(it, "/name")?, quantity })
    };
    let quantity = count(item).filter(|it| *it > 0).and_then(|it| u32::try_from(it).ok());
    Ok(PartnerItem {
        sku: json::need(item, "/sku", "data.items[].sku")?,
        name: text(item, "/name"),
        quantity: quantity.ok_or(Unreadable::Lacks("data.items[].quantity".into()))?,
        unit_price: amount(item, "/unitPrice", "data.items[].unitPrice")?,
        note: json::note(item, "/note"),
        options: options.unwrap_or_default().iter().filter_map(option).collect(),
    })
}

/// In several languages, or in the one that both readers are then shown.
fn text(value: &Value, pointer: &str) -> Option<LocalizedText> {
    match value.pointer(pointer)? {
        Value::String(_) => json::note(value, pointer).map(|it| LocalizedText::new(it.clone(), it)),
        both @ Value::Object(_) => {
            let text = LocalizedText { en: json::note(both, "/en"), ar: json::note(both, "/ar") };
            (!text.is_empty()).then_some(text)
        }
        _ => None,
    }
}

/// A decimal number as text (as a number it would have lost its last digits on its way), or money as our own API writes it.
fn amount(value: &Value, pointer: &str, name: &'static str) -> Result<Option<Amount>, Unreadable> {
    let amount = match value.pointer(pointer) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => Some(Amount::Decimal(text.clone())),
        Some(money) => money.pointer("/amount").and_then(Value::as_i64).map(Amount::Minor),
    };
    amount.map(Some).ok_or(Unreadable::Lacks(name.into()))
}

fn payment(data: &Value) -> Payment {
    let method = json::word(data, "/payment/method").and_then(|it| it.parse().ok());
    let status = json::word(data, "/payment/status").and_then(|it| it.parse().ok());
    Payment {
        status: status.unwrap_or(PaymentStatus::None),
        method: method.unwrap_or(PaymentMethod::Partner),
    }
}

fn address(address: &Value) -> Address {
    let degrees = |pointer| address.pointer(pointer).and_then(Value::as_f64);
    Address {
        line: json::note(address, "/line"),
        area: json::word(address, "/area"),
        city: json::word(address, "/city"),
        instructions: json::note(address, "/instructions"),
        latitude: degrees("/latitude"),
        longitude: degrees("/longitude"),
    }
}
