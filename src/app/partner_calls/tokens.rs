//! What partners know us by for a while: asked for once, kept until shortly before its end.

use std::{collections::HashMap, time::Duration};

use jiff::Timestamp;
use parking_lot::Mutex;
use secrecy::SecretString;

use crate::{
    app::App,
    base::{clock, flights::Flights},
    outbound::{Attempt, Exchange, Request},
    partners::outbound::{Token, token},
};

/// A token is not used any more so long before its end; half its life before, if it is a short one.
const MARGIN: Duration = Duration::from_mins(1);

/// The tokens that are known, by the partners' slugs.
#[derive(Default)]
pub struct Tokens {
    known: Mutex<HashMap<String, Known>>,
    asked: Flights<String, Result<SecretString, NoToken>>,
}

#[derive(Clone)]
struct Known {
    text: SecretString,
    until: Timestamp,
}

/// Why there is no token.
#[derive(Clone, Debug)]
pub enum NoToken {
    /// The partner's host is left alone until then.
    Spared(Timestamp),
    /// It gave none.
    Refused {
        /// The answer's status.
        status: Option<u16>,
        /// In words.
        why: String,
    },
}

impl Tokens {
    /// A good token of this partner, which `login` asks for. Those who need one at the same time share one request, which the one
    /// who makes it finds in `log`.
    pub async fn get(
        &self,
        app: &App,
        partner: &str,
        login: Request,
        log: &mut Vec<Exchange>,
    ) -> Result<SecretString, NoToken> {
        if let Some(text) = self.known(partner, app.clock.now()) {
            return Ok(text);
        }
        let ask = || async {
            // Somebody may have asked while we waited for our turn.
            match self.known(partner, app.clock.now()) {
                Some(text) => Ok(text),
                None => self.ask(app, partner, login, log).await,
            }
        };
        self.asked.join(partner.to_owned(), ask).await
    }

    /// The partner does not take this token any more.
    pub fn forget(&self, partner: &str) {
        self.known.lock().remove(partner);
    }

    async fn ask(
        &self,
        app: &App,
        partner: &str,
        login: Request,
        log: &mut Vec<Exchange>,
    ) -> Result<SecretString, NoToken> {
        let exchange = match app.outgoing.client.send(partner, login).await {
            Attempt::Spared(until) => return Err(NoToken::Spared(until)),
            Attempt::Made(exchange) => *exchange,
        };
        let at = exchange.at;
        let found = match &exchange.answer {
            Ok(answer) if answer.status.is_success() => {
                token(&answer.body).ok_or_else(|| NoToken::Refused {
                    status: Some(answer.status.as_u16()),
                    why: "the answer to the login holds no token".to_owned(),
                })
            }
            Ok(answer) => Err(NoToken::Refused {
                status: Some(answer.status.as_u16()),
                why: format!("the login was answered with {}", answer.status),
            }),
            Err(why) => Err(NoToken::Refused { status: None, why: format!("login: {why}") }),
        };
        log.push(exchange);
        let Token { text, life } = found?;
        let good_for = life.saturating_sub(MARGIN.min(life / 2));
        let until = clock::after(at, good_for);
        self.known.lock().insert(partner.to_owned(), Known { text: text.clone(), until });
        Ok(text)
    }

    fn known(&self, partner: &str, now: Timestamp) -> Option<SecretString> {
        self.known.lock().get(partner).filter(|it| now < it.until).map(|it| it.text.clone())
    }
}
