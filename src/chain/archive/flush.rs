//! A layer as changes of the tables.

use super::{
    RevertPoint, StoreError,
    encoding::{
        Changed, account_history_key, decode_block, encode_account, encode_place, encode_value,
        meta, slot_history_key, slot_key, version_of,
    },
    layer::{Head, Layer},
    store::{Batch, KeyRange, Store, Table},
};
use crate::chain::{block::BlockRecord, state::State};
use alloy::primitives::{Address, U256};
use std::ops::Bound;

/// All that turns what `store` holds into what it shall hold with `layer`, whose newest chain is `head`.
pub(super) fn batch(layer: &Layer, head: &Head, store: &dyn Store) -> Result<Batch, StoreError> {
    let mut batch = Batch::default();
    let state = &head.state;
    if let Some(point) = layer.revert {
        remove_blocks(point, store, &mut batch)?;
        remove_changes(point, state, store, &mut batch)?;
    }
    for block in layer.blocks.values() {
        put_block(block, &mut batch);
    }
    for (number, index) in &layer.log_indexes {
        let index = index.to_be_bytes().to_vec();
        batch.put(Table::LogIndexes, &number.to_be_bytes(), index);
    }
    for (address, versions) in &layer.accounts {
        put_account(state, *address, &mut batch);
        for (version, before) in versions {
            let key = account_history_key(*address, *version);
            batch.put(Table::AccountHistory, &key, encode_account(*before));
        }
    }
    for ((address, slot), versions) in &layer.slots {
        put_slot(state, *address, *slot, &mut batch);
        for (version, before) in versions {
            let key = slot_history_key(*address, *slot, *version);
            batch.put(Table::SlotHistory, &key, encode_value(*before));
        }
    }
    for (hash, code) in &layer.codes {
        batch.put(Table::Codes, &hash[..], code.to_vec());
    }
    for (version, changed) in &layer.changes {
        batch.put(Table::Changes, &version.to_be_bytes(), changed.encode());
    }
    batch.put(Table::Meta, meta::CHECKPOINT, head.checkpoint.encode());
    batch.put(
        Table::Meta,
        meta::VERSION,
        head.version.to_be_bytes().to_vec(),
    );
    batch.put(Table::Meta, meta::STATE_ROOT, state.root().to_vec());
    Ok(batch)
}

fn put_account(state: &State, address: Address, batch: &mut Batch) {
    match state.account_info(address) {
        Some(account) => batch.put(Table::Accounts, &address[..], encode_account(Some(account))),
        None => batch.delete(Table::Accounts, &address[..]),
    }
}

fn put_slot(state: &State, address: Address, slot: U256, batch: &mut Batch) {
    let key = slot_key(address, slot);
    let value = state.storage_value(address, slot);
    if value.is_zero() {
        batch.delete(Table::Slots, &key);
    } else {
        batch.put(Table::Slots, &key, encode_value(value));
    }
}

pub(super) fn put_block(block: &BlockRecord, batch: &mut Batch) {
    let number = block.header.number;
    let key = number.to_be_bytes();
    batch.put(Table::Blocks, &key, block.encode());
    batch.put(Table::BlockNumbers, &block.hash[..], key.to_vec());
    if !block.header.logs_bloom.is_zero() {
        batch.put(Table::Blooms, &key, block.header.logs_bloom.to_vec());
    }
    for (index, transaction) in block.transactions.iter().enumerate() {
        let hash = transaction.envelope.tx_hash();
        batch.put(Table::Transactions, &hash[..], encode_place(number, index));
        for hash in transaction.kept_blobs() {
            batch.put(Table::Blobs, &hash[..], encode_place(number, index));
        }
    }
}

fn remove_blocks(
    point: RevertPoint,
    store: &dyn Store,
    batch: &mut Batch,
) -> Result<(), StoreError> {
    let last = point.block_number.to_be_bytes();
    store.each(Table::Blocks, above(&last), |key, value| {
        let block = decode_block(value)?;
        batch.delete(Table::Blocks, key);
        batch.delete(Table::Blooms, key);
        batch.delete(Table::LogIndexes, key);
        batch.delete(Table::BlockNumbers, &block.hash[..]);
        for transaction in &block.transactions {
            batch.delete(Table::Transactions, &transaction.envelope.tx_hash()[..]);
            for hash in transaction.kept_blobs() {
                batch.delete(Table::Blobs, &hash[..]);
            }
        }
        Ok(())
    })
}

/// Removes the history above the point; the values of what it had changed are those of the head.
fn remove_changes(
    point: RevertPoint,
    state: &State,
    store: &dyn Store,
    batch: &mut Batch,
) -> Result<(), StoreError> {
    let last = point.version.to_be_bytes();
    store.each(Table::Changes, above(&last), |key, value| {
        let version = version_of(Table::Changes, key)?;
        let changed = Changed::decode(value)?;
        batch.delete(Table::Changes, key);
        for address in changed.accounts {
            batch.delete(
                Table::AccountHistory,
                &account_history_key(address, version),
            );
            put_account(state, address, batch);
        }
        for (address, slot) in changed.slots {
            batch.delete(
                Table::SlotHistory,
                &slot_history_key(address, slot, version),
            );
            put_slot(state, address, slot, batch);
        }
        for hash in changed.codes.iter().filter(|hash| !state.has_code(hash)) {
            batch.delete(Table::Codes, &hash[..]);
        }
        Ok(())
    })
}

/// All keys above `last`, in a table whose keys are numbers.
fn above(last: &[u8; 8]) -> KeyRange<'_> {
    (Bound::Excluded(&last[..]), Bound::Unbounded)
}
