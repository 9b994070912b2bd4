//! What a work queue must do, as plain data: the reference that every kind is held against.

use std::{collections::BTreeMap, marker::PhantomData};

use proptest::{
    prelude::{BoxedStrategy, Just, Strategy, any},
    prop_oneof,
};
use proptest_state_machine::ReferenceStateMachine;

use crate::store::queue::tests::Kind;

/// How long a claim holds, in seconds.
pub const LEASE: i64 = 30;
const WORKERS: usize = 3;

/// A queue and its workers.
#[derive(Clone, Debug)]
pub struct World {
    /// Seconds since the beginning.
    pub now: i64,
    /// By id. An id is also the place of a job in its lane.
    pub jobs: BTreeMap<u128, Job>,
    /// What each worker believes to have claimed.
    held: [Vec<(u128, u32)>; WORKERS],
    /// What the last step claimed: ids and claim numbers.
    pub claimed: Vec<(u128, u32)>,
    /// What the last step tried to settle.
    pub settling: Vec<(u128, u32)>,
    /// What it did settle.
    pub settled: Vec<u128>,
    /// What the last step requeued.
    pub requeued: Option<u128>,
}

/// One job.
#[derive(Clone, Debug)]
pub struct Job {
    lane: u8,
    /// When it is claimable, or its lease ends; `None` once it is settled.
    pub due: Option<i64>,
    /// Its fencing token.
    pub claims: u32,
    /// Attempts that count.
    pub attempts: u32,
    /// Who holds it, until when.
    lease: Option<(usize, i64)>,
}

/// What happens.
#[derive(Clone, Debug)]
pub enum Step {
    /// A job is added, due so many seconds from now.
    Insert { lane: u8, delay: i64 },
    /// A worker claims.
    Claim { worker: usize, limit: u32 },
    /// A worker settles one of its claims, or all of them; it may keep them in mind and settle them once more later.
    Settle { worker: usize, pick: Option<usize>, outcome: Outcome, keep: bool },
    /// A worker stops, and forgets its claims.
    Kill { worker: usize },
    /// A settled job is made due again.
    Requeue { pick: usize },
    /// Time passes.
    Advance { seconds: i64 },
}

/// What an attempt came to.
#[derive(Clone, Copy, Debug)]
pub enum Outcome {
    Done,
    Retry { after: i64 },
    NotMade { after: i64 },
}

/// The model of one kind.
pub struct Model<K>(PhantomData<K>);

impl<K: Kind> ReferenceStateMachine for Model<K> {
    type State = World;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<World> {
        let world = World {
            now: 0,
            jobs: BTreeMap::new(),
            held: Default::default(),
            claimed: Vec::new(),
            settling: Vec::new(),
            settled: Vec::new(),
            requeued: None,
        };
        Just(world).boxed()
    }

    fn transitions(_: &World) -> BoxedStrategy<Step> {
        let worker = || 0..WORKERS;
        let outcome = prop_oneof![
            3 => Just(Outcome::Done),
            2 => (0..60i64).prop_map(|after| Outcome::Retry { after }),
            1 => (0..60i64).prop_map(|after| Outcome::NotMade { after }),
        ];
        let pick = prop_oneof![any::<usize>().prop_map(Some), Just(None)];
        prop_oneof![
            4 => (0..3u8, 0..20i64).prop_map(|(lane, delay)| Step::Insert { lane, delay }),
            6 => (worker(), 1..5u32).prop_map(|(worker, limit)| Step::Claim { worker, limit }),
            6 => (worker(), pick, outcome, any::<bool>())
                .prop_map(|(worker, pick, outcome, keep)| Step::Settle { worker, pick, outcome, keep }),
            1 => worker().prop_map(|worker| Step::Kill { worker }),
            1 => any::<usize>().prop_map(|pick| Step::Requeue { pick }),
            4 => (1..LEASE + 10).prop_map(|seconds| Step::Advance { seconds }),
        ]
        .boxed()
    }

    fn apply(mut world: World, step: &Step) -> World {
        let is_laned = K::QUEUE.lane.is_some();
        (world.claimed, world.settling, world.settled) = Default::default();
        world.requeued = None;
        match *step {
            Step::Insert { lane, delay } => {
                let id = world.jobs.keys().next_back().map_or(1, |last| last + 1);
                let due = Some(world.now + delay);
                world.jobs.insert(id, Job { lane, due, claims: 0, attempts: 0, lease: None });
            }
            Step::Claim { worker, limit } => world.claim(worker, limit as usize, is_laned),
            Step::Settle { worker, pick, outcome, keep } => {
                world.choose(worker, pick, keep);
                for (id, claims) in world.settling.clone() {
                    world.settle(id, claims, outcome);
                }
                if is_laned {
                    world.hold_lanes();
                }
            }
            Step::Kill { worker } => world.held[worker].clear(),
            Step::Requeue { pick } => world.requeue(pick),
            Step::Advance { seconds } => world.now += seconds,
        }
        world.check(is_laned);
        world
    }
}

