//! Partners' calls that come at the same time are stored in one transaction: a commit is a write to the disk, however much is in it.

use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::{
    app::{App, Failure, batch, intake::Received},
    store::{self, inbox::NewCall},
};

/// Calls stored in one transaction.
const AT_ONCE: usize = 256;

/// Calls that wait to be stored; whoever comes then waits to wait.
const WAITING: usize = 1024;

/// Bytes of all their bodies together: what waits is in memory, and goes into one statement.
const WAITING_BYTES: usize = 64 * 1024 * 1024;

/// A verified call, and who wants to hear that it is stored.
struct Waiting {
    call: NewCall,
    stored: oneshot::Sender<Result<Received, Failure>>,
}

/// Where calls are handed in to be stored.
#[derive(Clone)]
pub struct Gathering {
    calls: mpsc::Sender<Waiting>,
    /// A permit for each byte that may still wait.
    room: Arc<Semaphore>,
}

/// Where they are taken out.
pub struct Gathered {
    calls: mpsc::Receiver<Waiting>,
    batch: Vec<Waiting>,
}

/// Both ends.
pub fn gathering() -> (Gathering, Gathered) {
    let (sender, calls) = mpsc::channel(WAITING);
    let room = Arc::new(Semaphore::new(WAITING_BYTES));
    (Gathering { calls: sender, room }, Gathered { calls, batch: Vec::with_capacity(AT_ONCE) })
}

impl Gathering {
    /// Stores a verified call, byte for byte, along with whatever comes at the same time. Once this returns `Ok`, the call is safe.
    pub(in crate::app) async fn store(
        &self,
        app: &App,
        call: NewCall,
    ) -> Result<Received, Failure> {
        let size = u32::try_from(call.body.len().min(WAITING_BYTES)).unwrap_or(u32::MAX);
        let _room = self.room.acquire_many(size).await.map_err(|_| Failure::Interrupted)?;
        let (stored, answer) = oneshot::channel();
        match self.calls.send(Waiting { call, stored }).await {
            Ok(()) => answer.await.map_err(|_| Failure::Interrupted)?,
            // Nobody gathers any more: this process is about to end.
            Err(mpsc::error::SendError(waiting)) => put_one(app, &waiting.call).await,
        }
    }
}

impl Gathered {
    /// Waits until there is something to store. Loses nothing when it is dropped half-way.
    pub async fn wait(&mut self) {
        if self.batch.is_empty() && self.calls.recv_many(&mut self.batch, AT_ONCE).await == 0 {
            std::future::pending::<()>().await;
        }
    }

    /// Stores what waits; answers how many calls that were. Whether it worked is told to each who waits.
    pub async fn store(&mut self, app: &App) -> usize {
        while self.batch.len() < AT_ONCE
            && let Ok(more) = self.calls.try_recv()
        {
            self.batch.push(more);
        }
        let (calls, tell): (Vec<_>, Vec<_>) =
            self.batch.drain(..).map(|it| (it.call, it.stored)).unzip();
        if calls.is_empty() {
            return 0;
        }
        let count = calls.len();
        for (answer, stored) in put_each(app, &calls).await.into_iter().zip(tell) {
            // Whoever has gone away calls again.
            let _gone = stored.send(answer);
        }
        count
    }

    /// Takes nothing any more; what waits already can still be stored.
    pub fn close(&mut self) {
        self.calls.close();
    }
}

/// All in one transaction; a call that cannot be stored fails alone.
async fn put_each(app: &App, calls: &[NewCall]) -> Vec<Result<Received, Failure>> {
    match batch::isolate(calls, |part| put(app, part)).await {
        Ok(received) => received,
        Err(Failure::Store(error)) => {
            calls.iter().map(|_| Err(Failure::Store(Arc::clone(&error)))).collect()
        }
        Err(_) => calls.iter().map(|_| Err(Failure::Interrupted)).collect(),
    }
}

async fn put_one(app: &App, call: &NewCall) -> Result<Received, Failure> {
    let received = put(app, std::slice::from_ref(call)).await?.pop();
    received.unwrap_or(Ok(Received::Duplicate))
}

async fn put(app: &App, calls: &[NewCall]) -> Result<Vec<Result<Received, Failure>>, Failure> {
    let mut tx = app.db.begin().await?;
    let stored = store::inbox::put(&mut tx, calls).await?;
    tx.commit().await?;
    let received =
        |it: Option<_>| Ok(if it.is_some() { Received::Stored } else { Received::Duplicate });
    Ok(stored.into_iter().map(received).collect())
}
