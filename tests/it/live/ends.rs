//! How a token ends while its socket is open.

use std::time::Duration;

use jiff::Timestamp;
use orderwire::{base::clock::Clock, config::Span};
use serde_json::{Value, json};

use crate::harness::{app::TestApp, client::id, screen::Screen};

/// With a clock that stands still, and sockets that look at it often.
async fn app() -> (TestApp, Clock) {
    let clock = Clock::frozen("2026-11-20T18:00:00Z".parse::<Timestamp>().unwrap());
    let isolated = crate::harness::services::Isolated::new().await;
    let app = TestApp::on(std::sync::Arc::new(isolated), clock.clone(), |it| {
        it.live.ping_every = Span::millis(100);
        it.auth.leeway = Span::secs(0);
    })
    .await;
    (app, clock)
}

fn fresh(app: &TestApp, subject: &str) -> String {
    app.token(
        &json!({"role": "service", "sub": subject, "scope": "orders:read ops", "stores": ["*"]}),
    )
}

async fn refresh(screen: &mut Screen, token: &str) -> Value {
    screen.ask(json!({"type": "auth", "token": token})).await
}

#[tokio::test]
async fn a_socket_is_warned_then_closed_when_its_token_ends() {
    let (app, clock) = app().await;
    let mut screen = app.screen(&fresh(&app, "pos"), "").await;
    assert_eq!(screen.hello()["expiresAt"], "2026-11-20T19:00:00Z");
    clock.advance(Duration::from_secs(3541));
    let warning = screen.expect("expiring").await;
    assert_eq!(warning["expiresAt"], "2026-11-20T19:00:00Z");
    clock.advance(Duration::from_mins(1));
    assert_eq!(screen.closed().await, 4005);
}

#[tokio::test]
async fn a_fresh_token_keeps_the_socket_and_what_it_watches() {
    let (app, clock) = app().await;
    let store = app.store().await;
    let order = app.place(&store).await;
    let mut screen = app.screen(&fresh(&app, "pos"), "").await;
    screen.subscribe(&format!("order:{}", id(&order)), None).await;
    clock.advance(Duration::from_secs(3550));
    screen.expect("expiring").await;
    let answer = refresh(&mut screen, &fresh(&app, "pos")).await;
    assert_eq!(answer["type"], "authenticated", "{answer}");
    assert_eq!(answer["expiresAt"], "2026-11-20T19:59:10Z");
    clock.advance(Duration::from_secs(100));
    app.step(id(&order), &["accepted"]).await;
    screen.until_version(id(&order), 2).await;
    // It is warned again when the fresh one ends.
    clock.advance(Duration::from_secs(3441));
    screen.expect("expiring").await;
}

#[tokio::test]
async fn another_token_than_a_fresh_one_of_the_same_caller_ends_the_socket() {
    let (app, clock) = app().await;
    let expired = fresh(&app, "pos");
    clock.advance(Duration::from_secs(4000));
    let stranger = fresh(&app, "somebody else");
    let staff = app.token(&json!({"role": "staff", "sub": "pos", "stores": ["*"], "scope": "ops"}));
    for token in ["nonsense", &expired, &stranger, &staff] {
        let mut screen = app.screen(&fresh(&app, "pos"), "").await;
        screen.send(&json!({"type": "auth", "token": token})).await;
        assert_eq!(screen.closed().await, 4500, "{token}");
    }
}

#[tokio::test]
async fn a_token_that_may_no_longer_watch_ends_the_socket() {
    let (app, _clock) = app().await;
    let mut screen = app.screen(&fresh(&app, "pos"), "").await;
    screen.subscribe("ops", None).await;
    let less = json!({"role": "service", "sub": "pos", "scope": "orders:read", "stores": ["*"]});
    screen.send(&json!({"type": "auth", "token": app.token(&less)})).await;
    assert_eq!(screen.closed().await, 4507);
}
