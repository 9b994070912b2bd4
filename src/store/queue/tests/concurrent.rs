//! Three workers on one queue at the same time: what a model that takes one step after another cannot see.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use jiff::{Timestamp, ToSpan};
use uuid::Uuid;

use crate::store::{
    Database, StoreError,
    conditions::Conditions,
    queue::{
        self, Columns, Lease, Settlement,
        tests::{
            Kind,
            fifth::{Errand, Errands, QUEUE},
        },
    },
    tests::{
        Stage, on_both,
        samples::{later, noon},
    },
};

const JOBS: u128 = 150;
const LANES: u128 = 10;

/// What all workers together have seen.
#[derive(Debug, Default)]
struct Seen {
    /// Lanes that somebody works on.
    busy: HashMap<i64, Uuid>,
    /// Attempts by job.
    attempts: HashMap<Uuid, u32>,
    /// Jobs that were done, by lane, in the order in which they were.
    done: HashMap<i64, Vec<Uuid>>,
}

impl Seen {
    fn began(&mut self, errand: &Errand) {
        let other = self.busy.insert(errand.lane, errand.claim.id);
        assert_eq!(other, None, "two jobs of lane {} at once", errand.lane);
        *self.attempts.entry(errand.claim.id).or_default() += 1;
    }

    /// Every third job is retried once.
    fn ended(&mut self, errand: &Errand) -> bool {
        let attempts = self.attempts[&errand.claim.id];
        let is_done = attempts > 1 || !errand.claim.id.as_u128().is_multiple_of(3);
        self.busy.remove(&errand.lane);
        if is_done {
            self.done.entry(errand.lane).or_default().push(errand.claim.id);
        }
        is_done
    }
}

/// Works until nothing is left. The clock stands, so nothing is left to a lease.
async fn work(database: Database, seen: Arc<Mutex<Seen>>) -> Result<(), StoreError> {
    let lease = Lease { now: noon(), until: later(3600) };
    loop {
        let mut tx = database.begin().await?;
        let claimed: Vec<Errand> =
            queue::claim(&mut tx, &QUEUE, &Conditions::default(), lease, 4).await?;
        tx.commit().await?;
        if claimed.is_empty() {
            let mut tx = database.read().await?;
            if queue::backlog(&mut tx, &QUEUE).await?.waiting == 0 {
                return Ok(());
            }
            tokio::task::yield_now().await;
            continue;
        }
        for errand in &claimed {
            seen.lock().unwrap().began(errand);
        }
        tokio::task::yield_now().await;
        let settlements: Vec<_> = claimed
            .iter()
            .map(|errand| settlement(errand, seen.lock().unwrap().ended(errand), noon()))
            .collect();
        let mut tx = database.begin().await?;
        let settled =
            queue::settle(&mut tx, &QUEUE, &settlements, noon(), Columns::default()).await?;
        tx.commit().await?;
        assert_eq!(settled.len(), claimed.len(), "a claim was taken away");
    }
}

fn settlement(errand: &Errand, is_done: bool, now: Timestamp) -> Settlement {
    Settlement {
        claim: errand.claim,
        state: if is_done { "run" } else { "open" },
        next_attempt_at: (!is_done).then_some(now - 1.second()),
        counts: true,
        stands: false,
    }
}

on_both! {
    async fn several_workers_do_each_job_once_and_each_lane_in_order(stage: &Stage) {
        let mut tx = stage.begin().await;
        Errands::prepare(&mut tx).await.unwrap();
        for id in 1..=JOBS {
            let lane = u8::try_from(id % LANES).unwrap();
            Errands::insert(&mut tx, Uuid::from_u128(id), lane, noon()).await.unwrap();
        }
        tx.commit().await.unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..3 {
            workers.spawn(work(stage.another().await, Arc::clone(&seen)));
        }
        while let Some(ended) = workers.join_next().await {
            ended.unwrap().unwrap();
        }
        let seen = seen.lock().unwrap();
        for lane in 0..LANES {
            let expected: Vec<_> =
                (1..=JOBS).filter(|id| id % LANES == lane).map(Uuid::from_u128).collect();
            assert_eq!(seen.done[&i64::try_from(lane).unwrap()], expected);
        }
        for (id, attempts) in &seen.attempts {
            assert_eq!(*attempts, if id.as_u128().is_multiple_of(3) { 2 } else { 1 });
        }
    }
}
