//! Copies that are equal on all nodes with the same chain, for backups; and how they are taken in again.
//!
//! Two nodes that hold the same chain may hold different bytes: what a revert leaves in the indexes depends on what had been
//! flushed before, and a node that was restarted still knows the codes of reverted contracts. So a copy holds no indexes,
//! which are made anew, only those codes that an account has or had, and not which version brought which code (it is
//! only asked for to forget codes, which this does too).

use super::{
    Archive, StoreError,
    encoding::{Changed, corrupt, decode_account, decode_block},
    flush::put_block,
    snapshot::{entries as entries_of_chunks, is_checkpoint},
    store::{Batch, Entries, Entry, StoreSnapshot, Table},
};
use alloy::primitives::B256;
use std::{collections::BTreeSet, io};

/// The entries of a copy, with this checkpoint. *Limit.* Holds the hashes of all codes in memory.
pub(super) fn entries(
    source: &dyn StoreSnapshot,
    checkpoint: Vec<u8>,
) -> Result<Entries, StoreError> {
    let mut codes: BTreeSet<B256> = BTreeSet::new();
    for entry in source.entries_of(&[Table::Accounts, Table::AccountHistory])? {
        let (table, _, value) = entry?;
        codes.extend(decode_account(table, &value)?.map(|account| account.code_hash));
    }
    let canonical = move |entry: Result<Entry, StoreError>| match entry {
        Ok((Table::Codes, key, _)) if !codes.contains(&key[..]) => None,
        Ok((Table::Changes, key, value)) => Some(Changed::decode(&value).map(|mut changed| {
            changed.codes.clear();
            (Table::Changes, key, changed.encode())
        })),
        Ok((table, key, _)) if is_checkpoint(table, &key) => {
            Some(Ok((table, key, checkpoint.clone())))
        }
        entry => Some(entry),
    };
    let primary = source.entries_of(&Table::PRIMARY)?;
    Ok(Box::new(primary.filter_map(canonical)))
}

impl Archive {
    /// Replaces everything by a copy that [`super::ArchiveSnapshot::canonical_chunks`] gave, as [`Archive::install`]
    /// does with another. `checkpoint` makes this node's checkpoint of the one in the copy.
    pub fn install_canonical(
        &self,
        chunks: impl Iterator<Item = io::Result<Vec<u8>>>,
        mut checkpoint: impl FnMut(Vec<u8>) -> Result<Vec<u8>, StoreError>,
    ) -> Result<(), StoreError> {
        let mut indexed = entries_of_chunks(chunks).flat_map(|entry| match entry {
            Err(error) => vec![Err(error)],
            Ok((table, key, value)) if is_checkpoint(table, &key) => {
                vec![checkpoint(value).map(|value| (table, key, value))]
            }
            Ok(entry) => indexed(entry),
        });
        self.replace(&mut indexed)
    }
}

/// An entry with all that follows from it.
fn indexed((table, key, value): Entry) -> Vec<Result<Entry, StoreError>> {
    if !Table::PRIMARY.contains(&table) {
        return vec![Err(StoreError::DamagedCopy(format!(
            "it holds entries of `{}`, which are not part of a backup",
            table.name()
        )))];
    }
    if table != Table::Blocks {
        return vec![Ok((table, key, value))];
    }
    let block = match decode_block(&value) {
        Ok(block) if key == block.header.number.to_be_bytes() => block,
        Ok(block) => {
            let problem = format!("block {} stands in another's place", block.header.number);
            return vec![Err(corrupt(Table::Blocks, problem))];
        }
        Err(error) => return vec![Err(error)],
    };
    let mut batch = Batch::default();
    put_block(&block, &mut batch);
    let mut all = Vec::new();
    for table in Table::ALL {
        let puts = batch.changes(table);
        all.extend(
            puts.filter_map(|(key, value)| Some(Ok((table, key.to_vec(), value?.to_vec())))),
        );
    }
    all
}
