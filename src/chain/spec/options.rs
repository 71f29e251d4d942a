//! What users of dev chains set besides the rules of Ethereum: defaults of unsigned transactions, the pool's manners,
//! what the first state holds. Equal on all nodes, because blocks and answers depend on it.

use alloy::primitives::{Address, Bytes};
use serde::{Deserialize, Serialize};

/// The tip that a transaction without fees pays where the config says nothing, wei (as in geth and anvil).
const SUGGESTED_TIP: u128 = 1_000_000_000;
/// What a replacement in the pool must pay more, percent (geth's `--txpool.pricebump`).
pub const PRICE_BUMP_PERCENT: u64 = 10;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DevOptions {
    /// The gas price of unsigned transactions that have one and do not name it, wei; `None`: base fee and tip.
    pub default_gas_price: Option<u128>,
    /// The gas limit of unsigned transactions that name none; `None`: an estimate.
    pub default_transaction_gas: Option<u64>,
    /// What `eth_maxPriorityFeePerGas` says, and what a transaction without fees pays, wei.
    pub suggested_tip: u128,
    /// What a replacement in the pool must pay more in each fee, percent.
    pub price_bump_percent: u64,
    /// Whether the pool refuses what its sender cannot pay.
    pub pool_balance_checks: bool,
    /// Seconds between blocks, whatever the clock says; `None`: the clock.
    pub timestamp_increment: Option<u64>,
    /// Whether the chain's clock starts at the genesis block's time, as anvil's does where that time is given, instead
    /// of showing real time.
    pub clock_from_genesis: bool,
    /// The extra data of blocks after the first, at most 32 bytes.
    pub extra_data: Bytes,
    /// Whether the CREATE2 deployer is in the first state, where the system contracts are.
    pub create2_deployer: bool,
    /// EIP-3860: bytes of creation code; `None`: twice the limit of code, `Some(usize::MAX)`: none.
    pub initcode_size: Option<usize>,
    /// Bytes of memory of one execution; `None`: what its gas pays for.
    pub memory_bytes: Option<u64>,
    /// Accounts that are sent from without a key, from the start.
    pub unlocked: Vec<Address>,
}

impl Default for DevOptions {
    fn default() -> Self {
        Self {
            default_gas_price: None,
            default_transaction_gas: None,
            suggested_tip: SUGGESTED_TIP,
            price_bump_percent: PRICE_BUMP_PERCENT,
            pool_balance_checks: true,
            timestamp_increment: None,
            clock_from_genesis: false,
            extra_data: Bytes::new(),
            create2_deployer: true,
            initcode_size: None,
            memory_bytes: None,
            unlocked: Vec::new(),
        }
    }
}
