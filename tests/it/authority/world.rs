//! What everybody is asked about.

use std::collections::BTreeMap;

use orderwire::config::Span;
use reqwest::Method;
use serde_json::json;

use crate::{
    authority::table::{Asked, Rule},
    harness::{
        app::TestApp,
        client::{Answer, Client, id, order_for},
        database::Raw,
        folder::unique,
        tokens::ALL_SCOPES,
        wait::eventually,
    },
    openapi::Operation,
};

/// Nobody has been told anything.
const NO_PARTNER_CALL: &str = "pcl_00000000000000000000000000000000";
const NO_NOTIFICATION: &str = "ntf_00000000000000000000000000000000";

/// Where nobody listens.
const AWAY: &str = "http://127.0.0.1:9/hooks";

/// Nobody's endpoint.
const NO_ENDPOINT: &str = "ep_00000000000000000000000000000000";

/// A store with an order that Sara placed and Omar carries, another store, a stored call, and an endpoint that is away and is still to
/// be told something.
pub struct World {
    pub app: TestApp,
    pub store: String,
    elsewhere: String,
    pub order: String,
    other_order: String,
    call: String,
    endpoint: String,
    delivery: String,
}

impl World {
    pub async fn new() -> Self {
        // Nothing changes by itself while requests are refused.
        let app = TestApp::with(|config| {
            config.endpoints.retry_after.0 = vec![Span::secs(3600)];
        })
        .await;
        let (store, elsewhere) = (app.store().await, app.store().await);
        let other_order = id(&app.place(&elsewhere).await).to_owned();
        let body = json!({"url": AWAY, "stores": [store]});
        let endpoint = app.post("/v1/endpoints", &app.service(), &body).await.expect(201);
        let endpoint = id(&endpoint).to_owned();
        let order = id(&app.place(&store).await).to_owned();
        let delivery = first_delivery(&app, &endpoint).await;
        let call = String::new();
        let mut world =
            Self { app, store, elsewhere, order, other_order, call, endpoint, delivery };
        world.give_to_omar(&world.order).await;
        let calls = world.app.get("/v1/webhooks/inbox", &world.app.service()).await.expect(200);
        id(&calls["calls"][0]).clone_into(&mut world.call);
        let (path, body) = ("/v1/mappings/careem/stores/named", json!({"storeId": world.store}));
        world.app.put(path, &world.app.service(), &body).await.expect(200);
        let body = json!({"decision": "withdrawn", "source": "counter"});
        let path = "/v1/contacts/+962799000009/consents";
        world.app.post(path, &world.app.service(), &body).await.expect(200);
        world
    }

    /// Every row of every table.
    pub async fn tables(&self) -> BTreeMap<String, Vec<String>> {
        let mut raw = Raw::open(self.app.isolated()).await;
        let contents = raw.contents().await;
        raw.close().await;
        contents
    }

    /// [`World::tables`], once the workers have nothing left to do: the outbox is empty, the endpoint has been tried, and two looks see
    /// the same.
    pub async fn tables_at_rest(&self) -> BTreeMap<String, Vec<String>> {
        let mut last = BTreeMap::new();
        eventually(async || {
            let now = self.tables().await;
            let (waiting, attempts) = (now["event_outbox"].len(), now["webhook_attempt"].len());
            let is_at_rest = waiting == 0 && attempts > 0 && now == last;
            last = now;
            if is_at_rest { Ok(last.clone()) } else { Err((waiting, attempts)) }
        })
        .await
    }

    async fn give_to_omar(&self, order: &str) {
        let body = json!({"type": "delivery.status", "data": {
            "orderId": order, "status": "assigned", "courier": {"id": "omar"},
        }});
        self.app.deliver(&self.app.webhook("generic", order, &body)).await.expect(200);
        eventually(async || {
            let order = self.app.order(order).await;
            if order["delivery"]["status"] == "assigned" { Ok(()) } else { Err(order) }
        })
        .await;
    }

