//! One property suite for every kind of job: a model of the queue, held against each table, on both dialects.
//!
//! Three workers claim, settle in time or too late, settle twice, are killed and come back, jobs are added and requeued,
//! and a clock that only the test moves lets leases end. After every step the table must equal the model.

mod concurrent;
pub mod fifth;
mod kinds;
mod model;
mod plans;

use std::{marker::PhantomData, sync::Arc, sync::atomic::AtomicUsize};

use jiff::Timestamp;
use proptest::test_runner::{Config, TestRunner};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};
use tokio::runtime::Runtime;
use uuid::Uuid;

use self::model::{LEASE, Model, Outcome, Step, World};
use crate::app::App;
use crate::store::{
    StoreError, Tx,
    conditions::{Conditions, Value},
    moment::At,
    queue::{self, Claim, Columns, Due, Lease, Queue, Requeue, Settlement},
    row::{from_row, number},
    tests::{Stage, samples::later},
    tx::on,
};

/// A kind of job under test.
pub trait Kind: Send + Sync + 'static {
    /// Its queue.
    const QUEUE: Queue;
    /// A state from which no job is claimed.
    const DONE: &'static str;

    /// Makes its table, where no migration does.
    async fn prepare(_tx: &mut Tx) -> Result<(), StoreError> {
        Ok(())
    }

    /// Adds a job. Its place in its lane is the number of its id.
    async fn insert(tx: &mut Tx, id: Uuid, lane: u8, due: Timestamp) -> Result<(), StoreError>;
}

/// A row, as far as the queue is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    id: u128,
    pub state: String,
    claims: u32,
    pub attempts: u32,
    due: Option<Timestamp>,
    is_settled: bool,
}

from_row!(Job, |row| Self {
    id: row.try_get::<Uuid, _>("id")?.as_u128(),
    state: row.try_get("state")?,
    claims: number(row.try_get("claims")?)?,
    attempts: number(row.try_get("attempts")?)?,
    due: row.try_get::<Option<At>, _>("next_attempt_at")?.map(|At(at)| at),
    is_settled: row.try_get::<Option<At>, _>("settled_at")?.is_some(),
});

/// One row of a running application.
pub async fn job(app: &App, queue: &Queue, id: u128) -> Job {
    let mut tx = app.db.read().await.unwrap();
    let head = format!("SELECT * FROM {} WHERE id = ", queue.table);
    let found: Result<Job, StoreError> = async {
        Ok(on!(tx, |conn| {
            let mut query = sqlx::QueryBuilder::new(head);
            query.push_bind(Uuid::from_u128(id)).build_query_as().fetch_one(conn).await?
        }))
    }
    .await;
    found.unwrap()
}

/// The real queue, for the model to be held against.
struct Real<K, const POSTGRES: bool> {
    runtime: Runtime,
    stage: Stage,
    kind: PhantomData<K>,
}

impl<K: Kind, const POSTGRES: bool> StateMachineTest for Real<K, POSTGRES> {
    type SystemUnderTest = Self;
    type Reference = Model<K>;

    fn init_test(_: &World) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let stage = runtime.block_on(async {
            let stage =
                if POSTGRES { Stage::postgres().await.unwrap() } else { Stage::sqlite().await };
            let mut tx = stage.begin().await;
            K::prepare(&mut tx).await.unwrap();
            tx.commit().await.unwrap();
            stage
        });
        Self { runtime, stage, kind: PhantomData }
    }

    fn apply(real: Self, world: &World, step: Step) -> Self {
        real.runtime.block_on(real.take(world, step)).unwrap();
        real
    }

    fn check_invariants(real: &Self, world: &World) {
        let rows = real.runtime.block_on(real.rows()).unwrap();
        assert_eq!(rows, expected(world, K::DONE, K::QUEUE.claimable[0]));
    }

    fn teardown(real: Self, _: World) {
        let Self { runtime, stage, .. } = real;
        runtime.block_on(stage.strike());
    }
}

