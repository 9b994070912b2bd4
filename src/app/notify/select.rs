//! Events → notifications: by the rules of the store.

use std::{
    collections::{BTreeSet, HashMap, HashSet, hash_map::Entry},
    time::Duration,
};

use jiff::Timestamp;
use metrics::counter;

use crate::{
    app::{
        App, Failure, events,
        notify::{row::blank, rules::in_force},
    },
    base::clock,
    domain::{
        Audience, Category, NotificationState, NotifyRule, NotifyRules, Order, OrderData, StoreId,
        happened,
    },
    store::{self, Tx, notifications::Notification},
    telemetry::metric,
};

/// Writes down who is to be told of these events, in one transaction. Doing it twice has the same effect as once.
///
/// Returns one result per event, in order. After an outer `Err` nothing is written.
pub async fn note(app: &App, bodies: &[&[u8]]) -> Result<Vec<Result<(), Failure>>, Failure> {
    let mut tx = app.db.begin().await?;
    let mut rules = HashMap::new();
    let (mut noted, mut new) = (Vec::with_capacity(bodies.len()), Vec::new());
    for body in bodies {
        noted.push(match select(app, &mut tx, &mut rules, body).await {
            // On PostgreSQL the transaction takes no further statement.
            Err(failure @ Failure::Store(_)) => return Err(failure),
            Err(failure) => Err(failure),
            Ok(selected) => {
                new.extend(selected);
                Ok(())
            }
        });
    }
    leave_out_the_erased(&mut tx, &mut new).await?;
    store::notifications::put(&mut tx, &new).await?;
    tx.commit().await?;
    Ok(noted)
}

/// An event may still know whom the order has forgotten meanwhile.
async fn leave_out_the_erased(tx: &mut Tx, new: &mut Vec<Notification>) -> Result<(), Failure> {
    let customers = || new.iter().filter(|it| it.audience == Audience::Customer);
    let ids: BTreeSet<_> = customers().filter_map(|it| it.order_id).collect();
    if ids.is_empty() {
        return Ok(());
    }
    // Before the orders are read: an erasure between that and the commit would miss the new rows.
    let phones: BTreeSet<_> = customers().filter_map(|it| it.recipient.as_deref()).collect();
    store::orders::keep_people(tx, &phones.into_iter().collect::<Vec<_>>()).await?;
    let ids: Vec<_> = ids.into_iter().collect();
    let orders = store::orders::load_all(tx, &ids).await?;
    let known: HashSet<_> =
        orders.iter().filter(|it| it.customer.phone.is_some()).map(|it| it.id).collect();
    new.retain(|it| {
        it.audience != Audience::Customer || it.order_id.is_some_and(|id| known.contains(&id))
    });
    Ok(())
}

async fn select(
    app: &App,
    tx: &mut Tx,
    known: &mut HashMap<StoreId, NotifyRules>,
    body: &[u8],
) -> Result<Vec<Notification>, Failure> {
    let Some(event) = events::read(body, "notifications")? else { return Ok(Vec::new()) };
    let (Some(on), Some(data)) = (happened(&event), event.data.order()) else {
        return Ok(Vec::new());
    };
    let store = data.store_id;
    if let Entry::Vacant(place) = known.entry(store) {
        let (rules, _) = in_force(app, tx, store).await?;
        place.insert(rules);
    }
    let Some(rules) = known.get(&store) else { return Ok(Vec::new()) };
    let fitting = rules.fitting(&event).into_iter();
    let happened = Happened { at: event.timestamp, data, on: &on };
    Ok(fitting.filter_map(|rule| notification(app, &happened, rules, rule)).collect())
}

/// What happened to an order.
struct Happened<'a> {
    at: Timestamp,
    data: &'a OrderData<Order>,
    /// In the words of rules.
    on: &'a str,
}

/// What a rule asks for; `None` where nobody can be told.
fn notification(
    app: &App,
    happened: &Happened<'_>,
    rules: &NotifyRules,
    rule: &NotifyRule,
) -> Option<Notification> {
    let Happened { at, data, on } = *happened;
    let order = &data.order;
    let (recipient, language) = match rule.audience {
        Audience::Customer => (order.customer.phone.as_ref(), order.customer.language),
        Audience::Store => (rules.store_phone.as_ref(), None),
    };
    let Some(recipient) = recipient else {
        counter!(metric::NOTIFICATIONS_NOBODY, "audience" => rule.audience.as_str()).increment(1);
        return None;
    };
    let channels: Vec<_> = {
        let usable = |it: &&_| app.messaging.carriers.get(**it).is_some();
        rule.channels.iter().filter(usable).copied().collect()
    };
    let left = channels.get(1..).unwrap_or_default();
    // Without a channel that could be used it is written down all the same: somebody should see it.
    let (channel, is_possible) = match channels.first() {
        Some(channel) => (channel, true),
        None => (rule.channels.first()?, false),
    };
    let delay = rule
        .delay_seconds
        .map_or(*app.config.notify.window, |it| Duration::from_secs(u64::from(it)));
    let template = app.messaging.catalogue.get(&rule.template);
    Some(Notification {
        subject: order.id.to_string(),
        event: on.to_owned(),
        audience: rule.audience,
        order_id: Some(order.id),
        order_version: data.order_version,
        store_id: Some(data.store_id),
        language: language.unwrap_or(app.config.notify.language),
        template: Some(rule.template.clone()),
        category: template.map_or(Category::Utility, |it| it.category),
        rule: Some(NotifyRule { channels: left.to_vec(), ..rule.clone() }),
        worthless_at: rule.worthless_at(at),
        next_attempt_at: is_possible.then(|| clock::after(at, delay)),
        state: if is_possible { NotificationState::Queued } else { NotificationState::Failed },
        code: (!is_possible).then(|| "no_channel".to_owned()),
        note: (!is_possible).then(|| "no channel of its rule is configured".to_owned()),
        ..blank(app, recipient, *channel, at)
    })
}
