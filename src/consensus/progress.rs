//! How far the log is applied here, and who waits for it.
//!
//! *Invariant.* A waiter is woken when its own index is applied, not at every entry: a thousand readers cost no more
//! than their own wake-ups. The number of waiters is the callers' number of requests, which they bound.

use crate::types::LogIndex;
use futures::channel::oneshot;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The node stopped before the index was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the node has stopped")]
pub(crate) struct Ended;

#[derive(Debug, Default)]
struct Inner {
    applied: Option<LogIndex>,
    ended: bool,
    waiters: BTreeMap<LogIndex, Vec<oneshot::Sender<()>>>,
}

/// The applied index. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress(Arc<Mutex<Inner>>);

impl Progress {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last applied index.
    pub(crate) fn applied(&self) -> Option<LogIndex> {
        self.inner().applied
    }

    /// Notes that `index` is applied, and wakes those who waited for it.
    pub(crate) fn advance(&self, index: LogIndex) {
        let mut inner = self.inner();
        inner.applied = inner.applied.max(Some(index));
        while let Some(first) = inner.waiters.first_entry() {
            if *first.key() > index {
                break;
            }
            for waiter in first.remove() {
                let _ = waiter.send(());
            }
        }
    }

    /// Nothing will be applied any more.
    pub(crate) fn end(&self) {
        let mut inner = self.inner();
        inner.ended = true;
        inner.waiters.clear();
    }

    /// Resolves when `index` is applied.
    pub(crate) async fn wait(&self, index: LogIndex) -> Result<(), Ended> {
        let receiver = {
            let mut inner = self.inner();
            if inner.applied >= Some(index) {
                return Ok(());
            }
            if inner.ended {
                return Err(Ended);
            }
            let (sender, receiver) = oneshot::channel();
            inner.waiters.entry(index).or_default().push(sender);
            receiver
        };
        receiver.await.map_err(|_| Ended)
    }
}
