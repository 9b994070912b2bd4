//! Batches of independent items: one bad item must not hold up the others.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

use crate::app::Failure;

/// One result per item, or a failure of the whole batch.
pub type Results<T> = Result<Vec<Result<T, Failure>>, Failure>;

/// Runs `run` for all items together, in one transaction. When that fails for a reason that is [not transient](Failure::is_transient),
/// or panics, the batch is split in halves and each half is run by itself, until the items at fault stand alone.
///
/// Returns one result per item, in order. An outer `Err` is transient: run the whole batch again later. Parts of it may have been
/// committed, so `run` must have the same effect twice as once.
///
/// `run` begins a transaction of its own each time: after a failed statement PostgreSQL takes no further one in the same transaction.
pub async fn isolate<'a, I, T, F>(items: &'a [I], run: impl Fn(&'a [I]) -> F) -> Results<T>
where
    F: Future<Output = Results<T>>,
{
    let mut results = Vec::with_capacity(items.len());
    let mut open = vec![items];
    while let Some(part) = open.pop() {
        match caught(run(part)).await {
            Ok(done) => results.extend(done),
            Err(failure) if failure.is_transient() => return Err(failure),
            Err(failure) if part.len() == 1 => results.push(Err(failure)),
            Err(_) => {
                let (left, right) = part.split_at(part.len() / 2);
                open.extend([right, left].into_iter().filter(|half| !half.is_empty()));
            }
        }
    }
    Ok(results)
}

/// Turns a panic into a failure that is not transient.
pub async fn caught<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let outcome = AssertUnwindSafe(work).catch_unwind().await;
    outcome.unwrap_or_else(|_| Err(Failure::Internal("it made the program panic".to_owned())))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::store::StoreError;

    fn inconsistent() -> Failure {
        StoreError::Inconsistent("a broken row".to_owned()).into()
    }

    /// Doubles each number; fails as a whole on a negative one, panics on zero.
    async fn double(numbers: &[i32]) -> Results<i32> {
        assert!(!numbers.contains(&0), "zero");
        if numbers.iter().any(|number| *number < 0) {
            return Err(inconsistent());
        }
        Ok(numbers.iter().map(|number| Ok(number * 2)).collect())
    }

    #[tokio::test]
    async fn only_the_items_at_fault_fail_and_the_order_is_kept() {
        let results = isolate(&[1, 2, -1, 3, 0, 4, 5], double).await.unwrap();
        let values: Vec<_> = results.into_iter().map(Result::ok).collect();
        assert_eq!(values, [Some(2), Some(4), None, Some(6), None, Some(8), Some(10)]);
        assert!(isolate(&[], double).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn one_bad_item_of_many_costs_few_runs() {
        let runs = Mutex::new(0);
        let mut items = vec![1; 256];
        items[77] = -1;
        let results = isolate(&items, |part| {
            *runs.lock().unwrap() += 1;
            double(part)
        });
        assert_eq!(results.await.unwrap().iter().filter(|result| result.is_err()).count(), 1);
        assert!(*runs.lock().unwrap() <= 17, "{runs:?}");
    }

    #[tokio::test]
    async fn a_transient_failure_is_the_failure_of_the_whole_batch() {
        let result = isolate(&[1, 2, 3], |part: &[i32]| async move {
            if part.contains(&2) && part.len() == 1 {
                return Err(StoreError::Database(sqlx::Error::PoolTimedOut).into());
            }
            if part.contains(&2) {
                return Err(inconsistent());
            }
            double(part).await
        });
        assert!(result.await.unwrap_err().is_transient());
    }
}
