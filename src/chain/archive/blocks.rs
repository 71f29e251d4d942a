//! Reads of blocks, of their indexes and of their blooms.

use super::{
    Archive, StoreError,
    encoding::{corrupt, decode_block, decode_place, decode_u64},
    layer::Found,
    store::Table,
};
use crate::chain::{block::BlockRecord, transaction::SignedTransaction};
use alloy::primitives::{B256, Bloom};
use std::{
    collections::BTreeSet,
    ops::Bound,
    sync::{Arc, atomic::Ordering},
};

impl Archive {
    /// A block of the chain.
    pub fn block_by_number(&self, number: u64) -> Result<Option<Arc<BlockRecord>>, StoreError> {
        let epoch = {
            let inner = self.read();
            let layers = [Some(&inner.active), inner.frozen.as_deref()];
            for layer in layers.into_iter().flatten() {
                match layer.block(number) {
                    Found::Here(block) => return Ok(Some(block)),
                    Found::Nowhere => return Ok(None),
                    Found::Below => {}
                }
            }
            self.epoch.load(Ordering::Acquire)
        };
        if let Some(block) = self.cache().get(number) {
            return Ok(Some(block));
        }
        let Some(bytes) = self.store.get(Table::Blocks, &number.to_be_bytes())? else {
            return Ok(None);
        };
        let block = Arc::new(decode_block(&bytes)?);
        let mut cache = self.cache();
        // A block that was reverted since it was read must not come back.
        if self.epoch.load(Ordering::Acquire) == epoch {
            cache.insert(Arc::clone(&block));
        }
        Ok(Some(block))
    }

    /// A block of the chain.
    pub fn block_by_hash(&self, hash: B256) -> Result<Option<Arc<BlockRecord>>, StoreError> {
        let Some(number) = self.number_of(&hash)? else {
            return Ok(None);
        };
        // An index below a revert may name a block that is not in the chain any more.
        Ok(self
            .block_by_number(number)?
            .filter(|block| block.hash == hash))
    }

    /// The index of the log entry that made a block of the chain; `None` where the block is not known, or was stored by
    /// a version that did not keep it.
    pub fn log_index(&self, number: u64) -> Result<Option<u64>, StoreError> {
        {
            let inner = self.read();
            for layer in [Some(&inner.active), inner.frozen.as_deref()]
                .into_iter()
                .flatten()
            {
                if let Some(index) = layer.log_indexes.get(&number) {
                    return Ok(Some(*index));
                }
                if let Found::Nowhere = layer.block(number) {
                    return Ok(None);
                }
            }
        }
        let bytes = self.store.get(Table::LogIndexes, &number.to_be_bytes())?;
        bytes
            .map(|bytes| decode_u64(Table::LogIndexes, &bytes))
            .transpose()
    }

    /// The number of the block that holds a transaction, and its index there.
    pub fn transaction(&self, hash: B256) -> Result<Option<(u64, usize)>, StoreError> {
        let known = {
            let inner = self.read();
            let frozen = inner.frozen.as_deref();
            inner
                .active
                .transaction(&hash)
                .or_else(|| frozen?.transaction(&hash))
        };
        let place = if known.is_some() {
            known
        } else {
            let bytes = self.store.get(Table::Transactions, &hash[..])?;
            bytes.map(|bytes| decode_place(&bytes)).transpose()?
        };
        let Some((number, index)) = place else {
            return Ok(None);
        };
        let block = self.block_by_number(number)?;
        let found = block.is_some_and(|block| {
            block
                .transactions
                .get(index)
                .is_some_and(|found| *found.envelope.tx_hash() == hash)
        });
        Ok(found.then_some((number, index)))
    }

    /// A mined transaction that carries the blob of this versioned hash (EIP-4844); if there are several, the newest.
    pub fn blob_carrier(
        &self,
        versioned_hash: B256,
    ) -> Result<Option<Arc<SignedTransaction>>, StoreError> {
        let known = {
            let inner = self.read();
            let frozen = inner.frozen.as_deref();
            let active = inner.active.blob(&versioned_hash);
            active.or_else(|| frozen?.blob(&versioned_hash))
        };
        let place = if known.is_some() {
            known
        } else {
            let bytes = self.store.get(Table::Blobs, &versioned_hash[..])?;
            bytes.map(|bytes| decode_place(&bytes)).transpose()?
        };
        let Some((number, index)) = place else {
            return Ok(None);
        };
        // An index below a revert may name a block that is not in the chain any more.
        let block = self.block_by_number(number)?;
        let transaction = block.and_then(|block| block.transactions.get(index).cloned());
        Ok(transaction.filter(|one| one.kept_blobs().contains(&versioned_hash)))
    }

    /// The numbers, ascending, of the blocks from `from` to `to` with logs whose bloom `accepts` takes. Blocks without
    /// logs are not shown to it.
    pub fn bloom_candidates(
        &self,
        from: u64,
        to: u64,
        mut accepts: impl FnMut(&Bloom) -> bool,
    ) -> Result<Vec<u64>, StoreError> {
        let mut found = BTreeSet::new();
        let mut top = to;
        {
            let inner = self.read();
            for layer in [Some(&inner.active), inner.frozen.as_deref()]
                .into_iter()
                .flatten()
            {
                for (number, block) in layer.blocks.range(from..=top.max(from)) {
                    let bloom = &block.header.logs_bloom;
                    if *number <= top && !bloom.is_zero() && accepts(bloom) {
                        found.insert(*number);
                    }
                }
                top = layer
                    .revert
                    .map_or(top, |point| top.min(point.block_number));
            }
        }
        if from > top {
            return Ok(found.into_iter().collect());
        }
        let (first, last) = (from.to_be_bytes(), top.to_be_bytes());
        let range = (Bound::Included(&first[..]), Bound::Included(&last[..]));
        self.store.each(Table::Blooms, range, |key, bloom| {
            let (number, bloom) = stored_bloom(key, bloom)?;
            if accepts(&bloom) {
                found.insert(number);
            }
            Ok(())
        })?;
        Ok(found.into_iter().collect())
    }

    /// The blocks above a number, highest first.
    pub(super) fn blocks_above(&self, number: u64) -> Result<Vec<Arc<BlockRecord>>, StoreError> {
        let mut blocks = Vec::new();
        for number in number + 1.. {
            match self.block_by_number(number)? {
                Some(block) => blocks.push(block),
                None => break,
            }
        }
        blocks.reverse();
        Ok(blocks)
    }

    fn number_of(&self, hash: &B256) -> Result<Option<u64>, StoreError> {
        let known = {
            let inner = self.read();
            let frozen = inner.frozen.as_deref();
            inner.active.number(hash).or_else(|| frozen?.number(hash))
        };
        if let Some(number) = known.or_else(|| self.cache().number(hash)) {
            return Ok(Some(number));
        }
        let bytes = self.store.get(Table::BlockNumbers, &hash[..])?;
        bytes
            .map(|bytes| decode_u64(Table::BlockNumbers, &bytes))
            .transpose()
    }
}

fn stored_bloom(key: &[u8], bloom: &[u8]) -> Result<(u64, Bloom), StoreError> {
    let number = decode_u64(Table::Blooms, key)?;
    let bloom = Bloom::try_from(bloom).map_err(|_| {
        corrupt(
            Table::Blooms,
            format!("the bloom of block {number} has another length"),
        )
    })?;
    Ok((number, bloom))
}
