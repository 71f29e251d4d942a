//! Reads over the head and the archive: what a block tag means, and the state at a block.

use super::{
    Chain,
    archive::{Archive, StoreError},
    block::BlockRecord,
    state::{StateError, StateRead},
};
use alloy::{
    eips::{BlockId, BlockNumberOrTag},
    primitives::B256,
};
use std::sync::Arc;

/// A failed read.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// No such block (geth's words).
    #[error("header not found")]
    HeaderNotFound,
    /// EIP-1898: the block of that hash is not in the chain.
    #[error("hash is not currently canonical")]
    NotCanonical,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The state could not be read.
    #[error(transparent)]
    State(#[from] StateError),
}

/// One consistent view of the chain: a head, and the archive behind it.
#[derive(Clone, Debug)]
pub struct View {
    chain: Arc<Chain>,
    archive: Arc<Archive>,
    now_ms: u64,
}

/// A block with the state after it; for `pending` a block that is not sealed yet.
#[derive(Clone)]
pub struct BlockAndState {
    /// The block.
    pub block: Arc<BlockRecord>,
    /// The state after the block. For the head: with cheats made since.
    pub state: Arc<dyn StateRead + Send + Sync>,
    /// Whether this is the block being built.
    pub pending: bool,
}

impl View {
    /// A view of `chain`; `now_ms` is the real time in Unix milliseconds, for the pending block.
    pub fn new(chain: Arc<Chain>, archive: Arc<Archive>, now_ms: u64) -> Self {
        Self {
            chain,
            archive,
            now_ms,
        }
    }
    /// The head.
    pub fn chain(&self) -> &Arc<Chain> {
        &self.chain
    }
    /// The archive.
    pub fn archive(&self) -> &Arc<Archive> {
        &self.archive
    }
    /// The number that a tag means now; `pending` is the head's number plus one. Numbers beyond the head are `None`.
    pub fn number_of(&self, _tag: BlockNumberOrTag) -> Option<u64> {
        todo!()
    }
    /// A block by tag or hash; `None` if there is none. `pending` is built from the pool.
    pub fn block(&self, _id: BlockId) -> Result<Option<Arc<BlockRecord>>, ViewError> {
        todo!()
    }
    /// A block and the state after it; an error if there is none.
    pub fn block_and_state(&self, _id: BlockId) -> Result<BlockAndState, ViewError> {
        todo!()
    }
    /// A mined transaction's block and its index there.
    pub fn transaction(&self, _hash: B256) -> Result<Option<(Arc<BlockRecord>, usize)>, ViewError> {
        todo!()
    }
}

impl std::fmt::Debug for BlockAndState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BlockAndState({})", self.block.header.number)
    }
}
