//! `inbox`: partners' calls at the command line, while the server runs.

use crate::{
    command_line::run,
    harness::{
        app::TestApp,
        client::{id, partner_order_for},
        wait::eventually,
        webhooks::status_body,
    },
    webhooks::calls,
};

#[tokio::test]
async fn calls_are_listed_shown_and_applied_once_more() {
    let app = TestApp::spawn().await;
    let body = status_body("careem", "c1", "accepted");
    app.deliver(&app.webhook("careem", "", &body)).await.expect(200);
    let parked = eventually(async || {
        let mut calls = calls(&app, "state=parked").await;
        if calls.len() == 1 { Ok(calls.remove(0)) } else { Err(calls) }
    });
    let call = id(&parked.await).to_owned();
    let (flag, place) = app.place_of_data();
    let inbox = async |arguments: &[&str]| {
        let all = [&["inbox"], arguments, &[flag, place.as_str()]].concat();
        run(&all, &[]).await
    };
    let listed = inbox(&["list", "--partner", "careem", "--state", "parked"]).await;
    assert!(listed.out.contains(&call) && listed.out.contains("unknown_order c1"), "{listed:?}");
    let listed = inbox(&["list", "--partner", "talabat"]).await;
    assert_eq!(listed.out, "there are none\n");
    assert_eq!(inbox(&["show", &call]).await.out, body.to_string());
    let store = app.store().await;
    let order = app.place_as(&app.service(), &partner_order_for(&store, "careem", "c1")).await;
    app.until_status(id(&order), "accepted").await;
    let replayed = inbox(&["replay", &call]).await;
    assert_eq!(replayed.code, 0, "{replayed:?}");
    eventually(async || {
        let late = calls(&app, "outcome=late").await;
        if late.len() == 1 { Ok(()) } else { Err(late) }
    })
    .await;
    let replayed = inbox(&["replay", "--partner", "careem"]).await;
    assert!(replayed.out.starts_with("1 calls"), "{replayed:?}");
    let unknown = inbox(&["replay", "inb_00000000000000000000000000000000"]).await;
    assert_eq!(unknown.code, 1, "{unknown:?}");
}
