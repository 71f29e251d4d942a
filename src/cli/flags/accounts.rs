//! The accounts that are there from the start, and who may send from them. All nodes must agree on it.

use super::values::{KeyAndBalance, number};
use crate::config::Ether;
use clap::{Args, builder::BoolishValueParser};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(next_help_heading = "Accounts")]
pub(in crate::cli) struct AccountFlags {
    /// Number of dev accounts [default: 10]
    #[arg(short, long, value_name = "NUM", env = "PRALINE_ACCOUNTS", value_parser = number)]
    pub(in crate::cli) accounts: Option<u64>,
    /// Balance of each dev account, in ether [default: 10000]
    #[arg(short = 'e', long, value_name = "ETHER", env = "PRALINE_BALANCE")]
    pub(in crate::cli) balance: Option<Ether>,
    /// BIP-39 phrase of the dev accounts [default: test test … junk]
    #[arg(
        short,
        long,
        value_name = "PHRASE",
        env = "PRALINE_MNEMONIC",
        group = "phrase"
    )]
    pub(in crate::cli) mnemonic: Option<String>,
    /// A new phrase of so many words [default: 12]
    #[arg(long, value_name = "WORDS", env = "PRALINE_MNEMONIC_RANDOM", group = "phrase",
          num_args = 0..=1, default_missing_value = "12")]
    pub(in crate::cli) mnemonic_random: Option<usize>,
    /// The phrase that anvil makes from this number: the same number, anvil's accounts
    #[arg(
        long,
        value_name = "SEED",
        env = "PRALINE_MNEMONIC_SEED_UNSAFE",
        group = "phrase"
    )]
    pub(in crate::cli) mnemonic_seed_unsafe: Option<u64>,
    /// The phrase that ganache makes from this text: the same text, ganache's accounts
    #[arg(long, value_name = "TEXT", env = "PRALINE_SEED", group = "phrase")]
    pub(in crate::cli) seed: Option<String>,
    /// The phrase of `ganache --deterministic`: myth like … collect
    #[arg(short, long, env = "PRALINE_DETERMINISTIC", group = "phrase",
          value_parser = BoolishValueParser::new())]
    pub(in crate::cli) deterministic: bool,
    /// BIP-32 path of the dev accounts [default: m/44'/60'/0'/0/]
    #[arg(long, value_name = "PATH", env = "PRALINE_DERIVATION_PATH")]
    pub(in crate::cli) derivation_path: Option<String>,
    /// An account of its own, as often as wanted, instead of those of a phrase: private key and balance in wei
    #[arg(
        long,
        value_name = "KEY,WEI",
        env = "PRALINE_ACCOUNT",
        value_delimiter = ' '
    )]
    pub(in crate::cli) account: Vec<KeyAndBalance>,
    /// Let eth_sendTransaction work from these addresses, without their keys
    #[arg(
        short = 'u',
        long,
        value_name = "ADDRESS",
        env = "PRALINE_UNLOCK",
        value_delimiter = ','
    )]
    pub(in crate::cli) unlock: Vec<String>,
    /// Let eth_sendTransaction work from any address, without its key
    #[arg(long, visible_alias = "auto-unlock", env = "PRALINE_AUTO_IMPERSONATE",
          value_parser = BoolishValueParser::new())]
    pub(in crate::cli) auto_impersonate: bool,
    /// Write addresses and private keys to a JSON file, in ganache's form
    #[arg(long, value_name = "FILE", env = "PRALINE_ACCOUNT_KEYS_PATH")]
    pub(in crate::cli) account_keys_path: Option<PathBuf>,
}
