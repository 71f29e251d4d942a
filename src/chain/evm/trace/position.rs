//! The state inside a block, between two of its transactions.

use super::{TraceError, TracedBlock, replay::Replay, watch::TraceLimits};
use crate::chain::state::AccountInfo;
use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use revm::Database as _;
use std::collections::BTreeMap;

/// Slots of an account as a page: the hash of each slot, the slot, its value; and the hash with which the next page
/// begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StorageRange {
    /// In the order of the hashes.
    pub slots: Vec<(B256, U256, U256)>,
    /// `None`: there is nothing after them.
    pub next: Option<B256>,
}

/// The block after its first `count` transactions.
fn after<'a>(
    block: &TracedBlock<'a>,
    count: usize,
    limits: TraceLimits<'_>,
) -> Result<Replay<'a>, TraceError> {
    limits.stopwatch.restart();
    let mut replay = Replay::new(block)?;
    replay.advance(block, count, limits)?;
    Ok(replay)
}

fn index_of(block: &TracedBlock<'_>, index: u64, end: usize) -> Result<usize, TraceError> {
    let place = usize::try_from(index).unwrap_or(usize::MAX);
    if place >= end {
        return Err(TraceError::TransactionIndex {
            index,
            block: block.hash.unwrap_or_default(),
        });
    }
    Ok(place)
}

/// `debug_accountInfoAt` (reth): an account and its code after the transaction of that index.
pub fn account_after(
    block: &TracedBlock<'_>,
    index: u64,
    address: Address,
    limits: TraceLimits<'_>,
) -> Result<Option<(AccountInfo, Bytes)>, TraceError> {
    let place = index_of(block, index, block.transactions.len())?;
    let mut replay = after(block, place + 1, limits)?;
    let (_, database) = replay.parts();
    let state = |error: super::super::draft_database::DatabaseError| TraceError::State(error.0);
    let Some(account) = database.basic(address).map_err(state)? else {
        return Ok(None);
    };
    let code = if account.is_empty_code_hash() {
        Bytes::new()
    } else {
        let code = database.code_by_hash(account.code_hash).map_err(state)?;
        code.original_bytes()
    };
    let info = AccountInfo {
        nonce: account.nonce,
        balance: account.balance,
        code_hash: account.code_hash,
    };
    Ok(Some((info, code)))
}

/// `debug_storageRangeAt` (geth): up to `limit` slots of an account before the transaction of that index, from the
/// hash `first` on. `stored`: the account's slots before the block.
pub fn storage_before(
    block: &TracedBlock<'_>,
    index: u64,
    address: Address,
    stored: impl Iterator<Item = (U256, U256)>,
    (first, limit): (B256, usize),
    limits: TraceLimits<'_>,
) -> Result<StorageRange, TraceError> {
    // As in geth, the first index is there in a block without transactions, too.
    let place = index_of(block, index, block.transactions.len().max(1))?;
    let mut replay = after(block, place, limits)?;
    let (_, database) = replay.parts();
    let mut slots: BTreeMap<B256, (U256, U256)> = BTreeMap::new();
    let hash = |slot: U256| keccak256(slot.to_be_bytes::<32>());
    if !database.is_emptied(address) {
        slots.extend(stored.map(|(slot, value)| (hash(slot), (slot, value))));
    }
    for (slot, value) in database.known_slots(address) {
        slots.insert(hash(slot), (slot, value));
    }
    slots.retain(|key, (_, value)| *key >= first && !value.is_zero());
    let next = slots.keys().nth(limit).copied();
    let page = slots.into_iter().take(limit);
    Ok(StorageRange {
        slots: page
            .map(|(key, (slot, value))| (key, slot, value))
            .collect(),
        next,
    })
}
