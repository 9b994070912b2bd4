//! A kind of job that the product does not have: all that adding one takes.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use jiff::{Timestamp, ToSpan};
use uuid::Uuid;

use crate::{
    app::{App, Failure},
    base::load::Load,
    store::{
        StoreError, Tx, Work,
        conditions::Conditions,
        queue::tests::{Kind, property_suite},
        queue::{self, Claim, Columns, Hold, Lane, Lease, Queue, Settlement},
        row::{from_row, number},
        rows::Rows,
        tx::on,
    },
    workers::dispatcher::{Done, JobKind},
};

// ---- The store: a table (in the product a migration), its queue, its rows.

const TABLE: &str = "CREATE TABLE errand (
    id uuid PRIMARY KEY, lane bigint NOT NULL, place bigint NOT NULL, state text NOT NULL, attempts bigint NOT NULL DEFAULT 0,
    claims bigint NOT NULL DEFAULT 0, next_attempt_at timestamptz, settled_at timestamptz, note text
)";
pub const QUEUE: Queue = Queue {
    table: "errand",
    columns: "id, claims, lane",
    work: Work::PartnerCalls,
    claimable: &["open"],
    given_up: "failed",
    lane: Some(Lane { key: &["lane"], order: &["place"] }),
    hold: Hold::Lease,
    age: "next_attempt_at",
    purgeable: "next_attempt_at IS NULL",
};

#[derive(Debug)]
pub struct Errand {
    pub claim: Claim,
    pub lane: i64,
}

from_row!(Errand, |row| Self {
    claim: Claim { id: row.try_get("id")?, number: number(row.try_get("claims")?)? },
    lane: row.try_get("lane")?,
});

// ---- The worker: what is claimed, what one attempt does, where a job goes then.

/// One attempt: answers whether the errand is done.
pub type Run = Arc<dyn Fn(i64) -> BoxFuture<'static, bool> + Send + Sync>;

pub struct Errands {
    pub run: Run,
    pub at_once: usize,
}

impl JobKind for Errands {
    const NAME: &'static str = "errands";
    const WORK: Work = Work::PartnerCalls;
    type Partition = ();
    type Job = (Errand, Run);
    type Outcome = bool;

    fn capacity(&self) -> usize {
        self.at_once
    }

    fn partition(_: &Self::Job) {}

    async fn claim(&mut self, app: &App, load: &Load<()>) -> Result<Vec<Self::Job>, Failure> {
        let now = app.clock.now();
        let (lease, limit) =
            (Lease { now, until: now + 30.seconds() }, load.free().try_into().unwrap());
        let mut tx = app.db.begin().await?;
        let errands = queue::claim(&mut tx, &QUEUE, &Conditions::default(), lease, limit).await?;
        tx.commit().await?;
        Ok(errands.into_iter().map(|errand| (errand, Arc::clone(&self.run))).collect())
    }

    async fn attempt(_: &App, (errand, run): &Self::Job) -> bool {
        run(errand.lane).await
    }

    fn panicked(_: &App, _: &Self::Job) -> bool {
        false
    }

    async fn settle(&mut self, app: &App, done: &[Done<Self>]) -> Result<(), Failure> {
        let now = app.clock.now();
        let settlement = |done: &Done<Self>| Settlement {
            claim: done.job.0.claim,
            state: if done.outcome { "run" } else { "open" },
            next_attempt_at: (!done.outcome).then(|| now + 5.seconds()),
            counts: true,
            stands: false,
        };
        let settlements: Vec<_> = done.iter().map(settlement).collect();
        let mut tx = app.db.begin().await?;
        queue::settle(&mut tx, &QUEUE, &settlements, now, Columns::default()).await?;
        Ok(tx.commit().await?)
    }
}

// ---- The property suite of every kind runs on it.

impl Kind for Errands {
    const QUEUE: Queue = QUEUE;
    const DONE: &'static str = "run";

    async fn prepare(tx: &mut Tx) -> Result<(), StoreError> {
        on!(tx, |conn| sqlx::query(TABLE).execute(conn).await?.rows_affected());
        Ok(())
    }

    async fn insert(tx: &mut Tx, id: Uuid, lane: u8, due: Timestamp) -> Result<(), StoreError> {
        let rows = Rows::default()
            .uuids([id].into_iter())
            .numbers([i64::from(lane)].into_iter())
            .numbers([i64::try_from(id.as_u128()).unwrap()].into_iter())
            .texts(["open"].into_iter())
            .moments([due].into_iter());
        rows.execute(tx, "INSERT INTO errand (id, lane, place, state, next_attempt_at)", "")
            .await
            .map(drop)
    }
}

property_suite!(suite, Errands);
