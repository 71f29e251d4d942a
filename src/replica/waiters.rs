//! Who waits for what: requests for their outcome.
//!
//! *Invariant.* The locks here are held for a map operation, never across an await.

use crate::{chain::command::Outcome, types::RequestId};
use futures::channel::oneshot;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic inside would be in a map operation; the map is still a map.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Requests of this node's clients that wait to be applied here.
#[derive(Debug, Default)]
pub(super) struct OutcomeWaiters(Mutex<HashMap<RequestId, oneshot::Sender<Outcome>>>);

impl OutcomeWaiters {
    /// Waits for the outcome of `request`.
    pub(super) fn register(&self, request: RequestId) -> oneshot::Receiver<Outcome> {
        let (sender, receiver) = oneshot::channel();
        lock(&self.0).insert(request, sender);
        receiver
    }

    /// Nobody waits any more.
    pub(super) fn forget(&self, request: &RequestId) {
        lock(&self.0).remove(request);
    }

    /// Tells those who wait here.
    pub(super) fn resolve(&self, answers: Vec<(RequestId, Outcome)>) {
        if answers.is_empty() {
            return;
        }
        let mut waiters = lock(&self.0);
        for (request, outcome) in answers {
            if let Some(waiter) = waiters.remove(&request) {
                // A client that went away needs no answer.
                let _ = waiter.send(outcome);
            }
        }
    }
}
