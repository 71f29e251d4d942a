//! What the chain is: identity, forks, first block, limits. All nodes must agree on it.

use super::values::{number, timestamp};
use clap::{Args, builder::BoolishValueParser};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(next_help_heading = "Chain")]
pub(in crate::cli) struct ChainFlags {
    /// The chain id [default: 31337]
    #[arg(
        long,
        value_name = "ID",
        env = "PRALINE_CHAIN_ID",
        value_parser = number
    )]
    pub(in crate::cli) chain_id: Option<u64>,
    /// What net_version says [default: the chain id]
    #[arg(short = 'i', long, value_name = "ID", env = "PRALINE_NETWORK_ID", value_parser = number)]
    pub(in crate::cli) network_id: Option<u64>,
    /// The EVM's rules, from frontier to amsterdam, for example cancun [default: latest]
    #[arg(short = 'k', long, value_name = "FORK", env = "PRALINE_HARDFORK")]
    pub(in crate::cli) hardfork: Option<String>,
    /// A geth genesis.json: chain id, forks and the whole first state
    #[arg(
        long,
        visible_alias = "init",
        value_name = "FILE",
        env = "PRALINE_GENESIS"
    )]
    pub(in crate::cli) genesis: Option<PathBuf>,
    /// Gas limit of a block [default: 30000000]
    #[arg(short = 'l', long, value_name = "GAS", env = "PRALINE_GAS_LIMIT", value_parser = number)]
    pub(in crate::cli) gas_limit: Option<u64>,
    /// Base fee of the genesis block, in wei [default: 1000000000]
    #[arg(
        long,
        visible_alias = "base-fee",
        value_name = "WEI",
        env = "PRALINE_BLOCK_BASE_FEE_PER_GAS",
        value_parser = number
    )]
    pub(in crate::cli) block_base_fee_per_gas: Option<u64>,
    /// The least gas price that the pool takes, in wei [default: 0]
    #[arg(long, value_name = "WEI", env = "PRALINE_GAS_PRICE", value_parser = number)]
    pub(in crate::cli) gas_price: Option<u64>,
    /// Gas price of unsigned transactions that name none, and of eth_gasPrice, in wei [default: from the base fee]
    #[arg(short = 'g', long, value_name = "WEI", env = "PRALINE_DEFAULT_GAS_PRICE", value_parser = number)]
    pub(in crate::cli) default_gas_price: Option<u64>,
    /// Suggest no priority fee, instead of 1 gwei
    #[arg(long, visible_alias = "no-priority-fee", env = "PRALINE_DISABLE_MIN_PRIORITY_FEE",
          value_parser = BoolishValueParser::new())]
    pub(in crate::cli) disable_min_priority_fee: bool,
    /// Time of the genesis block: Unix seconds, or a date such as 2026-11-22T10:00:00Z [default: now]
    #[arg(short = 't', long, value_name = "TIME", env = "PRALINE_TIMESTAMP", value_parser = timestamp)]
    pub(in crate::cli) timestamp: Option<u64>,
    /// Number of the genesis block [default: 0]
    #[arg(long, value_name = "NUMBER", env = "PRALINE_NUMBER", value_parser = number)]
    pub(in crate::cli) number: Option<u64>,
    /// Beneficiary of blocks [default: 0x0000000000000000000000000000000000000000]
    #[arg(long, value_name = "ADDRESS", env = "PRALINE_COINBASE")]
    pub(in crate::cli) coinbase: Option<String>,
    /// What stands in every block's extraData, at most 32 bytes [default: 0x]
    #[arg(long, value_name = "HEX", env = "PRALINE_EXTRA_DATA")]
    pub(in crate::cli) extra_data: Option<String>,
    /// Difficulty of the genesis block, before the merge [default: 131072]
    #[arg(long, value_name = "NUMBER", env = "PRALINE_DIFFICULTY", value_parser = number)]
    pub(in crate::cli) difficulty: Option<u64>,
    /// Start without the CREATE2 deployer at 0x4e59b44847b379578588920ca78fbf26c0b4956c
    #[arg(long, visible_alias = "no-create2", env = "PRALINE_DISABLE_DEFAULT_CREATE2_DEPLOYER",
          value_parser = BoolishValueParser::new())]
    pub(in crate::cli) disable_default_create2_deployer: bool,
    /// EIP-170: the largest contract, in bytes [default: the fork's]
    #[arg(
        long,
        value_name = "BYTES",
        env = "PRALINE_CODE_SIZE_LIMIT",
        value_parser = number,
        conflicts_with = "disable_code_size_limit"
    )]
    pub(in crate::cli) code_size_limit: Option<u64>,
    /// Let contracts be of any size
    #[arg(long, env = "PRALINE_DISABLE_CODE_SIZE_LIMIT", value_parser = BoolishValueParser::new())]
    pub(in crate::cli) disable_code_size_limit: bool,
    /// EIP-3860: let creation code be of any size
    #[arg(long, env = "PRALINE_DISABLE_INITCODE_SIZE_LIMIT", value_parser = BoolishValueParser::new())]
    pub(in crate::cli) disable_initcode_size_limit: bool,
    /// Memory that one execution may use, in bytes [default: what its gas pays for]
    #[arg(long, value_name = "BYTES", env = "PRALINE_MEMORY_LIMIT", value_parser = number)]
    pub(in crate::cli) memory_limit: Option<u64>,
    /// Let transactions use more gas than the block's limit
    #[arg(long, env = "PRALINE_DISABLE_BLOCK_GAS_LIMIT", value_parser = BoolishValueParser::new())]
    pub(in crate::cli) disable_block_gas_limit: bool,
    /// EIP-7825: enforce the gas limit of a transaction, from Osaka on
    #[arg(long, visible_alias = "tx-gas-limit", env = "PRALINE_ENABLE_TX_GAS_LIMIT",
          value_parser = BoolishValueParser::new())]
    pub(in crate::cli) enable_tx_gas_limit: bool,
    /// Take transactions whose sender cannot pay for them; they wait until he can
    #[arg(long, env = "PRALINE_DISABLE_POOL_BALANCE_CHECKS", value_parser = BoolishValueParser::new())]
    pub(in crate::cli) disable_pool_balance_checks: bool,
}
