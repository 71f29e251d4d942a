//! Flags of the commands about what a chain can prove and carry: verify, replay, backup, restore.

use super::{DisplayFlags, tools::OneNode};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(in crate::cli) struct VerifyFlags {
    /// A certificate (JSON, as cluster_getCertificate gives it), a backup, or the data folder of a stopped node
    #[arg(value_name = "FILE|DIR")]
    pub(in crate::cli) path: PathBuf,
    /// The config of the cluster: whose keys a certificate must carry, or whose rules a data folder follows
    #[arg(short, long, value_name = "FILE", env = "PRALINE_CONFIG")]
    pub(in crate::cli) config: Option<PathBuf>,
    /// The keys of all members instead, separated by commas: a certificate needs those of more than half
    #[arg(
        long,
        value_name = "HEX,…",
        value_delimiter = ',',
        conflicts_with = "config"
    )]
    pub(in crate::cli) public_keys: Vec<String>,
    #[command(flatten)]
    pub(in crate::cli) display: DisplayFlags,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct BackupFlags {
    /// The file to write; in a folder it is named by its hash
    #[arg(value_name = "FILE|DIR", default_value = ".")]
    pub(in crate::cli) path: PathBuf,
    #[command(flatten)]
    pub(in crate::cli) node: OneNode,
    #[command(flatten)]
    pub(in crate::cli) display: DisplayFlags,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RestoreFlags {
    /// The backup
    #[arg(value_name = "FILE")]
    pub(in crate::cli) file: PathBuf,
    /// The config of the cluster to make [default: chain-config/cluster.toml, or the same as built in]
    #[arg(short, long, value_name = "FILE", env = "PRALINE_CONFIG")]
    pub(in crate::cli) config: Option<PathBuf>,
    /// Make a cluster of N nodes without a config, for `praline --nodes N --data-dir DIR`
    #[arg(long, value_name = "N", conflicts_with = "config", requires = "data_dir",
          value_parser = clap::value_parser!(u8).range(1..=15))]
    pub(in crate::cli) nodes: Option<u8>,
    /// Only this member: each on its own machine
    #[arg(long, value_name = "NAME", conflicts_with = "nodes")]
    pub(in crate::cli) node: Option<String>,
    /// Folder that gets a folder a node [default: the config's, or .praline beside it, as for `praline node`]
    #[arg(long, value_name = "DIR", env = "PRALINE_DATA_DIR")]
    pub(in crate::cli) data_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) display: DisplayFlags,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ReplayFlags {
    /// The data folder of a stopped node, or a backup
    #[arg(value_name = "DIR|FILE")]
    pub(in crate::cli) path: PathBuf,
    /// Stop behind this entry of the log [default: the last one known to be committed]
    #[arg(long, value_name = "INDEX")]
    pub(in crate::cli) to: Option<u64>,
    /// Then answer reads over the rebuilt chain at this port of 127.0.0.1, until a signal comes
    #[arg(long, value_name = "PORT")]
    pub(in crate::cli) serve: Option<u16>,
    /// The config of the cluster, for data folders that do not hold their rules
    #[arg(short, long, value_name = "FILE", env = "PRALINE_CONFIG")]
    pub(in crate::cli) config: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) display: DisplayFlags,
}
