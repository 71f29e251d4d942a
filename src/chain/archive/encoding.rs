//! Keys and values of the tables as bytes. Numbers in keys are big-endian.

use super::{StoreError, store::Table};
use crate::chain::{block::BlockRecord, state::AccountInfo};
use alloy::primitives::{Address, B256, KECCAK256_EMPTY, U256};

/// The keys that one version changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Changed {
    pub(super) accounts: Vec<Address>,
    pub(super) slots: Vec<(Address, U256)>,
    pub(super) codes: Vec<B256>,
}

/// Keys in `Meta`.
pub(super) mod meta {
    /// The checkpoint's own bytes.
    pub(in super::super) const CHECKPOINT: &[u8] = b"checkpoint";
    /// The version of the chain at the checkpoint.
    pub(in super::super) const VERSION: &[u8] = b"version";
    /// The root of the state at the checkpoint.
    pub(in super::super) const STATE_ROOT: &[u8] = b"state_root";
}

pub(super) fn corrupt(table: Table, problem: impl Into<String>) -> StoreError {
    StoreError::Corrupt {
        table: table.name(),
        problem: problem.into(),
    }
}

fn wrong_length(table: Table, bytes: &[u8]) -> StoreError {
    corrupt(
        table,
        format!(
            "an entry has {} bytes where another length belongs",
            bytes.len()
        ),
    )
}

pub(super) fn slot_key(address: Address, slot: U256) -> [u8; 52] {
    let mut key = [0; 52];
    key[..20].copy_from_slice(&address[..]);
    key[20..].copy_from_slice(&slot.to_be_bytes::<32>());
    key
}

pub(super) fn decode_slot_key(key: &[u8]) -> Result<(Address, U256), StoreError> {
    let key: &[u8; 52] = key
        .try_into()
        .map_err(|_| wrong_length(Table::Slots, key))?;
    Ok((
        Address::from_slice(&key[..20]),
        U256::from_be_slice(&key[20..]),
    ))
}

pub(super) fn account_history_key(address: Address, version: u64) -> [u8; 28] {
    let mut key = [0; 28];
    key[..20].copy_from_slice(&address[..]);
    key[20..].copy_from_slice(&version.to_be_bytes());
    key
}

pub(super) fn slot_history_key(address: Address, slot: U256, version: u64) -> [u8; 60] {
    let mut key = [0; 60];
    key[..52].copy_from_slice(&slot_key(address, slot));
    key[52..].copy_from_slice(&version.to_be_bytes());
    key
}

/// The version at the end of a history key.
pub(super) fn version_of(table: Table, key: &[u8]) -> Result<u64, StoreError> {
    let tail = key.last_chunk().ok_or_else(|| wrong_length(table, key))?;
    Ok(u64::from_be_bytes(*tail))
}

pub(super) fn decode_u64(table: Table, bytes: &[u8]) -> Result<u64, StoreError> {
    let bytes = bytes.try_into().map_err(|_| wrong_length(table, bytes))?;
    Ok(u64::from_be_bytes(bytes))
}

pub(super) fn decode_address(table: Table, bytes: &[u8]) -> Result<Address, StoreError> {
    Address::try_from(bytes).map_err(|_| wrong_length(table, bytes))
}

pub(super) fn decode_hash(table: Table, bytes: &[u8]) -> Result<B256, StoreError> {
    B256::try_from(bytes).map_err(|_| wrong_length(table, bytes))
}

/// Where a transaction stands: the block's number, the index in it.
pub(super) fn encode_place(number: u64, index: usize) -> Vec<u8> {
    [&number.to_be_bytes()[..], &(index as u32).to_be_bytes()].concat()
}

pub(super) fn decode_place(bytes: &[u8]) -> Result<(u64, usize), StoreError> {
    let wrong = || wrong_length(Table::Transactions, bytes);
    let (number, index) = bytes.split_first_chunk().ok_or_else(wrong)?;
    let index: [u8; 4] = index.try_into().map_err(|_| wrong())?;
    Ok((
        u64::from_be_bytes(*number),
        u32::from_be_bytes(index) as usize,
    ))
}

