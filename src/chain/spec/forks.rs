//! Which rules a block follows: a schedule of forks by block number, total difficulty and time, and the rules of one
//! block that come out of it.
//!
//! *Invariant.* [`ForkRules`] speak of one block. Whoever executes, validates or prices anything asks for the rules of the
//! block at hand and never for "the fork of the chain". As in geth, a fork by time counts only after the merge, and a
//! block is after the merge if its difficulty is zero.
//!
//! Sources: geth's `params/config.go` for the meaning of a genesis file's fields, EIP-3675 for the merge, EIP-7840 and
//! EIP-7892 for blob schedules.

use super::Hardfork;
use alloy::{
    eips::eip7840::BlobParams,
    primitives::{Address, U256},
};
use alloy_evm::eth::spec::EthExecutorSpec;
use alloy_hardforks::{EthereumHardfork, EthereumHardforks, ForkCondition};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// When a chain turns to which fork.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForkSchedule {
    /// The block number (up to Gray Glacier) or the timestamp (from Shanghai on) from which a fork is active.
    /// Paris is not among them.
    activations: BTreeMap<Hardfork, u64>,
    /// The merge: blocks whose parent has this total difficulty follow EIP-3675. `None`: never.
    pub terminal_total_difficulty: Option<U256>,
    /// The block of the DAO's irregular state change.
    pub dao_fork_block: Option<u64>,
    /// EIP-3675: a block number from which peers of before the merge are refused. Part of the fork id alone (EIP-2124).
    pub merge_netsplit_block: Option<u64>,
    /// Blob schedules that differ from mainnet's.
    blobs: BTreeMap<Hardfork, BlobSchedule>,
    /// EIP-6110: the contract whose deposits go into blocks; `None`: there is none.
    pub deposit_contract: Option<Address>,
}

/// EIP-7840: one entry of a blob schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobSchedule {
    /// Blobs a block, on the average.
    pub target: u64,
    /// Blobs a block at the most.
    pub max: u64,
    /// How slowly the price follows the demand.
    pub base_fee_update_fraction: u64,
}

/// A schedule that contradicts itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("hardfork {later} is at {at_later}, before {earlier} at {at_earlier}")]
pub struct ForkOrderError {
    later: &'static str,
    at_later: u64,
    earlier: &'static str,
    at_earlier: u64,
}

impl ForkSchedule {
    /// All forks up to `fork` from the first block on.
    pub fn at_genesis(fork: Hardfork) -> Self {
        let forks = Hardfork::ALL.iter().copied();
        let activations = forks
            .filter(|one| *one <= fork && *one != Hardfork::Paris)
            .map(|one| (one, 0))
            .collect();
        Self {
            activations,
            terminal_total_difficulty: (fork >= Hardfork::Paris).then_some(U256::ZERO),
            ..Self::default()
        }
    }

    /// Sets from when on a fork is active: a block number, or from Shanghai on a timestamp.
    pub fn activate(&mut self, fork: Hardfork, at: u64) {
        self.activations.insert(fork, at);
    }

    /// Sets the blob schedule of a fork.
    pub fn set_blobs(&mut self, fork: Hardfork, schedule: BlobSchedule) {
        self.blobs.insert(fork, schedule);
    }

    /// When a fork becomes active: a block number, or from Shanghai on a timestamp.
    pub fn activation(&self, fork: Hardfork) -> Option<u64> {
        self.activations.get(&fork).copied()
    }

    /// The block numbers at which rules change, those of Paris' network split and the DAO fork included, in order.
    pub fn blocks(&self) -> std::collections::BTreeSet<u64> {
        let by_block = self
            .activations
            .iter()
            .filter(|(fork, _)| !fork.is_by_time());
        let others = [self.dao_fork_block, self.merge_netsplit_block];
        by_block
            .map(|(_, at)| *at)
            .chain(others.into_iter().flatten())
            .collect()
    }

