//! The erasure of a person, on their request.

use crate::{
    app::{App, Failure},
    auth::{Caller, Scope},
    domain::{ConsentId, OrderId},
    messaging::whatsapp,
    store::{self, Tx, consents::Erased},
};

/// Orders that one page of an erasure holds at most.
const ERASED_AT_ONCE: u32 = 100;

/// Erases a person: their entries in the ledger, their number and the words in notifications, and name, number, address and notes in
/// their orders, in the log of these, and in what partners have told of them. Not while an order of theirs is open: the courier must find them.
///
/// All of it is one transaction, however many orders there are: either everything is erased, or nothing. Statements and memory are
/// bounded by [`ERASED_AT_ONCE`]; only the ids of the orders are kept until the end. An order of this person that is placed at the
/// same time comes wholly before, and is erased or refuses the erasure, or wholly after.
pub async fn erase(app: &App, caller: &Caller, phone: &str) -> Result<Erased, Failure> {
    caller.require(Scope::ContactsWrite)?;
    let mut tx = app.db.begin().await?;
    let (erased, orders) = match erase_all(app, &mut tx, caller, phone).await {
        Ok(erased) => erased,
        Err(failure) => {
            tx.roll_back().await;
            return Err(failure);
        }
    };
    tx.commit().await?;
    for order in orders {
        app.cache.forget(order).await;
    }
    Ok(erased)
}

async fn erase_all(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    phone: &str,
) -> Result<(Erased, Vec<OrderId>), Failure> {
    store::orders::hold_person(tx, phone).await?;
    let now = app.clock.now();
    let forgotten = store::consents::forget(tx, phone, now).await?;
    let mut orders = Vec::new();
    loop {
        let after = orders.last().copied();
        let page = store::orders::page_of_person(tx, phone, after, ERASED_AT_ONCE).await?;
        if page.is_empty() {
            break;
        }
        let locked = store::orders::lock(tx, &page).await?;
        if let Some(open) = locked.iter().find(|order| !order.status.is_terminal()) {
            return Err(Failure::Taken(format!(
                "Order {} of this person is still open; erase them when it has ended.",
                open.number
            )));
        }
        store::orders::anonymise(tx, locked).await?;
        orders.extend(page);
    }
    let digits = phone.trim_start_matches('+');
    store::orders::empty_calls(tx, whatsapp::PARTNER, digits).await?;
    let erased = Erased { orders: orders.len() as u64, ..forgotten };
    if erased == Erased::default() {
        return Err(Failure::NoSuch("contact"));
    }
    let id = ConsentId::from_uuid(app.mint.uuid(now));
    store::consents::note_erasure(tx, id, &caller.actor(), erased, now).await?;
    Ok((erased, orders))
}
