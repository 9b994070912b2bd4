//! Notifications, for those who look after them.

use std::collections::BTreeSet;

use crate::{
    app::{App, Failure, notify::heard::ANSWER_WORTH},
    auth::{Caller, Stores},
    base::{
        clock,
        cursor::{Page, PageRequest},
    },
    domain::{NotificationId, NotificationState, NotifyRule},
    store::{
        self, StoreError, Tx,
        notifications::{Notification, NotificationFilter},
    },
};

/// A notification, and what people call its order.
#[derive(Clone, Debug)]
pub struct Told {
    /// The notification.
    pub notification: Notification,
    /// The order's number; `None` where it is about none, or the order is gone.
    pub order_number: Option<String>,
}

/// Notifications with what people call their orders.
pub async fn told(tx: &mut Tx, rows: Vec<Notification>) -> Result<Vec<Told>, StoreError> {
    let ids: BTreeSet<_> = rows.iter().filter_map(|it| it.order_id).collect();
    let numbers = store::orders::numbers(tx, &ids.into_iter().collect::<Vec<_>>()).await?;
    let told = |notification: Notification| Told {
        order_number: notification.order_id.and_then(|it| numbers.get(&it).cloned()),
        notification,
    };
    Ok(rows.into_iter().map(told).collect())
}

/// What people were, or are to be, told, as far as it fits the filter and the caller may see it; the youngest first.
pub async fn list(
    app: &App,
    caller: &Caller,
    mut filter: NotificationFilter,
    page: PageRequest,
) -> Result<Page<Told>, Failure> {
    if !caller.may_see_to_messages() {
        filter.stores = Some(match (filter.stores, &caller.stores) {
            (Some(wanted), _) => wanted,
            (None, Stores::Only(stores)) => stores.clone(),
            (None, Stores::All) => {
                return Err(Failure::Forbidden(
                    "Notifications of all stores take the scope notifications:write.",
                ));
            }
        });
        let stores = filter.stores.iter().flatten();
        if !stores.into_iter().all(|it| caller.may_read_notifications(*it)) {
            return Err(Failure::Forbidden("This token may not see these notifications."));
        }
    }
    let mut tx = app.db.read().await?;
    let Page { rows, next } = store::notifications::list(&mut tx, &filter, page).await?;
    Ok(Page { rows: told(&mut tx, rows).await?, next })
}

/// One notification.
pub async fn read(app: &App, caller: &Caller, id: NotificationId) -> Result<Told, Failure> {
    let mut tx = app.db.read().await?;
    let row = store::notifications::get(&mut tx, id).await?;
    let seen = row.into_iter().filter(|it| may_see(caller, it)).collect();
    told(&mut tx, seen).await?.pop().ok_or(Failure::NoSuch("notification"))
}

fn may_see(caller: &Caller, row: &Notification) -> bool {
    caller.may_see_to_messages() || row.store_id.is_some_and(|it| caller.may_read_notifications(it))
}

/// Sends a notification once more that was not sent, or of which nobody knows whether it was. It is somebody's decision: the person may
/// get it twice.
pub async fn retry(app: &App, caller: &Caller, id: NotificationId) -> Result<(), Failure> {
    let row = read(app, caller, id).await?.notification;
    let may = caller.may_see_to_messages()
        || row.store_id.is_some_and(|it| caller.may_change_notifications(it));
    if !may {
        return Err(Failure::Forbidden("This takes the scope notifications:write."));
    }
    let now = app.clock.now();
    let answer = || clock::after(now, ANSWER_WORTH);
    let worth = row.rule.as_ref().map_or_else(answer, |it: &NotifyRule| it.worthless_at(now));
    let mut tx = app.db.begin().await?;
    if store::notifications::retry(&mut tx, id, now, worth).await? {
        tx.commit().await?;
        return Ok(());
    }
    Err(Failure::Taken(match row.state {
        NotificationState::NoConsent => "The person has not agreed to it.".to_owned(),
        NotificationState::Superseded => "There was something newer to say.".to_owned(),
        state => format!("It is {state}."),
    }))
}
