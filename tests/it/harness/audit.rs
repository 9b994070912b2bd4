//! The auditor: looks after a fault whether all that was accepted is there.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::harness::{
    client::{Client, id},
    traffic::Accepted,
    wait::eventually,
};

impl Accepted {
    /// The ids of the orders.
    pub fn order_ids(&self) -> Vec<String> {
        self.orders.values().cloned().collect()
    }

    /// Fails unless every accepted order is there, every accepted change is in its history, every accepted call is in the inbox
    /// and settled, and no key has made two orders.
    pub async fn audit(&self, client: &Client, store: &str) {
        self.audit_webhooks(client).await;
        let listed = listed(client, &format!("/v1/orders?store={store}&limit=200"), "orders").await;
        let mut there: Vec<_> = listed.iter().map(|it| id(it).to_owned()).collect();
        there.sort_unstable();
        for order in self.orders.values() {
            assert!(there.binary_search(order).is_ok(), "{order} was accepted and is gone");
        }
        for (order, changes) in &self.changes {
            let path = format!("/v1/orders/{order}/history");
            let history = client.get(&path, &client.service()).await.expect(200);
            let events = history["events"].as_array().unwrap();
            let versions = events.iter().map(|it| it["version"].as_u64().unwrap());
            assert!(versions.eq(1..=events.len() as u64), "{order}: {history}");
            for (version, word) in changes {
                let event = events.iter().find(|it| it["version"] == *version);
                let told = event.is_some_and(|it| it.to_string().contains(word.as_str()));
                assert!(
                    told,
                    "{order} accepted {word} as version {version}; its history: {history}"
                );
            }
        }
        for (event, order) in &self.webhooks {
            if event.ends_with("-delivered") {
                assert_eq!(client.order(order).await["status"], "delivered", "{order}");
            }
        }
    }

    async fn audit_webhooks(&self, client: &Client) {
        eventually(async || {
            let calls =
                listed(client, "/v1/webhooks/inbox?partner=generic&limit=200", "calls").await;
            let states: BTreeMap<_, _> = calls
                .iter()
                .map(|it| {
                    (it["eventId"].as_str().unwrap_or_default(), (&it["state"], &it["outcome"]))
                })
                .collect();
            let unsettled: Vec<_> = self
                .webhooks
                .keys()
                .filter(|it| {
                    let state = states.get(it.as_str());
                    // A call that had to be tried again may have been overtaken.
                    !state.is_some_and(|(state, outcome)| {
                        *state == "done" && (*outcome == "applied" || *outcome == "late")
                    })
                })
                .map(|it| format!("{it}: {:?}", states.get(it.as_str())))
                .collect();
            if unsettled.is_empty() { Ok(()) } else { Err(unsettled) }
        })
        .await;
    }
}

/// Every page of a list.
async fn listed(client: &Client, path: &str, name: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let mut page = client.get(&format!("{path}{cursor}"), &client.service()).await.expect(200);
        let Value::Array(items) = page[name].take() else { panic!("{path}: {page}") };
        all.extend(items);
        let Some(next) = page["nextCursor"].as_str() else { return all };
        cursor = format!("&cursor={next}");
    }
}
