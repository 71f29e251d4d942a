//! All flags. The comments of fields are printed as they are, so they carry no Markdown. The first line of a field's comment is its help; `--help` is tested as a whole in `tests.rs`.

#![allow(clippy::doc_markdown, rustdoc::bare_urls)] // comments of fields are printed, not rendered

use super::refused::RefusedFlags;
use crate::config::Ether;
use clap::{
    ArgAction, Args, CommandFactory as _, Parser, Subcommand, ValueEnum,
    builder::{BoolishValueParser, Styles},
};
use std::{net::IpAddr, path::PathBuf};

const EXAMPLES: &str = "\
Examples:
  praline                                       three nodes at 8545, 8546, 8547
  praline --data-dir mychain                    the same, and the chain survives restarts
  praline --nodes 1 --port 9545                 a plain dev chain on one port
  praline --nodes 5 --ephemeral -b 2            five nodes in memory, a block every two seconds
  praline node                                  one node of three; run it in three terminals
  praline node --config lab.toml --node node2   a certain node, for example on a machine of its own
  praline status                                who leads, who lags, who is down
  praline keys --count 3                        identities for a config of your own
  cast block-number -r http://127.0.0.1:8546    any client, any port

Every flag can be set by an environment variable, `--chain-id` by PRALINE_CHAIN_ID; a flag beats
the variable, which beats the config. All keys of a config are explained in chain-config/cluster.toml.";

const NODE_EXAMPLES: &str = "\
Examples:
  praline node                            the first node of chain-config/cluster.toml that is free
  praline node --node node2               a certain one
  praline node --config lab.toml --node b --host 0.0.0.0 --peer-host 0.0.0.0
                                          one of several machines

The chain is set by the config alone, because all nodes must agree on it. Data is always on disk:
the node takes up where it stopped, also after SIGKILL.";

/// A replicated Ethereum dev chain: what anvil and ganache do in one process, done by a cluster that is one chain at
/// every port
#[derive(Debug, Parser)]
#[command(
    name = "praline",
    version,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    after_help = EXAMPLES,
    styles = Styles::plain(),
    max_term_width = 100
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) run: Box<RunFlags>,
}

/// The parser, with the names of environment variables left to one sentence at the end of the help.
pub(super) fn command() -> clap::Command {
    fn hide_env(command: clap::Command) -> clap::Command {
        command
            .mut_args(|arg| arg.hide_env(true))
            .mut_subcommands(hide_env)
    }
    hide_env(Cli::command())
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run one node of a cluster as a process of its own, always on disk
    Node(Box<NodeFlags>),
    /// Make ed25519 key pairs, the identities of nodes
    Keys(KeysFlags),
    /// Show how the nodes of a cluster are doing
    Status(StatusFlags),
    /// Bring blocks from a file into a running chain
    Import(TransferFlags),
    /// Write the blocks of a running chain to a file, as geth's `export` does
    Export(ExportFlags),
    /// Try whole clusters in virtual time, with faults drawn from a seed
    Sim(SimFlags),
}

#[derive(Debug, Args)]
pub(super) struct RunFlags {
    #[command(flatten)]
    pub(super) cluster: ClusterFlags,
    #[command(flatten)]
    pub(super) chain: ChainFlags,
    #[command(flatten)]
    pub(super) accounts: AccountFlags,
    #[command(flatten)]
    pub(super) mining: MiningFlags,
    #[command(flatten)]
    pub(super) port: PortFlags,
    #[command(flatten)]
    pub(super) server: ServerFlags,
    #[command(flatten)]
    pub(super) state: StateFlags,
    #[command(flatten)]
    pub(super) display: DisplayFlags,
    #[command(flatten)]
    pub(super) refused: RefusedFlags,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Cluster")]
pub(super) struct ClusterFlags {
    /// The config [default: chain-config/cluster.toml, or the same as built in]
    #[arg(
        short,
        long,
        value_name = "FILE",
        env = "PRALINE_CONFIG",
        conflicts_with = "nodes"
    )]
    pub(super) config: Option<PathBuf>,
    /// A cluster of N nodes without a config; 1 is a plain dev chain
    #[arg(long, value_name = "N", env = "PRALINE_NODES",
          value_parser = clap::value_parser!(u8).range(1..=15))]
    pub(super) nodes: Option<u8>,
    #[command(flatten)]
    pub(super) consensus: ConsensusFlags,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Cluster")]
