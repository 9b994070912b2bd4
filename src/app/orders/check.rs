//! Finds every fault of a new order at once, so that a caller need not mend them one by one.

use jiff::Timestamp;

use crate::{
    app::{
        App, Detail,
        orders::{NewItem, NewOrder},
    },
    auth::{Caller, Role},
    domain::{
        Address, Category, Command, Customer, Decision, Fulfilment, Item, LocalizedText, Money,
        PaymentStatus, Store, is_e164,
    },
    partners::Partners,
};

const LONGEST_NAME: usize = 200;
const LONGEST_NOTE: usize = 1000;
const LONGEST_ID: usize = 128;
const LONGEST_NUMBER: usize = 16;
/// In bytes: it is kept with the order for ever.
const LONGEST_CONTACT: usize = 8 * 1024;

/// Every fault of a new order, for this store and this caller.
pub fn faults(app: &App, new: &NewOrder, store: &Store, caller: &Caller) -> Vec<Detail> {
    let mut faults = Faults(Vec::new());
    faults.items(&new.items, store, app.config.orders.max_items);
    faults.customer(&new.customer);
    faults.address(new.address.as_ref(), new.fulfilment);
    faults.payment(new, store);
    faults.text("note", new.note.as_deref(), LONGEST_NOTE);
    faults.text("number", new.number.as_deref(), LONGEST_NUMBER);
    faults.partner(new, &app.partners);
    faults.consent(new, caller, app.clock.now());
    if caller.role == Role::Customer {
        faults.reserved(new, caller);
    }
    faults.0
}

/// Every fault of what people say with their commands: it stands in the order, and in each of its events, from then on.
pub fn command_faults(commands: &[Command]) -> Vec<Detail> {
    let mut faults = Faults(Vec::new());
    for command in commands {
        let reason = match command {
            Command::Step { reason, .. } => reason.as_ref(),
            Command::Recall { reason, .. } | Command::Reopen { reason, .. } => Some(reason),
            Command::Ticket { .. } | Command::Expect(_) | Command::Pay(_) => None,
        };
        faults.text("reason.note", reason.and_then(|it| it.note.as_deref()), LONGEST_NOTE);
    }
    faults.0
}

struct Faults(Vec<Detail>);