pub(super) fn decode_block(bytes: &[u8]) -> Result<BlockRecord, StoreError> {
    BlockRecord::decode(bytes).map_err(|error| corrupt(Table::Blocks, error.to_string()))
}

/// A number without its leading zero bytes.
fn trimmed(bytes: &[u8]) -> &[u8] {
    &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..]
}

pub(super) fn encode_value(value: U256) -> Vec<u8> {
    trimmed(&value.to_be_bytes::<32>()).to_vec()
}

pub(super) fn decode_value(table: Table, bytes: &[u8]) -> Result<U256, StoreError> {
    U256::try_from_be_slice(bytes).ok_or_else(|| wrong_length(table, bytes))
}

/// An account: two lengths, nonce, balance, and the hash of the code if there is one. No account: no bytes.
pub(super) fn encode_account(account: Option<AccountInfo>) -> Vec<u8> {
    let Some(account) = account else {
        return Vec::new();
    };
    let (nonce, balance) = (
        account.nonce.to_be_bytes(),
        account.balance.to_be_bytes::<32>(),
    );
    let (nonce, balance) = (trimmed(&nonce), trimmed(&balance));
    let mut out = vec![nonce.len() as u8, balance.len() as u8];
    out.extend_from_slice(nonce);
    out.extend_from_slice(balance);
    if account.code_hash != KECCAK256_EMPTY {
        out.extend_from_slice(&account.code_hash[..]);
    }
    out
}

pub(super) fn decode_account(
    table: Table,
    bytes: &[u8],
) -> Result<Option<AccountInfo>, StoreError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let split = |bytes: &[u8]| -> Option<AccountInfo> {
        let (lengths, rest) = bytes.split_first_chunk::<2>()?;
        let (nonce, rest) = rest.split_at_checked(usize::from(lengths[0]))?;
        let (balance, code_hash) = rest.split_at_checked(usize::from(lengths[1]))?;
        Some(AccountInfo {
            nonce: U256::try_from_be_slice(nonce)?.try_into().ok()?,
            balance: U256::try_from_be_slice(balance)?,
            code_hash: match code_hash.len() {
                0 => KECCAK256_EMPTY,
                _ => B256::try_from(code_hash).ok()?,
            },
        })
    };
    split(bytes)
        .map(Some)
        .ok_or_else(|| wrong_length(table, bytes))
}

impl Changed {
    /// Two counts, then accounts, slots and codes.
    pub(super) fn encode(&self) -> Vec<u8> {
        let bytes = 8 + self.accounts.len() * 20 + self.slots.len() * 52 + self.codes.len() * 32;
        let mut out = Vec::with_capacity(bytes);
        out.extend_from_slice(&(self.accounts.len() as u32).to_be_bytes());
        out.extend_from_slice(&(self.slots.len() as u32).to_be_bytes());
        self.accounts
            .iter()
            .for_each(|address| out.extend_from_slice(&address[..]));
        let slots = self.slots.iter();
        slots.for_each(|(address, slot)| out.extend_from_slice(&slot_key(*address, *slot)));
        self.codes
            .iter()
            .for_each(|hash| out.extend_from_slice(&hash[..]));
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let count = |bytes: &[u8; 4]| u32::from_be_bytes(*bytes) as usize;
        let split = |bytes: &[u8]| -> Option<Self> {
            let (accounts, rest) = bytes.split_first_chunk()?;
            let (slots, rest) = rest.split_first_chunk()?;
            let (accounts, rest) = rest.split_at_checked(count(accounts).checked_mul(20)?)?;
            let (slots, codes) = rest.split_at_checked(count(slots).checked_mul(52)?)?;
            let slots = slots.chunks_exact(52).map(|key| decode_slot_key(key).ok());
            Some(Self {
                accounts: accounts.chunks_exact(20).map(Address::from_slice).collect(),
                slots: slots.collect::<Option<_>>()?,
                codes: codes
                    .chunks(32)
                    .map(|hash| B256::try_from(hash).ok())
                    .collect::<Option<_>>()?,
            })
        };
        split(bytes).ok_or_else(|| wrong_length(Table::Changes, bytes))
    }
}

#[cfg(test)]
mod tests;