pub(super) struct ConsensusFlags {
    /// How reads of `latest` are answered: by the whole cluster's state, or by this node's alone
    #[arg(long, value_name = "MODE", env = "PRALINE_READS")]
    pub(super) reads: Option<ReadsChoice>,
    /// How long a write waits for a leader before it fails, in milliseconds [default: 5000]
    #[arg(long, value_name = "MS", env = "PRALINE_WRITE_TIMEOUT")]
    pub(super) write_timeout: Option<u64>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Chain")]
pub(super) struct ChainFlags {
    /// The chain id [default: 31337]
    #[arg(
        long,
        value_name = "ID",
        env = "PRALINE_CHAIN_ID",
        alias = "chain.chainId"
    )]
    pub(super) chain_id: Option<u64>,
    /// What net_version says [default: the chain id]
    #[arg(short = 'i', long, value_name = "ID", env = "PRALINE_NETWORK_ID")]
    pub(super) network_id: Option<u64>,
    /// The EVM's rules, from frontier to amsterdam, for example cancun [default: latest]
    #[arg(short = 'k', long, value_name = "FORK", env = "PRALINE_HARDFORK")]
    pub(super) hardfork: Option<String>,
    /// A geth genesis.json: chain id, forks and the whole first state
    #[arg(
        long,
        visible_alias = "init",
        value_name = "FILE",
        env = "PRALINE_GENESIS"
    )]
    pub(super) genesis: Option<PathBuf>,
    /// Blocks to start with: RLP, as `geth export` and `praline export` write them
    #[arg(long, value_name = "FILE", env = "PRALINE_IMPORT_CHAIN")]
    pub(super) import_chain: Option<PathBuf>,
    /// Gas limit of a block [default: 30000000]
    #[arg(short = 'l', long, value_name = "GAS", env = "PRALINE_GAS_LIMIT")]
    pub(super) gas_limit: Option<u64>,
    /// Base fee of the genesis block, in wei [default: 1000000000]
    #[arg(
        long,
        visible_alias = "base-fee",
        value_name = "WEI",
        env = "PRALINE_BLOCK_BASE_FEE_PER_GAS"
    )]
    pub(super) block_base_fee_per_gas: Option<u64>,
    /// The least gas price that the pool takes, in wei [default: 0]
    #[arg(short = 'g', long, value_name = "WEI", env = "PRALINE_GAS_PRICE")]
    pub(super) gas_price: Option<u64>,
    /// Time of the genesis block, in Unix seconds [default: now]
    #[arg(long, value_name = "SECONDS", env = "PRALINE_TIMESTAMP")]
    pub(super) timestamp: Option<u64>,
    /// Number of the genesis block [default: 0]
    #[arg(long, value_name = "NUMBER", env = "PRALINE_NUMBER")]
    pub(super) number: Option<u64>,
    /// EIP-170: the largest contract, in bytes [default: the fork's]
    #[arg(
        long,
        value_name = "BYTES",
        env = "PRALINE_CODE_SIZE_LIMIT",
        conflicts_with = "disable_code_size_limit"
    )]
    pub(super) code_size_limit: Option<u64>,
    /// Let contracts be of any size
    #[arg(long, env = "PRALINE_DISABLE_CODE_SIZE_LIMIT", value_parser = BoolishValueParser::new())]
    pub(super) disable_code_size_limit: bool,
    /// Let transactions use more gas than the block's limit
    #[arg(long, env = "PRALINE_DISABLE_BLOCK_GAS_LIMIT", value_parser = BoolishValueParser::new())]
    pub(super) disable_block_gas_limit: bool,
    /// EIP-7825: enforce the gas limit of a transaction, from Osaka on
    #[arg(long, visible_alias = "tx-gas-limit", env = "PRALINE_ENABLE_TX_GAS_LIMIT",
          value_parser = BoolishValueParser::new())]
    pub(super) enable_tx_gas_limit: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Accounts")]