impl World {
    fn claim(&mut self, worker: usize, limit: usize, is_laned: bool) {
        let is_first = |id: u128, job: &Job| {
            let in_lane = |other: &Job| other.lane == job.lane && other.due.is_some();
            !is_laned || self.jobs.iter().all(|(other, it)| *other >= id || !in_lane(it))
        };
        let mut due: Vec<_> = self
            .jobs
            .iter()
            .filter(|(id, job)| job.due.is_some_and(|at| at <= self.now) && is_first(**id, job))
            .map(|(id, job)| (job.due, *id))
            .collect();
        due.sort_unstable();
        for (_, id) in due.into_iter().take(limit) {
            let job = self.jobs.get_mut(&id).unwrap();
            let is_free = job.lease.is_none_or(|(_, until)| until <= self.now);
            assert!(is_free, "{id} is claimed while its lease holds");
            job.claims += 1;
            job.attempts += 1;
            job.due = Some(self.now + LEASE);
            job.lease = Some((worker, self.now + LEASE));
            self.claimed.push((id, job.claims));
        }
        self.claimed.sort_unstable();
        self.held[worker].extend(&self.claimed);
    }

    /// Which claims a worker settles. Of several claims of one job, which a worker may believe to have, only the last.
    fn choose(&mut self, worker: usize, pick: Option<usize>, keep: bool) {
        let held = self.held[worker].clone();
        if held.is_empty() {
            return;
        }
        let chosen: BTreeMap<_, _> = match pick {
            Some(pick) => [held[pick % held.len()]].into(),
            None => held.into_iter().collect(),
        };
        self.settling = chosen.into_iter().collect();
        if !keep {
            self.held[worker].retain(|claim| !self.settling.contains(claim));
        }
    }

    fn settle(&mut self, id: u128, claims: u32, outcome: Outcome) {
        let now = self.now;
        let job = self.jobs.get_mut(&id).unwrap();
        if job.claims != claims {
            return;
        }
        job.claims += 1;
        job.lease = None;
        (job.due, job.attempts) = match outcome {
            Outcome::Done => (None, job.attempts),
            Outcome::Retry { after } => (Some(now + after), job.attempts),
            Outcome::NotMade { after } => (Some(now + after), job.attempts - 1),
        };
        self.settled.push(id);
    }

    /// Later jobs of a lane wait with one that was just put off.
    fn hold_lanes(&mut self) {
        for id in self.settled.clone() {
            let Job { lane, due: Some(until), .. } = self.jobs[&id] else { continue };
            for (_, later) in self.jobs.range_mut(id + 1..).filter(|(_, job)| job.lane == lane) {
                later.due = later.due.map(|due| due.max(until));
            }
        }
    }

    fn requeue(&mut self, pick: usize) {
        let settled: Vec<_> =
            self.jobs.iter().filter(|(_, job)| job.due.is_none()).map(|(id, _)| *id).collect();
        if settled.is_empty() {
            return;
        }
        let id = settled[pick % settled.len()];
        let job = self.jobs.get_mut(&id).unwrap();
        *job = Job {
            lane: job.lane,
            due: Some(self.now),
            claims: job.claims + 1,
            attempts: 0,
            lease: None,
        };
        self.requeued = Some(id);
    }

    /// What must hold whatever happened: of one lane at most one job is under way, unless an earlier one was requeued.
    fn check(&self, is_laned: bool) {
        if !is_laned || self.requeued.is_some() {
            return;
        }
        for (id, job) in &self.jobs {
            let is_live = |job: &Job| job.lease.is_some_and(|(_, until)| self.now < until);
            let claimed_now = self.claimed.iter().any(|(claimed, _)| claimed == id);
            let earlier = self.jobs.range(..*id).filter(|(_, other)| other.lane == job.lane);
            let blocked = earlier.filter(|(_, other)| other.due.is_some()).count();
            assert!(!(claimed_now && is_live(job) && blocked > 0), "{id} overtakes its lane");
        }
    }
}
