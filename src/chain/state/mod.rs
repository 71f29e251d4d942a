//! The state of the chain (Yellow Paper 4.1): accounts, storage, code.
//!
//! The Merkle Patricia trie *is* the state: its leaves hold the accounts, an account holds the trie of its storage,
//! and nodes are shared between versions. A clone of [`State`] costs nothing, so a reader holds a whole state without a lock, the
//! leader executes ahead on a clone, and a snapshot is a clone. There is no flat map beside the trie, which would
//! have to be cloned or undone: a read costs one Keccak-256 and about log16(n) steps.
//! *Invariant.* A zero slot is not in a storage trie; what EIP-161 calls dead is not in the account trie.

mod diff;
mod draft;
mod trie;

use alloy::primitives::{Address, B256, U256};
use revm::bytecode::Bytecode;

pub use diff::StateDiff;
pub use draft::Draft;

/// An account without its storage (Yellow Paper 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountInfo {
    /// Transactions sent, or contracts created.
    pub nonce: u64,
    /// Wei.
    pub balance: U256,
    /// Keccak-256 of the code; `KECCAK256_EMPTY` without code.
    pub code_hash: B256,
}

/// A failed read of the state; a head in memory never fails.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The archive could not be read.
    #[error(transparent)]
    Store(#[from] crate::chain::archive::StoreError),
}

/// Read access to one state: the head, a draft on top of it, or an old version in the archive.
pub trait StateRead {
    /// The account, `None` where there is none.
    fn account(&self, address: Address) -> Result<Option<AccountInfo>, StateError>;
    /// The value of a storage slot, zero where there is none.
    fn storage(&self, address: Address, slot: U256) -> Result<U256, StateError>;
    /// The code of that hash; empty where it is not known.
    fn code(&self, code_hash: B256) -> Result<Bytecode, StateError>;
}

/// A whole state; see the module.
#[derive(Clone, Debug, Default)]
pub struct State {}

impl State {
    /// The Merkle root (Yellow Paper 4.1). Only what changed since the last call on this or an older clone is hashed.
    pub fn root(&self) -> B256 {
        todo!()
    }
    /// EIP-1186: the account and the Merkle proofs of it and of some of its slots.
    pub fn proof(&self, _address: Address, _slots: &[U256]) -> AccountProof {
        todo!()
    }
    /// All accounts, in the order of their hashed addresses.
    pub fn accounts(&self) -> impl Iterator<Item = (Address, AccountInfo)> + '_ {
        todo!() as std::vec::IntoIter<_>
    }
    /// All slots of an account, in the order of their hashes.
    pub fn storage_of(&self, _address: Address) -> impl Iterator<Item = (U256, U256)> + '_ {
        todo!() as std::vec::IntoIter<_>
    }
}

impl StateRead for State {
    fn account(&self, _address: Address) -> Result<Option<AccountInfo>, StateError> {
        todo!()
    }
    fn storage(&self, _address: Address, _slot: U256) -> Result<U256, StateError> {
        todo!()
    }
    fn code(&self, _code_hash: B256) -> Result<Bytecode, StateError> {
        todo!()
    }
}

/// EIP-1186's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountProof {
    /// The account; `None`: the proof shows that there is none.
    pub account: Option<AccountInfo>,
    /// The root of its storage trie; the empty root without an account.
    pub storage_root: B256,
    /// Trie nodes from the root.
    pub proof: Vec<alloy::primitives::Bytes>,
    /// For each asked slot: the slot, its value, trie nodes from the storage root.
    pub storage: Vec<(U256, U256, Vec<alloy::primitives::Bytes>)>,
}
