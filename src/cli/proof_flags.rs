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
