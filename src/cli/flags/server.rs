//! How clients reach the nodes, and how they are answered. Each process may have its own.

use super::values::{ErrorsChoice, number};
use clap::{Args, builder::BoolishValueParser};
use std::{net::IpAddr, path::PathBuf};

#[derive(Debug, Args)]
#[command(next_help_heading = "Server")]
pub(in crate::cli) struct PortFlags {
    /// RPC port of the first node; the others follow. 0: the system chooses [default: the config's, or 8545]
    #[arg(short, long, value_name = "PORT", env = "PRALINE_PORT")]
    pub(in crate::cli) port: Option<u16>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Server")]
pub(in crate::cli) struct ServerFlags {
    /// Where RPC servers listen; 0.0.0.0 lets other machines in [default: 127.0.0.1]
    #[arg(long, value_name = "IP", env = "PRALINE_HOST")]
    pub(in crate::cli) host: Option<IpAddr>,
    /// What browsers may call from [default: *]
    #[arg(long, value_name = "ORIGIN", env = "PRALINE_ALLOW_ORIGIN")]
    pub(in crate::cli) allow_origin: Option<String>,
    /// Send no CORS headers
    #[arg(long, env = "PRALINE_NO_CORS", value_parser = BoolishValueParser::new(),
          conflicts_with = "allow_origin")]
    pub(in crate::cli) no_cors: bool,
    /// Take requests of any size instead of 50 MiB at the most
    #[arg(long, env = "PRALINE_NO_REQUEST_SIZE_LIMIT", value_parser = BoolishValueParser::new())]
    pub(in crate::cli) no_request_size_limit: bool,
    /// Refuse evm_, anvil_, hardhat_, tenderly_ and miner_ methods that change the chain
    #[arg(long, env = "PRALINE_NO_CHEATS", value_parser = BoolishValueParser::new())]
    pub(in crate::cli) no_cheats: bool,
    /// Let clients order faults: cluster_partition, cluster_delay, cluster_kill, …
    #[arg(long, env = "PRALINE_ALLOW_FAULTS", value_parser = BoolishValueParser::new())]
    pub(in crate::cli) allow_faults: bool,
    /// Names by which browsers may call this server, besides localhost and IP addresses; `*` for any [default: `*`
    /// where `--host` lets other machines in]
    #[arg(
        long,
        value_name = "NAMES",
        env = "PRALINE_ALLOWED_HOSTS",
        value_delimiter = ','
    )]
    pub(in crate::cli) allowed_hosts: Vec<String>,
    /// Answer at this path alone, for example /rpc [default: any path]
    #[arg(long, value_name = "PATH", env = "PRALINE_RPC_ENDPOINT")]
    pub(in crate::cli) rpc_endpoint: Option<String>,
    /// Open no WebSockets
    #[arg(long, env = "PRALINE_NO_WS", value_parser = BoolishValueParser::new())]
    pub(in crate::cli) no_ws: bool,
    /// Listen on a socket file, too: node 2 at the same name with -2 [default: /tmp/praline.ipc, if given without one]
    #[arg(long, visible_alias = "ipcpath", value_name = "PATH", env = "PRALINE_IPC",
          num_args = 0..=1, default_missing_value = "/tmp/praline.ipc")]
    pub(in crate::cli) ipc: Option<PathBuf>,
    /// Gas that eth_call and eth_estimateGas may use [default: 50000000, or a block's if that is more]
    #[arg(long, value_name = "GAS", env = "PRALINE_CALL_GAS_LIMIT", value_parser = number)]
    pub(in crate::cli) call_gas_limit: Option<u64>,
    /// Whose codes and words errors have [default: geth]
    #[arg(long, value_name = "WHOSE", env = "PRALINE_ERRORS")]
    pub(in crate::cli) errors: Option<ErrorsChoice>,
    /// Answer a transaction that is mined and fails with ganache's error instead of its hash
    #[arg(long, env = "PRALINE_VM_ERRORS_ON_RPC_RESPONSE", value_parser = BoolishValueParser::new())]
    pub(in crate::cli) vm_errors_on_rpc_response: bool,
    /// Answer a transaction that is mined and fails with error 3, as Hardhat does
    #[arg(long, env = "PRALINE_THROW_ON_TRANSACTION_FAILURES", value_parser = BoolishValueParser::new(),
          conflicts_with = "vm_errors_on_rpc_response")]
    pub(in crate::cli) throw_on_transaction_failures: bool,
}
