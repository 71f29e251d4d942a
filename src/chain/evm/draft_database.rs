//! revm's database over a [`Draft`]: reads from it, commits into it.

use super::witness::Reads;
use crate::chain::state::{AccountInfo, Draft, StateError, StateRead};
use alloy::primitives::{Address, B256, U256, map::AddressMap};
use revm::{
    Database, DatabaseCommit,
    bytecode::Bytecode,
    database_interface::DBErrorMarker,
    state::{Account, AccountInfo as RevmAccountInfo},
};

/// A failed read of the state under an EVM run.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct DatabaseError(#[from] pub(crate) StateError);

impl DBErrorMarker for DatabaseError {}

/// A draft under an EVM.
pub(super) struct DraftDatabase<'a> {
    pub(super) draft: &'a mut Draft,
    pub(super) block_hash: &'a dyn Fn(u64) -> B256,
    /// EIP-161: whether accounts that are touched and empty disappear.
    pub(super) clears_empty_accounts: bool,
    /// Where to note what is read and written.
    pub(super) reads: Option<&'a mut Reads>,
}

impl std::fmt::Debug for DraftDatabase<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DraftDatabase")
    }
}

impl Database for DraftDatabase<'_> {
    type Error = DatabaseError;

    fn basic(&mut self, address: Address) -> Result<Option<RevmAccountInfo>, DatabaseError> {
        if let Some(reads) = &mut self.reads {
            reads.touched.account(address);
        }
        Ok(self.draft.read_account(address).map(|account| {
            RevmAccountInfo {
                balance: account.balance,
                nonce: account.nonce,
                code_hash: account.code_hash,
                ..RevmAccountInfo::default()
            }
            .without_code()
        }))
    }

    fn code_by_hash(&mut self, code_hash: B256) -> Result<Bytecode, DatabaseError> {
        if let Some(reads) = &mut self.reads {
            reads.codes.insert(code_hash);
        }
        Ok(self.draft.code(code_hash)?)
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, DatabaseError> {
        if let Some(reads) = &mut self.reads {
            reads.touched.slot(address, slot);
        }
        Ok(self.draft.read_storage(address, slot))
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, DatabaseError> {
        if let Some(reads) = &mut self.reads {
            reads.oldest_block = reads.oldest_block.min(number);
        }
        Ok((self.block_hash)(number))
    }
}

impl DatabaseCommit for DraftDatabase<'_> {
    /// The order of the cases matters: untouched, destroyed, created (kept even if empty), empty (EIP-161), updated.
    fn commit(&mut self, changes: AddressMap<Account>) {
        for (address, account) in changes {
            if !account.is_touched() {
                continue;
            }
            if account.is_selfdestructed() {
                self.draft.remove_account(address);
                continue;
            }
            if account.is_created() {
                self.draft.clear_storage(address);
            } else if account.is_empty() && self.clears_empty_accounts {
                self.draft.remove_account(address);
                continue;
            }
            if let Some(code) = &account.info.code {
                // Mostly it is there: it was called. revm hashed it when it was made.
                self.draft
                    .keep_code(account.info.code_hash, || code.original_bytes());
            }
            self.draft.set_account(
                address,
                AccountInfo {
                    nonce: account.info.nonce,
                    balance: account.info.balance,
                    code_hash: account.info.code_hash,
                },
            );
            for (slot, value) in account.changed_storage_slots() {
                self.draft
                    .set_storage(address, *slot, value.present_value());
            }
        }
    }
}
