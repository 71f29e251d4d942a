//! What was appended and is not on disk yet.
//!
//! There are at most two layers over the store: the *active* one, which grows, and the *frozen* one, which is being
//! written and stays readable until it is on disk. A read asks the active one, the frozen one and the store, in this
//! order for what is newest (blocks), and takes the lowest version of all three for history.

use super::{Checkpoint, Effects, RevertPoint, encoding::Changed};
use crate::chain::{
    block::BlockRecord,
    state::{AccountInfo, State, StateDiff},
};
use alloy::primitives::{Address, B256, Bytes, U256, map::HashMap};
use std::{collections::BTreeMap, sync::Arc};

/// The newest chain of a layer: with it the layer is written.
#[derive(Clone)]
pub(super) struct Head {
    pub(super) state: State,
    pub(super) version: u64,
    pub(super) checkpoint: Arc<dyn Checkpoint>,
}

/// Previous values by version, ascending.
pub(super) type Versions<T> = Vec<(u64, T)>;

/// See the module.
#[derive(Default)]
pub(super) struct Layer {
    /// What lies below loses everything above this point.
    pub(super) revert: Option<RevertPoint>,
    pub(super) blocks: BTreeMap<u64, Arc<BlockRecord>>,
    /// The log entries that made the blocks.
    pub(super) log_indexes: BTreeMap<u64, u64>,
    numbers: HashMap<B256, u64>,
    transactions: HashMap<B256, (u64, usize)>,
    blobs: HashMap<B256, (u64, usize)>,
    /// All accounts whose value at the head may differ from the one below; those without versions were changed and
    /// then reverted, or changed in version 0, before which nothing is asked for.
    pub(super) accounts: HashMap<Address, Versions<Option<AccountInfo>>>,
    /// Slots likewise.
    pub(super) slots: HashMap<(Address, U256), Versions<U256>>,
    pub(super) codes: HashMap<B256, Bytes>,
    pub(super) changes: BTreeMap<u64, Changed>,
    /// `None`: nothing was appended.
    pub(super) head: Option<Head>,
    /// About how much memory the layer takes.
    pub(super) bytes: usize,
}

/// Where a layer sends a reader who looks for a block.
pub(super) enum Found<T> {
    Here(T),
    /// It is not in the chain, whatever lies below.
    Nowhere,
    Below,
}

impl Layer {
    /// Takes over what an entry changed, its revert excepted.
    pub(super) fn add(&mut self, effects: &Effects, head: Head) {
        for (version, diff) in &effects.diffs {
            self.add_diff(*version, diff);
        }
        for block in &effects.blocks {
            self.add_block(block);
            self.log_indexes
                .insert(block.header.number, effects.log_index);
        }
        self.head = Some(head);
    }

    fn add_diff(&mut self, version: u64, diff: &StateDiff) {
        const ACCOUNT: usize = 200;
        const SLOT: usize = 250;
        self.bytes += diff.accounts.len() * ACCOUNT + diff.storage.len() * SLOT;
        for (address, before) in &diff.accounts {
            let versions = self.accounts.entry(*address).or_default();
            if version > 0 {
                versions.push((version, *before));
            }
        }
        for (key, before) in &diff.storage {
            let versions = self.slots.entry(*key).or_default();
            if version > 0 {
                versions.push((version, *before));
            }
        }
        for (hash, code) in &diff.codes {
            self.bytes += code.len();
            self.codes.insert(*hash, code.clone());
        }
        if version > 0 {
            let changed = Changed {
                accounts: diff.accounts.keys().copied().collect(),
                slots: diff.storage.keys().copied().collect(),
                codes: diff.codes.keys().copied().collect(),
            };
            self.changes.insert(version, changed);
        }
    }

    fn add_block(&mut self, block: &Arc<BlockRecord>) {
        let number = block.header.number;
        self.bytes += block.size_estimate();
        self.numbers.insert(block.hash, number);
        for (index, transaction) in block.transactions.iter().enumerate() {
            self.transactions
                .insert(*transaction.envelope.tx_hash(), (number, index));
            for hash in transaction.kept_blobs() {
                self.blobs.insert(*hash, (number, index));
            }
        }
        self.blocks.insert(number, Arc::clone(block));
    }

    /// Forgets what lies above the point, here and below.
    pub(super) fn revert(&mut self, point: RevertPoint) {
        self.log_indexes.split_off(&(point.block_number + 1));
        for (number, block) in self.blocks.split_off(&(point.block_number + 1)) {
            debug_assert_eq!(number, block.header.number);
            self.numbers.remove(&block.hash);
            for transaction in &block.transactions {
                self.transactions.remove(transaction.envelope.tx_hash());
                for hash in transaction.kept_blobs() {
                    self.blobs.remove(hash);
                }
            }
        }
        for changed in self.changes.split_off(&(point.version + 1)).into_values() {
            for address in &changed.accounts {
                truncate(self.accounts.get_mut(address), point.version);
            }
            for key in &changed.slots {
                truncate(self.slots.get_mut(key), point.version);
            }
            for hash in &changed.codes {
                self.codes.remove(hash);
            }
        }
        self.revert = Some(match self.revert {
            None => point,
            Some(before) => RevertPoint {
                block_number: before.block_number.min(point.block_number),
                version: before.version.min(point.version),
            },
        });
    }

    pub(super) fn block(&self, number: u64) -> Found<Arc<BlockRecord>> {
        match (self.blocks.get(&number), self.revert) {
            (Some(block), _) => Found::Here(Arc::clone(block)),
            (None, Some(point)) if number > point.block_number => Found::Nowhere,
            (None, _) => Found::Below,
        }
    }

    /// The number of a block of this layer.
    pub(super) fn number(&self, hash: &B256) -> Option<u64> {
        self.numbers.get(hash).copied()
    }

    /// The place of a transaction of this layer that carries a blob.
    pub(super) fn blob(&self, hash: &B256) -> Option<(u64, usize)> {
        self.blobs.get(hash).copied()
    }

    /// The place of a transaction of this layer.
    pub(super) fn transaction(&self, hash: &B256) -> Option<(u64, usize)> {
        self.transactions.get(hash).copied()
    }
}

fn truncate<T>(versions: Option<&mut Versions<T>>, last: u64) {
    if let Some(versions) = versions {
        let stay = versions.partition_point(|(version, _)| *version <= last);
        versions.truncate(stay);
    }
}

/// The first version after `after`, not above `until`, and the value before it.
pub(super) fn first_after<T: Copy>(
    versions: Option<&Versions<T>>,
    after: u64,
    until: u64,
) -> Option<(u64, T)> {
    let versions = versions?;
    let first = versions.get(versions.partition_point(|(version, _)| *version <= after))?;
    (first.0 <= until).then_some(*first)
}
