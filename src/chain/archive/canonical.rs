//! Copies that are equal on all nodes with the same chain, for backups: taken in again, with the indexes made anew.
//!
//! Two nodes that hold the same chain may hold different indexes: what a revert leaves in them depends on what had been
//! flushed before. What they are indexes of is the same, so that alone is in the copy.

use super::{
    Archive, StoreError,
    encoding::{corrupt, decode_block},
    flush::put_block,
    snapshot::{entries, is_checkpoint},
    store::{Batch, Entry, Table},
};
use std::io;

impl Archive {
    /// Replaces everything by a copy that [`super::ArchiveSnapshot::canonical_chunks`] gave, as [`Archive::install`]
    /// does with another. `checkpoint` makes this node's checkpoint of the one in the copy.
    pub fn install_canonical(
        &self,
        chunks: impl Iterator<Item = io::Result<Vec<u8>>>,
        mut checkpoint: impl FnMut(Vec<u8>) -> Result<Vec<u8>, StoreError>,
    ) -> Result<(), StoreError> {
        let mut indexed = entries(chunks).flat_map(|entry| match entry {
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
