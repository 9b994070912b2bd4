//! The rules of stores, and the templates.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::{
    app::{App, Detail, Failure, notify::wording, stores::refused_at},
    auth::{Caller, Scope},
    domain::{NotifyRule, NotifyRules, StoreId, is_e164},
    messaging::{Catalogue, Template},
    store::{self, Tx},
};

/// Rules of one store.
const MOST_RULES: usize = 100;
/// The longest delay of a rule, in seconds.
const LONGEST_DELAY: u32 = 3600;

/// The rules that hold at a store: its own, or those of all that have none, and whether they are its own.
pub(in crate::app::notify) async fn in_force(
    app: &App,
    tx: &mut Tx,
    store: StoreId,
) -> Result<(NotifyRules, bool), Failure> {
    let own = store::notify_rules::get(tx, store).await?;
    let is_own = own.is_some();
    Ok((own.unwrap_or_else(|| app.messaging.catalogue.usual_rules().clone()), is_own))
}

/// A store's rules, and whether they are its own.
pub async fn rules_of(
    app: &App,
    caller: &Caller,
    store: StoreId,
) -> Result<(NotifyRules, bool), Failure> {
    if !caller.may_read_notifications(store) {
        let why = "The rules of a store take the scope notifications:write.";
        return Err(refused_at(caller, store, why));
    }
    let mut tx = app.db.read().await?;
    store::stores::get(&mut tx, store).await?.ok_or(Failure::NoSuch("store"))?;
    in_force(app, &mut tx, store).await
}

/// Gives a store rules of its own; `None` takes them away.
pub async fn set_rules(
    app: &App,
    caller: &Caller,
    store: StoreId,
    rules: Option<NotifyRules>,
) -> Result<(), Failure> {
    if !caller.may_change_notifications(store) {
        let why = "This takes a token for the store with the scope notifications:write.";
        return Err(refused_at(caller, store, why));
    }
    let faults = rules.as_ref().map_or_else(Vec::new, |it| faults(&app.messaging.catalogue, it));
    if !faults.is_empty() {
        return Err(Failure::Invalid(faults));
    }
    let mut tx = app.db.begin().await?;
    store::stores::get(&mut tx, store).await?.ok_or(Failure::NoSuch("store"))?;
    match rules {
        Some(rules) => {
            let now = app.clock.now();
            store::notify_rules::put(&mut tx, store, &rules, &caller.actor(), now).await?;
        }
        None => drop(store::notify_rules::remove(&mut tx, store).await?),
    }
    tx.commit().await?;
    Ok(())
}

/// Every fault at once.
pub fn faults(catalogue: &Catalogue, rules: &NotifyRules) -> Vec<Detail> {
    let mut faults = Vec::new();
    if MOST_RULES < rules.rules.len() {
        faults.push(Detail::new("rules", format!("there are at most {MOST_RULES}")));
    }
    if rules.store_phone.as_ref().is_some_and(|it| !is_e164(it)) {
        faults.push(Detail::new("storePhone", "must be in the form +962790000000 (E.164)"));
    }
    if rules.quiet.is_some_and(|it| it.from == it.until) {
        faults.push(Detail::new("quiet", "must end at another time than it begins"));
    }
    for (at, rule) in rules.rules.iter().enumerate() {
        let mut fault = |field: &str, message: String| {
            faults.push(Detail::new(format!("rules[{at}].{field}"), message));
        };
        if !NotifyRule::is_possible(&rule.on) {
            let what = "is a status of an order (`ready`) or of its delivery (`delivery.nearby`)";
            fault("on", what.to_owned());
        }
        if catalogue.get(&rule.template).is_none() {
            let known: Vec<_> = catalogue.all().map(|it| it.name.as_str()).collect();
            fault("template", format!("is one of {}", known.join(", ")));
        }
        if rule.channels.is_empty() {
            fault("channels", "names at least one".to_owned());
        }
        let twice = |(at, it): (usize, &_)| rule.channels.iter().take(at).any(|other| other == it);
        if rule.channels.iter().enumerate().any(twice) {
            fault("channels", "names one twice".to_owned());
        }
        if rule.worth_minutes == 0 || NotifyRule::MOST_MINUTES < rule.worth_minutes {
            fault("worthMinutes", format!("is from 1 to {}", NotifyRule::MOST_MINUTES));
        }
        if rule.delay_seconds.is_some_and(|it| LONGEST_DELAY < it) {
            fault("delaySeconds", format!("is at most {LONGEST_DELAY}"));
        }
    }
    faults
}

/// Whether every place of every template can be filled; names the first that cannot. For the start of the server.
pub fn unknown_parameter(catalogue: &Catalogue) -> Option<String> {
    catalogue.all().find_map(|template| {
        let unknown =
            template.parameters.iter().find(|it| !wording::PARAMETERS.contains(&it.as_str()))?;
        let known = wording::PARAMETERS.join(", ");
        Some(format!(
            "template {}: there is no parameter {unknown}; there are {known}",
            template.name
        ))
    })
}

/// Why a template cannot be used in some language, and since when.
pub type Stops = HashMap<String, (String, Timestamp)>;

/// Every template, with the languages (in the channel's words) in which it cannot be used.
pub async fn templates(app: &App, caller: &Caller) -> Result<Vec<(Template, Stops)>, Failure> {
    caller.require(Scope::NotificationsWrite)?;
    let mut tx = app.db.read().await?;
    let mut stops: HashMap<String, Stops> = HashMap::new();
    for (name, language, reason, at) in store::notify_rules::stopped(&mut tx).await? {
        stops.entry(name).or_default().insert(language, (reason, at));
    }
    let all = app.messaging.catalogue.all();
    Ok(all.map(|it| (it.clone(), stops.remove(&it.name).unwrap_or_default())).collect())
}

/// A template can be used again, in every language: somebody has mended it.
pub async fn release_template(app: &App, caller: &Caller, name: &str) -> Result<(), Failure> {
    let known = templates(app, caller).await?;
    let (_, stops) =
        known.into_iter().find(|(it, _)| it.name == name).ok_or(Failure::NoSuch("template"))?;
    let mut tx = app.db.begin().await?;
    for language in stops.keys() {
        store::notify_rules::release_template(&mut tx, name, language).await?;
    }
    tx.commit().await?;
    Ok(())
}
