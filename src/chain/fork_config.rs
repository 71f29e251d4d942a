//! EIP-7910: the configuration of a chain at its present fork, at the next one and at the last one that is planned.
//!
//! *Invariant.* Computed from the rules and the head alone: equal on all nodes.

use super::{
    Chain,
    evm::precompiles::active_precompiles,
    spec::{ForkRules, Hardfork},
};
use alloy::{
    eips::{
        eip2124::ForkHash, eip2935::HISTORY_STORAGE_ADDRESS, eip4788::BEACON_ROOTS_ADDRESS,
        eip7002::WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS,
        eip7251::CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS, eip7840::BlobParams,
    },
    primitives::Address,
};
use std::collections::BTreeMap;

/// The configuration at one fork.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForkConfig {
    /// Unix seconds; 0 of a fork that is there from the first block on.
    pub activation_time: u64,
    /// EIP-7840; `None` before Cancun.
    pub blobs: Option<BlobParams>,
    /// EIP-155.
    pub chain_id: u64,
    /// EIP-2124, EIP-6122: the hash of the first block and of all forks up to this one.
    pub fork_id: [u8; 4],
    /// By name.
    pub precompiles: BTreeMap<String, Address>,
    /// By name.
    pub system_contracts: BTreeMap<&'static str, Address>,
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForkConfigs {
    /// Of the head.
    pub current: ForkConfig,
    /// Of the next fork, if there is one.
    pub next: Option<ForkConfig>,
    /// Of the last fork, if there is a next one.
    pub last: Option<ForkConfig>,
}

impl Chain {
    /// See the module.
    pub fn fork_configs(&self) -> ForkConfigs {
        let now = self.head().header.timestamp;
        let times: Vec<u64> = self.spec().forks.by_time().map(|(_, at)| at).collect();
        let current = times.iter().rev().find(|at| **at <= now);
        let next = times.iter().find(|at| **at > now);
        let last = times.last().filter(|_| next.is_some());
        ForkConfigs {
            current: self.fork_config(current.copied().unwrap_or_default()),
            next: next.map(|at| self.fork_config(*at)),
            last: last.map(|at| self.fork_config(*at)),
        }
    }

    fn fork_config(&self, at: u64) -> ForkConfig {
        let spec = self.spec();
        let merged = spec.forks.terminal_total_difficulty.is_some();
        let rules = spec.forks.rules(self.head().header.number, at, merged);
        ForkConfig {
            activation_time: if at <= spec.genesis.timestamp { 0 } else { at },
            blobs: rules.blobs,
            chain_id: self.settings().chain_id,
            fork_id: self.fork_id(at),
            precompiles: active_precompiles(&rules),
            system_contracts: system_contracts(&rules),
        }
    }

    /// EIP-2124 and EIP-6122: by all blocks, and by time up to `at`.
    fn fork_id(&self, at: u64) -> [u8; 4] {
        let spec = self.spec();
        let genesis = &spec.genesis;
        let mut hash = ForkHash::from(self.genesis_hash());
        let blocks = spec.forks.blocks();
        for block in blocks.into_iter().filter(|block| *block > genesis.number) {
            hash += block;
        }
        let mut before = genesis.timestamp;
        for (_, time) in spec.forks.by_time() {
            // Forks at one time count once.
            if time > before && time <= at {
                hash += time;
                before = time;
            }
        }
        hash.0
    }
}

fn system_contracts(rules: &ForkRules) -> BTreeMap<&'static str, Address> {
    let mut contracts = BTreeMap::new();
    if rules.is_active(Hardfork::Cancun) {
        contracts.insert("BEACON_ROOTS_ADDRESS", BEACON_ROOTS_ADDRESS);
    }
    if rules.is_active(Hardfork::Prague) {
        contracts.extend([
            (
                "CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS",
                CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS,
            ),
            ("HISTORY_STORAGE_ADDRESS", HISTORY_STORAGE_ADDRESS),
            (
                "WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS",
                WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS,
            ),
        ]);
        contracts.extend(
            rules
                .deposit_contract
                .map(|address| ("DEPOSIT_CONTRACT_ADDRESS", address)),
        );
    }
    contracts
}
