//! The rules of one chain: identity, forks, genesis, limits. Fixed for the chain's life and equal on all nodes.

use crate::chain::{accounts::DevAccount, pool::Order};
use alloy::{
    eips::eip7840::BlobParams,
    primitives::{Address, B256, Bytes, U256},
};
use alloy_evm::eth::spec::EthExecutorSpec;
use alloy_hardforks::{EthereumHardfork, EthereumHardforks, ForkCondition};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, str::FromStr};

/// A hard fork that a chain can run at, newest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Hardfork {
    London,
    Paris,
    Shanghai,
    Cancun,
    Prague,
    Osaka,
    Bpo1,
    Bpo2,
}

/// What the first block of a chain says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenesisSpec {
    /// Number of the genesis block.
    pub number: u64,
    /// Unix seconds.
    pub timestamp: u64,
    /// The gas limit of blocks, until a cheat sets another.
    pub gas_limit: u64,
    /// Wei.
    pub base_fee: u64,
    /// The beneficiary of blocks, until a cheat sets another.
    pub coinbase: Address,
    /// At most 32 bytes.
    pub extra_data: Bytes,
    /// Accounts there from the start, besides the fork's system contracts.
    pub alloc: BTreeMap<Address, GenesisAccount>,
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
}

/// The rules of one chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainSpec {
    /// EIP-155 chain id at the start.
    pub chain_id: u64,
    /// What `net_version` says.
    pub network_id: u64,
    /// The fork at which the chain runs.
    pub hardfork: Hardfork,
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
}

impl Hardfork {
    /// All forks, oldest first.
    pub const ALL: [Self; 8] = [
        Self::London,
        Self::Paris,
        Self::Shanghai,
        Self::Cancun,
        Self::Prague,
        Self::Osaka,
        Self::Bpo1,
        Self::Bpo2,
    ];

    /// The newest fork that is live on mainnet.
    pub const LATEST: Self = Self::Bpo2;

    /// The name as `--hardfork` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::London => "london",
            Self::Paris => "paris",
            Self::Shanghai => "shanghai",
            Self::Cancun => "cancun",
            Self::Prague => "prague",
            Self::Osaka => "osaka",
            Self::Bpo1 => "bpo1",
            Self::Bpo2 => "bpo2",
        }
    }

    /// The same fork in alloy's list, which has more.
    fn ethereum(self) -> EthereumHardfork {
        match self {
            Self::London => EthereumHardfork::London,
            Self::Paris => EthereumHardfork::Paris,
            Self::Shanghai => EthereumHardfork::Shanghai,
            Self::Cancun => EthereumHardfork::Cancun,
            Self::Prague => EthereumHardfork::Prague,
            Self::Osaka => EthereumHardfork::Osaka,
            Self::Bpo1 => EthereumHardfork::Bpo1,
            Self::Bpo2 => EthereumHardfork::Bpo2,
        }
    }
}

/// A name that is no fork.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a hardfork; choose one of london, paris, shanghai, cancun, prague, osaka, bpo1, bpo2, latest"
)]
pub struct UnknownHardfork(pub String);

impl FromStr for Hardfork {
    type Err = UnknownHardfork;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let lower = name.to_ascii_lowercase();
        match lower.as_str() {
            "latest" => Ok(Self::LATEST),
            "merge" => Ok(Self::Paris),
            "arrowglacier" | "grayglacier" => Ok(Self::London),
            _ => Self::ALL
                .into_iter()
                .find(|fork| fork.name() == lower)
                .ok_or_else(|| UnknownHardfork(name.to_owned())),
        }
    }
}

impl EthereumHardforks for ChainSpec {
    fn ethereum_fork_activation(&self, fork: EthereumHardfork) -> ForkCondition {
        if fork == EthereumHardfork::Dao || fork > self.hardfork.ethereum() {
            ForkCondition::Never
        } else if fork >= EthereumHardfork::Shanghai {
            ForkCondition::Timestamp(0)
        } else {
            ForkCondition::Block(0)
        }
    }
}

impl EthExecutorSpec for ChainSpec {
    fn deposit_contract_address(&self) -> Option<Address> {
        None
    }
}

impl ChainSpec {
    /// Whether blocks follow the rules of `fork` (or of a later one).
    pub fn is_active(&self, fork: Hardfork) -> bool {
        self.hardfork >= fork
    }

    /// EIP-7840: the blob schedule; `None` before Cancun.
    pub fn blob_params(&self) -> Option<BlobParams> {
        Some(match self.hardfork {
            Hardfork::London | Hardfork::Paris | Hardfork::Shanghai => return None,
            Hardfork::Cancun => BlobParams::cancun(),
            Hardfork::Prague => BlobParams::prague(),
            Hardfork::Osaka => BlobParams::osaka(),
            Hardfork::Bpo1 => BlobParams::bpo1(),
            Hardfork::Bpo2 => BlobParams::bpo2(),
        })
    }
}
