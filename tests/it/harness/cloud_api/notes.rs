//! What the stand-in knows: what it has taken, the limits that it keeps, and the trouble that it makes.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::Duration,
};

use rand::{Rng, rngs::StdRng};
use serde_json::Value;
use tokio::time::Instant;

use orderwire::base::clock::Clock;

use crate::harness::cloud_api::{Limits, Taken, Trouble};

/// All that it knows.
pub struct Notes {
    pub taken: Vec<Taken>,
    pub requests: usize,
    pub script: VecDeque<Trouble>,
    /// Trouble by chance: how likely, and which.
    pub chance: Option<(StdRng, f64, Vec<Trouble>)>,
    pub limits: Limits,
    pub lately: VecDeque<Instant>,
    pub last_to: HashMap<String, Instant>,
    /// How often each code was answered.
    pub refused: BTreeMap<u64, usize>,
}

/// What becomes of a request.
pub enum Outcome {
    Refused(u64, u16),
    Gateway(u16),
    Nothing,
    Taken(Option<Trouble>),
}

impl Notes {
    /// Takes a message, or says why not.
    pub fn judge(&mut self, body: &Value) -> Outcome {
        self.requests += 1;
        let trouble = self.trouble();
        match trouble {
            Some(Trouble::Code(code, status)) => return Outcome::Refused(code, status),
            Some(Trouble::Gateway(status)) => return Outcome::Gateway(status),
            Some(Trouble::LostRequest) => return Outcome::Nothing,
            _ => {}
        }
        let text =
            |at: &str| body.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned();
        let to = format!("+{}", text("/to"));
        let parameters: Vec<_> = body
            .pointer("/template/components/0/parameters")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .map(|it| it["text"].as_str().unwrap_or_default().to_owned())
            .collect();
        if body["type"] == "template"
            && parameters.iter().any(|it| it.trim().is_empty() || it.contains('\n'))
        {
            return Outcome::Refused(132_000, 400);
        }
        if let Some(code) = self.over_limit(&to) {
            return Outcome::Refused(code, 400);
        }
        let what = match body["type"].as_str() {
            Some("template") => text("/template/name"),
            _ => text("/text/body"),
        };
        self.taken.push(Taken {
            wamid: format!("wamid.{}", self.taken.len()),
            ours: text("/biz_opaque_callback_data"),
            language: text("/template/language/code"),
            what,
            parameters,
            to,
            at: Clock::System.now(),
            fails: match trouble {
                Some(Trouble::FailsLater(code)) => Some(code),
                _ => None,
            },
        });
        Outcome::Taken(trouble)
    }

    fn trouble(&mut self) -> Option<Trouble> {
        if let Some(trouble) = self.script.pop_front() {
            return Some(trouble);
        }
        let (rng, likely, troubles) = self.chance.as_mut()?;
        rng.random_bool(*likely).then(|| troubles[rng.random_range(0..troubles.len())])
    }

    fn over_limit(&mut self, to: &str) -> Option<u64> {
        let now = Instant::now();
        let second = Duration::from_secs(1);
        while self.lately.front().is_some_and(|it| second <= now - *it) {
            self.lately.pop_front();
        }
        if self.limits.per_second <= self.lately.len() {
            return Some(130_429);
        }
        // A tenth is for clocks that do not tick alike, and for the way here.
        let pair = self.limits.pair.mul_f64(0.9);
        if self.last_to.get(to).is_some_and(|it| now - *it < pair) {
            return Some(131_056);
        }
        self.lately.push_back(now);
        self.last_to.insert(to.to_owned(), now);
        None
    }
}
