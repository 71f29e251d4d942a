//! Flags of the commands about what a chain can prove and carry: verify, replay, backup, restore.

#![allow(clippy::doc_markdown, rustdoc::bare_urls)] // comments of fields are printed, not rendered

use super::flags::DisplayFlags;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct VerifyFlags {
    /// A certificate (JSON, as cluster_getCertificate gives it), a backup, or the data folder of a stopped node
    #[arg(value_name = "FILE|DIR")]
    pub(super) path: PathBuf,
    /// The config of the cluster: whose keys a certificate must carry, or whose rules a data folder follows
    #[arg(short, long, value_name = "FILE", env = "PRALINE_CONFIG")]
    pub(super) config: Option<PathBuf>,
    /// The keys of all members instead, separated by commas: a certificate needs those of more than half
    #[arg(
        long,
        value_name = "HEX,…",
        value_delimiter = ',',
        conflicts_with = "config"
    )]
    pub(super) public_keys: Vec<String>,
    #[command(flatten)]
    pub(super) display: DisplayFlags,
}

#[derive(Debug, Args)]
pub(super) struct BackupFlags {
    /// The file to write; in a folder it is named by its hash
    #[arg(value_name = "FILE|DIR", default_value = ".")]
    pub(super) path: PathBuf,
    /// A node of the cluster, on this machine
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
pub(super) struct RestoreFlags {
    /// The backup
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// The config of the cluster to make [default: chain-config/cluster.toml, or the same as built in]
    #[arg(short, long, value_name = "FILE", env = "PRALINE_CONFIG")]
    pub(super) config: Option<PathBuf>,
    /// Make a cluster of N nodes without a config, for `praline --nodes N --data-dir DIR`
    #[arg(long, value_name = "N", conflicts_with = "config", requires = "data_dir",
          value_parser = clap::value_parser!(u8).range(1..=15))]
    pub(super) nodes: Option<u8>,
    /// Only this member: each on its own machine
    #[arg(long, value_name = "NAME", conflicts_with = "nodes")]
    pub(super) node: Option<String>,
    /// Folder that gets a folder a node [default: the config's, or .praline beside it, as for `praline node`]
    #[arg(long, value_name = "DIR", env = "PRALINE_DATA_DIR")]
    pub(super) data_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(super) display: DisplayFlags,
}

#[derive(Debug, Args)]
pub(super) struct ReplayFlags {
    /// The data folder of a stopped node, or a backup
    #[arg(value_name = "DIR|FILE")]
    pub(super) path: PathBuf,
    /// Stop behind this entry of the log [default: the last one known to be committed]
    #[arg(long, value_name = "INDEX")]
    pub(super) to: Option<u64>,
    /// Then answer reads over the rebuilt chain at this port of 127.0.0.1, until a signal comes
    #[arg(long, value_name = "PORT")]
    pub(super) serve: Option<u16>,
    /// The config of the cluster, for data folders that do not hold their rules
    #[arg(short, long, value_name = "FILE", env = "PRALINE_CONFIG")]
    pub(super) config: Option<PathBuf>,
    #[command(flatten)]
    pub(super) display: DisplayFlags,
}
