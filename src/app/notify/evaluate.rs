//! Looks at notifications that are due: what becomes of each, by what is known of its order, its store and its person.

use jiff::Timestamp;

use crate::{
    app::{
        App, Failure, batch,
        notify::{
            decide::{Known, Verdict, decide},
            facts::{Facts, consent, facts},
            wording,
        },
        tracking,
    },
    domain::{Audience, NotificationState, Trouble},
    store::notifications::Notification,
};

/// What becomes of rows, as far as it does not depend on others. One whose order or store cannot be read fails alone.
pub async fn evaluate(
    app: &App,
    rows: Vec<Notification>,
    now: Timestamp,
) -> Result<Vec<(Notification, Verdict)>, Failure> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let looked = batch::isolate(&rows, |part| async move {
        let facts = facts(app, part).await?;
        Ok(part.iter().map(|row| Ok(look(app, &facts, row.clone(), now))).collect())
    });
    let unreadable = |(row, looked): (Notification, Result<_, Failure>)| {
        looked.unwrap_or_else(|failure| {
            tracing::error!(notification.id = %row.id, "what a message is about cannot be read: {failure}");
            let why = Trouble::new("unreadable", "its order or its store cannot be read");
            let state = NotificationState::Failed;
            (row, Verdict::End { state, why, fall_back: false })
        })
    };
    let looked = looked.await?;
    Ok(rows.into_iter().zip(looked).map(unreadable).collect())
}

/// What becomes of one row, as far as it does not depend on others.
fn look(app: &App, facts: &Facts, row: Notification, now: Timestamp) -> (Notification, Verdict) {
    let order = row.order_id.and_then(|it| facts.orders.get(&it));
    let stored = row.store_id.and_then(|it| facts.stores.get(&it));
    let known = Known {
        now,
        order,
        store: stored.map(|(store, _)| store),
        quiet: stored.and_then(|(_, rules)| rules.quiet),
        newest: facts.newest.get(&(row.subject.clone(), row.audience)).copied().unwrap_or_default(),
        consent: consent(&facts.standing, &row),
        is_watching: row.audience == Audience::Customer
            && row.order_id.is_some_and(|it| facts.watched.contains(&it)),
        stopped: &facts.stopped,
    };
    let verdict = decide(&row, &known, &app.messaging.catalogue, |template, language| {
        let (Some(order), Some((store, _))) = (order, stored) else {
            return Err(Trouble::new("no_order", "the order or its store is gone"));
        };
        let link = template.button.then(|| tracking::link_to(app, order.id));
        let link = link.as_ref().map(|it| (it.url.as_str(), it.token.as_str()));
        template.word(language, |name| wording::value(name, order, store, language), link)
    });
    let verdict = match verdict {
        Verdict::Send(content) if row.recipient.is_some() => {
            match app.messaging.admit(app, row.channel, now) {
                Ok(()) => Verdict::Send(content),
                Err(until) => Verdict::later(
                    &row,
                    until,
                    now,
                    Trouble::new("account_rests", "the account there cannot be used at present"),
                ),
            }
        }
        other => other,
    };
    (row, verdict)
}
