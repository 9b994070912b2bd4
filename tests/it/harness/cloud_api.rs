//! A stand-in for WhatsApp's Cloud API, over real sockets: it takes messages as Meta documents it, keeps Meta's limits, makes trouble on
//! demand, reports signed receipts late and in any order, and counts what each phone has received.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use jiff::Timestamp;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::harness::{
    client::{Client, try_answer},
    third_party::Written,
    webhooks::{Signer, mac},
};

/// The number that messages come from.
pub const NUMBER: &str = "106540352242922";
/// What it takes to send.
pub const TOKEN: &str = "the-token-of-the-cloud-api";
/// What signs its reports.
pub const APP_SECRET: &str = "the app secret of the tests";

/// How often a report is tried again that nobody took.
const AGAIN: Duration = Duration::from_millis(50);

/// The API.
pub struct CloudApi {
    address: String,
    desk: Desk,
    /// What it has to report, until somebody wants to hear it.
    reports: Mutex<Option<mpsc::UnboundedReceiver<Taken>>>,
    _serving: JoinSet<()>,
}

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It is refused with this code, which travels with this status.
    Code(u64, u16),
    /// It is refused by something in front of the API: a status and no JSON.
    Gateway(u16),
    /// It is taken, and the reply is lost.
    LostReply,
    /// It is taken, and something in front of the API answers with 502.
    TakenBadGateway,
    /// It is lost on the way, and there is no reply.
    LostRequest,
    /// It is taken, and reported as failed with this code.
    FailsLater(u64),
}

/// The limits that it keeps.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Messages within any second.
    pub per_second: usize,
    /// From one message to the same person to the next.
    pub pair: Duration,
}

/// A message that it took.
#[derive(Clone, Debug)]
pub struct Taken {
    /// To whom, with a plus.
    pub to: String,
    /// Our name for it.
    pub ours: String,
    /// Its name for it.
    pub wamid: String,
    /// The template, or the plain words.
    pub what: String,
    /// The language, of a template.
    pub language: String,
    /// What stands in its places.
    pub parameters: Vec<String>,
    /// When, by the machine's clock.
    pub at: Timestamp,
    /// The code with which it will be reported as failed.
    pub fails: Option<u64>,
}

#[derive(Clone)]
struct Desk {
    notes: Arc<Mutex<Notes>>,
    taken: mpsc::UnboundedSender<Taken>,
}

struct Notes {
    taken: Vec<Taken>,
    requests: usize,
    script: VecDeque<Trouble>,
    /// Trouble by chance: how likely, and which.
    chance: Option<(StdRng, f64, Vec<Trouble>)>,
    limits: Limits,
    lately: VecDeque<Instant>,
    last_to: HashMap<String, Instant>,
    /// How often each code was answered.
    refused: BTreeMap<u64, usize>,
}

impl CloudApi {
    /// Without limits and trouble, and nobody to report to.
    pub async fn spawn() -> Self {
        Self::with(Limits { per_second: usize::MAX, pair: Duration::ZERO }).await
    }

    /// With limits.
    pub async fn with(limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (taken, reports) = mpsc::unbounded_channel();
        let notes = Notes {
            taken: Vec::new(),
            requests: 0,
            script: VecDeque::new(),
            chance: None,
            limits,
            lately: VecDeque::new(),
            last_to: HashMap::new(),
            refused: BTreeMap::new(),
        };
        let desk = Desk { notes: Arc::new(Mutex::new(notes)), taken };
        let router =
            Router::new().route("/v24.0/{number}/messages", post(take)).with_state(desk.clone());
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, desk, reports: Mutex::new(Some(reports)), _serving: serving }
    }

    /// `http://` and its address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What happens to the next requests.
    pub fn script(&self, troubles: &[Trouble]) {
        self.notes().script.extend(troubles);
    }

    /// From now on trouble comes by chance.
    pub fn make_trouble(&self, seed: u64, likely: f64, troubles: &[Trouble]) {
        self.notes().chance = Some((StdRng::seed_from_u64(seed), likely, troubles.to_vec()));
    }

    /// What it has taken so far.
    pub fn taken(&self) -> Vec<Taken> {
        self.notes().taken.clone()
    }

    /// Requests that reached it.
    pub fn requests(&self) -> usize {
        self.notes().requests
    }

    /// How often it has answered with each code.
    pub fn refused(&self) -> BTreeMap<u64, usize> {
        self.notes().refused.clone()
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.desk.notes.lock().unwrap()
    }

    /// From now on it reports what becomes of messages: `sent`, `delivered` and `read`, or `failed`; some late, some twice, in any order.
    /// Reports that nobody takes are made again, as Meta does.
    pub fn report_to(&self, client: &Client, seed: u64) -> JoinSet<()> {
        let mut reports = self.reports.lock().unwrap().take().unwrap();
        let client = client.clone();
        let mut rng = StdRng::seed_from_u64(seed);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut under_way = JoinSet::new();
            while let Some(taken) = reports.recv().await {
                for (after, status) in plan(&mut rng, taken.fails.is_some()) {
                    let (client, body) = (client.clone(), receipt(&taken, status));
                    under_way.spawn(async move {
                        sleep(after).await;
                        deliver(&client, &body).await;
                    });
                }
                while under_way.try_join_next().is_some() {}
            }
        });
        tasks
    }
}

