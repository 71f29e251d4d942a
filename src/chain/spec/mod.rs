//! The rules of one chain: identity, forks, genesis, limits. Fixed for the chain's life and equal on all nodes.

mod forks;
mod geth;
mod hardfork;
mod options;
#[cfg(test)]
mod tests;

pub use forks::{BlobSchedule, ForkOrderError, ForkRules, ForkSchedule};
pub use geth::{GenesisFile, GenesisFileError};
pub use hardfork::{Hardfork, UnknownHardfork};
pub use options::{DevOptions, PRICE_BUMP_PERCENT};

use crate::chain::{accounts::DevAccount, block::MINIMUM_DIFFICULTY, pool::Order};
use alloy::{
    consensus::Header,
    primitives::{Address, B64, B256, Bytes, U256},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the first block of a chain says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenesisSpec {
    /// Number of the genesis block.
    pub number: u64,
    /// Unix seconds.
    pub timestamp: u64,
    /// The gas limit of blocks, until a cheat sets another.
    pub gas_limit: u64,
    /// Wei; in the header from London on.
    pub base_fee: u64,
    /// The beneficiary of blocks, until a cheat sets another.
    pub coinbase: Address,
    /// At most 32 bytes.
    pub extra_data: Bytes,
    /// Proof of work; zero on a chain that starts after the merge.
    pub difficulty: U256,
    /// Proof of work.
    pub nonce: B64,
    /// Proof of work, or PREVRANDAO.
    pub mix_hash: B256,
    /// What geth's genesis file may say of the other fields, for chains that start in the middle.
    pub parent_hash: B256,
    /// EIP-4844, from Cancun on.
    pub excess_blob_gas: u64,
    /// EIP-4844, from Cancun on.
    pub blob_gas_used: u64,
    /// Accounts there from the start.
    pub alloc: BTreeMap<Address, GenesisAccount>,
    /// Whether the fork's system contracts and the CREATE2 deployer are there besides: yes, unless a genesis file names
    /// the whole state.
    pub system_contracts: bool,
}

/// An account of the genesis state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenesisAccount {
    /// Wei.
    pub balance: U256,
    /// The next nonce.
    pub nonce: u64,
    /// Runtime code.
    pub code: Bytes,
    /// Slots that are not zero.
    pub storage: BTreeMap<B256, B256>,
}

/// Limits and switches that every node of a chain must share, because they decide what a block may hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvmLimits {
    /// EIP-170: bytes of runtime code; `None` is the fork's own limit, `Some(usize::MAX)` none.
    pub code_size: Option<usize>,
    /// Whether EIP-7825's limit of a transaction's gas is enforced (from Osaka on).
    pub transaction_gas_limit: bool,
    /// Whether a block's gas limit binds its transactions.
    pub block_gas_limit: bool,
    /// Transactions in one block at the most; `None`: as many as fit.
    pub transactions_per_block: Option<usize>,
}

/// How the chain mines at the start, until a cheat says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MiningMode {
    /// Whether a transaction is mined at once.
    pub automine: bool,
    /// Milliseconds between blocks; 0: none.
    pub interval_ms: u64,
    /// Whether mining at once comes before or after the answer.
    pub instamine: Instamine,
}

/// When the sender of a transaction that is mined at once gets its hash (ganache's `miner.instamine`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Instamine {
    /// After its block: the receipt is there.
    #[default]
    Eager,
    /// Before its block, as on a live network: the receipt follows.
    Strict,
}

/// The rules of one chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainSpec {
    /// EIP-155 chain id at the start.
    pub chain_id: u64,
    /// What `net_version` says.
    pub network_id: u64,
    /// The forks of the chain, and when it turns to them.
    pub forks: ForkSchedule,
    /// The first block.
    pub genesis: GenesisSpec,
    /// Accounts whose keys every node holds.
    pub accounts: Vec<DevAccount>,
    /// Mining at the start.
    pub mining: MiningMode,
    /// In which order a block takes waiting transactions.
    pub order: Order,
    /// The least price that the pool takes, wei.
    pub min_gas_price: u128,
    /// Whether every account can be sent from, from the start.
    pub auto_impersonate: bool,
    /// Limits.
    pub limits: EvmLimits,
    /// What else users set.
    pub dev: DevOptions,
}

impl GenesisSpec {
    /// The difficulty of the first block of a chain that is at this fork from the start.
    pub fn difficulty_at(fork: Hardfork) -> U256 {
        if fork >= Hardfork::Paris {
            U256::ZERO
        } else {
            U256::from(MINIMUM_DIFFICULTY)
        }
    }
}

impl ChainSpec {
    /// A dev chain under the rules of one fork, with anvil's defaults: id 31337, blocks of 30,000,000 gas, a base fee of
    /// one gwei at first, mined at once. `timestamp` is that of the genesis block, in Unix seconds; `balance` is what
    /// each of `accounts` has, in wei.
    pub fn dev(
        hardfork: Hardfork,
        timestamp: u64,
        accounts: Vec<DevAccount>,
        balance: U256,
    ) -> Self {
        let rich = GenesisAccount {
            balance,
            ..GenesisAccount::default()
        };
        let alloc = accounts.iter().map(|it| (it.address, rich.clone()));
        Self {
            chain_id: 31337,
            network_id: 31337,
            forks: ForkSchedule::at_genesis(hardfork),
            genesis: GenesisSpec {
                number: 0,
                timestamp,
                gas_limit: 30_000_000,
                base_fee: 1_000_000_000,
                coinbase: Address::ZERO,
                extra_data: Bytes::new(),
                difficulty: GenesisSpec::difficulty_at(hardfork),
                nonce: B64::ZERO,
                mix_hash: B256::ZERO,
                parent_hash: B256::ZERO,
                excess_blob_gas: 0,
                blob_gas_used: 0,
                alloc: alloc.collect(),
                system_contracts: true,
            },
            accounts,
            mining: MiningMode {
                automine: true,
                interval_ms: 0,
                instamine: Instamine::Eager,
            },
            order: Order::Fees,
            min_gas_price: 0,
            auto_impersonate: false,
            limits: EvmLimits {
                code_size: None,
                transaction_gas_limit: false,
                block_gas_limit: true,
                transactions_per_block: None,
            },
            dev: DevOptions::default(),
        }
    }

    /// The rules that an existing block follows.
    pub fn rules(&self, header: &Header) -> ForkRules {
        let has_merge = self.forks.terminal_total_difficulty.is_some();
        let merged = has_merge && header.difficulty.is_zero();
        self.forks.rules(header.number, header.timestamp, merged)
    }

    /// The rules of the genesis block. As in geth, it may be of a later fork although it has a difficulty.
    pub fn genesis_rules(&self) -> ForkRules {
        let GenesisSpec {
            number,
            timestamp,
            difficulty,
            ..
        } = &self.genesis;
        let merged = self.forks.is_merged_after(*difficulty);
        self.forks.rules(*number, *timestamp, merged)
    }
}
