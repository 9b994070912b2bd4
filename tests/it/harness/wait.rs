//! Waiting for conditions: no test sleeps for a fixed time.

use std::{fmt::Debug, time::Duration};

use tokio::time::{Instant, sleep};

/// How long a test waits for anything that is to come: the one time-out of the suite. It only decides how long a failure takes, so it
/// is generous: a machine with other work must not fail a test. Only what starts and stops whole services has longer ones.
pub const PATIENCE: Duration = Duration::from_mins(1);

const BREATH: Duration = Duration::from_millis(10);

/// Asks again and again until the answer is `Ok`. At the deadline it fails and shows what was seen last.
pub async fn eventually<T, S: Debug>(probe: impl AsyncFnMut() -> Result<T, S>) -> T {
    within(PATIENCE, probe).await
}

/// [`eventually`], with another deadline.
pub async fn within<T, S: Debug>(
    deadline: Duration,
    mut probe: impl AsyncFnMut() -> Result<T, S>,
) -> T {
    let end = Instant::now() + deadline;
    loop {
        let seen = match probe().await {
            Ok(it) => return it,
            Err(seen) => seen,
        };
        assert!(Instant::now() < end, "not so after {deadline:?}; last seen: {seen:#?}");
        sleep(BREATH).await;
    }
}