/// When which statuses are reported.
fn plan(rng: &mut StdRng, fails: bool) -> Vec<(Duration, &'static str)> {
    let mut statuses = if fails { vec!["failed"] } else { vec!["sent", "delivered", "read"] };
    if rng.random_bool(0.2) {
        statuses.shuffle(rng);
    }
    if rng.random_bool(0.1) {
        statuses.push(statuses[0]);
    }
    let after = |rng: &mut StdRng, at: usize| {
        let late = if rng.random_bool(0.1) { 1500 } else { 40 };
        Duration::from_millis(rng.random_range(0..late) + 20 * at as u64)
    };
    statuses.into_iter().enumerate().map(|(at, it)| (after(rng, at), it)).collect()
}

/// What it says of a message.
pub fn receipt(taken: &Taken, status: &str) -> Value {
    let mut said = json!({
        "id": taken.wamid, "status": status, "timestamp": taken.at.as_second().to_string(),
        "recipient_id": taken.to.trim_start_matches('+'), "biz_opaque_callback_data": taken.ours,
        "pricing": {"billable": true, "pricing_model": "PMP", "type": "regular", "category": "utility"},
    });
    if status == "failed" {
        let code = taken.fails.unwrap_or(131_026);
        said["errors"] = json!([{"code": code, "title": "Message undeliverable",
            "error_data": {"details": "the stand-in said so"}}]);
    }
    change("messages", &json!({"messaging_product": "whatsapp", "statuses": [said]}))
}

/// Somebody writes to us.
pub fn inbound(from: &str, wamid: &str, text: &str, at: Timestamp) -> Value {
    let message = json!({"from": from.trim_start_matches('+'), "id": wamid, "type": "text",
        "timestamp": at.as_second().to_string(), "text": {"body": text}});
    change("messages", &json!({"messaging_product": "whatsapp", "messages": [message]}))
}

/// One change of one field, as it is reported.
pub fn change(field: &str, value: &Value) -> Value {
    json!({"object": "whatsapp_business_account", "entry": [
        {"id": "102290129340398", "changes": [{"field": field, "value": value}]},
    ]})
}

/// Makes a signed report, until somebody takes it.
pub async fn deliver(client: &Client, body: &Value) {
    let body = body.to_string().into_bytes();
    let signature = mac(APP_SECRET.as_bytes(), &body, Written::Hex, Signer::InProcess);
    loop {
        let report = client
            .request(Method::POST, "/v1/webhooks/whatsapp")
            .header("content-type", "application/json")
            .header("x-hub-signature-256", format!("sha256={signature}"))
            .body(body.clone());
        match try_answer(report).await {
            Ok(it) if it.status == 200 => return,
            Ok(it) if it.status < 500 => panic!("a report was refused: {it:?}"),
            _ => sleep(AGAIN).await,
        }
    }
}

async fn take(
    State(desk): State<Desk>,
    Path(number): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    if bearer != Some(&format!("Bearer {TOKEN}")) || number != NUMBER {
        return refuse(190, 401);
    }
    let body: Value = serde_json::from_slice(&body).unwrap();
    let (outcome, taken) = {
        let mut notes = desk.notes.lock().unwrap();
        let outcome = notes.judge(&body);
        let taken = notes.taken.last().cloned();
        if let Outcome::Refused(code, _) = outcome {
            *notes.refused.entry(code).or_default() += 1;
        }
        (outcome, taken)
    };
    let reply = |taken: &Taken| {
        let id = taken.to.trim_start_matches('+');
        Json(json!({"messaging_product": "whatsapp", "contacts": [{"input": id, "wa_id": id}],
            "messages": [{"id": taken.wamid, "message_status": "accepted"}]}))
        .into_response()
    };
    match (outcome, taken) {
        (Outcome::Refused(code, status), _) => refuse(code, status),
        (Outcome::Gateway(status), _) => StatusCode::from_u16(status).unwrap().into_response(),
        (Outcome::Nothing, _) => std::future::pending().await,
        (Outcome::Taken(how), Some(taken)) => {
            let answer = reply(&taken);
            desk.taken.send(taken).ok();
            match how {
                Some(Trouble::LostReply) => std::future::pending().await,
                Some(Trouble::TakenBadGateway) => StatusCode::BAD_GATEWAY.into_response(),
                _ => answer,
            }
        }
        (Outcome::Taken(_), None) => unreachable!("it was just taken"),
    }
}

enum Outcome {
    Refused(u64, u16),
    Gateway(u16),
    Nothing,
    Taken(Option<Trouble>),
}

fn refuse(code: u64, status: u16) -> Response {
    let error = json!({"error": {"message": format!("(#{code}) the stand-in said no"), "code": code,
        "type": "OAuthException", "error_data": {"messaging_product": "whatsapp",
        "details": "the stand-in said no"}, "fbtrace_id": "A"}});
    (StatusCode::from_u16(status).unwrap(), Json(error)).into_response()
}

impl Notes {
    fn judge(&mut self, body: &Value) -> Outcome {
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
            at: Timestamp::now(),
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
