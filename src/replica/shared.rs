//! What the applier writes and all others read.

use super::{api::ChainEvent, waiters::OutcomeWaiters};
use crate::{
    chain::{Built, Chain, archive::Archive, command::Entry},
    consensus::Progress,
};
use alloy::primitives::B256;
use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

/// Takes the chain's events in the order of the log; must not block.
pub type EventSink = Box<dyn Fn(ChainEvent) + Send + Sync>;

/// How many blocks that were built here wait for their commit at the most; beyond it the oldest is executed again.
const BUILT_MAX: usize = 1024;

/// The digest of an entry that was built here, the entry, and its blocks.
type BuiltEntry = (B256, Arc<Entry>, Vec<Built>);

/// The chain of this node and those who wait for it.
pub(super) struct Shared {
    head: RwLock<Arc<Chain>>,
    built: Mutex<VecDeque<BuiltEntry>>,
    pub(super) archive: Arc<Archive>,
    pub(super) outcomes: OutcomeWaiters,
    pub(super) applied: Progress,
    pub(super) events: EventSink,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("applied", &self.applied.applied())
            .finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn new(chain: Chain, archive: Arc<Archive>, events: EventSink) -> Self {
        let applied = Progress::default();
        // Where nothing has been written there is nothing to wait for.
        applied.advance(0);
        Self {
            head: RwLock::new(Arc::new(chain)),
            built: Mutex::default(),
            archive,
            outcomes: OutcomeWaiters::default(),
            applied,
            events,
        }
    }

    /// The chain as applied here.
    pub(super) fn head(&self) -> Arc<Chain> {
        self.head
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Only the applier calls this.
    pub(super) fn set_head(&self, chain: Arc<Chain>) {
        *self.head.write().unwrap_or_else(PoisonError::into_inner) = chain;
    }

    /// The producer built these blocks; the applier will ask for them by the entry's digest.
    pub(super) fn put_built(&self, digest: B256, entry: Arc<Entry>, built: Vec<Built>) {
        let mut queue = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.len() >= BUILT_MAX {
            queue.pop_front();
        }
        queue.push_back((digest, entry, built));
    }

    /// The blocks of an entry that was built here. Older ones were lost with a leadership: they are dropped.
    pub(super) fn take_built(&self, digest: &B256) -> Option<(Arc<Entry>, Vec<Built>)> {
        let mut queue = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        let place = queue.iter().position(|(built, _, _)| built == digest)?;
        queue.drain(..place);
        queue.pop_front().map(|(_, entry, built)| (entry, built))
    }
}
