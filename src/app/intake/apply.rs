//! Stored calls are understood and applied, many in one transaction. Nothing is ever answered to the partner from here.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use metrics::counter;

use crate::{
    app::{
        App, Failure, ORDER,
        ledger::{self, Entry, Testimony},
    },
    base::backoff::Backoff,
    domain::{Actor, ActorKind, Change, InboxId, Merged, News, Order, OrderId},
    partners,
    store::{
        self, Tx,
        inbox::{Call, CallState, Settled},
        mappings,
    },
    telemetry::metric,
};

/// The first delay before a call that failed is tried again; it doubles up to the second.
const FIRST_DELAY: Duration = Duration::from_millis(500);
const LONGEST_DELAY: Duration = Duration::from_mins(5);

/// How long a call waits for its order before it looks again by itself: the order may be placed while the call is being parked.
const FIRST_LOOK: Duration = Duration::from_secs(30);
const RAREST_LOOK: Duration = Duration::from_hours(6);

/// Applies the calls that are due; answers how many there were.
///
/// When a batch fails for a reason of its own, its calls are tried one by one, so that a bad one cannot hold the others up.
pub async fn step(app: &App) -> Result<usize, Failure> {
    match attempt(app, app.config.workers.intake_batch).await {
        Ok(calls) => Ok(calls),
        Err(Setback { cause, .. }) if is_the_store(&cause) => Err(cause),
        Err(setback) => one_by_one(app, setback.calls.len()).await,
    }
}

/// A batch that failed, with the calls in it.
struct Setback {
    calls: Vec<(InboxId, u32)>,
    cause: Failure,
}

fn is_the_store(cause: &Failure) -> bool {
    matches!(cause, Failure::Store(error) if error.is_unavailable() || error.is_retryable())
}

async fn one_by_one(app: &App, count: usize) -> Result<usize, Failure> {
    for _ in 0..count {
        match attempt(app, 1).await {
            Ok(_) => {}
            Err(Setback { cause, .. }) if is_the_store(&cause) => return Err(cause),
            Err(setback) => put_off(app, setback).await?,
        }
    }
    Ok(count)
}

