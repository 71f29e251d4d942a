//! The flags of dumps: anvil's five, under its names.

use crate::{config::FilesConfig, node::DumpFiles};
use clap::{Args, builder::BoolishValueParser};
use std::{num::NonZeroU64, path::PathBuf, time::Duration};

/// Where a chain's dump is read from and written to.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "State")]
pub(in crate::cli) struct DumpFlags {
    /// Load the chain from a dump, if the file is there, and dump it there at the end
    #[arg(
        long,
        value_name = "FILE",
        env = "PRALINE_STATE",
        conflicts_with_all = ["load_state", "dump_state"]
    )]
    state: Option<PathBuf>,
    /// Load a chain that anvil or praline dumped
    #[arg(long, value_name = "FILE", env = "PRALINE_LOAD_STATE")]
    load_state: Option<PathBuf>,
    /// Dump the chain at the end, in anvil's format
    #[arg(long, value_name = "FILE", env = "PRALINE_DUMP_STATE")]
    dump_state: Option<PathBuf>,
    /// Dump it every so often, too
    #[arg(short = 's', long, value_name = "SECONDS", env = "PRALINE_STATE_INTERVAL",
          value_parser = clap::value_parser!(u64).range(1..))]
    state_interval: Option<u64>,
    /// Dump the state after every block, so that old blocks can be read after a load
    #[arg(long, env = "PRALINE_PRESERVE_HISTORICAL_STATES", value_parser = BoolishValueParser::new())]
    preserve_historical_states: bool,
}

impl DumpFlags {
    /// What a node is to do, with what the config says where no flag does.
    pub(in crate::cli) fn over(self, file: &FilesConfig) -> DumpFiles {
        let seconds = file.state_interval_seconds.map(NonZeroU64::get);
        let is_file_left = self.load_state.is_none() && self.state.is_none();
        let must_exist = self.load_state.is_some() || is_file_left && file.load_state.is_some();
        let from_file = file.load_state.as_ref().or(file.state.as_ref());
        let to_file = file.dump_state.as_ref().or(file.state.as_ref());
        DumpFiles {
            must_exist,
            load: self
                .load_state
                .or_else(|| self.state.clone())
                .or_else(|| from_file.cloned()),
            dump: self.dump_state.or(self.state).or_else(|| to_file.cloned()),
            interval: self.state_interval.or(seconds).map(Duration::from_secs),
            historical_states: self.preserve_historical_states || file.preserve_historical_states,
        }
    }
}
