//! What is known when notifications are looked at: their orders and stores, what people have said, and what they are watching.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::{
    app::{App, Failure, notify::rules::in_force},
    domain::{Audience, Decision, NotifyRules, Order, OrderId, Store, StoreId, Version},
    live::Topic,
    store::{self, Tx, consents::Wish, notifications::Notification},
};

/// All that is known of some rows.
pub struct Facts {
    /// By id.
    pub orders: HashMap<OrderId, Order>,
    /// With their rules, by id.
    pub stores: HashMap<StoreId, (Store, NotifyRules)>,
    /// The newest version of which an audience is to be told, by subject.
    pub newest: HashMap<(String, Audience), Version>,
    /// What people have said last.
    pub standing: HashMap<Wish, Decision>,
    /// Orders whose customers are watching.
    pub watched: HashSet<OrderId>,
    /// Templates that cannot be used, with their languages.
    pub stopped: HashSet<(String, String)>,
}

/// Gathers it.
pub async fn facts(app: &App, rows: &[Notification]) -> Result<Facts, Failure> {
    let ids: Vec<_> =
        rows.iter().filter_map(|it| it.order_id).collect::<BTreeSet<_>>().into_iter().collect();
    let mut tx = app.db.read().await?;
    let orders = store::orders::load_all(&mut tx, &ids).await?;
    let mut stores = HashMap::new();
    for id in rows.iter().filter_map(|it| it.store_id).collect::<BTreeSet<_>>() {
        let Some(store) = store::stores::get(&mut tx, id).await? else { continue };
        let (rules, _) = in_force(app, &mut tx, id).await?;
        stores.insert(id, (store, rules));
    }
    let subjects: BTreeSet<_> = rows.iter().map(|it| it.subject.as_str()).collect();
    let subjects: Vec<_> = subjects.into_iter().collect();
    let newest = store::notifications::newest(&mut tx, &subjects).await?;
    let standing = standing(&mut tx, rows).await?;
    let stopped = store::notify_rules::stopped_names(&mut tx).await?;
    drop(tx);
    let watched = watched(app, &orders).await;
    let orders = orders.into_iter().map(|it| (it.id, it)).collect();
    Ok(Facts { orders, stores, newest, standing, watched, stopped })
}

/// What the people of these rows have said last.
pub async fn standing(
    tx: &mut Tx,
    rows: &[Notification],
) -> Result<HashMap<Wish, Decision>, Failure> {
    let phones: BTreeSet<_> = rows.iter().filter_map(|it| it.recipient.as_deref()).collect();
    let phones: Vec<_> = phones.into_iter().collect();
    Ok(store::consents::standing(tx, &phones).await?)
}

/// The orders that their customers are watching, by way of this process or any other.
async fn watched(app: &App, orders: &[Order]) -> HashSet<OrderId> {
    let topics = orders.iter().flat_map(|order| {
        let customer = order.customer.id.as_deref().map(|it| Topic::Customer(it.into()));
        [Some(Topic::Order(order.id)), customer].into_iter().flatten().map(|it| (order.id, it))
    });
    let (here, elsewhere): (Vec<_>, Vec<_>) =
        topics.partition(|(_, topic)| app.hub.is_watched_by_customers(topic));
    let names: Vec<_> = elsewhere.iter().map(|(_, topic)| watched_name(app, topic)).collect();
    let there = app.cache.watched(&names).await;
    let there = elsewhere.iter().zip(there).filter(|(_, is_watched)| *is_watched);
    here.iter().chain(there.map(|(it, _)| it)).map(|(id, _)| *id).collect()
}

/// What a watched topic is called in Redis, which other restaurants may use too: their customers have ids like ours.
pub fn watched_name(app: &App, topic: &Topic) -> String {
    format!("{}:{topic}", app.config.bus.exchange)
}

/// What the person of a row has said last of such messages.
pub fn consent(standing: &HashMap<Wish, Decision>, row: &Notification) -> Option<Decision> {
    let wish = (row.recipient.clone()?, row.channel, row.category);
    standing.get(&wish).copied()
}

/// Holds up erasures of the people of these messages until this unit of work ends, as a message by another channel may be written for
/// them. To be called before any of the rows is locked: an erasure locks the person first.
pub async fn keep_recipients(
    tx: &mut Tx,
    rows: impl Iterator<Item = &Notification>,
) -> Result<(), Failure> {
    let has_another =
        |row: &&Notification| row.rule.as_ref().is_some_and(|rule| !rule.channels.is_empty());
    let phones: BTreeSet<_> =
        rows.filter(has_another).filter_map(|row| row.recipient.as_deref()).collect();
    if !phones.is_empty() {
        store::orders::keep_people(tx, &phones.into_iter().collect::<Vec<_>>()).await?;
    }
    Ok(())
}
