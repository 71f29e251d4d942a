//! History: blocks, receipts, indexes, and the value which every account and slot had at every version of the state.
//!
//! What is appended is seen by readers at once, from memory, and written back later: [`Archive::flush`] writes all of
//! it with the newest checkpoint in one durable transaction. The log of the cluster is what makes a write safe before
//! that; after a crash the entries since the last checkpoint are applied again.
//!
//! The value of a key at version *v* is the one before the first change in a version above *v*, or the head's if
//! there is none. Versions grow and are never given out twice, also not after `evm_revert`, so a change of a reverted
//! version that is still stored says the truth about every version that is alive: it is deleted with the next flush,
//! and readers need not know of it.
//! *Invariants.* One caller appends; any number read and one flushes meanwhile. No lock is held while the disk works.
//! A reader never gets a mix of two histories: after a revert below the head that he read with, he gets
//! [`StoreError::Stale`].

mod blocks;
mod cache;
mod canonical;
mod encoding;
mod flush;
mod history;
mod layer;
mod load;
mod memory;
mod snapshot;
mod store;
#[cfg(test)]
pub(crate) mod tests;

pub use memory::MemoryStore;
pub use snapshot::ArchiveSnapshot;
pub use store::{Batch, Entries, Entry, KeyRange, Order, Store, StoreSnapshot, Table, Visit};

use super::{
    block::BlockRecord,
    state::{State, StateDiff},
};
use alloy::primitives::B256;
use cache::BlockCache;
use layer::{Head, Layer};
use std::{
    collections::VecDeque,
    fmt, io, iter, mem,
    ops::Range,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
};

/// About how many bytes may wait in memory; above it, [`Archive::append`] flushes before it returns.
pub const MAX_PENDING_BYTES: usize = 256 << 20;
/// States kept whole for cheap reads, one a version at the most, the newest.
const MAX_RECENT_STATES: usize = 64;
/// Accounts and slots in which all of them may differ, which bounds their memory.
const MAX_RECENT_CHANGES: usize = 32_768;
/// Reverts that are remembered one by one; of older ones only the whole range.
const MAX_DEAD_RANGES: usize = 1024;

/// A failed read or write of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The backend failed.
    #[error("the chain's store failed: {0}")]
    Backend(String),
    /// Bytes which are not what they should be.
    #[error("the chain's store is corrupt: {table}: {problem}")]
    Corrupt {
        /// Which table.
        table: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// The chain went back behind the head with which the read began.
    #[error("the chain was reverted during the read; ask again")]
    Stale,
    /// A copy from a peer ends early or is not what was sent.
    #[error("the copy of the chain is damaged ({0}); nothing was changed, ask for another one")]
    DamagedCopy(String),
    /// A copy from a peer could not be read.
    #[error("the copy of the chain could not be read: {0}")]
    Copy(#[from] io::Error),
}

/// What one applied entry changed, for the archive to keep.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    /// The version of the chain with all of this: that of the head which is given with it.
    pub version: u64,
    /// `evm_revert`: first everything after this point is undone.
    pub revert: Option<RevertPoint>,
    /// Previous values of all that changed, in the versions after `revert`; one diff a version, ascending. Changes of
    /// version 0 (the genesis) are kept without their previous values.
    pub diffs: Vec<(u64, StateDiff)>,
    /// New blocks, ascending.
    pub blocks: Vec<Arc<BlockRecord>>,
    /// The index of the entry in the log, kept beside its blocks; 0 for the genesis block, which no entry made.
    pub log_index: u64,
    /// Transactions in them that may have called Solidity's console; not kept.
    pub console_callers: Vec<B256>,
}

/// The point to which `evm_revert` goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevertPoint {
    /// The last block that stays.
    pub block_number: u64,
    /// The last version that stays. Versions are never given out twice.
    pub version: u64,
}

/// What besides accounts, storage and code must be there to start again from the store: encoded when it is written.
pub trait Checkpoint: Send + Sync {
    /// The bytes to keep.
    fn encode(&self) -> Vec<u8>;
}

