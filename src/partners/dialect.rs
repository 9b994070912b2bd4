//! Reads a partner's call by its definition.

use jiff::Timestamp;
use toml::Spanned;

use crate::{
    domain::{Courier, News, OrderId, Report},
    partners::{
        Kept, Unreadable,
        definition::{Definition, Meaning, Message, Says},
        json,
        place::Document,
        words,
    },
};

/// A call, and the kind of message that it is.
struct Heard<'a> {
    definition: &'a Definition,
    message: &'a Message,
    call: Document<'a>,
    external_id: Option<String>,
    order_id: Option<OrderId>,
}

impl Definition {
    /// What a call says. Words that are not in the tables are news too ([`Report::Unknown`]).
    pub fn news(&self, kept: &Kept, body: &[u8]) -> Result<Vec<News>, Unreadable> {
        let value = json::parse(body)?;
        let call = Document { value: &value, kept };
        let event = if self.event.is_empty() { None } else { Some(call.need(&self.event)?) };
        let fits = |it: &&Message| {
            let mut when = it.when.iter();
            it.when.is_empty() || event.as_ref().is_some_and(|event| when.any(|it| it == event))
        };
        let Some(message) = self.messages.iter().map(Spanned::get_ref).find(fits) else {
            let report = Report::Unknown { word: event.unwrap_or_default() };
            return Ok(vec![News { external_id: None, order_id: None, occurred_at: None, report }]);
        };
        if let Some(reader) = message.reader {
            return reader.read(body);
        }
        let mut external_id = call.word(&message.external_id);
        let ours = |it: &_, pointer: &_| json::word(it, pointer)?.parse().ok();
        let order_id: Option<OrderId> = call.first(&message.order_id, ours);
        if order_id.is_none() && !message.is_of_payments() {
            // Not an id of ours: then it is theirs.
            external_id = external_id.or_else(|| call.word(&message.order_id));
        }
        Heard { definition: self, message, call, external_id, order_id }.news(event.as_ref())
    }
}

impl Heard<'_> {
    fn news(&self, event: Option<&String>) -> Result<Vec<News>, Unreadable> {
        let said = self.message.says.iter().filter_map(|says| {
            let word = if says.at.is_empty() { event.cloned() } else { self.call.word(&says.at) };
            Some((says, word?))
        });
        let news: Vec<_> = said
            .map(|(says, word)| {
                Ok(News {
                    external_id: self.external_id.clone(),
                    order_id: self.order_id,
                    occurred_at: self.occurred_at(&word),
                    report: self.report(says, word)?,
                })
            })
            .collect::<Result<_, _>>()?;
        match (news.is_empty(), self.message.says.first()) {
            (true, Some(says)) => Err(says.at.lacking()),
            _ => Ok(news),
        }
    }

    fn occurred_at(&self, word: &str) -> Option<Timestamp> {
        let Some(log) = &self.message.log else {
            return self.call.first(&self.message.occurred_at, json::moment);
        };
        let entries =
            self.call.value.pointer(&log.at)?.as_array()?.iter().map(|it| self.call.at(it));
        entries
            .filter(|it| it.word(&log.word).as_deref() == Some(word))
            .find_map(|it| it.first(&log.time, json::moment))
    }

    fn report(&self, says: &Says, word: String) -> Result<Report, Unreadable> {
        let Some(meaning) = words::look_up(&says.words, &word) else {
            return Ok(Report::Unknown { word });
        };
        let is_named = self.external_id.is_some() || self.order_id.is_some();
        Ok(match meaning {
            Meaning::Nothing => Report::Nothing { word },
            // Of something that was not paid for an order of ours.
            Meaning::Payment(_) if !is_named => Report::Nothing { word },
            _ if !is_named => {
                let Message { external_id, order_id, .. } = self.message;
                let places = if external_id.is_empty() { order_id } else { external_id };
                return Err(places.lacking());
            }
            Meaning::Order(status) => {
                let reason = self.call.word(&self.message.reason).filter(|_| status.is_unhappy());
                let table = &self.definition.reasons;
                Report::Order { status, reason: reason.map(|it| words::reason(table, it)) }
            }
            Meaning::Delivery(status) => Report::Delivery {
                status,
                courier: self.courier(),
                tracking_url: self.call.first(&self.message.tracking_url, json::link),
            },
            Meaning::Payment(status) => Report::Payment { status },
            Meaning::Placed => {
                let layout = self.definition.order.as_ref();
                // Definitions that say `placed` have a layout: that is checked when they are read.
                let Some(layout) = layout else { return Ok(Report::Nothing { word }) };
                Report::Placed(Box::new(layout.read(self.call)?))
            }
        })
    }

    fn courier(&self) -> Option<Courier> {
        let layout = self.message.courier.as_ref()?;
        let order = self.order_id.map(|it| it.to_string()).or_else(|| self.external_id.clone())?;
        let name = self.call.joined(&layout.name, " ");
        let phone = self.call.first(&layout.phone, json::phone);
        let id = self.call.word(&layout.id);
        words::courier(self.definition.slug.get_ref(), id.as_deref(), &order, (name, phone))
    }
}
