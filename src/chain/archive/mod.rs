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

/// A store in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {}

/// See the module.
#[derive(Default)]
pub struct Archive {
    inner: std::sync::RwLock<Inner>,
}

#[derive(Default)]
struct Inner {
    blocks: std::collections::BTreeMap<u64, Arc<BlockRecord>>,
    states: std::collections::BTreeMap<u64, State>,
    newest: Option<(State, Arc<dyn Checkpoint>)>,
}

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Archive")
    }
}

#[allow(clippy::all, missing_docs, clippy::unwrap_used, clippy::pedantic)]
impl Archive {
    pub fn new(_store: Arc<MemoryStore>) -> Self {
        Self::default()
    }
    pub fn append(
        &self,
        effects: &Effects,
        head: &State,
        checkpoint: Arc<dyn Checkpoint>,
    ) -> Result<Vec<Arc<BlockRecord>>, StoreError> {
        let mut inner = self.inner.write().unwrap();
        let mut removed = Vec::new();
        if let Some(point) = effects.revert {
            removed = inner.blocks.split_off(&(point.block_number + 1)).into_values().rev().collect();
            inner.states.split_off(&(point.version + 1));
        }
        for block in &effects.blocks {
            inner.blocks.insert(block.header.number, block.clone());
        }
        if let Some((version, _)) = effects.diffs.last() {
            inner.states.insert(*version, head.clone());
        }
        inner.newest = Some((head.clone(), checkpoint));
        Ok(removed)
    }
    pub fn flush(&self) -> Result<(), StoreError> {
        Ok(())
    }
    pub fn load(&self) -> Result<Option<(State, Vec<u8>)>, StoreError> {
        let inner = self.inner.read().unwrap();
        Ok(inner.newest.as_ref().map(|(state, checkpoint)| (state.clone(), checkpoint.encode())))
    }
    pub fn block_by_number(&self, number: u64) -> Result<Option<Arc<BlockRecord>>, StoreError> {
        Ok(self.inner.read().unwrap().blocks.get(&number).cloned())
    }
    pub fn block_by_hash(&self, hash: B256) -> Result<Option<Arc<BlockRecord>>, StoreError> {
        Ok(self.inner.read().unwrap().blocks.values().find(|block| block.hash == hash).cloned())
    }
    pub fn transaction(&self, hash: B256) -> Result<Option<(u64, usize)>, StoreError> {
        let inner = self.inner.read().unwrap();
        Ok(inner.blocks.values().rev().find_map(|block| {
            let index = block.transactions.iter().position(|tx| *tx.hash() == hash)?;
            Some((block.header.number, index))
        }))
    }
    pub fn state_at(
        self: &Arc<Self>,
        head: &State,
        head_version: u64,
        version: u64,
    ) -> Arc<dyn StateRead + Send + Sync> {
        Arc::new(self.rewind(head, head_version, version).unwrap())
    }
    pub fn rewind(&self, _head: &State, _head_version: u64, version: u64) -> Result<State, StoreError> {
        let inner = self.inner.read().unwrap();
        Ok(inner.states.range(..=version).next_back().unwrap().1.clone())
    }
    pub fn snapshot(&self) -> Result<ArchiveSnapshot, StoreError> {
        todo!()
    }
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
