//! Where a partner's order says what.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    domain::{
        Address, Amount, Customer, Eta, Fulfilment, ItemOption, Language, LocalizedText,
        PartnerItem, PartnerOrder, Payment, PaymentMethod, PaymentStatus,
    },
    partners::{
        Unreadable, json,
        place::{Document, Places, Pointer},
    },
};

/// `[order]`. What a call does not tell may be left out.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderLayout {
    /// The partner's name for the store.
    store: Places,
    /// What people call the order.
    #[serde(default)]
    number: Places,
    /// Whether it is a rehearsal.
    #[serde(default)]
    test: Choice<bool>,
    /// Whether the store has taken it on already, on the partner's own tablet.
    #[serde(default)]
    accepted: Choice<bool>,
    /// Until when the store may answer.
    #[serde(default)]
    accept_by: Places,
    /// How the food reaches the customer.
    fulfilment: Choice<Fulfilment>,
    /// Where its payment stands.
    #[serde(default)]
    payment: Choice<PaymentStatus>,
    /// How it is paid.
    #[serde(default)]
    method: Choice<PaymentMethod>,
    /// What is to be collected in cash; more than nothing overrules `payment` and `method`.
    #[serde(default)]
    cash: Places,
    /// Whether amounts are in minor units; else they are decimal numbers.
    #[serde(default)]
    minor_units: bool,
    /// What it costs.
    #[serde(default)]
    total: Places,
    /// The ISO 4217 code of every amount.
    #[serde(default)]
    currency: Places,
    /// For the kitchen.
    #[serde(default)]
    note: Places,
    /// When it is to be ready.
    #[serde(default)]
    ready_at: Places,
    /// When it is to be with the customer.
    #[serde(default)]
    arrives_at: Places,
    /// Who ordered.
    #[serde(default)]
    customer: CustomerLayout,
    /// Where it goes.
    #[serde(default)]
    address: AddressLayout,
    /// What our answers will need, by the name under which it is kept.
    #[serde(default)]
    contact: BTreeMap<String, Places>,
    /// What was ordered.
    items: ItemLayout,
}

/// One of our words, by theirs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Choice<T> {
    #[serde(default)]
    at: Places,
    #[serde(default = "BTreeMap::new")]
    words: BTreeMap<String, T>,
    otherwise: Option<T>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct CustomerLayout {
    /// With several places, all of them are put together.
    name: Places,
    phone: Places,
    language: Choice<Language>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct AddressLayout {
    /// With several places, all of them are put together.
    line: Places,
    area: Places,
    city: Places,
    instructions: Places,
    latitude: Places,
    longitude: Places,
}

/// `[order.items]`: `at` is from the body on, `*` stands for every member of a list; all else is from the item on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ItemLayout {
    at: Pointer,
    sku: Places,
    #[serde(default)]
    name: Places,
    #[serde(default)]
    name_ar: Places,
    quantity: Places,
    #[serde(default)]
    unit_price: Places,
    #[serde(default)]
    note: Places,
    options: Option<OptionLayout>,
}

/// `[order.items.options]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OptionLayout {
    at: Pointer,
    name: Places,
    #[serde(default)]
    quantity: Places,
}

impl<T> Default for Choice<T> {
    fn default() -> Self {
        Self { at: Places::default(), words: BTreeMap::new(), otherwise: None }
    }
}

impl<T: Copy> Choice<T> {
    fn read(&self, call: Document<'_>) -> Option<T> {
        let word = call.word(&self.at);
        let said = word.and_then(|word| {
            let mut words = self.words.iter();
            words.find(|(it, _)| it.eq_ignore_ascii_case(&word)).map(|(_, ours)| *ours)
        });
        said.or(self.otherwise)
    }
}

impl OrderLayout {
    /// Reads an order.
    pub fn read(&self, call: Document<'_>) -> Result<PartnerOrder, Unreadable> {
        let items =
            json::every(call.value, &self.items.at).into_iter().map(|it| self.item(call.at(it)));
        let ready_at = call.first(&self.ready_at, json::moment);
        let arrives_at = call.first(&self.arrives_at, json::moment);
        Ok(PartnerOrder {
            store: call.need(&self.store)?,
            number: call.word(&self.number),
            is_test: self.test.read(call).unwrap_or(false),
            is_accepted: self.accepted.read(call).unwrap_or(false),
            accept_by: call.first(&self.accept_by, json::moment),
            fulfilment: self.fulfilment.read(call).ok_or_else(|| self.fulfilment.at.lacking())?,
            payment: self.payment(call),
            items: items.collect::<Result<_, _>>()?,
            total: self.amount(call, &self.total)?,
            currency: call.word(&self.currency),
            customer: self.customer.read(call),
            address: self.address.read(call),
            note: call.first(&self.note, json::note),
            eta: ready_at
                .or(arrives_at)
                .map(|it| Eta { ready_at: ready_at.unwrap_or(it), arrives_at }),
            contact: self.contact(call),
        })
    }

