//! Statements that open or end a transaction are carried out to their end, also when their caller is gone.
//!
//! A request that is cut off at its time-out drops its futures. A BEGIN that was on its way then opens a transaction that nobody
//! ends, and the session would return to the pool with it; a COMMIT may succeed without waking those who wait for its rows.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;

use crate::base::tasks::Tasks;

/// A future that goes on in a task of its own when it is dropped before its end.
pub(in crate::store) struct Uninterrupted<'a, T: Send + 'static> {
    /// `None` after its end.
    work: Option<BoxFuture<'static, T>>,
    tasks: &'a Tasks,
}

impl<'a, T: Send> Uninterrupted<'a, T> {
    /// What was dropped is finished in one of these tasks. It holds a connection of the pool, which is closed only when it is done.
    pub const fn new(work: BoxFuture<'static, T>, tasks: &'a Tasks) -> Self {
        Self { work: Some(work), tasks }
    }
}

impl<T: Send> Future for Uninterrupted<'_, T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let Some(work) = &mut self.work else { return Poll::Pending };
        let polled = work.as_mut().poll(context);
        if polled.is_ready() {
            self.work = None;
        }
        polled
    }
}

impl<T: Send> Drop for Uninterrupted<'_, T> {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            self.tasks.spawn(async move { drop(work.await) });
        }
    }
}
