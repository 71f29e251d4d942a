//! The chain's clock: real time, given from outside, plus an offset.
//!
//! Policy: a block's timestamp is, in this order, what `evm_mine` or `evm_setNextBlockTimestamp` named; the parent's
//! plus the fixed interval, if one is set; the clock. It is always after the parent's (Yellow Paper 4.4.4): a second block in the same
//! second gets the next one. A named timestamp moves the clock: time goes on from it.
//!
//! The clock itself may be moved anywhere, also back (a negative `evm_increaseTime`): blocks still follow each other,
//! each at least a second after its parent, until the clock has caught up. An increase that leaves the clock's range
//! is refused and changes nothing. Blocks that come faster than one a second (mining in a row, an interval below a
//! second) run ahead of the clock, and it does not follow them: nothing drifts.
//!
//! `evm_revert` brings back the *offset* that the clock had, so it shows the time as if nothing had happened
//! meanwhile. A rollback and a reorg leave the clock alone; the blocks of a new branch have the timestamps of those
//! they replace plus one second. A reset takes the offset away. A loaded dump moves the clock forward to its newest
//! block, never back.
//!
//! Where the config says so (`clock = "genesis"`, anvil's `--timestamp`), the clock starts at the genesis block's time with
//! the first entry of the log.

use super::{Chain, Rejection, settings::Settings};

/// The highest timestamp that a block may have: 10,000 years, far from any overflow.
pub(super) const TIMESTAMP_MAX: u64 = 315_569_520_000;

impl Settings {
    /// What the chain's clock shows, Unix seconds.
    pub fn clock(&self, now_ms: u64) -> u64 {
        (now_ms / 1000)
            .saturating_add_signed(self.time_offset_seconds)
            .min(TIMESTAMP_MAX)
    }
}

impl Chain {
    /// What the chain's clock shows, Unix seconds. One that starts with the genesis block stands until the first entry.
    fn clock(&self, now_ms: u64) -> u64 {
        if self.starts_clock() {
            self.head.header.timestamp
        } else {
            self.settings.clock(now_ms)
        }
    }

    /// Whether the next entry starts the clock at the genesis block's time.
    fn starts_clock(&self) -> bool {
        self.version == 0 && self.spec.dev.clock_from_genesis
    }

    /// Starts the clock, if it is time to.
    pub(super) fn start_clock(&mut self, now_ms: u64) {
        if self.starts_clock() {
            let start = self.head.header.timestamp;
            self.settings.time_offset_seconds = super::cheats::offset(start, now_ms);
        }
    }

    /// The timestamp of a block built now.
    pub fn next_timestamp(&self, now_ms: u64) -> u64 {
        let parent = self.head.header.timestamp;
        let settings = &self.settings;
        let wanted = settings
            .next_block_timestamp
            .or_else(|| {
                settings
                    .block_timestamp_interval
                    .map(|seconds| parent.saturating_add(seconds))
            })
            .unwrap_or_else(|| self.clock(now_ms));
        wanted.max(parent.saturating_add(1))
    }

    /// Whether a client may name this timestamp for the next block.
    pub(crate) fn check_timestamp(&self, timestamp: u64) -> Result<(), Rejection> {
        let previous = self.head.header.timestamp;
        if timestamp <= previous {
            return Err(Rejection::TimestampInPast {
                got: timestamp,
                previous,
            });
        }
        if timestamp > TIMESTAMP_MAX {
            return Err(Rejection::InvalidValue(format!(
                "timestamp {timestamp} is above the highest a block may have, {TIMESTAMP_MAX}"
            )));
        }
        Ok(())
    }
}