pub(super) struct AccountFlags {
    /// Number of dev accounts [default: 10]
    #[arg(short, long, value_name = "NUM", env = "PRALINE_ACCOUNTS")]
    pub(super) accounts: Option<u64>,
    /// Balance of each dev account, in ether [default: 10000]
    #[arg(short = 'e', long, value_name = "ETHER", env = "PRALINE_BALANCE")]
    pub(super) balance: Option<Ether>,
    /// BIP-39 phrase of the dev accounts [default: test test … junk]
    #[arg(
        short,
        long,
        value_name = "PHRASE",
        env = "PRALINE_MNEMONIC",
        group = "phrase"
    )]
    pub(super) mnemonic: Option<String>,
    /// A new phrase of so many words [default: 12]
    #[arg(long, value_name = "WORDS", env = "PRALINE_MNEMONIC_RANDOM", group = "phrase",
          num_args = 0..=1, default_missing_value = "12")]
    pub(super) mnemonic_random: Option<usize>,
    /// A phrase made from a number: the same number, the same accounts
    #[arg(
        long,
        value_name = "SEED",
        env = "PRALINE_MNEMONIC_SEED_UNSAFE",
        group = "phrase"
    )]
    pub(super) mnemonic_seed_unsafe: Option<u64>,
    /// The phrase of `ganache --deterministic`: myth like … collect
    #[arg(short, long, env = "PRALINE_DETERMINISTIC", group = "phrase",
          value_parser = BoolishValueParser::new())]
    pub(super) deterministic: bool,
    /// BIP-32 path of the dev accounts [default: m/44'/60'/0'/0/]
    #[arg(long, value_name = "PATH", env = "PRALINE_DERIVATION_PATH")]
    pub(super) derivation_path: Option<String>,
    /// Let eth_sendTransaction work from any address, without its key
    #[arg(long, visible_alias = "auto-unlock", env = "PRALINE_AUTO_IMPERSONATE",
          value_parser = BoolishValueParser::new())]
    pub(super) auto_impersonate: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Mining")]
pub(super) struct MiningFlags {
    /// A block every so often instead of one for each transaction
    #[arg(short, long, alias = "blockTime", value_name = "SECONDS", env = "PRALINE_BLOCK_TIME",
          value_parser = seconds)]
    pub(super) block_time: Option<SecondsMs>,
    /// Mine only when asked to (evm_mine)
    #[arg(long, visible_alias = "no-mine", env = "PRALINE_NO_MINING",
          value_parser = BoolishValueParser::new(), conflicts_with = "block_time")]
    pub(super) no_mining: bool,
    /// Mine both at once and every `--block-time` seconds
    #[arg(long, env = "PRALINE_MIXED_MINING", value_parser = BoolishValueParser::new(),
          requires = "block_time")]
    pub(super) mixed_mining: bool,
    /// Which transactions a block takes first [default: fees]
    #[arg(long, value_name = "ORDER", env = "PRALINE_ORDER")]
    pub(super) order: Option<OrderChoice>,
    /// Transactions in a block at the most
    #[arg(long, value_name = "NUM", env = "PRALINE_MAX_TRANSACTIONS")]
    pub(super) max_transactions: Option<u64>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Server")]
