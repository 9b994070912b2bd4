//! One way to make a request: pooled connections, time-outs, bounded answers.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use reqwest::{Response, redirect};

use crate::{
    base::clock::Clock,
    outbound::{Answer, Body, Exchange, Guard, Request, Verdict, guard::NotPublic},
};

/// How long connections stay open that nobody uses.
const IDLE_FOR: Duration = Duration::from_mins(1);

/// What a request may take.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How long a host may take to take a connection.
    pub connect_timeout: Duration,
    /// How long a request may take in all.
    pub timeout: Duration,
    /// What is read of an answer, in bytes.
    pub answer_bytes: usize,
    /// Connections that stay open to one host while nobody uses them.
    pub idle_connections: usize,
}

/// Makes requests.
pub struct Http {
    http: reqwest::Client,
    guard: Option<Guard>,
    clock: Clock,
    answer_bytes: usize,
}

/// The client cannot be made. For the operator.
#[derive(Debug, thiserror::Error)]
#[error("cannot make an HTTP client: {0}")]
pub struct Unusable(#[from] reqwest::Error);

impl Http {
    /// Without a proxy, and following nobody who sends us elsewhere: our secrets are for whom they are for. With a guard: to nobody
    /// whom it does not allow.
    pub fn new(bounds: &Bounds, clock: Clock, guard: Option<Guard>) -> Result<Self, Unusable> {
        let mut http = reqwest::Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .connect_timeout(bounds.connect_timeout)
            .timeout(bounds.timeout)
            .pool_max_idle_per_host(bounds.idle_connections)
            .pool_idle_timeout(IDLE_FOR)
            .user_agent(concat!("orderwire/", env!("CARGO_PKG_VERSION")));
        if let Some(guard) = &guard {
            http = http.dns_resolver(guard.clone());
        }
        let (http, answer_bytes) = (http.build()?, bounds.answer_bytes);
        Ok(Self { http, guard, clock, answer_bytes })
    }

    /// Whom it may ask, where that is not everybody.
    pub const fn guard(&self) -> Option<&Guard> {
        self.guard.as_ref()
    }

    /// Makes a request once.
    pub async fn make(&self, request: Request) -> Exchange {
        let at = self.clock.now();
        let began = Instant::now();
        let asked = self.ask(&request).await;
        let never_left = asked.as_ref().is_err_and(|it| it.never_left);
        let answer = asked.map_err(|it| it.why);
        let took = began.elapsed();
        let verdict = match &answer {
            Ok(answer) => Verdict::of(answer.status, &answer.headers, self.clock.now()),
            Err(_) => Verdict::Again { not_before: None },
        };
        Exchange { request, at, took, answer, never_left, verdict }
    }

    async fn ask(&self, request: &Request) -> Result<Answer, Silence> {
        // A resolver is not asked about what needs no resolving.
        if let Some(guard) = &self.guard {
            let refused = |it: NotPublic| Silence { why: it.to_string(), never_left: true };
            guard.check(&request.url).map_err(refused)?;
        }
        let url = request.url.clone();
        let mut asked =
            self.http.request(request.method.clone(), url).headers(request.headers.clone());
        if let Body::Plain(body) | Body::Secret(body) = &request.body {
            asked = asked.body(body.clone());
        }
        let response = asked.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = read(response, self.answer_bytes).await?;
        Ok(Answer { status, headers, body })
    }
}

/// Nothing was answered.
struct Silence {
    why: String,
    never_left: bool,
}

impl From<reqwest::Error> for Silence {
    fn from(error: reqwest::Error) -> Self {
        let never_left = error.is_connect();
        // Without the address: a query may hold what is nobody's business.
        Self { why: plain(&error.without_url()), never_left }
    }
}

/// At most `most` bytes of the body. The connection of one that is longer is given up.
async fn read(mut response: Response, most: usize) -> reqwest::Result<Bytes> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await? {
        let room = most - body.len();
        body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if body.len() == most {
            break;
        }
    }
    Ok(body.freeze())
}

/// What went wrong, down to its first cause.
fn plain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}
