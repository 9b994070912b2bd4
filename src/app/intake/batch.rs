//! Calls that are applied together: what they say, and the orders that they are about.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    app::{
        App, Failure,
        intake::{context, stores::Stores},
        ledger::{self, Entry, Testimony},
    },
    domain::{
        Actor, ActorKind, Change, Command, Fact, Merged, News, Order, OrderId, OrderStatus,
        PartnerOrder, PaymentStatus, Report, StoreId,
    },
    store::{
        self, Tx,
        inbox::{
            Call, CallState, Settled,
            outcome::{self, nobodys, parked, settled, unusable},
        },
        mappings::{self, ORDER},
    },
};

/// Calls, and the orders that they are about, locked.
pub struct Batch<'a> {
    calls: Vec<(&'a Call, Result<Vec<News>, String>)>,
    orders: BTreeMap<OrderId, Order>,
    /// Our order by the partner and the partner's name for it.
    mapped: HashMap<(&'a str, String), OrderId>,
    stores: Stores<'a>,
    /// Stores that accept by themselves, of orders that wait for their money.
    accepting: BTreeSet<StoreId>,
    entries: BTreeMap<OrderId, Entry>,
    begun: Vec<(OrderId, Option<Value>)>,
}

/// What is to be written.
pub struct Applied {
    /// For each order.
    pub entries: Vec<Entry>,
    /// For each call.
    pub settled: Vec<Settled>,
    /// Orders that begin, with what their partners want to hear with our answers.
    pub begun: Vec<(Order, Option<Value>)>,
}

impl<'a> Batch<'a> {
    /// Reads what the calls say, and locks their orders.
    pub async fn load(app: &App, tx: &mut Tx, calls: &'a [Call]) -> Result<Self, Failure> {
        let calls: Vec<_> = calls.iter().map(|it| (it, read(app, it))).collect();
        let news = || {
            let all = calls.iter().filter_map(|(call, news)| Some((call, news.as_ref().ok()?)));
            all.flat_map(|(call, news)| news.iter().map(|it| (call.partner.as_str(), it)))
        };
        let mut wanted: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let mut ids = BTreeSet::new();
        for (partner, news) in news() {
            ids.extend(news.order_id);
            wanted.entry(partner).or_default().extend(news.external_id.as_deref());
        }
        let mut mapped = HashMap::new();
        for (partner, names) in wanted {
            let names: Vec<&str> = names.into_iter().collect();
            for (name, id) in mappings::resolve(tx, partner, ORDER, &names).await? {
                let id = OrderId::from_uuid(id);
                ids.insert(id);
                let call = calls.iter().map(|(it, _)| *it).find(|it| it.partner == partner);
                mapped.extend(call.map(|it| ((it.partner.as_str(), name), id)));
            }
        }
        let ids: Vec<_> = ids.into_iter().collect();
        let orders = store::orders::lock(tx, &ids).await?;
        let orders = orders.into_iter().map(|it| (it.id, it)).collect();
        let mut stores = Stores::default();
        for (call, news) in &calls {
            for news in news.iter().flatten() {
                let name = (call.partner.as_str(), news.external_id.clone().unwrap_or_default());
                if let Report::Placed(order) = &news.report
                    && !mapped.contains_key(&name)
                {
                    stores.find(tx, &call.partner, order).await?;
                }
            }
        }
        let accepting = accepting(tx, &orders).await?;
        Ok(Self {
            calls,
            orders,
            mapped,
            stores,
            accepting,
            entries: BTreeMap::new(),
            begun: Vec::new(),
        })
    }

    /// What is to be written for each order, and what became of each call.
    pub fn apply(mut self, app: &App) -> Result<Applied, Failure> {
        let now = app.clock.now();
        let calls = std::mem::take(&mut self.calls);
        let mut all = Vec::with_capacity(calls.len());
        for (call, news) in calls {
            let news = match news {
                Ok(news) => news,
                Err(note) => {
                    let unreadable = settled(call, CallState::Done, outcome::UNREADABLE);
                    all.push(Settled { note: Some(note), ..unreadable });
                    continue;
                }
            };
            let mut outcome = settled(call, CallState::Done, Merged::Ignored.as_str());
            for (at, news) in news.into_iter().enumerate() {
                let next = self.apply_one(app, call, news, now)?;
                // Of a call with several reports, the one that did something says most.
                if at == 0 || next.outcome.as_deref() == Some(Merged::Applied.as_str()) {
                    outcome = next;
                }
            }
            all.push(outcome);
        }
        let order = |(id, contact)| Some((self.orders.get(&id)?.clone(), contact));
        let begun = self.begun.into_iter().filter_map(order).collect();
        Ok(Applied { entries: self.entries.into_values().collect(), settled: all, begun })
    }

    fn apply_one(
        &mut self,
        app: &App,
        call: &'a Call,
        news: News,
        now: Timestamp,
    ) -> Result<Settled, Failure> {
        let known = self.order_of(call, &news).and_then(|it| self.orders.get(&it));
        let Some(before) = known.cloned() else {
            return match (news.report, news.external_id) {
                (Report::Placed(order), Some(name)) => {
                    let settled = self.begin(app, call, &name, *order, now)?;
                    Ok(Settled { external_id: Some(name), ..settled })
                }
                (report, external_id) => {
                    let names_an_order = external_id.is_some() || news.order_id.is_some();
                    let settled = nobodys(&app.mint, call, names_an_order, now);
                    Ok(Settled { external_id, note: word(&report), ..settled })
                }
            };
        };
        let note = word(&news.report);
        let id = before.id;
        let mut change = Change::of(before.clone(), now);
        let merged = change.merge(news.report);
        let testimony = testimony(call, news.occurred_at);
        let (was, store_id) = (before.status, before.store_id);
        self.record(app, Some(before), change.into_facts(), &testimony, now)?;
        if was == OrderStatus::PendingPayment && self.accepting.contains(&store_id) {
            self.accept(app, id, &by_itself(call), now)?;
        }
        let outcome = settled(call, CallState::Done, merged.as_str());
        Ok(Settled { order_id: Some(id), external_id: news.external_id, note, ..outcome })
    }

    /// A partner's order becomes one of ours.
    fn begin(
        &mut self,
        app: &App,
        call: &'a Call,
        name: &str,
        mut order: PartnerOrder,
        now: Timestamp,
    ) -> Result<Settled, Failure> {
        if order.is_test {
            return Ok(settled(call, CallState::Done, outcome::TEST_ORDER));
        }
        let Some((store, number)) = self.stores.get(&call.partner, &order) else {
            let parked = parked(&app.mint, call, outcome::UNKNOWN_STORE, now);
            return Ok(Settled { note: Some(order.store), ..parked });
        };
        let (contact, is_accepted) = (order.contact.take(), order.is_accepted);
        // From when the partner told us, and not while the order waits for its money: nobody could answer it.
        let is_paid_for = order.payment.status != PaymentStatus::Pending;
        let within = app.partners.accept_within(&call.partner).filter(|_| is_paid_for);
        order.accept_by = order.accept_by.or_else(|| call.received_at.checked_add(within?).ok());
        let is_in_time = order.accept_by.is_none_or(|it| now < it);
        if app.config.orders.max_items < order.items.len() {
            return Ok(unusable(call, format!("it has {} lines", order.items.len())));
        }
        let id = OrderId::from_uuid(app.mint.uuid(now));
        let draft = match order.draft(id, store, (&call.partner, name), number, now) {
            Ok(draft) => draft,
            Err(why) => return Ok(unusable(call, why.to_string())),
        };
        let auto_accept = store.auto_accept;
        let created = vec![Fact::OrderCreated { draft: Box::new(draft) }];
        let testimony = testimony(call, None);
        self.record(app, None, created, &testimony, now)?;
        if is_accepted {
            self.accept(app, id, &testimony, now)?;
        } else if auto_accept && is_in_time {
            self.accept(app, id, &by_itself(call), now)?;
        }
        self.mapped.insert((&call.partner, name.to_owned()), id);
        self.begun.push((id, contact));
        let begun = settled(call, CallState::Done, outcome::BEGUN);
        Ok(Settled { order_id: Some(id), ..begun })
    }

    fn accept(
        &mut self,
        app: &App,
        id: OrderId,
        testimony: &Testimony,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let Some(order) = self.orders.get(&id).cloned() else { return Ok(()) };
        if order.status != OrderStatus::Placed {
            // Not paid yet.
            return Ok(());
        }
        let mut change = Change::of(order.clone(), now);
        change.command(Command::Step { to: OrderStatus::Accepted, reason: None })?;
        self.record(app, Some(order), change.into_facts(), testimony, now)
    }

    fn record(
        &mut self,
        app: &App,
        before: Option<Order>,
        facts: Vec<Fact>,
        testimony: &Testimony,
        now: Timestamp,
    ) -> Result<(), Failure> {
        if facts.is_empty() {
            return Ok(());
        }
        let entry = ledger::entry(app, before, facts, testimony, now)?;
        let id = entry.order.id;
        self.orders.insert(id, entry.order.clone());
        match self.entries.get_mut(&id) {
            Some(known) => known.extend(entry),
            None => drop(self.entries.insert(id, entry)),
        }
        Ok(())
    }

    fn order_of(&self, call: &'a Call, news: &News) -> Option<OrderId> {
        // An id that is not ours may be the partner's mistake; its own name for the order counts then.
        news.order_id.filter(|it| self.orders.contains_key(it)).or_else(|| {
            let name = (call.partner.as_str(), news.external_id.clone()?);
            self.mapped.get(&name).copied()
        })
    }
}

fn read(app: &App, call: &Call) -> Result<Vec<News>, String> {
    let partner = app.partners.find(&call.partner).ok_or("this partner is no longer known")?;
    partner.read(&call.headers, &call.body).map_err(|it| it.to_string())
}

/// The partner's own word, where ours do not cover it.
fn word(report: &Report) -> Option<String> {
    match report {
        Report::Unknown { word } | Report::Nothing { word } => Some(word.clone()),
        Report::Order { .. }
        | Report::Delivery { .. }
        | Report::Placed(_)
        | Report::Payment { .. } => None,
    }
}

fn by_itself(call: &Call) -> Testimony {
    let actor = Actor::new(ActorKind::System, "auto_accept");
    Testimony { actor, occurred_at: None, context: context::of(call) }
}

/// The stores that accept by themselves, among those whose partners' orders wait for their money.
async fn accepting(
    tx: &mut Tx,
    orders: &BTreeMap<OrderId, Order>,
) -> Result<BTreeSet<StoreId>, Failure> {
    let waits = |it: &&Order| it.status == OrderStatus::PendingPayment && it.external_id.is_some();
    let waiting: BTreeSet<_> = orders.values().filter(waits).map(|it| it.store_id).collect();
    let mut accepting = BTreeSet::new();
    for id in waiting {
        let store = store::stores::get(tx, id).await?;
        accepting.extend(store.filter(|it| it.auto_accept).map(|it| it.id));
    }
    Ok(accepting)
}

fn testimony(call: &Call, occurred_at: Option<Timestamp>) -> Testimony {
    let actor = Actor::new(ActorKind::Partner, &call.partner);
    Testimony { actor, occurred_at, context: context::of(call) }
}
