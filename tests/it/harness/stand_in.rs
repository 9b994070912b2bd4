//! A stand-in for a partner's own server: hears what it is told over real sockets, and answers by a script.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};

use crate::harness::wait::eventually;

/// The token that the stand-in gives out.
pub const TOKEN: &str = "the-token-of-the-stand-in";

/// A partner's server.
pub struct StandIn {
    address: String,
    heard: Desk,
    serving: JoinSet<()>,
}

/// One request that it heard.
#[derive(Clone, Debug)]
pub struct Heard {
    /// `PUT`…
    pub method: Method,
    /// With the query.
    pub path: String,
    /// As they came.
    pub headers: HeaderMap,
    /// As it came.
    pub body: Bytes,
    /// The body as JSON; null when it is none.
    pub json: Value,
}

/// What it answers to the next that it is told.
#[derive(Clone, Copy, Debug)]
pub enum Reply {
    /// This status.
    Status(u16),
    /// 429, and not before so many seconds.
    Wait(u32),
    /// Nothing: the reply is lost.
    Lost,
}

#[derive(Clone, Default)]
struct Desk(Arc<Mutex<Notes>>);

#[derive(Default)]
struct Notes {
    heard: Vec<Heard>,
    logins: usize,
    script: VecDeque<Reply>,
    /// What it answers when it is asked, by the path.
    books: BTreeMap<String, Value>,
    asked: Vec<Heard>,
}

impl StandIn {
    /// One that has an address and does not listen there yet.
    pub async fn away() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        Self { address, heard: Desk::default(), serving: JoinSet::new() }
    }

    /// One that listens, and answers like this before it answers 200 to everything.
    pub async fn spawn(script: &[Reply]) -> Self {
        let mut stand_in = Self::away().await;
        stand_in.desk().script.extend(script);
        stand_in.come().await;
        stand_in
    }

    /// From now on it answers like this before it answers 200 to everything.
    pub fn say(&self, script: &[Reply]) {
        self.desk().script.extend(script);
    }

    /// Begins to listen.
    pub async fn come(&mut self) {
        let listener = TcpListener::bind(&self.address).await.unwrap();
        let router = Router::new().fallback(hear).with_state(self.heard.clone());
        self.serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
    }

    /// `http://` and its address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it was told so far, logins left out.
    pub fn heard(&self) -> Vec<Heard> {
        self.desk().heard.clone()
    }

    /// How often somebody logged in.
    pub fn logins(&self) -> usize {
        self.desk().logins
    }

    /// From now on it answers this to whoever asks there.
    pub fn write_down(&self, path: &str, answer: Value) {
        self.desk().books.insert(path.to_owned(), answer);
    }

    /// What it was asked so far.
    pub fn asked(&self) -> Vec<Heard> {
        self.desk().asked.clone()
    }

    /// Waits until it was told so many things, and answers them.
    pub async fn until(&self, count: usize) -> Vec<Heard> {
        eventually(async || {
            let heard = self.heard();
            if count <= heard.len() { Ok(heard) } else { Err(heard) }
        })
        .await
    }

    fn desk(&self) -> std::sync::MutexGuard<'_, Notes> {
        self.heard.0.lock().unwrap()
    }
}

async fn hear(
    State(desk): State<Desk>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if uri.path().ends_with("/login") || uri.path().ends_with("/token") {
        desk.0.lock().unwrap().logins += 1;
        return axum::Json(json!({"access_token": TOKEN, "expires_in": 1800})).into_response();
    }
    let reply = {
        let mut notes = desk.0.lock().unwrap();
        let json = serde_json::from_slice(&body).unwrap_or_default();
        let heard = Heard { method, path: uri.to_string(), headers, body, json };
        if heard.method == Method::GET {
            let answer = notes.books.get(&heard.path).cloned();
            notes.asked.push(heard);
            return answer.map(axum::Json).ok_or(StatusCode::NOT_FOUND).into_response();
        }
        notes.heard.push(heard);
        notes.script.pop_front()
    };
    match reply {
        None => StatusCode::OK.into_response(),
        Some(Reply::Status(status)) => StatusCode::from_u16(status).unwrap().into_response(),
        Some(Reply::Wait(seconds)) => {
            let headers = [(header::RETRY_AFTER, seconds.to_string())];
            (StatusCode::TOO_MANY_REQUESTS, headers).into_response()
        }
        Some(Reply::Lost) => std::future::pending().await,
    }
}
