//! The nodes and how they agree.

use super::values::ReadsChoice;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(next_help_heading = "Cluster")]
pub(in crate::cli) struct ConfigFlag {
    /// The config [default: chain-config/cluster.toml, or the same as built in]
    #[arg(
        short = 'c',
        long = "config",
        value_name = "FILE",
        env = "PRALINE_CONFIG",
        id = "config"
    )]
    pub(in crate::cli) path: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Cluster")]
pub(in crate::cli) struct ClusterFlags {
    #[command(flatten)]
    pub(in crate::cli) config: ConfigFlag,
    /// A cluster of N nodes without a config; 1 is a plain dev chain
    #[arg(long, value_name = "N", env = "PRALINE_NODES", conflicts_with = "config",
          value_parser = clap::value_parser!(u8).range(1..=15))]
    pub(in crate::cli) nodes: Option<u8>,
    #[command(flatten)]
    pub(in crate::cli) consensus: ConsensusFlags,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Cluster")]
pub(in crate::cli) struct ConsensusFlags {
    /// How reads of `latest` are answered: by the whole cluster's state, or by this node's alone
    #[arg(long, value_name = "MODE", env = "PRALINE_READS")]
    pub(in crate::cli) reads: Option<ReadsChoice>,
    /// How long a write waits for a leader before it fails, in milliseconds [default: 5000]
    #[arg(long, value_name = "MS", env = "PRALINE_WRITE_TIMEOUT")]
    pub(in crate::cli) write_timeout: Option<u64>,
}
