//! `partners`: the health board at the command line, while the server runs.

use serde_json::json;

use crate::{
    command_line::run,
    harness::{
        app::TestApp,
        client::{id, partner_order_for},
        stand_in::StandIn,
        webhooks::status_body,
    },
    partner_calls::reach,
};

#[tokio::test]
async fn who_was_heard_and_told_is_shown_and_the_others_if_one_asks() {
    let careem = StandIn::spawn(&[]).await;
    let app = TestApp::with(|config| reach(config, "careem", &careem)).await;
    let (flag, place) = app.place_of_data();
    let partners = async |more: &[&str]| {
        let all = [&["partners", flag, place.as_str()], more].concat();
        run(&all, &[]).await
    };
    let quiet = partners(&[]).await;
    assert_eq!((quiet.code, quiet.out.starts_with("nothing was heard")), (0, true), "{quiet:?}");
    let store = app.store().await;
    let order = app.place_as(&app.service(), &partner_order_for(&store, "careem", "c1")).await;
    app.change(id(&order), &json!({"status": "accepted"})).await;
    careem.until(1).await;
    let body = status_body("careem", "c1", "trip_ended");
    app.deliver(&app.webhook("careem", "", &body)).await.expect(200);
    app.until_status(id(&order), "delivered").await;
    let url = careem.url();
    let line = |name: &str, value: &str| format!("partners.careem.{name}={value}");
    let settings = [
        line("base_url", &url),
        line("token_url", &url),
        line("client_id", "us"),
        line("client_secret", "the client's secret"),
    ];
    let settings: Vec<_> = settings.iter().flat_map(|it| ["--set", it.as_str()]).collect();
    let shown = partners(&settings).await;
    assert!(shown.out.starts_with("careem\n  last heard  20"), "{shown:?}");
    assert!(shown.out.contains("  calls       1 applied\n"), "{shown:?}");
    assert!(shown.out.contains("  told        1 sent; 0 to come\n"), "{shown:?}");
    assert!(!shown.out.contains("talabat"), "{shown:?}");
    let all = partners(&["--all"]).await;
    assert!(all.out.contains("talabat\n  last heard  never\n  calls       none\n"), "{all:?}");
}
