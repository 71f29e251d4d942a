//! `praline node`: one member as a process.

use super::{
    cluster::{ConfigFlag, ConsensusFlags},
    display::DisplayFlags,
    dump::DumpFlags,
    process::EmbeddingFlags,
    server::ServerFlags,
    state::FileFlags,
};
use clap::Args;
use std::{net::IpAddr, path::PathBuf};

const NODE_EXAMPLES: &str = "\
Examples:
  praline node                            the first node of chain-config/cluster.toml that is free
  praline node --node node2               a certain one
  praline node --config lab.toml --node b --host 0.0.0.0 --peer-host 0.0.0.0
                                          one of several machines

The chain is set by the config alone, because all nodes must agree on it. Data is always on disk:
the node takes up where it stopped, also after SIGKILL.";

#[derive(Debug, Args)]
#[command(after_help = NODE_EXAMPLES)]
pub(in crate::cli) struct NodeFlags {
    #[command(flatten)]
    pub(in crate::cli) config: ConfigFlag,
    /// Which member this is [default: the first whose RPC port is free]
    #[arg(
        short,
        long,
        value_name = "NAME",
        env = "PRALINE_NODE",
        help_heading = "Cluster"
    )]
    pub(in crate::cli) node: Option<String>,
    /// Where this node listens for its peers; 0.0.0.0 lets other machines in [default: 127.0.0.1]
    #[arg(
        long,
        value_name = "IP",
        env = "PRALINE_PEER_HOST",
        help_heading = "Cluster"
    )]
    pub(in crate::cli) peer_host: Option<IpAddr>,
    #[command(flatten)]
    pub(in crate::cli) consensus: ConsensusFlags,
    #[command(flatten)]
    pub(in crate::cli) server: ServerFlags,
    /// The folder with one folder a node [default: .praline beside the config]
    #[arg(
        long,
        visible_alias = "db",
        value_name = "DIR",
        env = "PRALINE_DATA_DIR",
        help_heading = "State"
    )]
    pub(in crate::cli) data_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) files: FileFlags,
    #[command(flatten)]
    pub(in crate::cli) dump: DumpFlags,
    #[command(flatten)]
    pub(in crate::cli) embedding: EmbeddingFlags,
    #[command(flatten)]
    pub(in crate::cli) display: DisplayFlags,
}
