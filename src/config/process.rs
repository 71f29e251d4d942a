//! Settings of one process, on which nodes need not agree: what it prints, which files it reads and writes beside its
//! data, how many threads it has.
//!
//! *Invariant.* Nothing here reaches the chain's rules, so nothing here is part of the cluster's digest.

use super::{
    document::Key,
    error::{ConfigError, Problem},
    file::color,
    overrides::Origins,
};
use crate::telemetry::ColorChoice;
use serde::Deserialize;
use std::{
    num::NonZeroU64,
    path::{Path, PathBuf},
};

/// What is printed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(clippy::struct_excessive_bools)] // switches are
pub struct DisplayConfig {
    /// Nothing at all.
    pub quiet: bool,
    /// One JSON object a line.
    pub json: bool,
    /// As many as `-v` on the command line.
    pub verbosity: u8,
    /// Colours; `None`: as on a terminal.
    #[serde(deserialize_with = "color")]
    pub color: Option<ColorChoice>,
    /// Traces of transactions and calls.
    pub print_traces: bool,
    /// What contracts say with `console.log`.
    pub console_log: bool,
    /// Parameters and results of requests.
    pub log_bodies: bool,
    /// Each instruction of transactions.
    pub log_opcodes: bool,
    /// A file that gets all of it, too.
    pub log_file: Option<PathBuf>,
}

impl Default for DisplayConfig {
    fn default() -> Self {
        Self {
            quiet: false,
            json: false,
            verbosity: 0,
            color: None,
            print_traces: false,
            console_log: true,
            log_bodies: false,
            log_opcodes: false,
            log_file: None,
        }
    }
}

/// Files that are read at the start, and written on the way or at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FilesConfig {
    /// A dump to start with if it is there, and to write at the end.
    pub state: Option<PathBuf>,
    /// A dump to start with.
    pub load_state: Option<PathBuf>,
    /// A dump to write at the end.
    pub dump_state: Option<PathBuf>,
    /// How often to write it before the end.
    pub state_interval_seconds: Option<NonZeroU64>,
    /// Whether dumps hold the state after every block.
    pub preserve_historical_states: bool,
    /// Blocks to start with, in RLP.
    pub import_chain: Option<PathBuf>,
    /// Accounts, keys and addresses in anvil's form.
    pub config_out: Option<PathBuf>,
    /// Accounts and keys in ganache's form.
    pub account_keys: Option<PathBuf>,
}

/// The process itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProcessConfig {
    /// Threads that serve requests; 0: one a core; `None`: two a core.
    pub threads: Option<usize>,
}

/// Makes paths in a file relative to the file.
pub(super) fn resolve_display(mut display: DisplayConfig, folder: &Path) -> DisplayConfig {
    place(&mut display.log_file, folder);
    display
}

/// The same, and refuses a dump that is named twice.
pub(super) fn resolve_files(
    mut files: FilesConfig,
    folder: &Path,
    origins: &Origins,
) -> Result<FilesConfig, ConfigError> {
    if files.state.is_some() && (files.load_state.is_some() || files.dump_state.is_some()) {
        return Err(origins.invalid(Key::of("files", "state"), Problem::TwoDumps));
    }
    for path in [
        &mut files.state,
        &mut files.load_state,
        &mut files.dump_state,
        &mut files.import_chain,
        &mut files.config_out,
        &mut files.account_keys,
    ] {
        place(path, folder);
    }
    Ok(files)
}

fn place(path: &mut Option<PathBuf>, folder: &Path) {
    *path = path.take().map(|path| folder.join(path));
}