    /// The order that a rule's request is about: a fresh one where the request would spoil it for the next.
    pub async fn order_for(&self, rule: &Rule) -> String {
        if rule.stage.is_empty() {
            return self.order.clone();
        }
        let order = id(&self.app.place(&self.store).await).to_owned();
        self.give_to_omar(&order).await;
        self.app.step(&order, rule.stage).await;
        order
    }

    pub async fn token(&self, who: Asked, rule: &Rule, order: &str) -> String {
        let app: &Client = &self.app;
        let everywhere = &["*"];
        match who {
            Asked::Owner => app.customer("sara"),
            Asked::Customer => app.customer("rana"),
            Asked::Carrier => app.courier("omar"),
            Asked::Courier => app.courier("zaid"),
            Asked::Link => app.tracking_link(order).await,
            Asked::OtherLink => app.tracking_link(&self.other_order).await,
            Asked::Staff => app.staff(&self.store),
            Asked::StaffElsewhere => app.staff(&self.elsewhere),
            Asked::Headquarters => app.headquarters(""),
            Asked::HeadquartersWithScopes => app.headquarters(ALL_SCOPES),
            Asked::Service => app.service(),
            Asked::ServiceElsewhere => app.service_with(ALL_SCOPES, &[&self.elsewhere]),
            Asked::ServiceWithoutScope => {
                let words = ALL_SCOPES.split(' ').filter(|it| *it != rule.scope);
                app.service_with(&words.collect::<Vec<_>>().join(" "), everywhere)
            }
        }
    }

    /// Sends the operation's request; the answer's body only where it ends.
    pub async fn ask(
        &self,
        it: &Operation,
        rule: &Rule,
        order: &str,
        token: Option<&str>,
    ) -> Answer {
        let thing = match it.path.as_str() {
            path if path.starts_with("/v1/stores") => &self.store,
            path if path.starts_with("/v1/webhooks") => &self.call,
            path if path.contains("/credentials") => "crd_00000000000000000000000000000000",
            path if path.starts_with("/v1/partners") => NO_PARTNER_CALL,
            path if path.starts_with("/v1/notifications") => NO_NOTIFICATION,
            path if path.starts_with("/v1/endpoints") && it.method == Method::DELETE => NO_ENDPOINT,
            path if path.starts_with("/v1/endpoints") => &self.endpoint,
            path if path.starts_with("/v1/deliveries") => &self.delivery,
            _ => order,
        };
        let path = it.path.replace("{id}", thing).replace("{partner}", "careem");
        let path = path.replace("{event_type}", "OrderCreated").replace("{rest}", "order");
        let name = if it.method == Method::DELETE { "nameless" } else { "named" };
        let path = path.replace("{external_id}", name).replace("{name}", "order_ready");
        let phone = if it.method == Method::DELETE { "+962799000008" } else { "+962799000009" };
        let path = path.replace("{phone}", phone);
        let mut request = self.app.request(it.method.clone(), &path);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if it.method != Method::GET {
            let body = match rule.body {
                "order" => {
                    let mut order = order_for(&self.store);
                    order["customer"] = json!({});
                    order
                }
                "store" => json!({"name": {"en": "New"}}),
                "endpoint" => {
                    json!({"url": AWAY, "stores": [self.store], "eventTypes": ["PaymentProcessed"]})
                }
                "store_id" => json!({"storeId": self.store}),
                text => serde_json::from_str(text).unwrap(),
            };
            request = request.header("idempotency-key", unique()).json(&body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let endless = it.path.ends_with("/events") && status == 200;
        let body = if endless { Vec::new() } else { response.bytes().await.unwrap().to_vec() };
        let json = serde_json::from_slice(&body).unwrap_or_default();
        Answer { status, headers, body: body.into(), json }
    }
}

/// Waits until an endpoint is to be told something.
async fn first_delivery(app: &Client, endpoint: &str) -> String {
    let path = format!("/v1/endpoints/{endpoint}/deliveries");
    eventually(async || {
        let page = app.get(&path, &app.service()).await.expect(200);
        page["deliveries"][0]["id"].as_str().map(str::to_owned).ok_or(page)
    })
    .await
}
