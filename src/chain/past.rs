//! What an entry of the log may need of the past that the chain as a value does not hold: old blocks and old states.
//!
//! Only entries that go back behind the chain's own snapshots ask for it (a rollback, a reorg, a reset). The past is
//! that of the very chain to which the entry is applied, so the answer is the same on every node.

use super::{
    archive::{Archive, StoreError},
    block::BlockRecord,
    state::State,
};
use std::sync::Arc;

/// Old blocks and states of one chain.
pub trait Past {
    /// A block of the chain.
    fn block(&self, number: u64) -> Result<Option<Arc<BlockRecord>>, StoreError>;

    /// The whole state as it was at a version; `head` is the newest one, of `head_version`.
    fn state(&self, head: &State, head_version: u64, version: u64) -> Result<State, StoreError>;
}

impl Past for Archive {
    fn block(&self, number: u64) -> Result<Option<Arc<BlockRecord>>, StoreError> {
        self.block_by_number(number)
    }

    fn state(&self, head: &State, head_version: u64, version: u64) -> Result<State, StoreError> {
        self.rewind(head, head_version, version)
    }
}

/// No past: for chains that are applied without an archive. Who needs one gets an error.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPast;

impl NoPast {
    fn error() -> StoreError {
        StoreError::Backend("this chain was made without an archive of its past".to_owned())
    }
}

impl Past for NoPast {
    fn block(&self, _number: u64) -> Result<Option<Arc<BlockRecord>>, StoreError> {
        Err(Self::error())
    }

    fn state(&self, _head: &State, _head_version: u64, _version: u64) -> Result<State, StoreError> {
        Err(Self::error())
    }
}
