//! A thousand bad requests, and the good ones between them.

use std::fmt::Write;

use futures_util::{StreamExt, future::BoxFuture, stream};

use crate::{
    harness::{
        app::TestApp,
        client::{Answer, id, partner_order_for},
        webhooks::{Call, Signer, signed, status_body},
    },
    webhooks::calls,
};

const BAD: usize = 1000;
const AT_ONCE: usize = 64;
/// One good call after so many bad ones.
const GOOD_EVERY: usize = 10;

/// The ways to be bad, and what is said to each.
const KINDS: [(&str, u16, &str); 16] = [
    ("not json", 400, "INVALID_INPUT"),
    ("json cut short", 400, "INVALID_INPUT"),
    ("json and more", 400, "INVALID_INPUT"),
    ("empty", 400, "INVALID_INPUT"),
    ("random bytes", 400, "INVALID_INPUT"),
    ("wrong signature", 401, "UNAUTHENTICATED"),
    ("signature of another body", 401, "UNAUTHENTICATED"),
    ("no signature", 401, "UNAUTHENTICATED"),
    ("stale", 401, "UNAUTHENTICATED"),
    ("endless id", 401, "UNAUTHENTICATED"),
    ("unknown partner", 404, "NOT_FOUND"),
    ("too large", 413, "PAYLOAD_TOO_LARGE"),
    ("too large in chunks", 413, "PAYLOAD_TOO_LARGE"),
    ("cut off", 400, "INVALID_INPUT"),
    ("bad chunks", 400, "INVALID_INPUT"),
    ("stalled", 408, "TIMEOUT"),
];

/// A call as bytes on the wire; `framing` says how long the body claims to be.
fn wire(call: &Call, framing: &str, body: &[u8]) -> Vec<u8> {
    let mut head = format!(
        "POST /v1/webhooks/{} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n{framing}\r\n",
        call.partner
    );
    for (name, value) in &call.headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    head.push_str("\r\n");
    [head.as_bytes(), body].concat()
}

/// A bad call of its kind, told apart by its number.
fn bad(kind: &str, at: usize, now: i64, limit: usize) -> Call {
    let partner = if at.is_multiple_of(2) { "generic" } else { "deliveroo" };
    let good = status_body(partner, &format!("bad-{at}"), "accepted").to_string();
    let event = format!("bad-{at}");
    let sign = |body: &[u8]| signed(partner, &event, now, body.to_vec(), Signer::InProcess);
    match kind {
        "not json" => sign(format!("order {at} accepted").as_bytes()),
        "json cut short" => sign(&good.as_bytes()[..good.len() - 2]),
        "json and more" => sign(format!("{good} {good}").as_bytes()),
        "empty" => sign(b""),
        "random bytes" => sign(&noise(at, 500)),
        "wrong signature" => {
            let mut call = sign(good.as_bytes());
            let last = call.headers.last_mut().unwrap();
            last.1 = last.1.chars().rev().collect::<String>();
            call
        }
        "signature of another body" => Call { body: b"{}".to_vec(), ..sign(good.as_bytes()) },
        "no signature" => Call { headers: Vec::new(), ..sign(good.as_bytes()) },
        "stale" => signed("generic", &event, now - 3600, good.into(), Signer::InProcess),
        "endless id" => signed(partner, &"x".repeat(257), now, good.into(), Signer::InProcess),
        "unknown partner" => Call { partner: format!("nobody-{at}"), ..sign(good.as_bytes()) },
        "too large" | "too large in chunks" => sign(&vec![b' '; limit + 1]),
        _ => sign(good.as_bytes()),
    }
}

/// Bytes without a pattern, the same for the same number.
fn noise(seed: usize, length: usize) -> Vec<u8> {
    let mut state = seed as u64 + 1;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

async fn misbehave(app: &TestApp, kind: &str, at: usize) -> Option<Answer> {
    let limit = app.config().http.webhook_body_limit;
    let call = bad(kind, at, app.clock.now().as_second(), limit);
    let length = |it: usize| format!("content-length: {it}");
    let chunked = "transfer-encoding: chunked";
    match kind {
        "too large in chunks" => {
            let chunk = format!("{:x}\r\n", call.body.len());
            let body = [chunk.as_bytes(), &call.body, b"\r\n0\r\n\r\n"].concat();
            app.raw_open(&wire(&call, chunked, &body)).await
        }
        "cut off" => app.raw(&wire(&call, &length(call.body.len() + 1000), &call.body)).await,
        "bad chunks" => app.raw_open(&wire(&call, chunked, b"xyz\r\n{}\r\n0\r\n\r\n")).await,
        "stalled" => app.raw_open(&wire(&call, &length(call.body.len() + 1000), &call.body)).await,
        _ => Some(app.deliver(&call).await),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_bad_requests_are_told_so_and_the_good_ones_between_them_all_count() {
    let app = TestApp::with(|it| {
        it.http.webhook_body_limit = 64 * 1024;
        it.http.body_timeout = "500ms".parse().unwrap();
    })
    .await;
    let store = app.store().await;
    let mut orders = Vec::new();
    for at in 0..BAD / GOOD_EVERY {
        let body = partner_order_for(&store, "deliveroo", &format!("good-{at}"));
        orders.push(id(&app.place_as(&app.service(), &body).await).to_owned());
    }
    let mut requests: Vec<BoxFuture<'_, ()>> = Vec::new();
    for at in 0..BAD {
        let (kind, status, code) = KINDS[at % KINDS.len()];
        let app = &app;
        requests.push(Box::pin(async move {
            let answer = misbehave(app, kind, at).await;
            let answer = answer.unwrap_or_else(|| panic!("{kind}: no answer"));
            assert_eq!(answer.status, status, "{kind}: {answer:?}");
            answer.expect_error(status, code);
        }));
        if at % GOOD_EVERY == 0 {
            let name = format!("good-{}", at / GOOD_EVERY);
            let call =
                app.webhook("deliveroo", &name, &status_body("deliveroo", &name, "accepted"));
            requests.push(Box::pin(async move {
                assert_eq!(app.deliver(&call).await.status, 200);
            }));
        }
    }
    stream::iter(requests).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
    for order in &orders {
        app.until_status(order, "accepted").await;
    }
    let stored = calls(&app, "").await;
    assert_eq!(stored.len(), orders.len());
    assert!(stored.iter().all(|it| it["outcome"] == "applied"), "{stored:?}");
    assert_eq!(app.get("/readyz", "").await.status, 200);
}

#[tokio::test]
async fn what_is_no_http_at_all_is_cut_off_and_harms_nobody() {
    let app = TestApp::spawn().await;
    for garbage in [
        noise(1, 2000),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"GET\r\n\r\n".to_vec(),
        b"POST /v1/webhooks/careem HTTP/1.1\r\ncontent-length: -1\r\n\r\n".to_vec(),
        b"POST /v1/webhooks/careem HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}"
            .to_vec(),
        format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(100_000)).into_bytes(),
    ] {
        // Before there is a request there is nobody to answer in the envelope.
        if let Some(answer) = app.raw(&garbage).await {
            assert!((400..500).contains(&answer.status), "{answer:?}");
        }
    }
    assert_eq!(app.get("/readyz", "").await.status, 200);
}
