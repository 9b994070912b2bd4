//! A stored call whose row cannot be read any more.

use orderwire::config::Span;
use serde_json::json;

use crate::harness::{app::TestApp, client::id, sql::Sql, wait::eventually};

#[tokio::test]
async fn a_stored_call_that_cannot_be_read_keeps_no_other_waiting() {
    let app = TestApp::with(|config| {
        config.workers.rest = Span::millis(20);
        // So that it would be looked at first, for ever.
        config.workers.intake_batch = 1;
    })
    .await;
    let store = app.store().await;
    let order = app.place(&store).await;
    let unknown = json!({"type": "order.status", "data": {
        "orderId": "ord_00000000000000000000000000000001", "status": "accepted",
    }});
    app.deliver(&app.webhook("generic", "unknown", &unknown)).await.expect(200);
    let sql = Sql::of(&app);
    eventually(async || {
        match sql.number("SELECT COUNT(*) FROM inbox WHERE state = 'parked'").await {
            1 => Ok(()),
            parked => Err(parked),
        }
    })
    .await;
    sql.run("UPDATE inbox SET headers = '[]', next_attempt_at = received_at").await;
    let known =
        json!({"type": "order.status", "data": {"orderId": id(&order), "status": "accepted"}});
    app.deliver(&app.webhook("generic", "known", &known)).await.expect(200);
    eventually(async || {
        let order = app.order(id(&order)).await;
        if order["status"] == "accepted" { Ok(()) } else { Err(order) }
    })
    .await;
    assert_eq!(sql.number("SELECT COUNT(*) FROM inbox WHERE state = 'dead'").await, 1);
}
