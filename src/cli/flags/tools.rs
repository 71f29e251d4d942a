//! The commands that make keys, ask running nodes, and look after detached ones.

use super::{cluster::ConfigFlag, display::DisplayFlags};
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(in crate::cli) struct KeysFlags {
    /// How many pairs
    #[arg(short = 'n', long, value_name = "NUM", default_value_t = 1,
          value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(in crate::cli) count: u16,
    /// Write the secret key to a new file that only you can read, and print the public key alone
    #[arg(short, long, value_name = "FILE", conflicts_with = "count")]
    pub(in crate::cli) out: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) display: DisplayFlags,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct StatusFlags {
    #[command(flatten)]
    pub(in crate::cli) config: ConfigFlag,
    /// Ask these nodes instead, for example http://127.0.0.1:9545
    #[arg(
        short,
        long = "url",
        value_name = "URL",
        conflicts_with = "config",
        help_heading = "Cluster"
    )]
    pub(in crate::cli) urls: Vec<String>,
    #[command(flatten)]
    pub(in crate::cli) display: DisplayFlags,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct TransferFlags {
    /// The file: RLP blocks, one after the other
    #[arg(value_name = "FILE")]
    pub(in crate::cli) file: PathBuf,
    #[command(flatten)]
    pub(in crate::cli) node: OneNode,
    #[command(flatten)]
    pub(in crate::cli) display: DisplayFlags,
}

/// Which running node is asked.
#[derive(Debug, Args)]
pub(in crate::cli) struct OneNode {
    /// A running node; for a backup, one on this machine
    #[arg(
        short,
        long,
        value_name = "URL",
        env = "PRALINE_URL",
        default_value = "http://127.0.0.1:8545"
    )]
    pub(in crate::cli) url: String,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ExportFlags {
    #[command(flatten)]
    pub(in crate::cli) transfer: TransferFlags,
    /// The first block [default: the one after the genesis block]
    #[arg(long, value_name = "NUMBER")]
    pub(in crate::cli) first: Option<u64>,
    /// The last block [default: the head]
    #[arg(long, value_name = "NUMBER")]
    pub(in crate::cli) last: Option<u64>,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum InstancesAction {
    /// Show the detached instances that run
    List(ListFlags),
    /// Stop one, as SIGTERM does, and wait until it has ended
    Stop(StopFlags),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ListFlags {
    #[command(flatten)]
    pub(in crate::cli) display: DisplayFlags,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct StopFlags {
    /// Its name, as `--detach` printed it
    #[arg(value_name = "NAME")]
    pub(in crate::cli) name: String,
    #[command(flatten)]
    pub(in crate::cli) display: DisplayFlags,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct SimFlags {
    /// What everything random is drawn from
    #[arg(long, value_name = "NUM", default_value_t = 0)]
    pub(in crate::cli) seed: u64,
    /// How many operations of clients and faults a run has
    #[arg(long, value_name = "NUM", default_value_t = crate::sim::STEPS,
          value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(in crate::cli) steps: u64,
    /// How many seeds are tried, one after the other
    #[arg(short = 'n', long, value_name = "NUM", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub(in crate::cli) count: u32,
    /// The steps that are done, for example 1,4-7 [default: all]
    #[arg(long, value_name = "LIST", conflicts_with = "count")]
    pub(in crate::cli) only: Option<String>,
    /// Print what happens
    #[arg(long)]
    pub(in crate::cli) trace: bool,
    #[command(flatten)]
    pub(in crate::cli) display: DisplayFlags,
}
