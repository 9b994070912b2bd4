//! Requests to partners: counted, and with a circuit breaker for each host.

use dashmap::DashMap;
use jiff::Timestamp;
use metrics::{counter, gauge, histogram};

use crate::{
    base::{
        circuit_breaker::{CircuitBreaker, CircuitConfig, CircuitState},
        clock::Clock,
    },
    config,
    outbound::{Attempt, Bounds, Http, Request, Unusable, Verdict},
    telemetry::metric,
};

/// Connections that stay open to one host while nobody uses them.
const IDLE_CONNECTIONS: usize = 16;

/// Hosts that are remembered for having failed. Beyond that those are forgotten that may be asked anyhow.
const MOST_BREAKERS: usize = 1024;

/// Says things to others. Not cloned but shared: its breakers count for everybody.
pub struct Client {
    http: Http,
    clock: Clock,
    circuit: CircuitConfig,
    /// By partner and host. Only hosts that have failed.
    breakers: DashMap<(String, String), CircuitBreaker>,
}

impl Client {
    /// To whoever is in the settings.
    pub fn new(settings: &config::Outbound, clock: Clock) -> Result<Self, Unusable> {
        let bounds = Bounds {
            connect_timeout: *settings.connect_timeout,
            timeout: *settings.timeout,
            answer_bytes: settings.answer_bytes,
            idle_connections: IDLE_CONNECTIONS,
        };
        let http = Http::new(&bounds, clock.clone(), None)?;
        let circuit =
            CircuitConfig { failures: settings.breaker_failures, rest: *settings.breaker_rest };
        Ok(Self { http, clock, circuit, breakers: DashMap::new() })
    }

    /// Says something once to `peer`, which is its name in metrics and one half of the breaker's.
    pub async fn send(&self, peer: &str, request: Request) -> Attempt {
        let at = self.clock.now();
        let host = host(&request);
        if let Err(until) = self.admit(peer, &host, at) {
            count(peer, "spared");
            return Attempt::Spared(until);
        }
        let exchange = self.http.make(request).await;
        self.note(peer, &host, exchange.is_down(), self.clock.now());
        histogram!(metric::PARTNER_SECONDS, "partner" => peer.to_owned()).record(exchange.took);
        count(
            peer,
            match (&exchange.answer, exchange.verdict) {
                (Err(_), _) => "no_answer",
                (Ok(_), Verdict::Done) => "done",
                (Ok(_), Verdict::Again { .. }) => "again",
                (Ok(_), Verdict::Never) => "refused",
            },
        );
        Attempt::Made(Box::new(exchange))
    }

    /// The hosts of `peer` that have failed and not answered since.
    pub fn circuits(&self, peer: &str) -> Vec<(String, CircuitState)> {
        let now = self.clock.now();
        let of_peer = self.breakers.iter().filter(|it| it.key().0 == peer);
        let mut circuits: Vec<_> =
            of_peer.map(|entry| (entry.key().1.clone(), entry.state(now))).collect();
        circuits.sort();
        circuits
    }

    fn admit(&self, peer: &str, host: &str, now: Timestamp) -> Result<(), Timestamp> {
        let key = (peer.to_owned(), host.to_owned());
        let Some(mut breaker) = self.breakers.get_mut(&key) else { return Ok(()) };
        let admitted = breaker.admit(self.circuit, now);
        if admitted.is_ok() && breaker.state(now) != CircuitState::Closed {
            show(peer, host, CircuitState::HalfOpen);
        }
        admitted
    }

    fn note(&self, peer: &str, host: &str, is_down: bool, now: Timestamp) {
        let key = (peer.to_owned(), host.to_owned());
        if !is_down {
            if let Some((_, mut breaker)) = self.breakers.remove(&key)
                && breaker.succeeded()
            {
                tracing::info!(peer, host, "answers again");
                show(peer, host, CircuitState::Closed);
            }
            return;
        }
        if MOST_BREAKERS <= self.breakers.len() && !self.breakers.contains_key(&key) {
            self.breakers.retain(|(peer, host), it| {
                let is_kept = it.state(now) == CircuitState::Open;
                if !is_kept {
                    // Who is forgotten may be asked, and nobody else will say so.
                    show(peer, host, CircuitState::Closed);
                }
                is_kept
            });
        }
        let mut breaker = self.breakers.entry(key).or_default();
        if breaker.failed(self.circuit, now) {
            tracing::warn!(peer, host, "has failed too often and is left alone for a while");
        }
        if breaker.state(now) == CircuitState::Open {
            show(peer, host, CircuitState::Open);
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

fn count(peer: &str, outcome: &'static str) {
    counter!(metric::PARTNER_REQUESTS, "partner" => peer.to_owned(), "outcome" => outcome)
        .increment(1);
}

fn show(peer: &str, host: &str, state: CircuitState) {
    let value = match state {
        CircuitState::Closed => 0.0,
        CircuitState::HalfOpen => 1.0,
        CircuitState::Open => 2.0,
    };
    gauge!(metric::PARTNER_BREAKER, "partner" => peer.to_owned(), "host" => host.to_owned())
        .set(value);
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;

    use super::*;
    use crate::telemetry::Metrics;

    #[test]
    fn a_host_that_is_forgotten_for_want_of_room_is_not_shown_as_down() {
        let metrics = Metrics::new();
        let recorder = metrics.recorder();
        let client = Client::new(&config::Outbound::default(), Clock::System).unwrap();
        let at = Timestamp::UNIX_EPOCH;
        let host = |number: usize| format!("host-{number}.example");
        metrics::with_local_recorder(&*recorder, || {
            for number in 0..MOST_BREAKERS {
                for _ in 0..client.circuit.failures {
                    client.note("forgetful", &host(number), true, at);
                }
            }
        });
        let shown = |value: &str| {
            let text = metrics.render();
            text.lines().filter(|it| it.contains("forgetful") && it.ends_with(value)).count()
        };
        assert_eq!(shown(" 2"), MOST_BREAKERS);
        metrics::with_local_recorder(&*recorder, || {
            client.note("forgetful", "one-more.example", true, at + 1.hour());
        });
        assert_eq!((shown(" 2"), shown(" 0")), (0, MOST_BREAKERS));
    }
}
