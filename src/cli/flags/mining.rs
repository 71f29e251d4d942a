//! How blocks are made and what they take. All nodes must agree on it.

use super::values::{
    InstamineChoice, NumberOrWord, OrderChoice, SecondsMs, gas_or_estimate, increment, number,
    seconds,
};
use clap::{Args, builder::BoolishValueParser};

#[derive(Debug, Args)]
#[command(next_help_heading = "Mining")]
pub(in crate::cli) struct MiningFlags {
    /// A block every so often instead of one for each transaction
    #[arg(short, long, visible_alias = "blockTime", value_name = "SECONDS", env = "PRALINE_BLOCK_TIME",
          value_parser = seconds)]
    pub(in crate::cli) block_time: Option<SecondsMs>,
    /// Mine only when asked to (evm_mine)
    #[arg(long, visible_alias = "no-mine", env = "PRALINE_NO_MINING",
          value_parser = BoolishValueParser::new(), conflicts_with = "block_time")]
    pub(in crate::cli) no_mining: bool,
    /// Mine both at once and every `--block-time` seconds
    #[arg(long, env = "PRALINE_MIXED_MINING", value_parser = BoolishValueParser::new(),
          requires = "block_time")]
    pub(in crate::cli) mixed_mining: bool,
    /// Which transactions a block takes first [default: fees]
    #[arg(long, value_name = "ORDER", env = "PRALINE_ORDER")]
    pub(in crate::cli) order: Option<OrderChoice>,
    /// Transactions in a block at the most
    #[arg(long, value_name = "NUM", env = "PRALINE_MAX_TRANSACTIONS", value_parser = number)]
    pub(in crate::cli) max_transactions: Option<u64>,
    /// When the hash of a transaction is answered: eager, with its block; strict, before it [default: eager]
    #[arg(long, value_name = "MODE", env = "PRALINE_INSTAMINE")]
    pub(in crate::cli) instamine: Option<InstamineChoice>,
    /// Seconds from block to block, whatever the clock says; `clock` follows it [default: clock]
    #[arg(long, value_name = "SECONDS", env = "PRALINE_TIMESTAMP_INCREMENT", value_parser = increment)]
    pub(in crate::cli) timestamp_increment: Option<NumberOrWord>,
    /// What a replacement in the pool must pay more, in percent [default: 10]
    #[arg(long, value_name = "PERCENT", env = "PRALINE_PRICE_BUMP", value_parser = number)]
    pub(in crate::cli) price_bump: Option<u64>,
    /// Gas of unsigned transactions that name none; `estimate` tries them first [default: estimate]
    #[arg(long, value_name = "GAS", env = "PRALINE_DEFAULT_TRANSACTION_GAS_LIMIT", value_parser = gas_or_estimate)]
    pub(in crate::cli) default_transaction_gas_limit: Option<NumberOrWord>,
}
