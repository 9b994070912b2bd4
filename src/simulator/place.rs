//! Orders are placed: with the restaurant, or at a partner, which then brings them.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use crate::simulator::{
    client::{As, ClientError, Seen},
    dice::Dice,
    partners::{Entry, Life, NewOrder, Part},
    plan::{Errand, Plan},
    run::{Placed, Run},
};

/// How long an order that was placed at a partner may take to become one of ours, and how often that is looked at: its call may be
/// withheld, and is then found by asking.
const COMES_WITHIN: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_millis(300);

impl Run {
    /// Places an order: with the restaurant, or at a partner.
    pub async fn place(&self, plan: Plan) -> Result<Placed, ClientError> {
        let (order, entry) = match &plan.errand {
            Some(errand) if errand.part == Part::Brings => {
                let (order, entry) = self.place_there(&plan, errand).await?;
                (order, Some(entry))
            }
            Some(errand) => {
                let order = self.place_here(&plan).await?;
                let name = self.partners.new_name(errand.partner);
                let entry = Entry::carried(errand.partner, name, order.id, errand.rider);
                (order, Some(Arc::new(entry)))
            }
            None => (self.place_here(&plan).await?, None),
        };
        self.under_way.insert(order.id);
        Ok(Placed { order, entry, plan })
    }

    async fn place_here(&self, plan: &Plan) -> Result<Seen, ClientError> {
        let mut body = plan.body.clone();
        let store = self.stores.iter().find(|(it, _)| it.en == plan.branch.en);
        if let Value::Object(fields) = &mut body {
            fields.insert("storeId".to_owned(), json!(store.map(|(_, id)| id)));
        }
        self.client.place(plan.orderer(), &body).await
    }

    /// The partner brings it; here one waits until it has come.
    async fn place_there(
        &self,
        plan: &Plan,
        errand: &Errand,
    ) -> Result<(Seen, Arc<Entry>), ClientError> {
        let lines = plan.body.pointer("/items").and_then(Value::as_array);
        let (lines, now) = (lines.map_or(&[][..], Vec::as_slice), self.client.clock.now());
        let order = NewOrder::of(plan.branch.code, lines, plan.guest, now);
        let partner = errand.partner;
        let entry = Entry::placed(partner, self.partners.new_name(partner), order, errand.rider);
        let dice = Dice::seeded(errand.seed);
        let entry = Arc::new(entry.with(errand.chaos.hearing(&dice)));
        self.partners.let_live(&entry, Life::of(&entry, errand.outcome, &errand.chaos, &dice));
        let come = async {
            loop {
                if let Some(order) = self.client.find(partner, &entry.name).await? {
                    return Ok(order);
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        let come = tokio::time::timeout(COMES_WITHIN, come).await;
        let order = come.unwrap_or(Err(ClientError::DoesNotCome(partner.slug())))?;
        Ok((order, entry))
    }
}

impl Plan {
    /// Who makes the request for a new order.
    pub fn orderer(&self) -> As {
        if self.is_known { As::Customer(self.guest.id) } else { As::Service }
    }
}
