//! The dispatcher, with a kind of job made for the test: bounds, panics, order, leases, shutdown.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use jiff::Timestamp;
use tokio::sync::{Semaphore, oneshot};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    app::App,
    base::{clock::Clock, mint::Mint},
    config::{Config, Span},
    store::queue::tests::{
        Kind,
        fifth::{Errands, QUEUE, Run},
        job,
    },
    wiring::{self, Role, Server},
    workers::{Dispatcher, Worker, run},
};

/// How long a condition may take to hold, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A dispatcher that runs.
struct Dispatching {
    stop: CancellationToken,
    stopped: oneshot::Receiver<()>,
}

impl Dispatching {
    /// Tells it to stop, and waits until it has.
    async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.stopped).await.unwrap().unwrap();
    }
}

/// An application without workers of its own, whose clock only the test moves.
struct Stage {
    server: Server,
    folder: PathBuf,
}

impl Stage {
    async fn open() -> Self {
        let name = Mint::system().uuid(Clock::System.now());
        let folder = std::env::temp_dir().join(format!("orderwire-dispatcher-{name}"));
        let mut config = Config { data_dir: folder.clone(), ..Config::default() };
        config.http.listen = "127.0.0.1:0".parse().unwrap();
        config.workers.shutdown_grace = Span::secs(3);
        let clock = Clock::frozen(Timestamp::UNIX_EPOCH);
        let server = wiring::start(config, Role::ALL, clock, Mint::system()).await.unwrap();
        let mut tx = server.app().db.begin().await.unwrap();
        Errands::prepare(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        Self { server, folder }
    }

    fn app(&self) -> App {
        self.server.app().clone()
    }

    /// Adds one errand to each lane, in this order.
    async fn add(&self, lanes: &[u8]) {
        let app = self.app();
        let mut tx = app.db.begin().await.unwrap();
        for (number, lane) in (1..).zip(lanes) {
            Errands::insert(&mut tx, Uuid::from_u128(number), *lane, app.clock.now())
                .await
                .unwrap();
        }
        tx.commit().await.unwrap();
    }

    /// Starts a dispatcher; it stops with the token.
    fn dispatch(&self, at_once: usize, attempt: Run) -> Dispatching {
        let (app, stop) = (self.app(), CancellationToken::new());
        let dispatcher = Dispatcher::new(app.clone(), Errands { run: attempt, at_once });
        let (ended, stopped) = oneshot::channel();
        let running = run(dispatcher, app.clone(), stop.clone());
        app.tasks.spawn(async move {
            running.await;
            let _nobody_waits = ended.send(());
        });
        Dispatching { stop, stopped }
    }

    async fn until(&self, what: &str, mut holds: impl AsyncFnMut(&App) -> bool) {
        let app = self.app();
        let wait = async {
            while !holds(&app).await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, wait).await.is_ok(), "never: {what}");
    }

    async fn settled(&self, count: usize) {
        let done = async |app: &App| {
            let mut settled = 0;
            for number in 1..=count {
                settled += usize::from(job(app, &QUEUE, number as u128).await.state == "run");
            }
            settled == count
        };
        self.until("all errands are run", done).await;
    }

    async fn close(self) {
        assert!(self.server.shut_down().await);
        std::fs::remove_dir_all(self.folder).unwrap();
    }
}

fn attempts(attempt: impl Fn(i64) -> BoxFuture<'static, bool> + Send + Sync + 'static) -> Run {
    Arc::new(attempt)
}

#[tokio::test]
async fn no_more_attempts_run_at_once_than_there_is_room_for() {
    let stage = Stage::open().await;
    stage.add(&[0, 1, 2, 3, 4]).await;
    let gate = Arc::new(Semaphore::new(0));
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let attempt = {
        let (gate, running, most) = (Arc::clone(&gate), Arc::clone(&running), Arc::clone(&most));
        attempts(move |_| {
            let (gate, running, most) =
                (Arc::clone(&gate), Arc::clone(&running), Arc::clone(&most));
            async move {
                most.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
                gate.acquire().await.unwrap().forget();
                running.fetch_sub(1, SeqCst);
                true
            }
            .boxed()
        })
    };
    let dispatcher = stage.dispatch(2, attempt);
    stage.until("two run", async |_| running.load(SeqCst) == 2).await;
    gate.add_permits(5);
    stage.settled(5).await;
    assert_eq!(most.load(SeqCst), 2);
    dispatcher.stop().await;
    stage.close().await;
}