    fn item(&self, item: Document<'_>) -> Result<PartnerItem, Unreadable> {
        let layout = &self.items;
        let english = item.first(&layout.name, json::note);
        let arabic = item.first(&layout.name_ar, json::note);
        let name = LocalizedText {
            en: english.clone().or_else(|| arabic.clone()),
            ar: arabic.or(english),
        };
        let option = |option: &Value, layout: &OptionLayout| {
            let option = item.at(option);
            let name = option.first(&layout.name, json::note).or_else(|| option.word(&layout.name));
            let quantity = option.first(&layout.quantity, json::count).unwrap_or(1);
            name.map(|it| ItemOption { name: LocalizedText::new(it.clone(), it), quantity })
        };
        let options = layout.options.iter().flat_map(|layout| {
            json::every(item.value, &layout.at).into_iter().filter_map(|it| option(it, layout))
        });
        Ok(PartnerItem {
            sku: item.need(&layout.sku)?,
            name: (!name.is_empty()).then_some(name),
            quantity: item
                .first(&layout.quantity, json::count)
                .filter(|it| *it > 0)
                .ok_or_else(|| layout.quantity.lacking())?,
            unit_price: self.amount(item, &layout.unit_price)?,
            note: item.first(&layout.note, json::note),
            options: options.collect(),
        })
    }

    fn amount(&self, call: Document<'_>, places: &Places) -> Result<Option<Amount>, Unreadable> {
        let Some(value) = call.value(places) else { return Ok(None) };
        let amount = match &*value {
            it if self.minor_units => it.as_i64().map(Amount::Minor),
            Value::String(text) => Some(Amount::Decimal(text.clone())),
            Value::Number(number) => Some(Amount::Decimal(number.to_string())),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        amount.map(Some).ok_or_else(|| places.lacking())
    }

    fn payment(&self, call: Document<'_>) -> Payment {
        let cash = call.first(&self.cash, |it, pointer| {
            let amount = json::word(it, pointer).or_else(|| it.as_f64().map(|it| it.to_string()));
            amount.filter(|it| it.bytes().any(|it| matches!(it, b'1'..=b'9')))
        });
        if cash.is_some() {
            return Payment { status: PaymentStatus::None, method: PaymentMethod::Cash };
        }
        Payment {
            status: self.payment.read(call).unwrap_or(PaymentStatus::Captured),
            method: self.method.read(call).unwrap_or(PaymentMethod::Partner),
        }
    }

    fn contact(&self, call: Document<'_>) -> Option<Value> {
        let contact: Map<_, _> = self
            .contact
            .iter()
            .filter_map(|(name, at)| Some((name.clone(), call.value(at)?.into_owned())))
            .collect();
        (!contact.is_empty()).then_some(Value::Object(contact))
    }

    /// Every place outside of items, which stand in the body.
    pub fn places(&self) -> Vec<&Places> {
        let mut places = vec![
            &self.store,
            &self.number,
            &self.test.at,
            &self.accepted.at,
            &self.accept_by,
            &self.fulfilment.at,
            &self.payment.at,
            &self.method.at,
            &self.cash,
            &self.total,
            &self.currency,
            &self.note,
            &self.ready_at,
            &self.arrives_at,
        ];
        let CustomerLayout { name, phone, language } = &self.customer;
        places.extend([name, phone, &language.at]);
        let AddressLayout { line, area, city, instructions, latitude, longitude } = &self.address;
        places.extend([line, area, city, instructions, latitude, longitude]);
        places.extend(self.contact.values());
        places
    }
}

impl CustomerLayout {
    fn read(&self, call: Document<'_>) -> Customer {
        Customer {
            id: None,
            name: call.joined(&self.name, " "),
            phone: call.first(&self.phone, json::phone),
            language: self.language.read(call),
        }
    }
}

impl AddressLayout {
    fn read(&self, call: Document<'_>) -> Option<Address> {
        let degrees = |places| call.first(places, json::degrees);
        let address = Address {
            line: call.joined(&self.line, ", "),
            area: call.word(&self.area),
            city: call.word(&self.city),
            instructions: call.first(&self.instructions, json::note),
            latitude: degrees(&self.latitude),
            longitude: degrees(&self.longitude),
        };
        (address != Address::default()).then_some(address)
    }
}
