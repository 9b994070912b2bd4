//! Lives the plans: places orders and takes each through its course, while people may do the same on their screens.

use std::{sync::Arc, time::Duration};

use dashmap::DashSet;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    base::tasks::Tasks,
    domain::{DeliveryStatus, OrderId, StoreId},
    simulator::{
        act::{self, Ask},
        client::{As, Client, ClientError, PartnerCall, Seen},
        course::{self, Act, Step},
        plan::Plan,
        restaurant::Branch,
        webhook::{self, About, Partner},
    },
};

/// Orders under way at once; beyond it, none are placed for a while.
const MOST_UNDER_WAY: usize = 1000;

/// How often an act is tried while others move the order.
const TRIES: u32 = 5;

/// How often a patient course looks whether somebody in the kitchen was faster.
const GLANCE: Duration = Duration::from_millis(1500);

/// How long a courier waits for food that was called back.
const COURIER_PATIENCE: Duration = Duration::from_secs(15);

/// How often orders that nobody looks after are looked for, and how long they must have stood still.
const ROUNDS: Duration = Duration::from_secs(15);
const ABANDONED: SignedDuration = SignedDuration::from_secs(60);

/// Everything that the running simulator shares.
pub struct Run {
    /// The way to the server.
    pub client: Client,
    /// The stores' ids.
    pub stores: Vec<(&'static Branch, StoreId)>,
    /// Where courses are spawned.
    pub tasks: Tasks,
    /// Resolves when it is time to finish.
    pub stop: CancellationToken,
    /// Orders that have a course.
    pub under_way: DashSet<OrderId>,
}

/// An order on its course.
pub struct Placed {
    /// As it was when it was placed.
    pub order: Seen,
    /// The partner's name for it.
    pub external_id: String,
    /// What becomes of it.
    pub plan: Plan,
}

impl Run {
    /// Places an order.
    pub async fn place(&self, plan: Plan) -> Result<Placed, ClientError> {
        let mut body = plan.body.clone();
        let store = self.stores.iter().find(|(it, _)| it.en == plan.branch.en);
        // Ids that are new each time: a kept data folder may know the same evening.
        let external_id = self.client.mint.uuid(self.client.clock.now()).simple().to_string();
        let who = match (plan.partner, plan.guest) {
            (None | Some(Partner::Generic), Some(guest)) => As::Customer(guest.id),
            _ => As::Service,
        };
        if let Value::Object(fields) = &mut body {
            fields.insert("storeId".to_owned(), json!(store.map(|(_, id)| id)));
            if let Some(partner @ (Partner::Careem | Partner::Deliveroo)) = plan.partner {
                let named = json!({"name": partner.slug(), "orderId": external_id});
                fields.insert("partner".to_owned(), named);
            }
        }
        let order = self.client.place(who, &body).await?;
        self.under_way.insert(order.id);
        Ok(Placed { order, external_id, plan })
    }

    /// Places an order and lets it live.
    pub async fn begin(self: &Arc<Self>, plan: Plan) {
        if MOST_UNDER_WAY <= self.under_way.len() {
            return;
        }
        match self.place(plan).await {
            Ok(placed) => self.let_live(placed),
            Err(error) => self.complain(&error),
        }
    }

    /// Takes an order through its course, in a task of its own.
    pub fn let_live(self: &Arc<Self>, placed: Placed) {
        let run = Arc::clone(self);
        self.tasks.spawn(async move { run.live(&placed).await });
    }

    /// Takes an order through its course.
    pub async fn live(&self, placed: &Placed) {
        let life = async {
            for step in &placed.plan.steps {
                self.wait(placed, step).await;
                match self.take(placed, &step.act).await {
                    Ok(Some(seen)) if seen.status.is_terminal() => return,
                    Ok(_) => {}
                    Err(error) => self.complain(&error),
                }
            }
        };
        let _stopped = self.stop.run_until_cancelled(life).await;
        self.under_way.remove(&placed.order.id);
    }

    /// Orders that have stood still for long, whoever placed them, go on as well.
    pub async fn look_after_the_abandoned(self: Arc<Self>) {
        while self.rest(ROUNDS).await {
            let orders = match self.client.open_orders().await {
                Ok(orders) => orders,
                Err(error) => {
                    self.complain(&error);
                    continue;
                }
            };
            let now = self.client.clock.now();
            for order in orders {
                let is_still = ABANDONED < now.duration_since(order.updated_at);
                if is_still && self.under_way.insert(order.id) {
                    let run = Arc::clone(&self);
                    self.tasks.spawn(async move { run.bring_home(order).await });
                }
            }
        }
    }

