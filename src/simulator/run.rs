//! Lives the plans: places orders and takes each through its course, while people may do the same on their screens.

use std::{sync::Arc, time::Duration};

use dashmap::DashSet;
use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

use crate::{
    base::tasks::Tasks,
    domain::{OrderId, StoreId},
    simulator::{
        act::{self, Ask},
        client::{As, Client, ClientError, Seen},
        course::{self, Act, Step},
        dice::Dice,
        partners::{Entry, Life, Partners},
        plan::Plan,
        restaurant::Branch,
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
    /// The partners.
    pub partners: Partners,
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
    /// The same in the book of the partner that has a part in it.
    pub entry: Option<Arc<Entry>>,
    /// What becomes of it.
    pub plan: Plan,
}

impl Run {
    /// Places an order and lets it live, in a task of its own.
    pub fn begin(self: &Arc<Self>, plan: Plan) {
        if MOST_UNDER_WAY <= self.under_way.len() {
            return;
        }
        let run = Arc::clone(self);
        self.tasks.spawn(async move {
            match run.stop.run_until_cancelled(run.place(plan)).await {
                Some(Ok(placed)) => run.live(&placed).await,
                Some(Err(error)) => run.complain(&error),
                None => {}
            }
        });
    }

    /// Takes an order through its course, in a task of its own.
    pub fn let_live(self: &Arc<Self>, placed: Placed) {
        let run = Arc::clone(self);
        self.tasks.spawn(async move { run.live(&placed).await });
    }

    /// Waits until it has ended, whoever ends it.
    pub async fn until_over(&self, order: OrderId) {
        while self.rest(GLANCE).await {
            match self.client.read(order).await {
                Ok(seen) if seen.status.is_terminal() => return,
                Ok(_) => {}
                Err(error) => self.complain(&error),
            }
        }
    }

    /// Takes an order through its course at the restaurant.
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
            if let Some(entry) = &placed.entry {
                entry.see(seen.status);
            }
            let Some(ask) = act::ask(act, &seen, self.client.clock.now()) else {
                if *act == Act::CallCourier && !seen.status.is_terminal() {
                    self.call_courier(placed);
                }
                return Ok(Some(seen));
            };
            if matches!(ask, Ask::First(_)) && !has_waited {
                has_waited = true;
                tokio::time::sleep(COURIER_PATIENCE).await;
                continue;
            }
            let done = match ask {
                Ask::CallOff => self.client.cancel(placed.plan.orderer(), &seen).await,
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
            Ask::CallOff => Ok(()),
        }
    }

    /// Has the partner carry an order of ours.
    fn call_courier(&self, placed: &Placed) {
        if let (Some(entry), Some(errand)) = (&placed.entry, &placed.plan.errand) {
            let dice = Dice::seeded(errand.seed);
            let life = Life::of(entry, errand.outcome, &errand.chaos, &dice);
            self.partners.let_live(entry, life);
        }
    }
}
