//! What cheats have set: a part of the replicated chain.

use super::{
    keyring::Keyring,
    spec::{ChainSpec, Instamine},
};
use alloy::primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};

/// How the chain behaves from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// EIP-155.
    pub chain_id: u64,
    /// Whether a transaction is mined at once.
    pub automine: bool,
    /// Milliseconds between blocks; 0: no interval mining.
    pub interval_mining_ms: u64,
    /// Whether the answer to a transaction that is mined at once comes before or after its block.
    pub instamine: Instamine,
    /// Seconds by which the chain's clock is ahead of the real one.
    pub time_offset_seconds: i64,
    /// The timestamp of the next block, if a cheat set it.
    pub next_block_timestamp: Option<u64>,
    /// Seconds between blocks, if a cheat set it.
    pub block_timestamp_interval: Option<u64>,
    /// The base fee of the next block, if a cheat set it.
    pub next_base_fee: Option<u64>,
    /// PREVRANDAO of the next block, if a cheat set it.
    pub next_prev_randao: Option<B256>,
    /// The gas limit of blocks.
    pub block_gas_limit: u64,
    /// The least price that the pool takes, wei.
    pub min_gas_price: u128,
    /// The beneficiary of blocks.
    pub coinbase: Address,
    /// Accounts that need no key.
    #[serde(with = "super::persistent::set")]
    pub impersonated: imbl::OrdSet<Address>,
    /// Whether no account needs a key.
    pub auto_impersonate: bool,
    /// What clients changed of the accounts whose keys the chain holds.
    pub keyring: Keyring,
    /// Signatures (65 bytes: r, s, v as `ecrecover` gets it) for which `ecrecover` answers another address.
    #[serde(with = "super::persistent::map")]
    pub signatures: imbl::OrdMap<Bytes, Address>,
    /// The extra data of blocks, at most 32 bytes (Yellow Paper 4.3.4).
    pub extra_data: Bytes,
}

impl Settings {
    /// What the chain starts with.
    pub(super) fn new(spec: &ChainSpec) -> Self {
        Self {
            chain_id: spec.chain_id,
            automine: spec.mining.automine,
            interval_mining_ms: spec.mining.interval_ms,
            instamine: spec.mining.instamine,
            time_offset_seconds: 0,
            next_block_timestamp: None,
            block_timestamp_interval: spec.dev.timestamp_increment,
            next_base_fee: None,
            next_prev_randao: None,
            block_gas_limit: spec.genesis.gas_limit,
            min_gas_price: spec.min_gas_price,
            coinbase: spec.genesis.coinbase,
            impersonated: spec.dev.unlocked.iter().copied().collect(),
            auto_impersonate: spec.auto_impersonate,
            keyring: Keyring::default(),
            signatures: imbl::OrdMap::new(),
            extra_data: spec.dev.extra_data.clone(),
        }
    }

    /// Whether transactions of `address` need no key.
    pub fn is_impersonated(&self, address: &Address) -> bool {
        self.auto_impersonate || self.impersonated.contains(address)
    }
}
