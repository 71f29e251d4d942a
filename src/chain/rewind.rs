//! Going back: `anvil_rollback`, `anvil_reorg`, `anvil_reset`.
//!
//! A rollback makes an older block the head, with the state after it; what cheats changed later is gone too. The
//! transactions of the removed blocks are forgotten, as in anvil; the pool, the settings and the clock's offset stay.
//! Snapshots that were taken later die: their ids answer `false` from then on.
//!
//! A reorg is a rollback and as many new blocks in one entry. Each new block has the timestamp of the one it replaces
//! plus one second, so that it has another hash on every fork even if nothing else differs, and the clocks of the two
//! branches are alike.
//!
//! A reset makes the chain what it was at its start: the genesis block, its state, the config's settings, no pool, no
//! snapshots. Notes and the memory of requests belong to the cluster and stay.

#[cfg(test)]
mod tests;

use super::{
    ApplyError, Chain, Head, Rejection,
    archive::{Effects, RevertPoint, StoreError},
    block::{BlockRecord, Family},
    genesis,
    past::Past,
    pool::Pool,
    settings::Settings,
    snapshot::Snapshots,
};
use alloy::primitives::U256;
use std::sync::Arc;

/// Blocks that one reorg replaces at the most: all of them travel in one entry of the log.
pub const REORG_DEPTH_MAX: u64 = 1024;
/// How many hashes BLOCKHASH sees.
const HASHES: u64 = 256;

/// A rollback that cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum RewindError {
    /// The chain refuses it.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The archive failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<RewindError> for ApplyError {
    fn from(error: RewindError) -> Self {
        match error {
            // The leader asked before it proposed: it has another chain than this node.
            RewindError::Rejected(rejection) => Self::Refused(rejection),
            RewindError::Store(error) => Self::Store(error),
        }
    }
}

impl Chain {
    /// The block that is the head after a rollback, if it can be done. `what` is the word for it in the refusal.
    pub fn rollback_target(
        &self,
        depth: u64,
        what: &str,
        past: &dyn Past,
    ) -> Result<Arc<BlockRecord>, RewindError> {
        let height = self.head.header.number;
        let first = self.spec.genesis.number;
        let number = height
            .checked_sub(depth)
            .filter(|number| *number >= first.min(height));
        let refuse = |sentence: String| RewindError::Rejected(Rejection::InvalidValue(sentence));
        let Some(number) = number else {
            return Err(refuse(format!(
                "{what} depth must not exceed current chain height: current height {height}, depth {depth}"
            )));
        };
        let block = past.block(number)?.ok_or_else(|| {
            refuse(format!(
                "block {number} is not in the chain; choose a smaller depth"
            ))
        })?;
        if block.has_state() || block.hash == self.head.hash {
            return Ok(block);
        }
        Err(refuse(format!(
            "the state of block {number} is not known: it came from a dump without historical states"
        )))
    }

    /// The chain after a rollback, without its effects: what a reorg builds on.
    pub fn rolled_back(&self, depth: u64, past: &dyn Past) -> Result<Self, RewindError> {
        let mut next = self.clone();
        next.version += 1;
        next.roll_back(depth, past, &mut Effects::default())?;
        Ok(next)
    }

    /// Makes the block `depth` below the head the head. `self.version` is already the new one.
    pub(super) fn roll_back(
        &mut self,
        depth: u64,
        past: &dyn Past,
        effects: &mut Effects,
    ) -> Result<(), RewindError> {
        let target = self.rollback_target(depth, "Rollback", past)?;
        let state_version = if target.has_state() {
            target.version
        } else {
            self.version - 1
        };
        self.state = past.state(&self.state, self.version - 1, state_version)?;
        effects.revert = Some(RevertPoint {
            block_number: target.header.number,
            version: state_version,
        });
        self.head = Arc::new(Head {
            total_difficulty: self.total_difficulty_at(&target, past)?,
            family: family_at(&target, past)?,
            header: target.header.clone(),
            hash: target.hash,
            built_at_ms: 0,
        });
        self.cut_hashes(past)?;
        self.snapshots.kill_after(state_version);
        Ok(())
    }

    /// The sum of difficulties up to a block below the head.
    pub(super) fn total_difficulty_at(
        &self,
        block: &BlockRecord,
        past: &dyn Past,
    ) -> Result<U256, StoreError> {
        let mut total = self.head.total_difficulty;
        // After the merge there is nothing to take away.
        if self.head.header.difficulty.is_zero() && block.header.difficulty.is_zero() {
            return Ok(total);
        }
        for number in block.header.number + 1..=self.head.header.number {
            if let Some(removed) = past.block(number)? {
                total = total.saturating_sub(removed.header.difficulty);
            }
        }
        Ok(total)
    }

    /// Makes the hashes that BLOCKHASH sees those of the newest blocks up to the head.
    pub(super) fn cut_hashes(&mut self, past: &dyn Past) -> Result<(), StoreError> {
        let head = self.head.header.number;
        let lowest = head.saturating_sub(HASHES - 1);
        let (mut hashes, _) = self.hashes.split(&(head + 1));
        hashes.insert(head, self.head.hash);
        for number in lowest..head {
            if !hashes.contains_key(&number)
                && let Some(block) = past.block(number)?
            {
                hashes.insert(number, block.hash);
            }
        }
        self.hashes = hashes;
        Ok(())
    }

    /// Makes the chain what it was at its start. `self.version` is already the new one.
    pub(super) fn reset(
        &mut self,
        past: &dyn Past,
        effects: &mut Effects,
    ) -> Result<(), StoreError> {
        let (block, state, _) = genesis::genesis(&self.spec);
        let number = block.header.number;
        effects.revert = Some(RevertPoint {
            block_number: number,
            version: 0,
        });
        self.hashes = std::iter::once((number, block.hash)).collect();
        self.head = Arc::new(Head {
            header: block.header.clone(),
            hash: block.hash,
            family: Family::default().with(block.hash, &block.header, &[]),
            total_difficulty: block.header.difficulty,
            built_at_ms: 0,
        });
        self.state = state;
        self.pool = Pool::default();
        self.settings = Settings::new(&self.spec);
        self.snapshots = Snapshots {
            next_id: self.snapshots.next_id,
            ..Snapshots::default()
        };
        // A loaded dump may have brought another first block.
        if past
            .block(number)?
            .is_none_or(|first| first.hash != block.hash)
        {
            effects.blocks.push(Arc::new(block));
        }
        Ok(())
    }
}

/// The blocks of proof of work up to `block`, as far as an ommer of the next one reaches.
pub(super) fn family_at(block: &BlockRecord, past: &dyn Past) -> Result<Family, StoreError> {
    let mut family = Family::default();
    if block.header.difficulty.is_zero() {
        return Ok(family);
    }
    let oldest = block.header.number.saturating_sub(Family::GENERATIONS - 1);
    for number in oldest..block.header.number {
        if let Some(block) = past.block(number)? {
            family = family.with(block.hash, &block.header, &block.ommers);
        }
    }
    Ok(family.with(block.hash, &block.header, &block.ommers))
}
