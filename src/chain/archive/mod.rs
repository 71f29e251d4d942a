//! History: blocks, receipts, indexes, and the value which every account and slot had at every version of the state.

use super::{
    block::BlockRecord,
    state::{State, StateDiff, StateRead},
};
use alloy::primitives::B256;
use std::{fmt, sync::Arc};

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
}

/// What one applied entry changed, for the archive to keep.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    /// `evm_revert`: first everything after this point is undone.
    pub revert: Option<RevertPoint>,
    /// Previous values of all that changed, in the versions after `revert`; one diff a version, ascending.
    pub diffs: Vec<(u64, StateDiff)>,
    /// New blocks, ascending.
    pub blocks: Vec<Arc<BlockRecord>>,
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
pub struct Archive {}

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Archive")
    }
}

impl Archive {
    /// Takes what an entry changed. Visible to readers at once; on disk with the next [`Archive::flush`].
    pub fn append(
        &self,
        _effects: &Effects,
        _head: &State,
        _checkpoint: Arc<dyn Checkpoint>,
    ) -> Result<Vec<Arc<BlockRecord>>, StoreError> {
        todo!()
    }
    /// Writes all that was appended, durably and at once, with the newest checkpoint.
    pub fn flush(&self) -> Result<(), StoreError> {
        todo!()
    }
    /// The state and the checkpoint of the last flush, if there was one.
    pub fn load(&self) -> Result<Option<(State, Vec<u8>)>, StoreError> {
        todo!()
    }
    /// A block of the chain.
    pub fn block_by_number(&self, _number: u64) -> Result<Option<Arc<BlockRecord>>, StoreError> {
        todo!()
    }
    /// A block of the chain.
    pub fn block_by_hash(&self, _hash: B256) -> Result<Option<Arc<BlockRecord>>, StoreError> {
        todo!()
    }
    /// The number of the block that holds a transaction, and its index there.
    pub fn transaction(&self, _hash: B256) -> Result<Option<(u64, usize)>, StoreError> {
        todo!()
    }
    /// The state as it was at a version not above `head_version`, whose newest state is `head`. Reads are exact and cost O(log n).
    pub fn state_at(
        self: &Arc<Self>,
        _head: &State,
        _head_version: u64,
        _version: u64,
    ) -> Arc<dyn StateRead + Send + Sync> {
        todo!()
    }
    /// The whole state as it was at `version`, by undoing on a clone of `head`: costs what changed since. For proofs and to rebuild snapshots.
    pub fn rewind(
        &self,
        _head: &State,
        _head_version: u64,
        _version: u64,
    ) -> Result<State, StoreError> {
        todo!()
    }
    /// A copy of everything, as of the last flush.
    pub fn snapshot(&self) -> Result<ArchiveSnapshot, StoreError> {
        todo!()
    }
    /// Replaces everything by a copy.
    pub fn install(
        &self,
        _chunks: impl Iterator<Item = std::io::Result<Vec<u8>>>,
    ) -> Result<(), StoreError> {
        todo!()
    }
}

/// A copy of the archive.
#[derive(Debug)]
pub struct ArchiveSnapshot {}

impl ArchiveSnapshot {
    /// The copy in chunks of at most 1 MiB.
    pub fn chunks(
        &self,
    ) -> std::io::Result<Box<dyn Iterator<Item = std::io::Result<Vec<u8>>> + Send>> {
        todo!()
    }
}
