//! `evm_snapshot` and `evm_revert`: a snapshot is a clone of what a revert brings back, so both cost O(1).
//!
//! A revert brings back blocks, state, pool, the chain's clock and what was set for the next block; it kills its own
//! id and all later ones; a revert to a dead id answers `false` and changes nothing. A rollback and a reorg kill the
//! snapshots that were taken after the block that stays, a reset and a loaded chain kill all. A revert does not touch mining modes, impersonations, limits, notes or the memory of requests. The clock's
//! *offset* comes back: real time goes on, so the chain shows the time that it would show had nothing happened.

use super::{Head, pool::Pool, settings::Settings, state::State};
use alloy::primitives::{Address, B256};
use std::sync::Arc;

/// How many snapshots are alive at the most; the oldest dies when one more is taken.
pub(super) const SNAPSHOTS_MAX: usize = 16_384;

/// The live snapshots, by id.
#[derive(Clone, Debug)]
pub(super) struct Snapshots {
    pub(super) alive: imbl::OrdMap<u64, Snapshot>,
    pub(super) next_id: u64,
}

impl Default for Snapshots {
    fn default() -> Self {
        Self {
            alive: imbl::OrdMap::new(),
            next_id: 1,
        }
    }
}

/// What a revert brings back.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub(super) head: Arc<Head>,
    pub(super) hashes: imbl::OrdMap<u64, B256>,
    pub(super) state: State,
    pub(super) pool: Pool,
    pub(super) next_block: NextBlock,
    pub(super) version: u64,
}

/// The settings that belong to the moment, not to the chain's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct NextBlock {
    time_offset_seconds: i64,
    timestamp: Option<u64>,
    base_fee: Option<u64>,
    prev_randao: Option<B256>,
    coinbase: Address,
}

impl NextBlock {
    pub(super) fn of(settings: &Settings) -> Self {
        Self {
            time_offset_seconds: settings.time_offset_seconds,
            timestamp: settings.next_block_timestamp,
            base_fee: settings.next_base_fee,
            prev_randao: settings.next_prev_randao,
            coinbase: settings.coinbase,
        }
    }

    pub(super) fn restore(self, settings: &mut Settings) {
        settings.time_offset_seconds = self.time_offset_seconds;
        settings.next_block_timestamp = self.timestamp;
        settings.next_base_fee = self.base_fee;
        settings.next_prev_randao = self.prev_randao;
        settings.coinbase = self.coinbase;
    }
}

impl Snapshots {
    /// Takes one; its id.
    pub(super) fn take(&mut self, snapshot: Snapshot) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.alive.insert(id, snapshot);
        if self.alive.len() > SNAPSHOTS_MAX
            && let Some((oldest, _)) = self.alive.get_min()
        {
            let oldest = *oldest;
            self.alive.remove(&oldest);
        }
        id
    }

    /// Kills those that were taken after a version of the chain.
    pub(super) fn kill_after(&mut self, version: u64) {
        let later = self.alive.iter();
        let later = later.filter(|(_, snapshot)| snapshot.version > version);
        for id in later.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.alive.remove(&id);
        }
    }

    /// Takes out a live one, killing all later ones.
    pub(super) fn revert(&mut self, id: u64) -> Option<Snapshot> {
        let snapshot = self.alive.remove(&id)?;
        let (earlier, _) = self.alive.split(&id);
        self.alive = earlier;
        Some(snapshot)
    }
}

impl super::Chain {
    /// The snapshots to which a revert is possible: id, and number and hash of the newest block then.
    pub fn live_snapshots(&self) -> impl Iterator<Item = (u64, u64, B256)> + '_ {
        let alive = self.snapshots.alive.iter();
        alive.map(|(id, snapshot)| (*id, snapshot.head.header.number, snapshot.head.hash))
    }
}