/// See the module.
pub struct Archive {
    store: Arc<dyn Store>,
    inner: RwLock<Inner>,
    cache: Mutex<BlockCache>,
    /// Held by whoever writes to the store.
    flushing: Mutex<()>,
    /// Grows with every revert and installed copy, always under `inner`'s lock.
    epoch: AtomicU64,
    on_pending: OnceLock<OnPending>,
}

type OnPending = Box<dyn Fn(usize) + Send + Sync>;

/// What lies over the store.
#[derive(Default)]
struct Inner {
    active: Layer,
    frozen: Option<Arc<Layer>>,
    /// Versions that were reverted, ascending.
    dead: VecDeque<Range<u64>>,
    /// The epoch that began when a copy was installed: readers from before it have nothing to read any more.
    installed: u64,
    recent: VecDeque<Recent>,
}

/// The state at a recent version.
struct Recent {
    version: u64,
    state: State,
    /// In how many keys it differs from the one before.
    changes: usize,
}

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Archive({:?})", self.store)
    }
}

impl Archive {
    /// An archive over a store, which holds an older one or nothing.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            inner: RwLock::default(),
            cache: Mutex::default(),
            flushing: Mutex::default(),
            epoch: AtomicU64::new(0),
            on_pending: OnceLock::new(),
        }
    }

    /// Sets what is called, once, with the bytes that wait, after every append: to wake whoever flushes. Must return
    /// quickly. A second call changes nothing.
    pub fn set_on_pending(&self, on_pending: Box<dyn Fn(usize) + Send + Sync>) {
        let _ = self.on_pending.set(on_pending);
    }

    /// Takes what an entry changed; `head` is the state after it. Visible to readers at once; on disk with the next
    /// [`Archive::flush`], which this does itself if more than [`MAX_PENDING_BYTES`] wait. Returns the blocks that
    /// `revert` removed, highest first. After an error of such a flush the effects are taken all the same.
    pub fn append(
        &self,
        effects: &Effects,
        head: &State,
        checkpoint: Arc<dyn Checkpoint>,
    ) -> Result<Vec<Arc<BlockRecord>>, StoreError> {
        let removed = match effects.revert {
            Some(point) => self.blocks_above(point.block_number)?,
            None => Vec::new(),
        };
        let head = Head {
            state: head.clone(),
            version: effects.version,
            checkpoint,
        };
        let pending = {
            let mut inner = self.write();
            if let Some(point) = effects.revert {
                self.epoch.fetch_add(1, Ordering::AcqRel);
                inner.revert(point, effects.first_version());
                self.cache().remove_above(point.block_number);
            }
            inner.remember(effects, &head.state);
            inner.active.add(effects, head);
            inner.pending_bytes()
        };
        if !effects.blocks.is_empty() {
            let mut cache = self.cache();
            effects
                .blocks
                .iter()
                .for_each(|block| cache.insert(Arc::clone(block)));
        }
        if let Some(on_pending) = self.on_pending.get() {
            on_pending(pending);
        }
        if pending > MAX_PENDING_BYTES {
            self.flush()?;
        }
        Ok(removed)
    }

    /// About how many bytes wait to be flushed.
    pub fn pending_bytes(&self) -> usize {
        self.read().pending_bytes()
    }

    /// Writes all that was appended, durably and at once, with the newest checkpoint. What is being written stays
    /// readable; after an error it waits for the next flush.
    pub fn flush(&self) -> Result<(), StoreError> {
        let _one = self.flushing();
        // Left over from a flush that failed.
        let left = self.read().frozen.clone();
        if let Some(left) = left {
            self.write_layer(&left)?;
        }
        let layer = {
            let mut inner = self.write();
            if inner.active.head.is_none() {
                return Ok(());
            }
            let layer = Arc::new(mem::take(&mut inner.active));
            inner.frozen = Some(Arc::clone(&layer));
            layer
        };
        self.write_layer(&layer)
    }

    fn write_layer(&self, layer: &Layer) -> Result<(), StoreError> {
        if let Some(head) = &layer.head {
            self.store
                .write(&flush::batch(layer, head, &*self.store)?)?;
        }
        let written = self.write().frozen.take();
        // Freed here, after the lock.
        drop(written);
        Ok(())
    }

    /// A copy of all that is on disk now; what was appended since the last flush is not in it. It is read only when
    /// its chunks are, but while it lives, what is deleted or replaced in the store keeps its place on disk.
    pub fn snapshot(&self) -> Result<ArchiveSnapshot, StoreError> {
        Ok(ArchiveSnapshot::new(self.store.snapshot()?))
    }

    /// Replaces everything by a copy that [`ArchiveSnapshot::chunks`] gave, all or nothing, also over a crash. All
    /// that was appended and not flushed is gone. [`Archive::load`] gives the new state; older heads are of no use then.
    pub fn install(
        &self,
        chunks: impl Iterator<Item = io::Result<Vec<u8>>>,
    ) -> Result<(), StoreError> {
        self.replace(&mut snapshot::entries(chunks))
    }

    fn replace(
        &self,
        entries: &mut dyn Iterator<Item = Result<Entry, StoreError>>,
    ) -> Result<(), StoreError> {
        let _one = self.flushing();
        // Readers between two histories would get a mix.
        let dead = {
            let mut inner = self.write();
            self.epoch.fetch_add(1, Ordering::AcqRel);
            mem::replace(&mut inner.dead, iter::once(0..u64::MAX).collect())
        };
        let installed = self
            .store
            .replace_all(entries)
            .and_then(|()| self.stored_version());
        let mut inner = self.write();
        match installed {
            Ok(version) => {
                *inner = Inner {
                    dead: iter::once(0..version.unwrap_or(0)).collect(),
                    installed: self.epoch.fetch_add(1, Ordering::AcqRel) + 1,
                    ..Inner::default()
                };
                self.cache().clear();
                Ok(())
            }
            Err(error) => {
                inner.dead = dead;
                Err(error)
            }
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn cache(&self) -> MutexGuard<'_, BlockCache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn flushing(&self) -> MutexGuard<'_, ()> {
        self.flushing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Effects {
    /// The lowest version after the revert.
    fn first_version(&self) -> u64 {
        let diffs = self.diffs.iter().map(|(version, _)| *version);
        let blocks = self.blocks.iter().map(|block| block.version);
        diffs.chain(blocks).fold(self.version, u64::min)
    }
}

impl Inner {
    /// The layers, the one below first.
    fn layers(&self) -> impl Iterator<Item = &Layer> {
        self.frozen.as_deref().into_iter().chain([&self.active])
    }

    fn pending_bytes(&self) -> usize {
        self.layers().map(|layer| layer.bytes).sum()
    }

    fn revert(&mut self, point: RevertPoint, first_version: u64) {
        self.active.revert(point);
        self.recent.retain(|recent| recent.version <= point.version);
        // What was reverted before and lies above is reverted again.
        self.dead.retain(|dead| dead.start <= point.version);
        self.dead.push_back(point.version + 1..first_version);
        if self.dead.len() > MAX_DEAD_RANGES
            && let Some(oldest) = self.dead.pop_front()
            && let Some(next) = self.dead.front_mut()
        {
            next.start = oldest.start;
        }
    }

    /// Keeps the state of this version for cheap reads.
    fn remember(&mut self, effects: &Effects, state: &State) {
        let count = |(_, diff): &(u64, StateDiff)| diff.accounts.len() + diff.storage.len();
        let changes = effects.diffs.iter().map(count).sum();
        self.recent.push_back(Recent {
            version: effects.version,
            state: state.clone(),
            changes,
        });
        // The oldest state costs what the next one changed.
        let mut held: usize = self
            .recent
            .iter()
            .skip(1)
            .map(|recent| recent.changes)
            .sum();
        while self.recent.len() > MAX_RECENT_STATES || held > MAX_RECENT_CHANGES {
            self.recent.pop_front();
            held -= self.recent.front().map_or(0, |recent| recent.changes);
        }
    }

    fn is_dead(&self, version: u64) -> bool {
        self.dead.iter().any(|dead| dead.contains(&version))
    }
}