impl<K: Kind, const POSTGRES: bool> Real<K, POSTGRES> {
    /// Does what the model has done already; `world` is the state after it.
    async fn take(&self, world: &World, step: Step) -> Result<(), StoreError> {
        let mut tx = self.stage.begin().await;
        let now = later(world.now);
        match step {
            Step::Insert { lane, delay } => {
                let id = *world.jobs.keys().next_back().unwrap();
                K::insert(&mut tx, Uuid::from_u128(id), lane, later(world.now + delay)).await?;
            }
            Step::Claim { limit, .. } => {
                let lease = Lease { now, until: later(world.now + LEASE) };
                let all = Queue { columns: "*", ..K::QUEUE };
                let claimed: Vec<Job> =
                    queue::claim(&mut tx, &all, &Conditions::default(), lease, limit).await?;
                let mut claimed: Vec<_> = claimed.iter().map(|job| (job.id, job.claims)).collect();
                claimed.sort_unstable();
                assert_eq!(claimed, world.claimed);
            }
            Step::Settle { outcome, .. } => {
                let settlements: Vec<_> = world
                    .settling
                    .iter()
                    .map(|held| settlement::<K>(*held, outcome, world.now))
                    .collect();
                let settled =
                    queue::settle(&mut tx, &K::QUEUE, &settlements, now, Columns::default())
                        .await?;
                let mut settled: Vec<_> = settled.iter().map(Uuid::as_u128).collect();
                settled.sort_unstable();
                assert_eq!(settled, world.settled);
            }
            Step::Requeue { .. } => self.requeue(&mut tx, world).await?,
            // Neither is seen by the database.
            Step::Kill { .. } | Step::Advance { .. } => {}
        }
        tx.commit().await
    }

    async fn requeue(&self, tx: &mut Tx, world: &World) -> Result<(), StoreError> {
        let Some(id) = world.requeued else { return Ok(()) };
        let requeue = Requeue {
            due: Due::At(later(world.now)),
            also: &[],
            from: "next_attempt_at IS NULL",
            conditions: Conditions::default().and("id =", Value::Uuid(Uuid::from_u128(id))),
        };
        assert_eq!(queue::requeue(tx, &K::QUEUE, &requeue, Some(10)).await?, 1);
        Ok(())
    }

    async fn rows(&self) -> Result<Vec<Job>, StoreError> {
        let mut tx = self.stage.read().await;
        let sql = format!("SELECT * FROM {} ORDER BY id", K::QUEUE.table);
        Ok(on!(tx, |conn| sqlx::QueryBuilder::new(sql).build_query_as().fetch_all(conn).await?))
    }
}

fn settlement<K: Kind>((id, claims): (u128, u32), outcome: Outcome, now: i64) -> Settlement {
    let claim = Claim { id: Uuid::from_u128(id), number: claims };
    let (state, next, counts) = match outcome {
        Outcome::Done => (K::DONE, None, true),
        Outcome::Retry { after } => (K::QUEUE.claimable[0], Some(later(now + after)), true),
        Outcome::NotMade { after } => (K::QUEUE.claimable[0], Some(later(now + after)), false),
    };
    Settlement { claim, state, next_attempt_at: next, counts, stands: false }
}

fn expected(world: &World, done: &str, pending: &str) -> Vec<Job> {
    let row = |(id, job): (&u128, &model::Job)| Job {
        id: *id,
        state: if job.due.is_some() { pending } else { done }.to_owned(),
        claims: job.claims,
        attempts: job.attempts,
        due: job.due.map(later),
        is_settled: job.due.is_none(),
    };
    world.jobs.iter().map(row).collect()
}

/// Plays so many random stories of one kind on one dialect.
pub fn play<K: Kind, const POSTGRES: bool>(cases: u32) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let stories = Model::<K>::sequential_strategy(1..60);
    let play = |(world, steps, seen): (World, Vec<Step>, Option<Arc<AtomicUsize>>)| {
        Real::<K, POSTGRES>::test_sequential(config.clone(), world, steps, seen);
        Ok(())
    };
    TestRunner::new(config.clone()).run(&stories, play).unwrap();
}

/// The suite of one kind, on both dialects.
macro_rules! property_suite {
    ($name:ident, $kind:ty) => {
        mod $name {
            use super::*;

            #[test]
            fn equals_the_model_on_sqlite() {
                crate::store::queue::tests::play::<$kind, false>(48);
            }

            #[test]
            fn equals_the_model_on_postgres() {
                if crate::store::tests::postgres_url().is_some() {
                    crate::store::queue::tests::play::<$kind, true>(12);
                }
            }
        }
    };
}

pub(in crate::store) use property_suite;