    /// The forks by time, with their timestamps, in order.
    pub fn by_time(&self) -> impl Iterator<Item = (Hardfork, u64)> + '_ {
        let all = self.activations.iter().map(|(fork, at)| (*fork, *at));
        all.filter(|(fork, _)| fork.is_by_time())
    }

    /// Checks that no fork comes before the one that it builds on.
    pub fn check(&self) -> Result<(), ForkOrderError> {
        let mut before: Option<(Hardfork, u64)> = None;
        for (fork, at) in self.activations.iter().map(|(fork, at)| (*fork, *at)) {
            if let Some((earlier, at_earlier)) = before
                && earlier.is_by_time() == fork.is_by_time()
                && at < at_earlier
            {
                return Err(ForkOrderError {
                    later: fork.name(),
                    at_later: at,
                    earlier: earlier.name(),
                    at_earlier,
                });
            }
            before = Some((fork, at));
        }
        Ok(())
    }

    /// Whether a block on a parent with this total difficulty is after the merge.
    pub fn is_merged_after(&self, parent_total_difficulty: U256) -> bool {
        self.terminal_total_difficulty
            .is_some_and(|terminal| parent_total_difficulty >= terminal)
    }

    /// The rules of a block; `merged`: whether it is after the merge.
    pub fn rules(&self, number: u64, timestamp: u64, merged: bool) -> ForkRules {
        let newest = self.activations.iter().rev().find(|(fork, at)| {
            if fork.is_by_time() {
                merged && timestamp >= **at
            } else {
                number >= **at
            }
        });
        let newest = newest.map_or(Hardfork::Frontier, |(fork, _)| *fork);
        let fork = if merged {
            newest.max(Hardfork::Paris)
        } else {
            newest
        };
        ForkRules {
            fork,
            blobs: self.blob_params(fork),
            deposit_contract: self.deposit_contract,
            is_dao_fork: self.dao_fork_block == Some(number),
        }
    }

    /// EIP-7840: the blob parameters at a fork; `None` before Cancun. A fork without an entry of its own keeps the
    /// counts of the one before; a chain without entries has mainnet's. What Osaka changes besides the counts
    /// (EIP-7594's limit a transaction, EIP-7918) is not in the schedule.
    fn blob_params(&self, fork: Hardfork) -> Option<BlobParams> {
        let mut params = match fork {
            fork if fork < Hardfork::Cancun => return None,
            Hardfork::Cancun => BlobParams::cancun(),
            Hardfork::Prague => BlobParams::prague(),
            Hardfork::Osaka => BlobParams::osaka(),
            Hardfork::Bpo1 => BlobParams::bpo1(),
            _ => BlobParams::bpo2(),
        };
        if let Some((_, schedule)) = self.blobs.range(..=fork).next_back() {
            params.target_blob_count = schedule.target;
            params.max_blob_count = schedule.max;
            params.update_fraction = schedule.base_fee_update_fraction.into();
            if fork < Hardfork::Osaka {
                params.max_blobs_per_tx = schedule.max;
            }
        }
        Some(params)
    }
}

/// The rules of one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForkRules {
    /// The newest fork that is active.
    pub fork: Hardfork,
    /// EIP-7840; `None` before Cancun.
    pub blobs: Option<BlobParams>,
    /// EIP-6110.
    pub deposit_contract: Option<Address>,
    /// Whether the DAO's irregular state change happens in this block.
    pub is_dao_fork: bool,
}

impl ForkRules {
    /// Whether the block follows the rules of `fork`, or of a later one.
    pub fn is_active(&self, fork: Hardfork) -> bool {
        self.fork >= fork
    }
}

/// For alloy-evm: a chain on which the rules of this block have been there from the start.
///
/// revm has no Constantinople without Petersburg (EIP-1283 never came to mainnet): the one stands for the other. The DAO
/// fork is ours, because alloy-evm does it after the transactions.
impl EthereumHardforks for ForkRules {
    fn ethereum_fork_activation(&self, fork: EthereumHardfork) -> ForkCondition {
        let newest = match self.fork {
            Hardfork::Constantinople => Hardfork::Petersburg,
            fork => fork,
        };
        if fork == EthereumHardfork::Dao || fork > newest.ethereum() {
            ForkCondition::Never
        } else if fork >= EthereumHardfork::Shanghai {
            ForkCondition::Timestamp(0)
        } else {
            ForkCondition::Block(0)
        }
    }
}

impl EthExecutorSpec for ForkRules {
    fn deposit_contract_address(&self) -> Option<Address> {
        self.deposit_contract
    }
}
