//! revm's database over any [`StateRead`], for runs of which nothing stays.
//!
//! Keeps what it has read, so that several runs of one request (an estimate) ask a slow state once, and holds what a
//! caller overrides and what transactions that are executed again change. Lives as long as one request; a run can read
//! no more than its gas pays for, which bounds it.
//! *Invariant.* The state below is never written.

use super::draft_database::DatabaseError;
use crate::chain::state::StateRead;
use alloy::primitives::{
    Address, B256, U256,
    map::{AddressMap, AddressSet, B256Map, HashMap},
};
use revm::{
    Database, DatabaseCommit, DatabaseRef,
    bytecode::Bytecode,
    state::{Account, AccountInfo as RevmAccountInfo},
};
use std::collections::BTreeMap;

/// A state under an EVM that is only asked.
pub(super) struct StateDatabase<'a> {
    state: &'a dyn StateRead,
    hash_of_block: &'a dyn Fn(u64) -> B256,
    accounts: AddressMap<Option<RevmAccountInfo>>,
    slots: HashMap<(Address, U256), U256>,
    codes: B256Map<Bytecode>,
    /// Accounts whose storage a caller replaced: what is not in `slots` is zero.
    emptied: AddressSet,
    /// Hashes that a caller gave to blocks.
    block_hashes: BTreeMap<u64, B256>,
    /// Whether a touched account that is empty stays (before EIP-161).
    keeps_empty: bool,
}

impl<'a> StateDatabase<'a> {
    pub(super) fn new(state: &'a dyn StateRead, hash_of_block: &'a dyn Fn(u64) -> B256) -> Self {
        Self {
            state,
            hash_of_block,
            accounts: AddressMap::default(),
            slots: HashMap::default(),
            codes: B256Map::default(),
            emptied: AddressSet::default(),
            block_hashes: BTreeMap::new(),
            keeps_empty: false,
        }
    }

    /// Says whether a touched account that is empty stays, as before EIP-161.
    pub(super) fn keep_empty(&mut self, keeps_empty: bool) {
        self.keeps_empty = keeps_empty;
    }

    /// Another one over the same state, that has read and overrides nothing.
    pub(super) fn fresh(&self) -> Self {
        Self::new(self.state, self.hash_of_block)
    }

    /// Makes the account look like this from now on. Code that is in `info` is kept with it.
    pub(super) fn override_account(&mut self, address: Address, mut info: RevmAccountInfo) {
        if let Some(code) = info.code.take() {
            self.codes.insert(info.code_hash, code);
        }
        self.accounts.insert(address, Some(info));
    }

    /// Makes the slot look like this from now on.
    pub(super) fn override_slot(&mut self, address: Address, slot: U256, value: U256) {
        self.slots.insert((address, slot), value);
    }

    /// Makes all slots of the account zero from now on.
    pub(super) fn empty_storage(&mut self, address: Address) {
        self.emptied.insert(address);
        self.slots.retain(|(owner, _), _| *owner != address);
    }

    /// Whether all slots of the account count as zero that are not among [`Self::known_slots`].
    pub(super) fn is_emptied(&self, address: Address) -> bool {
        let is_gone = matches!(self.accounts.get(&address), Some(None));
        is_gone || self.emptied.contains(&address)
    }

    /// The account's slots that were read or written.
    pub(super) fn known_slots(&self, address: Address) -> impl Iterator<Item = (U256, U256)> + '_ {
        let known = self.slots.iter();
        known.filter_map(move |((owner, slot), value)| {
            (*owner == address).then_some((*slot, *value))
        })
    }

    fn read_account(&self, address: Address) -> Result<Option<RevmAccountInfo>, DatabaseError> {
        Ok(self.state.account(address)?.map(|account| {
            RevmAccountInfo {
                balance: account.balance,
                nonce: account.nonce,
                code_hash: account.code_hash,
                ..RevmAccountInfo::default()
            }
            .without_code()
        }))
    }

    /// Makes the block's hash look like this from now on.
    pub(super) fn override_block_hash(&mut self, number: u64, hash: B256) {
        self.block_hashes.insert(number, hash);
    }
}

impl std::fmt::Debug for StateDatabase<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StateDatabase")
    }
}

impl Database for StateDatabase<'_> {
    type Error = DatabaseError;

    fn basic(&mut self, address: Address) -> Result<Option<RevmAccountInfo>, DatabaseError> {
        if let Some(account) = self.accounts.get(&address) {
            return Ok(account.clone());
        }
        let account = self.read_account(address)?;
        self.accounts.insert(address, account.clone());
        Ok(account)
    }

    fn code_by_hash(&mut self, code_hash: B256) -> Result<Bytecode, DatabaseError> {
        if let Some(code) = self.codes.get(&code_hash) {
            return Ok(code.clone());
        }
        let code = self.state.code(code_hash)?;
        self.codes.insert(code_hash, code.clone());
        Ok(code)
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, DatabaseError> {
        if let Some(value) = self.slots.get(&(address, slot)) {
            return Ok(*value);
        }
        if self.emptied.contains(&address) {
            return Ok(U256::ZERO);
        }
        let value = self.state.storage(address, slot)?;
        self.slots.insert((address, slot), value);
        Ok(value)
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, DatabaseError> {
        Ok(match self.block_hashes.get(&number) {
            Some(hash) => *hash,
            None => (self.hash_of_block)(number),
        })
    }
}

/// Reads without keeping what was read.
impl DatabaseRef for StateDatabase<'_> {
    type Error = DatabaseError;

    fn basic_ref(&self, address: Address) -> Result<Option<RevmAccountInfo>, DatabaseError> {
        match self.accounts.get(&address) {
            Some(account) => Ok(account.clone()),
            None => self.read_account(address),
        }
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, DatabaseError> {
        match self.codes.get(&code_hash) {
            Some(code) => Ok(code.clone()),
            None => Ok(self.state.code(code_hash)?),
        }
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, DatabaseError> {
        match self.slots.get(&(address, slot)) {
            Some(value) => Ok(*value),
            None if self.emptied.contains(&address) => Ok(U256::ZERO),
            None => Ok(self.state.storage(address, slot)?),
        }
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, DatabaseError> {
        Ok(match self.block_hashes.get(&number) {
            Some(hash) => *hash,
            None => (self.hash_of_block)(number),
        })
    }
}

/// What a transaction did is seen by the next one.
impl DatabaseCommit for StateDatabase<'_> {
    /// The order of the cases matters, as where blocks are executed: untouched, destroyed, created (kept even if
    /// empty), empty (EIP-161), updated.
    fn commit(&mut self, changes: AddressMap<Account>) {
        for (address, account) in changes {
            if !account.is_touched() {
                continue;
            }
            if account.is_selfdestructed() {
                self.empty_storage(address);
                self.accounts.insert(address, None);
                continue;
            }
            if account.is_created() {
                self.empty_storage(address);
            } else if account.is_empty() && !self.keeps_empty {
                self.accounts.insert(address, None);
                continue;
            }
            for (slot, value) in account.changed_storage_slots() {
                self.override_slot(address, *slot, value.present_value());
            }
            self.override_account(address, account.info);
        }
    }
}
