//! The blocks that were asked for last, decoded.

use crate::chain::block::BlockRecord;
use alloy::primitives::{B256, map::HashMap};
use std::{collections::BTreeMap, sync::Arc};

/// Blocks that are kept at the most.
const MAX_BLOCKS: usize = 1024;
/// Memory that they may take, about.
const MAX_BYTES: usize = 32 << 20;

/// A bounded map from numbers to blocks that forgets what was not asked for the longest.
#[derive(Default)]
pub(super) struct BlockCache {
    blocks: HashMap<u64, Cached>,
    numbers: HashMap<B256, u64>,
    /// Numbers by the time of the last use.
    uses: BTreeMap<u64, u64>,
    clock: u64,
    bytes: usize,
}

struct Cached {
    block: Arc<BlockRecord>,
    used: u64,
    bytes: usize,
}

impl BlockCache {
    pub(super) fn get(&mut self, number: u64) -> Option<Arc<BlockRecord>> {
        let cached = self.blocks.get_mut(&number)?;
        self.clock += 1;
        self.uses.remove(&cached.used);
        self.uses.insert(self.clock, number);
        cached.used = self.clock;
        Some(Arc::clone(&cached.block))
    }

    pub(super) fn number(&self, hash: &B256) -> Option<u64> {
        self.numbers.get(hash).copied()
    }

    pub(super) fn insert(&mut self, block: Arc<BlockRecord>) {
        let number = block.header.number;
        self.remove(number);
        self.clock += 1;
        let bytes = block.size_estimate();
        self.bytes += bytes;
        self.uses.insert(self.clock, number);
        self.numbers.insert(block.hash, number);
        self.blocks.insert(
            number,
            Cached {
                block,
                used: self.clock,
                bytes,
            },
        );
        while self.blocks.len() > MAX_BLOCKS || self.bytes > MAX_BYTES {
            let Some((_, oldest)) = self.uses.pop_first() else {
                return;
            };
            self.remove(oldest);
        }
    }

    pub(super) fn remove_above(&mut self, number: u64) {
        let above: Vec<u64> = self
            .blocks
            .keys()
            .copied()
            .filter(|other| *other > number)
            .collect();
        for number in above {
            self.remove(number);
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    fn remove(&mut self, number: u64) {
        if let Some(cached) = self.blocks.remove(&number) {
            self.uses.remove(&cached.used);
            self.numbers.remove(&cached.block.hash);
            self.bytes -= cached.bytes;
        }
    }
}

#[cfg(test)]
mod tests;
