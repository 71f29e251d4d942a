//! What is kept, and what is written beside it.

use clap::{Args, builder::BoolishValueParser};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(next_help_heading = "State")]
pub(in crate::cli) struct StateFlags {
    /// Keep the chain here and go on with it next time [default: a temporary folder]
    #[arg(
        long,
        visible_alias = "db",
        value_name = "DIR",
        env = "PRALINE_DATA_DIR",
        conflicts_with = "ephemeral"
    )]
    pub(in crate::cli) data_dir: Option<PathBuf>,
    /// Keep everything in memory
    #[arg(long, env = "PRALINE_EPHEMERAL", value_parser = BoolishValueParser::new())]
    pub(in crate::cli) ephemeral: bool,
    #[command(flatten)]
    pub(in crate::cli) files: FileFlags,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "State")]
pub(in crate::cli) struct FileFlags {
    /// Blocks to start with: RLP, as `geth export` and `praline export` write them
    #[arg(long, value_name = "FILE", env = "PRALINE_IMPORT_CHAIN")]
    pub(in crate::cli) import_chain: Option<PathBuf>,
    /// Write accounts, keys and addresses to a JSON file, in anvil's form
    #[arg(long, value_name = "FILE", env = "PRALINE_CONFIG_OUT")]
    pub(in crate::cli) config_out: Option<PathBuf>,
}
