//! The people that we write to: what they have agreed to, what is known of them, and how they are forgotten.

mod erase;

pub use self::erase::erase;

use crate::{
    app::{
        App, Failure,
        consents::NewConsent,
        notify::{self, Told},
    },
    auth::{Caller, Scope},
    domain::{Order, is_e164},
    store::{self, consents::Consent},
};

/// Notifications and orders that an export holds at most.
const MOST_EXPORTED: u32 = 10_000;

/// What is known of a person.
#[derive(Clone, Debug)]
pub struct Person {
    /// What they have said, the first thing first.
    pub consents: Vec<Consent>,
    /// What they were told, the youngest first.
    pub notifications: Vec<Told>,
    /// What they have ordered, the youngest first.
    pub orders: Vec<Order>,
}

/// Writes down what somebody has said.
pub async fn consent(
    app: &App,
    caller: &Caller,
    phone: &str,
    new: &NewConsent,
) -> Result<Vec<Consent>, Failure> {
    caller.require(Scope::ContactsWrite)?;
    if !is_e164(phone) {
        return Err(Failure::NoSuch("contact"));
    }
    let faults = new.faults("", app.clock.now());
    if !faults.is_empty() {
        return Err(Failure::Invalid(faults));
    }
    let mut tx = app.db.begin().await?;
    new.enter(app, &mut tx, phone, caller, false).await?;
    let consents = store::consents::of_person(&mut tx, phone).await?;
    tx.commit().await?;
    Ok(consents)
}

/// What somebody has said, the first thing first.
pub async fn read(app: &App, caller: &Caller, phone: &str) -> Result<Vec<Consent>, Failure> {
    caller.require(Scope::ContactsWrite)?;
    let mut tx = app.db.read().await?;
    let consents = store::consents::of_person(&mut tx, phone).await?;
    if consents.is_empty() {
        return Err(Failure::NoSuch("contact"));
    }
    Ok(consents)
}

/// All that is known of a person, to be handed to them.
pub async fn export(app: &App, caller: &Caller, phone: &str) -> Result<Person, Failure> {
    caller.require(Scope::ContactsWrite)?;
    let mut tx = app.db.read().await?;
    let rows = store::notifications::of_person(&mut tx, phone, MOST_EXPORTED).await?;
    let person = Person {
        consents: store::consents::of_person(&mut tx, phone).await?,
        notifications: notify::told(&mut tx, rows).await?,
        orders: store::orders::of_person(&mut tx, phone, MOST_EXPORTED).await?,
    };
    let Person { consents, notifications, orders } = &person;
    if consents.is_empty() && notifications.is_empty() && orders.is_empty() {
        return Err(Failure::NoSuch("contact"));
    }
    Ok(person)
}