impl Faults {
    fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push(Detail::new(field, message));
    }

    fn items(&mut self, items: &[NewItem], store: &Store, most: usize) {
        if items.is_empty() {
            self.add("items", "an order has one line or more");
        }
        if most < items.len() {
            self.add("items", format!("an order has at most {most} lines"));
        }
        for (at, item) in items.iter().enumerate().take(most) {
            self.item(&format!("items[{at}]"), item, store);
        }
    }

    fn item(&mut self, path: &str, item: &NewItem, store: &Store) {
        self.name(&format!("{path}.name"), &item.name);
        self.required(&format!("{path}.sku"), &item.sku, LONGEST_ID);
        self.text(&format!("{path}.note"), item.note.as_deref(), LONGEST_NOTE);
        if item.quantity == 0 || Item::MOST < item.quantity {
            self.add(format!("{path}.quantity"), format!("must be between 1 and {}", Item::MOST));
        }
        self.price(&format!("{path}.unitPrice"), item.unit_price, store);
        if let Some(station) = item.station.as_ref().filter(|it| !store.stations.contains(it)) {
            let stations = store.stations.join(", ");
            let message = format!("the store has no station {station:?}; it has {stations}");
            self.add(format!("{path}.station"), message);
        }
        if Item::MOST_OPTIONS < item.options.len() {
            self.add(format!("{path}.options"), format!("at most {} options", Item::MOST_OPTIONS));
        }
        for (at, option) in item.options.iter().enumerate().take(Item::MOST_OPTIONS) {
            self.name(&format!("{path}.options[{at}].name"), &option.name);
            if option.quantity == 0 || Item::MOST < option.quantity {
                let message = format!("must be between 1 and {}", Item::MOST);
                self.add(format!("{path}.options[{at}].quantity"), message);
            }
        }
    }

    fn customer(&mut self, customer: &Customer) {
        self.optional("customer.id", customer.id.as_deref(), LONGEST_ID);
        self.text("customer.name", customer.name.as_deref(), LONGEST_NAME);
        if customer.phone.as_deref().is_some_and(|it| !is_e164(it)) {
            self.add("customer.phone", "must be in the form +962790000000 (E.164)");
        }
    }

    fn consent(&mut self, new: &NewOrder, caller: &Caller, now: Timestamp) {
        let Some(consent) = &new.consent else { return };
        self.0.extend(consent.faults("consent.", now));
        if new.customer.phone.is_none() {
            self.add("consent", "needs customer.phone: whose consent is it?");
        }
        let is_modest = consent.decision == Decision::Granted
            && consent.categories.as_ref().is_none_or(|it| **it == [Category::Utility]);
        if caller.role == Role::Customer && !is_modest {
            // Nobody has proved to us that the number is theirs.
            self.add(
                "consent",
                "of a customer's own token can grant news of orders, and nothing else",
            );
        }
    }

    fn address(&mut self, address: Option<&Address>, fulfilment: Fulfilment) {
        let Some(address) = address else {
            if fulfilment == Fulfilment::Delivery {
                self.add("address", "a delivery needs an address");
            }
            return;
        };
        for (field, text) in [
            ("address.line", &address.line),
            ("address.area", &address.area),
            ("address.city", &address.city),
            ("address.instructions", &address.instructions),
        ] {
            self.text(field, text.as_deref(), LONGEST_NOTE);
        }
        if address.latitude.is_some_and(|it| !(-90.0..=90.0).contains(&it)) {
            self.add("address.latitude", "must be between -90 and 90");
        }
        if address.longitude.is_some_and(|it| !(-180.0..=180.0).contains(&it)) {
            self.add("address.longitude", "must be between -180 and 180");
        }
    }

    fn payment(&mut self, new: &NewOrder, store: &Store) {
        if let Some(total) = new.total {
            self.price("total", total, store);
        }
        let begins = [
            PaymentStatus::None,
            PaymentStatus::Pending,
            PaymentStatus::Authorized,
            PaymentStatus::Captured,
        ];
        let status = new.payment.and_then(|it| it.status);
        if status.is_some_and(|it| !begins.contains(&it)) {
            self.add("payment.status", "a new order's is none, pending, authorized or captured");
        }
    }

    fn partner(&mut self, new: &NewOrder, partners: &Partners) {
        let Some(partner) = &new.partner else { return };
        let all = partners.all();
        if !all.contains_key(&partner.name) {
            let known: Vec<_> = all.keys().map(String::as_str).collect();
            let message = format!("{:?} is not one of {}", partner.name, known.join(", "));
            self.add("partner.name", message);
        }
        let contact = partner.contact.as_ref();
        if contact.is_some_and(|it| LONGEST_CONTACT < json_length(it)) {
            self.add("partner.contact", format!("has at most {LONGEST_CONTACT} bytes of JSON"));
        }
        self.required("partner.orderId", &partner.order_id, LONGEST_ID);
    }

    /// What a customer may not say of their own order.
    fn reserved(&mut self, new: &NewOrder, caller: &Caller) {
        if new.customer.id.as_deref().is_some_and(|it| it != caller.subject) {
            self.add("customer.id", "must be your own, or left out");
        }
        for (field, given) in [
            ("number", new.number.is_some()),
            ("eta", new.eta.is_some()),
            ("partner", new.partner.is_some()),
            ("total", new.total.is_some()),
        ] {
            if given {
                self.add(field, "only staff and services may set this");
            }
        }
        let paid = new
            .payment
            .and_then(|it| it.status)
            .is_some_and(|it| !matches!(it, PaymentStatus::None | PaymentStatus::Pending));
        if paid {
            self.add("payment.status", "only staff and services may say that it is paid");
        }
    }

    fn price(&mut self, field: &str, price: Money, store: &Store) {
        if price.amount < 0 {
            self.add(format!("{field}.amount"), "must not be negative");
        }
        if price.currency != store.currency {
            let message = format!("the store sells in {}", store.currency.code());
            self.add(format!("{field}.currency"), message);
        }
    }

    fn name(&mut self, field: &str, name: &LocalizedText) {
        if name.is_empty() {
            self.add(field, "needs words in `en`, `ar` or both");
        }
        if LONGEST_NAME < name.len() {
            self.add(field, format!("has at most {LONGEST_NAME} characters"));
        }
    }

    fn required(&mut self, field: &str, text: &str, longest: usize) {
        if text.trim().is_empty() {
            self.add(field, "must not be empty");
        }
        self.text(field, Some(text), longest);
    }

    fn optional(&mut self, field: &str, text: Option<&str>, longest: usize) {
        if let Some(text) = text {
            self.required(field, text, longest);
        }
    }

    fn text(&mut self, field: &str, text: Option<&str>, longest: usize) {
        if text.is_some_and(|it| longest < it.chars().count()) {
            self.add(field, format!("has at most {longest} characters"));
        }
    }
}

fn json_length(value: &impl serde::Serialize) -> usize {
    serde_json::to_string(value).map_or(0, |it| it.len())
}