    /// Waits; answers whether to go on.
    pub async fn rest(&self, span: Duration) -> bool {
        self.stop.run_until_cancelled(tokio::time::sleep(span)).await.is_some()
    }

    /// Says what went wrong, unless it is the end that makes things go wrong.
    pub fn complain(&self, error: &ClientError) {
        if !self.stop.is_cancelled() {
            tracing::warn!("simulator: {error}");
        }
    }

    async fn bring_home(&self, order: Seen) {
        let id = order.id;
        let life = async {
            for Step { after, act } in course::rest_of_the_way() {
                tokio::time::sleep(after).await;
                let done = async {
                    let seen = self.client.read(id).await?;
                    match act::ask(&act, &seen, self.client.clock.now()) {
                        Some(ask) => self.change(&seen, &ask).await,
                        None => Ok(()),
                    }
                };
                if let Err(error) = done.await {
                    tracing::debug!("simulator: {error}");
                }
            }
        };
        let _stopped = self.stop.run_until_cancelled(life).await;
        self.under_way.remove(&id);
    }

    /// Waits for a step's time. What somebody in the kitchen has done already, or does meanwhile, needs no waiting.
    async fn wait(&self, placed: &Placed, step: &Step) {
        if !step.act.is_for_the_kitchen() {
            return tokio::time::sleep(step.after).await;
        }
        let glance = if placed.plan.is_patient { GLANCE } else { step.after };
        let mut left = step.after;
        while !left.is_zero() {
            let seen = self.client.read(placed.order.id).await;
            if seen.is_ok_and(|it| act::ask(&step.act, &it, self.client.clock.now()).is_none()) {
                return;
            }
            let nap = left.min(glance);
            tokio::time::sleep(nap).await;
            left -= nap;
        }
    }

    /// Does what an act asks for. Where others move the order meanwhile, looks again and goes on from there.
    async fn take(&self, placed: &Placed, act: &Act) -> Result<Option<Seen>, ClientError> {
        let mut has_waited = false;
        for _ in 0..TRIES {
            let seen = self.client.read(placed.order.id).await?;
            let Some(ask) = act::ask(act, &seen, self.client.clock.now()) else {
                return Ok(Some(seen));
            };
            if matches!(ask, Ask::First(_)) && !has_waited {
                has_waited = true;
                tokio::time::sleep(COURIER_PATIENCE).await;
                continue;
            }
            let done = match ask {
                Ask::Report(status, times) => return self.report(placed, status, times).await,
                Ask::Revoke => return self.revoke(placed).await,
                Ask::CallOff => {
                    let guest = placed.plan.guest.map_or(As::Service, |it| As::Customer(it.id));
                    self.client.cancel(guest, &seen).await
                }
                _ => self.change(&seen, &ask).await,
            };
            match done {
                Ok(()) if matches!(ask, Ask::First(_)) => {}
                Ok(()) => return Ok(None),
                Err(error) if error.is_a_conflict() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    async fn change(&self, seen: &Seen, ask: &Ask) -> Result<(), ClientError> {
        match ask {
            Ask::Staff(body) | Ask::First(body) => {
                self.client.patch(As::Staff(seen.store_id), seen, body).await
            }
            Ask::Service(body) => self.client.patch(As::Service, seen, body).await,
            Ask::CallOff | Ask::Report(..) | Ask::Revoke => Ok(()),
        }
    }

    async fn report(
        &self,
        placed: &Placed,
        status: DeliveryStatus,
        times: u8,
    ) -> Result<Option<Seen>, ClientError> {
        let Some(partner) = placed.plan.partner else { return Ok(None) };
        let now = self.client.clock.now();
        let body = webhook::delivery(partner, &placed.about(), status, now);
        self.call(partner, body, times).await
    }

    async fn revoke(&self, placed: &Placed) -> Result<Option<Seen>, ClientError> {
        let Some(partner) = placed.plan.partner else { return Ok(None) };
        let body = webhook::revocation(partner, &placed.about(), self.client.clock.now());
        self.call(partner, Some(body), 1).await
    }

    async fn call(
        &self,
        partner: Partner,
        body: Option<Value>,
        times: u8,
    ) -> Result<Option<Seen>, ClientError> {
        let Some(body) = body else { return Ok(None) };
        let id = self.client.mint.uuid(self.client.clock.now()).to_string();
        let call = PartnerCall { partner, id, body };
        for _ in 0..times {
            self.client.call(&call).await?;
        }
        Ok(None)
    }
}

impl Placed {
    fn about(&self) -> About<'_> {
        About { order: self.order.id, external_id: &self.external_id, rider: self.plan.rider }
    }
}