pub(super) struct PortFlags {
    /// RPC port of the first node; the others follow. 0: the system chooses [default: the config's, or 8545]
    #[arg(short, long, value_name = "PORT", env = "PRALINE_PORT")]
    pub(super) port: Option<u16>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Server")]
pub(super) struct ServerFlags {
    /// Where RPC servers listen; 0.0.0.0 lets other machines in [default: 127.0.0.1]
    #[arg(long, value_name = "IP", env = "PRALINE_HOST")]
    pub(super) host: Option<IpAddr>,
    /// What browsers may call from [default: *]
    #[arg(long, value_name = "ORIGIN", env = "PRALINE_ALLOW_ORIGIN")]
    pub(super) allow_origin: Option<String>,
    /// Send no CORS headers
    #[arg(long, env = "PRALINE_NO_CORS", value_parser = BoolishValueParser::new(),
          conflicts_with = "allow_origin")]
    pub(super) no_cors: bool,
    /// Take requests of any size instead of 50 MiB at the most
    #[arg(long, env = "PRALINE_NO_REQUEST_SIZE_LIMIT", value_parser = BoolishValueParser::new())]
    pub(super) no_request_size_limit: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "State")]
pub(super) struct StateFlags {
    /// Keep the chain here and go on with it next time [default: a temporary folder]
    #[arg(
        long,
        visible_alias = "db",
        value_name = "DIR",
        env = "PRALINE_DATA_DIR",
        conflicts_with = "ephemeral"
    )]
    pub(super) data_dir: Option<PathBuf>,
    /// Keep everything in memory
    #[arg(long, env = "PRALINE_EPHEMERAL", value_parser = BoolishValueParser::new())]
    pub(super) ephemeral: bool,
    /// Write accounts, keys and addresses to a JSON file
    #[arg(long, value_name = "FILE", env = "PRALINE_CONFIG_OUT")]
    pub(super) config_out: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Display")]
pub(super) struct DisplayFlags {
    /// Print nothing
    #[arg(short, long, visible_alias = "silent", env = "PRALINE_QUIET",
          value_parser = BoolishValueParser::new())]
    pub(super) quiet: bool,
    /// Say more: -v what nodes do, -vv how, -vvv all; RUST_LOG chooses exactly
    #[arg(short = 'v', long = "verbosity", action = ArgAction::Count, env = "PRALINE_VERBOSITY")]
    pub(super) verbosity: u8,
    /// Print one JSON object a line
    #[arg(long, env = "PRALINE_JSON", value_parser = BoolishValueParser::new())]
    pub(super) json: bool,
    /// Colour: auto follows the terminal and NO_COLOR
    #[arg(
        long,
        value_name = "WHEN",
        env = "PRALINE_COLOR",
        default_value = "auto"
    )]
    pub(super) color: ColorArg,
}

#[derive(Debug, Args)]
#[command(after_help = NODE_EXAMPLES)]
pub(super) struct NodeFlags {
    /// The config [default: chain-config/cluster.toml, or the same as built in]
    #[arg(
        short,
        long,
        value_name = "FILE",
        env = "PRALINE_CONFIG",
        help_heading = "Cluster"
    )]
    pub(super) config: Option<PathBuf>,
    /// Which member this is [default: the first whose RPC port is free]
    #[arg(
        short,
        long,
        value_name = "NAME",
        env = "PRALINE_NODE",
        help_heading = "Cluster"
    )]
    pub(super) node: Option<String>,
    /// Where this node listens for its peers; 0.0.0.0 lets other machines in [default: 127.0.0.1]
    #[arg(
        long,
        value_name = "IP",
        env = "PRALINE_PEER_HOST",
        help_heading = "Cluster"
    )]
    pub(super) peer_host: Option<IpAddr>,
    #[command(flatten)]
    pub(super) consensus: ConsensusFlags,
    #[command(flatten)]
    pub(super) server: ServerFlags,
    /// The folder with one folder a node [default: .praline beside the config]
    #[arg(
        long,
        visible_alias = "db",
        value_name = "DIR",
        env = "PRALINE_DATA_DIR",
        help_heading = "State"
    )]
    pub(super) data_dir: Option<PathBuf>,
    /// Write accounts, keys and addresses to a JSON file
    #[arg(
        long,
        value_name = "FILE",
        env = "PRALINE_CONFIG_OUT",
        help_heading = "State"
    )]
    pub(super) config_out: Option<PathBuf>,
    /// Blocks to start with: RLP, as `geth export` and `praline export` write them
    #[arg(
        long,
        value_name = "FILE",
        env = "PRALINE_IMPORT_CHAIN",
        help_heading = "State"
    )]
    pub(super) import_chain: Option<PathBuf>,
    #[command(flatten)]
    pub(super) display: DisplayFlags,
}

