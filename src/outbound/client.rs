//! The one client: pooled connections, time-outs, bounded answers, and a breaker for each host.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use dashmap::DashMap;
use jiff::Timestamp;
use metrics::{counter, gauge, histogram};
use reqwest::{Response, redirect};

use crate::{
    base::clock::Clock,
    config,
    outbound::{
        Answer, Attempt, Body, Exchange, Request, Standing, Verdict,
        breaker::{Breaker, Tolerance},
    },
    telemetry::metric,
};

/// Connections that stay open to one host while nobody uses them, and for how long.
const IDLE_CONNECTIONS: usize = 16;
const IDLE_FOR: Duration = Duration::from_mins(1);

/// Hosts that are remembered for having failed. Beyond that those are forgotten that may be asked anyhow.
const MOST_BREAKERS: usize = 1024;

/// Says things to others. Not cloned but shared: its breakers count for everybody.
pub struct Client {
    http: reqwest::Client,
    clock: Clock,
    tolerance: Tolerance,
    answer_bytes: usize,
    /// By whom we deal with, and the host. Only those that have failed.
    breakers: DashMap<(String, String), Breaker>,
}

/// The client cannot be made. For the operator.
#[derive(Debug, thiserror::Error)]
#[error("cannot make an HTTP client: {0}")]
pub struct Unusable(#[from] reqwest::Error);

impl Client {
    /// Without a proxy, and following nobody who sends us elsewhere: our secrets are for whom they are for.
    pub fn new(settings: &config::Outbound, clock: Clock) -> Result<Self, Unusable> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .connect_timeout(*settings.connect_timeout)
            .timeout(*settings.timeout)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .pool_idle_timeout(IDLE_FOR)
            .user_agent(concat!("orderwire/", env!("CARGO_PKG_VERSION")))
            .build()?;
        let tolerance =
            Tolerance { failures: settings.breaker_failures, rest: *settings.breaker_rest };
        let answer_bytes = settings.answer_bytes;
        Ok(Self { http, clock, tolerance, answer_bytes, breakers: DashMap::new() })
    }

    /// Says something once to `peer`, which is its name in metrics and one half of the breaker's.
    pub async fn send(&self, peer: &str, request: Request) -> Attempt {
        let at = self.clock.now();
        let host = host(&request);
        if let Err(until) = self.admit(peer, &host, at) {
            count(peer, "spared");
            return Attempt::Spared(until);
        }
        let began = Instant::now();
        let asked = self.ask(&request).await;
        let never_left = asked.as_ref().is_err_and(reqwest::Error::is_connect);
        // Without the address: a query may hold what is nobody's business.
        let answer = asked.map_err(|it| plain(&it.without_url()));
        let took = began.elapsed();
        let now = self.clock.now();
        let verdict = match &answer {
            Ok(answer) => Verdict::of(answer.status, &answer.headers, now),
            Err(_) => Verdict::Again { not_before: None },
        };
        // Who answers that we are wrong, or too many, is there.
        let is_down = answer.as_ref().map_or(true, |it| it.status.is_server_error());
        self.note(peer, &host, is_down, now);
        histogram!(metric::PARTNER_SECONDS, "partner" => peer.to_owned()).record(took);
        count(
            peer,
            match (&answer, verdict) {
                (Err(_), _) => "no_answer",
                (Ok(_), Verdict::Done) => "done",
                (Ok(_), Verdict::Again { .. }) => "again",
                (Ok(_), Verdict::Never) => "refused",
            },
        );
        Attempt::Made(Box::new(Exchange { request, at, took, answer, never_left, verdict }))
    }

    /// The hosts of `peer` that have failed and not answered since.
    pub fn standings(&self, peer: &str) -> Vec<(String, Standing)> {
        let now = self.clock.now();
        let of_peer = self.breakers.iter().filter(|it| it.key().0 == peer);
        let mut standings: Vec<_> =
            of_peer.map(|it| (it.key().1.clone(), it.standing(now))).collect();
        standings.sort();
        standings
    }

    async fn ask(&self, request: &Request) -> reqwest::Result<Answer> {
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

    fn admit(&self, peer: &str, host: &str, now: Timestamp) -> Result<(), Timestamp> {
        let key = (peer.to_owned(), host.to_owned());
        let Some(mut breaker) = self.breakers.get_mut(&key) else { return Ok(()) };
        let admitted = breaker.admit(self.tolerance, now);
        if admitted.is_ok() && breaker.standing(now) != Standing::Closed {
            show(peer, host, Standing::HalfOpen);
        }
        admitted
    }

    fn note(&self, peer: &str, host: &str, is_down: bool, now: Timestamp) {
        let key = (peer.to_owned(), host.to_owned());
        if !is_down {
            if let Some((_, breaker)) = self.breakers.remove(&key)
                && breaker.standing(now) != Standing::Closed
            {
                tracing::info!(peer, host, "answers again");
                show(peer, host, Standing::Closed);
            }
            return;
        }
        if MOST_BREAKERS <= self.breakers.len() {
            self.breakers.retain(|_, it| it.standing(now) == Standing::Open);
        }
        let mut breaker = self.breakers.entry(key).or_default();
        let before = breaker.standing(now);
        breaker.failed(self.tolerance, now);
        if breaker.standing(now) == Standing::Open {
            if before == Standing::Closed {
                tracing::warn!(peer, host, "has failed too often and is left alone for a while");
            }
            show(peer, host, Standing::Open);
        }
    }
}

/// Breakers are for hosts and their ports: behind another port stands another server.
fn host(request: &Request) -> String {
    let host = request.url.host_str().unwrap_or_default();
    match request.url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
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

fn count(peer: &str, outcome: &'static str) {
    counter!(metric::PARTNER_REQUESTS, "partner" => peer.to_owned(), "outcome" => outcome)
        .increment(1);
}

fn show(peer: &str, host: &str, standing: Standing) {
    let value = match standing {
        Standing::Closed => 0.0,
        Standing::HalfOpen => 1.0,
        Standing::Open => 2.0,
    };
    gauge!(metric::PARTNER_BREAKER, "partner" => peer.to_owned(), "host" => host.to_owned())
        .set(value);
}