#[tokio::test]
async fn a_panicking_attempt_is_settled_and_gives_its_room_back() {
    let stage = Stage::open().await;
    stage.add(&[0, 1, 2]).await;
    let panics = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&panics);
    let attempt = attempts(move |lane| {
        let counted = Arc::clone(&counted);
        async move {
            // The first attempt at each of the first two.
            assert!(lane == 2 || counted.fetch_add(1, SeqCst) >= 2, "a fault of the attempt");
            true
        }
        .boxed()
    });
    // With one room for all, a lost one would end everything.
    let dispatcher = stage.dispatch(1, attempt);
    stage.until("the good one is run", async |app| job(app, &QUEUE, 3).await.state == "run").await;
    let failed = job(&stage.app(), &QUEUE, 1).await;
    assert_eq!((failed.state.as_str(), failed.attempts), ("open", 1));
    stage.app().clock.advance(Duration::from_secs(5));
    stage.settled(3).await;
    assert_eq!(job(&stage.app(), &QUEUE, 1).await.attempts, 2);
    // Nothing is under way, so a shutdown waits for nothing.
    dispatcher.stop().await;
    stage.close().await;
}

#[tokio::test]
async fn the_errands_of_one_lane_run_one_after_the_other() {
    let stage = Stage::open().await;
    stage.add(&[1, 1, 1, 1, 1, 2, 2, 2]).await;
    let (running, overlaps) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
    let (lanes, counted) = (Arc::clone(&running), Arc::clone(&overlaps));
    let attempt = attempts(move |lane| {
        let (lanes, counted) = (Arc::clone(&lanes), Arc::clone(&counted));
        async move {
            let overlaps = {
                let mut lanes = lanes.lock().unwrap();
                lanes.push(lane);
                lanes.iter().filter(|other| **other == lane).count() > 1
            };
            counted.fetch_add(usize::from(overlaps), SeqCst);
            tokio::task::yield_now().await;
            lanes.lock().unwrap().retain(|other| *other != lane);
            true
        }
        .boxed()
    });
    let dispatcher = stage.dispatch(8, attempt);
    stage.settled(8).await;
    assert_eq!(overlaps.load(SeqCst), 0);
    dispatcher.stop().await;
    stage.close().await;
}

#[tokio::test]
async fn a_shutdown_awaits_and_settles_what_is_under_way() {
    let stage = Stage::open().await;
    stage.add(&[1, 2]).await;
    let (gate, running) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let (held, counted) = (Arc::clone(&gate), Arc::clone(&running));
    let attempt = attempts(move |_| {
        let (held, counted) = (Arc::clone(&held), Arc::clone(&counted));
        async move {
            counted.fetch_add(1, SeqCst);
            held.acquire().await.unwrap().forget();
            true
        }
        .boxed()
    });
    let dispatcher = stage.dispatch(1, attempt);
    stage.until("one runs", async |_| running.load(SeqCst) == 1).await;
    dispatcher.stop.cancel();
    gate.add_permits(2);
    dispatcher.stop().await;
    // The second was never claimed.
    assert_eq!(job(&stage.app(), &QUEUE, 1).await.state, "run");
    let second = job(&stage.app(), &QUEUE, 2).await;
    assert_eq!((second.state.as_str(), second.attempts), ("open", 0));
    stage.close().await;
}

#[tokio::test]
async fn another_worker_takes_over_when_the_lease_ends() {
    let stage = Stage::open().await;
    stage.add(&[1]).await;
    let app = stage.app();
    let never = attempts(|_| std::future::pending().boxed());
    let mut killed = Dispatcher::new(app.clone(), Errands { run: never, at_once: 1 });
    killed.step().await.unwrap();
    drop(killed);
    let dispatcher = stage.dispatch(1, attempts(|_| std::future::ready(true).boxed()));
    app.clock.advance(Duration::from_secs(29));
    assert_eq!(job(&app, &QUEUE, 1).await.attempts, 1);
    app.clock.advance(Duration::from_secs(1));
    stage.settled(1).await;
    assert_eq!(job(&app, &QUEUE, 1).await.attempts, 2);
    dispatcher.stop().await;
    // The attempt that hangs is cut off with the application.
    assert!(!stage.server.shut_down().await);
}
