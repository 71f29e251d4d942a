//! The state of the chain (Yellow Paper 4.1): accounts, storage, code.
//!
//! The Merkle Patricia trie *is* the state: its leaves hold the accounts, an account holds the trie of its storage,
//! and nodes are shared between versions. A clone of [`State`] costs nothing, so a reader holds a whole state without
//! a lock, the leader executes ahead on a clone, and a snapshot is a clone. There is no flat map beside the trie, which
//! would have to be cloned or undone: a read costs one Keccak-256 and about log16(n) steps.
//!
//! *Invariant.* A zero slot is not in a storage trie; what EIP-161 calls dead is not in the account trie.

mod build;
mod diff;
mod draft;
mod leaf;
#[cfg(test)]
mod tests;
mod trie;
mod witness;

use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_trie::EMPTY_ROOT_HASH;
use leaf::{Account, Slot, hashed_slot};
use revm::bytecode::Bytecode;
use std::fmt;
use trie::Trie;

pub use build::StateBuilder;
pub use diff::StateDiff;
pub use draft::Draft;
pub use witness::Touched;

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
    /// A block of a dump that came without its state.
    #[error(
        "the state of block {0} is not known: it was loaded from a dump without historical states (dump with `--preserve-historical-states`)"
    )]
    Unknown(u64),
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
#[derive(Clone, Default)]
pub struct State {
    accounts: Trie<Account>,
    /// Every code that an account has or had, with its jump table made once.
    codes: imbl::HashMap<B256, Bytecode>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "State({:?}, {} codes)", self.accounts, self.codes.len())
    }
}

impl State {
    /// The Merkle root (Yellow Paper 4.1). Only what changed since the last call on this or an older clone is hashed.
    pub fn root(&self) -> B256 {
        self.accounts.root()
    }

    /// A second thread's part of [`State::root`].
    pub(crate) fn hash_from_the_end(&self) {
        self.accounts.hash_from_the_end();
    }

    /// EIP-1186: the account and the Merkle proofs of it and of some of its slots.
    pub fn proof(&self, address: Address, slots: &[U256]) -> AccountProof {
        let key = keccak256(address);
        let account = self.accounts.get(&key);
        let empty = Trie::default();
        let storage = account.map_or(&empty, |account| &account.storage);
        let slots = slots.iter().map(|slot| {
            let key = hashed_slot(*slot);
            let value = storage.get(&key).map_or(U256::ZERO, |slot| slot.value);
            (*slot, value, storage.proof(&key))
        });
        AccountProof {
            account: account.map(|account| account.info),
            storage_root: storage.root(),
            proof: self.accounts.proof(&key),
            storage: slots.collect(),
        }
    }

    /// The root of an account's storage trie; the empty root without an account.
    pub fn storage_root(&self, address: Address) -> B256 {
        self.leaf(address)
            .map_or(EMPTY_ROOT_HASH, |account| account.storage.root())
    }

    /// All accounts, in the order of their hashed addresses.
    pub fn accounts(&self) -> impl Iterator<Item = (Address, AccountInfo)> + '_ {
        self.accounts
            .iter()
            .map(|(_, account)| (account.address, account.info))
    }

    /// All slots of an account, in the order of their hashes.
    pub fn storage_of(&self, address: Address) -> impl Iterator<Item = (U256, U256)> + '_ {
        let slots = self.leaf(address).map(|account| account.storage.iter());
        slots
            .into_iter()
            .flatten()
            .map(|(_, slot)| (slot.slot, slot.value))
    }

    /// All codes, those included that no account has any more; in no order.
    pub fn codes(&self) -> impl Iterator<Item = (&B256, Bytes)> + '_ {
        self.codes
            .iter()
            .map(|(hash, code)| (hash, code.original_bytes()))
    }

    /// The account; see [`StateRead::account`].
    pub fn account_info(&self, address: Address) -> Option<AccountInfo> {
        self.leaf(address).map(|account| account.info)
    }

    /// The value of a slot; see [`StateRead::storage`].
    pub fn storage_value(&self, address: Address, slot: U256) -> U256 {
        self.slot_at(&keccak256(address), &hashed_slot(slot))
    }

    /// Whether this code is known.
    pub fn has_code(&self, code_hash: &B256) -> bool {
        self.codes.contains_key(code_hash)
    }

    /// Goes back over one step, whose undo record `diff` is. The codes it brought stay: nothing asks for them.
    pub fn undo(&mut self, diff: &StateDiff) {
        for (address, before) in &diff.accounts {
            self.write_account(&keccak256(address), *address, *before);
        }
        for ((address, slot), before) in &diff.storage {
            self.write_slot(&keccak256(address), &hashed_slot(*slot), *slot, *before);
        }
    }

    fn leaf(&self, address: Address) -> Option<&Account> {
        self.accounts.get(&keccak256(address))
    }

    /// The value of a slot by the hashed keys.
    fn slot_at(&self, key: &B256, slot_key: &B256) -> U256 {
        self.accounts
            .get(key)
            .and_then(|account| account.storage.get(slot_key))
            .map_or(U256::ZERO, |slot| slot.value)
    }

    /// Sets or removes an account; a new one has no storage, a removed one loses it.
    fn write_account(&mut self, key: &B256, address: Address, info: Option<AccountInfo>) {
        let Some(info) = info else {
            self.accounts.remove(key);
            return;
        };
        match self.accounts.get_mut(key) {
            Some(account) => account.info = info,
            None => {
                self.accounts.insert(
                    *key,
                    Account {
                        address,
                        info,
                        storage: Trie::default(),
                    },
                );
            }
        }
    }

    /// Sets or (zero) removes a slot of an account; without the account nothing happens.
    fn write_slot(&mut self, key: &B256, slot_key: &B256, slot: U256, value: U256) {
        let Some(account) = self.accounts.get_mut(key) else {
            return;
        };
        if value.is_zero() {
            account.storage.remove(slot_key);
        } else {
            account.storage.insert(*slot_key, Slot { slot, value });
        }
    }

    /// Keeps a code.
    fn write_code(&mut self, hash: B256, code: Bytes) {
        self.codes.insert(hash, analysed(code));
    }
}

/// A code with its jump table, or the EIP-7702 delegation that it is. A malformed delegation, which only a cheat can
/// set, is ordinary code that starts with an invalid instruction.
fn analysed(code: Bytes) -> Bytecode {
    Bytecode::new_raw_checked(code.clone()).unwrap_or_else(|_| Bytecode::new_legacy(code))
}

impl StateRead for State {
    fn account(&self, address: Address) -> Result<Option<AccountInfo>, StateError> {
        Ok(self.account_info(address))
    }
    fn storage(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        Ok(self.storage_value(address, slot))
    }
    fn code(&self, code_hash: B256) -> Result<Bytecode, StateError> {
        Ok(self.codes.get(&code_hash).cloned().unwrap_or_default())
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