/// Tries a call again later, or gives it up.
async fn put_off(app: &App, setback: Setback) -> Result<(), Failure> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    for (id, attempts) in setback.calls {
        let attempts = attempts + 1;
        let note = setback.cause.to_string();
        tracing::error!(inbox.id = %id, attempts, "a partner's call cannot be applied: {note}");
        if app.config.workers.intake_attempts <= attempts {
            let dead = Settled { note: Some(note), ..settled(id, CallState::Dead, "failed", now) };
            store::inbox::settle(&mut tx, &[dead]).await?;
            continue;
        }
        let delay = Backoff::after(FIRST_DELAY, LONGEST_DELAY, attempts).next_delay(&app.mint);
        let at = now.saturating_add(delay).unwrap_or(now);
        store::inbox::postpone(&mut tx, id, attempts, at, &note).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Applies at most `limit` calls in one transaction.
async fn attempt(app: &App, limit: u32) -> Result<usize, Setback> {
    let mut calls = Vec::new();
    let applied = async {
        let mut tx = app.db.begin().await?;
        let due = store::inbox::claim(&mut tx, app.clock.now(), limit).await?;
        calls = due.iter().map(|it| (it.id, it.attempts)).collect();
        if due.is_empty() {
            return Ok(());
        }
        let batch = Batch::load(&mut tx, &due).await?;
        let (entries, settled) = batch.apply(app, &due)?;
        let appends: Vec<_> = entries.iter().map(Entry::append).collect();
        store::orders::append_all(&mut tx, &appends).await?;
        store::inbox::settle(&mut tx, &settled).await?;
        tx.commit().await?;
        count(&due, &settled);
        for entry in entries {
            app.cache.put_local(&Arc::new(entry.order)).await;
        }
        Ok(())
    };
    match applied.await {
        Ok(()) => Ok(calls.len()),
        Err(cause) => Err(Setback { calls, cause }),
    }
}

/// The orders that a batch of calls is about, locked.
struct Batch {
    orders: BTreeMap<OrderId, Order>,
    /// Our order by the partner and the partner's name for it.
    mapped: HashMap<(String, String), OrderId>,
}

impl Batch {
    async fn load(tx: &mut Tx, calls: &[Call]) -> Result<Self, Failure> {
        let mut wanted: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        let mut ids = BTreeSet::new();
        for call in calls {
            for news in read(call).unwrap_or_default() {
                ids.extend(news.order_id);
                let names = wanted.entry(&call.partner).or_default();
                names.extend(news.external_id);
            }
        }
        let mut mapped = HashMap::new();
        for (partner, names) in wanted {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            for (name, id) in mappings::resolve(tx, partner, ORDER, &names).await? {
                let id = OrderId::from_uuid(id);
                ids.insert(id);
                mapped.insert((partner.to_owned(), name), id);
            }
        }
        let ids: Vec<_> = ids.into_iter().collect();
        let orders = store::orders::lock(tx, &ids).await?;
        Ok(Self { orders: orders.into_iter().map(|it| (it.id, it)).collect(), mapped })
    }

    /// What is to be written for each order, and what became of each call.
    fn apply(mut self, app: &App, calls: &[Call]) -> Result<(Vec<Entry>, Vec<Settled>), Failure> {
        let now = app.clock.now();
        let mut entries: BTreeMap<OrderId, Entry> = BTreeMap::new();
        let mut outcomes = Vec::with_capacity(calls.len());
        for call in calls {
            let news = match read(call) {
                Ok(news) => news,
                Err(note) => {
                    let unreadable = settled(call.id, CallState::Done, "unreadable", now);
                    outcomes.push(Settled { note: Some(note), ..unreadable });
                    continue;
                }
            };
            let mut outcome = settled(call.id, CallState::Done, Merged::Ignored.as_str(), now);
            for (at, news) in news.into_iter().enumerate() {
                let next = self.apply_one(app, call, news, &mut entries, now)?;
                // Of a call with several reports, the one that did something says most.
                if at == 0 || next.outcome.as_deref() == Some(Merged::Applied.as_str()) {
                    outcome = next;
                }
            }
            outcomes.push(outcome);
        }
        Ok((entries.into_values().collect(), outcomes))
    }

    fn apply_one(
        &mut self,
        app: &App,
        call: &Call,
        news: News,
        entries: &mut BTreeMap<OrderId, Entry>,
        now: Timestamp,
    ) -> Result<Settled, Failure> {
        let note = word(&news);
        let id = self.order_of(call, &news);
        let Some(order) = id.and_then(|it| self.orders.get(&it)) else {
            let state = if news.names_an_order() { CallState::Parked } else { CallState::Done };
            let outcome = if state == CallState::Parked { "unknown_order" } else { "ignored" };
            let mut looks = Backoff::after(FIRST_LOOK, RAREST_LOOK, call.attempts);
            let look_at = now.saturating_add(looks.next_delay(&app.mint)).unwrap_or(now);
            let retry_at = (state == CallState::Parked).then_some(look_at);
            let external_id = news.external_id;
            return Ok(Settled {
                external_id,
                note,
                retry_at,
                ..settled(call.id, state, outcome, now)
            });
        };
        let before = order.clone();
        let id = before.id;
        let mut change = Change::of(before.clone(), now);
        let merged = change.merge(news.report);
        let facts = change.into_facts();
        if !facts.is_empty() {
            let actor = Actor::new(ActorKind::Partner, &call.partner);
            let testimony = Testimony { actor, occurred_at: news.occurred_at };
            let entry = ledger::entry(app, Some(before), facts, &testimony, now)?;
            self.orders.insert(id, entry.order.clone());
            match entries.get_mut(&id) {
                Some(known) => known.extend(entry),
                None => drop(entries.insert(id, entry)),
            }
        }
        let order_id = Some(id);
        let external_id = news.external_id;
        let outcome = settled(call.id, CallState::Done, merged.as_str(), now);
        Ok(Settled { order_id, external_id, note, ..outcome })
    }

    fn order_of(&self, call: &Call, news: &News) -> Option<OrderId> {
        news.order_id.or_else(|| {
            let name = news.external_id.clone()?;
            self.mapped.get(&(call.partner.clone(), name)).copied()
        })
    }
}

fn read(call: &Call) -> Result<Vec<News>, String> {
    let partner = partners::find(&call.partner).ok_or("this partner is no longer known")?;
    partner.inbound.read(&call.body).map_err(|it| it.to_string())
}

/// The partner's own word, where ours do not cover it.
fn word(news: &News) -> Option<String> {
    use crate::domain::Report;
    match &news.report {
        Report::Unknown { word } | Report::Nothing { word } => Some(word.clone()),
        Report::Order { .. } | Report::Delivery { .. } => None,
    }
}

fn settled(id: InboxId, state: CallState, outcome: &str, at: Timestamp) -> Settled {
    Settled {
        id,
        state,
        outcome: Some(outcome.to_owned()),
        order_id: None,
        external_id: None,
        note: None,
        at,
        retry_at: None,
    }
}

fn count(calls: &[Call], settled: &[Settled]) {
    for (call, settled) in calls.iter().zip(settled) {
        let outcome = settled.outcome.clone().unwrap_or_default();
        let partner = call.partner.clone();
        counter!(metric::INTAKE_SETTLED, "partner" => partner, "outcome" => outcome).increment(1);
    }
}
