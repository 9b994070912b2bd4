//! A stand-in for WhatsApp's Cloud API, over real sockets: it takes messages as Meta documents it, keeps Meta's limits, makes trouble on
//! demand, reports signed receipts late and in any order, and counts what each phone has received.

mod notes;
mod reports;

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
use rand::{SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::mpsc, task::JoinSet};

use self::notes::{Notes, Outcome};
pub use self::reports::{change, deliver, inbound, receipt};

/// Reports that wait for somebody to want them; what is beyond is not reported.
const MOST_REPORTS: usize = 100_000;

/// The number that messages come from.
pub const NUMBER: &str = "106540352242922";
/// What it takes to send.
pub const TOKEN: &str = "the-token-of-the-cloud-api";
/// What signs its reports.
pub const APP_SECRET: &str = "the app secret of the tests";

/// The API.
pub struct CloudApi {
    address: String,
    desk: Desk,
    /// What it has to report, until somebody wants to hear it.
    reports: Mutex<Option<mpsc::Receiver<Taken>>>,
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
    taken: mpsc::Sender<Taken>,
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
        let (taken, reports) = mpsc::channel(MOST_REPORTS);
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
            desk.taken.try_send(taken).ok();
            match how {
                Some(Trouble::LostReply) => std::future::pending().await,
                Some(Trouble::TakenBadGateway) => StatusCode::BAD_GATEWAY.into_response(),
                _ => answer,
            }
        }
        (Outcome::Taken(_), None) => unreachable!("it was just taken"),
    }
}

fn refuse(code: u64, status: u16) -> Response {
    let error = json!({"error": {"message": format!("(#{code}) the stand-in said no"), "code": code,
        "type": "OAuthException", "error_data": {"messaging_product": "whatsapp",
        "details": "the stand-in said no"}, "fbtrace_id": "A"}});
    (StatusCode::from_u16(status).unwrap(), Json(error)).into_response()
}
