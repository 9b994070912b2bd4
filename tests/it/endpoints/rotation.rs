//! Secrets, and how they follow each other.

use std::time::Duration;

use serde_json::json;

use crate::{
    endpoints::{SECRET, app_at, endpoint, header, is_signed_by, register},
    harness::{app::evening, client::id, stand_in::StandIn},
};

#[tokio::test]
async fn both_secrets_sign_while_one_follows_the_other() {
    let pos = StandIn::spawn(&[]).await;
    let clock = evening();
    let app = app_at(&clock).await;
    let store = app.store().await;
    let hooked = register(&app, &pos, json!({})).await;
    assert!(hooked.get("secret").is_none(), "who gives a secret knows it: {hooked}");
    let rotate = format!("/v1/endpoints/{}/secret/rotate", id(&hooked));
    let rotated = app.post(&rotate, &app.service(), &json!({})).await;
    assert_eq!(rotated.header("cache-control"), Some("no-store"));
    let rotated = rotated.expect(200);
    let new = rotated["secret"].as_str().unwrap();
    assert_eq!(rotated["formerSecretUntil"], json!(clock.now() + Duration::from_hours(24)));
    app.place(&store).await;
    let heard = pos.until(1).await.remove(0);
    assert!(is_signed_by(&heard, SECRET) && is_signed_by(&heard, new));
    assert_eq!(header(&heard, "webhook-signature").split(' ').count(), 2);
    clock.advance(Duration::from_hours(24));
    app.place(&store).await;
    let heard = pos.until(2).await.remove(1);
    assert!(!is_signed_by(&heard, SECRET) && is_signed_by(&heard, new));
    let now = endpoint(&app, &hooked).await;
    assert!(now.get("secret").is_none() && now.get("formerSecretUntil").is_none(), "{now}");
}

#[tokio::test]
async fn a_made_secret_is_shown_once_and_a_given_one_must_be_good() {
    let pos = StandIn::spawn(&[]).await;
    let clock = evening();
    let app = app_at(&clock).await;
    let store = app.store().await;
    let hooked = register(&app, &pos, json!({"secret": null})).await;
    let made = hooked["secret"].as_str().unwrap();
    assert!(made.starts_with("whsec_"));
    app.place(&store).await;
    assert!(is_signed_by(&pos.until(1).await[0], made));
    assert!(endpoint(&app, &hooked).await.get("secret").is_none());
    let rotate = format!("/v1/endpoints/{}/secret/rotate", id(&hooked));
    for bad in ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ=", "whsec_?"] {
        let refused = app.post(&rotate, &app.service(), &json!({"secret": bad})).await;
        let error = refused.expect_error(400, "INVALID_INPUT");
        assert_eq!(error["details"][0]["field"], "secret", "{bad}");
        assert!(bad.is_empty() || !error.to_string().contains(&format!("\"{bad}\"")));
    }
}
