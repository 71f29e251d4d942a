//! Reads over the head and the archive: what a block tag means, and the state at a block.

use super::{
    Chain,
    archive::{Archive, StoreError},
    block::{BlockRecord, Built},
    evm::execute::ExecutionError,
    spec::ForkRules,
    state::{AccountInfo, State, StateError, StateRead},
};
use alloy::{
    eips::{BlockId, BlockNumberOrTag},
    primitives::{Address, B256, U256, keccak256},
};
use revm::bytecode::Bytecode;
use std::{collections::BTreeSet, sync::Arc};

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
    /// The pending block could not be built.
    #[error(transparent)]
    Execution(#[from] ExecutionError),
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
    /// The number that a tag means now; `pending` is the head's number plus one. Everything up to the head is
    /// committed by a quorum, so `safe` and `finalized` are the head.
    pub fn number_of(&self, tag: BlockNumberOrTag) -> u64 {
        let head = self.chain.head().header.number;
        match tag {
            BlockNumberOrTag::Latest | BlockNumberOrTag::Safe | BlockNumberOrTag::Finalized => head,
            BlockNumberOrTag::Pending => head + 1,
            BlockNumberOrTag::Earliest => self.chain.spec().genesis.number,
            BlockNumberOrTag::Number(number) => number,
        }
    }

    /// A block by tag or hash; `None` if there is none. `pending` is built from the pool.
    pub fn block(&self, id: BlockId) -> Result<Option<Arc<BlockRecord>>, ViewError> {
        match id {
            BlockId::Number(BlockNumberOrTag::Pending) => Ok(Some(self.build_pending()?.block)),
            BlockId::Number(tag) => self.block_by_number(self.number_of(tag)),
            BlockId::Hash(hash) => {
                let block = self.archive.block_by_hash(hash.block_hash)?;
                Ok(block.filter(|block| block.header.number <= self.chain.head().header.number))
            }
        }
    }

    /// A block and the state after it; an error if there is none.
    pub fn block_and_state(&self, id: BlockId) -> Result<BlockAndState, ViewError> {
        if matches!(id, BlockId::Number(BlockNumberOrTag::Pending)) {
            let built = self.build_pending()?;
            return Ok(BlockAndState {
                block: built.block,
                state: Arc::new(built.state),
                pending: true,
            });
        }
        let block = self.known_block(id)?;
        let state = self.state_after(&block);
        Ok(BlockAndState {
            block,
            state,
            pending: false,
        })
    }

    /// A block and the whole state after it, with its trie; an error if there is none.
    pub fn block_and_whole_state(
        &self,
        id: BlockId,
    ) -> Result<(Arc<BlockRecord>, State), ViewError> {
        if matches!(id, BlockId::Number(BlockNumberOrTag::Pending)) {
            let built = self.build_pending()?;
            return Ok((built.block, built.state));
        }
        let block = self.known_block(id)?;
        let state = self.whole_state_after(&block)?;
        Ok((block, state))
    }

    /// A mined transaction's block and its index there.
    pub fn transaction(&self, hash: B256) -> Result<Option<(Arc<BlockRecord>, usize)>, ViewError> {
        let Some((number, index)) = self.archive.transaction(hash)? else {
            return Ok(None);
        };
        Ok(self.block_by_number(number)?.map(|block| (block, index)))
    }

    /// The state on which a block of the chain was executed: that after its parent with the cheats that were made
    /// between the two, so that an execution again gives the same. `None` for the genesis block, which was not executed.
    pub fn state_before(&self, block: &BlockRecord) -> Option<Arc<dyn StateRead + Send + Sync>> {
        // Every change has a version of its own, and the block took the next one.
        let version = block.version.checked_sub(1)?;
        let parent = block.header.number.checked_sub(1)?;
        let known = self.archive.block_by_number(parent).ok().flatten();
        // Both may have come from a dump without states.
        if !block.has_state() || known.is_some_and(|parent| !parent.has_state()) {
            return Some(Arc::new(UnknownState(parent)));
        }
        let chain = &self.chain;
        Some(
            self.archive
                .state_at(chain.state(), chain.version(), version),
        )
    }

    /// The whole state after a block, with its trie: for proofs.
    pub fn whole_state_after(&self, block: &BlockRecord) -> Result<State, ViewError> {
        let chain = &self.chain;
        if block.hash == chain.head().hash {
            return Ok(chain.state().clone());
        }
        if !block.has_state() {
            return Err(StateError::Unknown(block.header.number).into());
        }
        Ok(self
            .archive
            .rewind(chain.state(), chain.version(), block.version)?)
    }

    /// The same as a whole, with its trie.
    pub fn whole_state_before(&self, block: &BlockRecord) -> Result<Option<State>, ViewError> {
        let Some(version) = block.version.checked_sub(1) else {
            return Ok(None);
        };
        let chain = &self.chain;
        let state = self
            .archive
            .rewind(chain.state(), chain.version(), version)?;
        Ok(Some(state))
    }

    /// The accounts that are there after the block `to` and differ, in themselves or in their storage, from what they
    /// were after the earlier block `from`; in the order of their hashed addresses.
    pub fn modified_accounts(
        &self,
        from: &BlockRecord,
        to: &BlockRecord,
    ) -> Result<Vec<Address>, ViewError> {
        let chain = &self.chain;
        let diff = self
            .archive
            .changed_between(chain.version(), from.version, to.version)?;
        let after = self
            .archive
            .state_at(chain.state(), chain.version(), to.version);
        let mut modified = BTreeSet::new();
        for (address, before) in &diff.accounts {
            let now = after.account(*address)?;
            if now.is_some() && now != *before {
                modified.insert((keccak256(address), *address));
            }
        }
        for ((address, slot), before) in &diff.storage {
            if after.storage(*address, *slot)? != *before && after.account(*address)?.is_some() {
                modified.insert((keccak256(address), *address));
            }
        }
        Ok(modified.into_iter().map(|(_, address)| address).collect())
    }

    /// The rules of the block that would be mined now.
    pub fn next_rules(&self) -> ForkRules {
        let timestamp = self.chain.next_timestamp(self.now_ms);
        self.chain.next_rules(timestamp)
    }

    /// The block that would be mined now.
    pub fn build_pending(&self) -> Result<Built, ViewError> {
        let timestamp = self.chain.next_timestamp(self.now_ms);
        Ok(self.chain.build_block(self.chain.pool(), timestamp)?)
    }

    fn known_block(&self, id: BlockId) -> Result<Arc<BlockRecord>, ViewError> {
        self.block(id)?.ok_or(match id {
            BlockId::Hash(hash) if hash.require_canonical == Some(true) => ViewError::NotCanonical,
            _ => ViewError::HeaderNotFound,
        })
    }

    fn block_by_number(&self, number: u64) -> Result<Option<Arc<BlockRecord>>, ViewError> {
        if number > self.chain.head().header.number {
            return Ok(None);
        }
        Ok(self.archive.block_by_number(number)?)
    }

    fn state_after(&self, block: &BlockRecord) -> Arc<dyn StateRead + Send + Sync> {
        let chain = &self.chain;
        if block.hash == chain.head().hash {
            Arc::new(chain.state().clone())
        } else if !block.has_state() {
            Arc::new(UnknownState(block.header.number))
        } else {
            self.archive
                .state_at(chain.state(), chain.version(), block.version)
        }
    }
}

/// The state after a block of a dump that came without it.
struct UnknownState(u64);

impl StateRead for UnknownState {
    fn account(&self, _: Address) -> Result<Option<AccountInfo>, StateError> {
        Err(StateError::Unknown(self.0))
    }
    fn storage(&self, _: Address, _: U256) -> Result<U256, StateError> {
        Err(StateError::Unknown(self.0))
    }
    fn code(&self, _: B256) -> Result<Bytecode, StateError> {
        Err(StateError::Unknown(self.0))
    }
}

impl std::fmt::Debug for BlockAndState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BlockAndState({})", self.block.header.number)
    }
}