#[derive(Debug, Args)]
pub(super) struct KeysFlags {
    /// How many pairs
    #[arg(short = 'n', long, value_name = "NUM", default_value_t = 1,
          value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(super) count: u16,
    /// Write the secret key to a new file that only you can read, and print the public key alone
    #[arg(short, long, value_name = "FILE", conflicts_with = "count")]
    pub(super) out: Option<PathBuf>,
    #[command(flatten)]
    pub(super) display: DisplayFlags,
}

#[derive(Debug, Args)]
pub(super) struct SimFlags {
    /// What everything random is drawn from
    #[arg(long, value_name = "NUM", default_value_t = 0)]
    pub(super) seed: u64,
    /// How many operations of clients and faults a run has
    #[arg(long, value_name = "NUM", default_value_t = crate::sim::STEPS,
          value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(super) steps: u64,
    /// How many seeds are tried, one after the other
    #[arg(short = 'n', long, value_name = "NUM", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) count: u32,
    /// The steps that are done, for example 1,4-7 [default: all]
    #[arg(long, value_name = "LIST", conflicts_with = "count")]
    pub(super) only: Option<String>,
    /// Print what happens
    #[arg(long)]
    pub(super) trace: bool,
    #[command(flatten)]
    pub(super) display: DisplayFlags,
}

#[derive(Debug, Args)]
pub(super) struct StatusFlags {
    /// The config [default: chain-config/cluster.toml, or the same as built in]
    #[arg(
        short,
        long,
        value_name = "FILE",
        env = "PRALINE_CONFIG",
        help_heading = "Cluster"
    )]
    pub(super) config: Option<PathBuf>,
    /// Ask these nodes instead, for example http://127.0.0.1:9545
    #[arg(
        short,
        long = "url",
        value_name = "URL",
        conflicts_with = "config",
        help_heading = "Cluster"
    )]
    pub(super) urls: Vec<String>,
    #[command(flatten)]
    pub(super) display: DisplayFlags,
}

#[derive(Debug, Args)]
pub(super) struct TransferFlags {
    /// The file: RLP blocks, one after the other
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// A node of the chain
    #[arg(
        short,
        long,
        value_name = "URL",
        env = "PRALINE_URL",
        default_value = "http://127.0.0.1:8545"
    )]
    pub(super) url: String,
    #[command(flatten)]
    pub(super) display: DisplayFlags,
}

#[derive(Debug, Args)]
pub(super) struct ExportFlags {
    #[command(flatten)]
    pub(super) transfer: TransferFlags,
    /// The first block [default: the one after the genesis block]
    #[arg(long, value_name = "NUMBER")]
    pub(super) first: Option<u64>,
    /// The last block [default: the head]
    #[arg(long, value_name = "NUMBER")]
    pub(super) last: Option<u64>,
}

/// `--reads`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ReadsChoice {
    Linearizable,
    Local,
}

/// `--order`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum OrderChoice {
    Fees,
    Fifo,
}

/// `--color`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ColorArg {
    Auto,
    Always,
    Never,
}

/// A time given in seconds, with decimals, held in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SecondsMs(pub(super) u64);

fn seconds(text: &str) -> Result<SecondsMs, String> {
    let refuse = || format!("`{text}` is not a number of seconds from 0.001 to 86400");
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(decimals) || decimals.len() > 3 {
        return Err(refuse());
    }
    let whole: u64 = whole.parse().map_err(|_| refuse())?;
    let thousandths: u64 = format!("{decimals:0<3}").parse().map_err(|_| refuse())?;
    let ms = whole
        .checked_mul(1000)
        .and_then(|ms| ms.checked_add(thousandths))
        .ok_or_else(refuse)?;
    if (1..=86_400_000).contains(&ms) {
        Ok(SecondsMs(ms))
    } else {
        Err(refuse())
    }
}
