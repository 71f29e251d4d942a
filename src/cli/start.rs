//! `praline` and `praline node`: choose the config and the data folder, then run.

use super::{
    CliError,
    flags::{NodeFlags, RunFlags},
    instances, overrides,
};
use crate::{
    chain::evm::trace::tree::TreeStyle,
    config::{
        BUILTIN_CONFIG, ClusterConfig, ConfigError, DEFAULT_CONFIG_PATH, DisplayConfig, Overrides,
    },
    node::{self, INSTANCE_VARIABLE, Keep, Output, RunCluster, RunMember},
    rpc::Trees,
    telemetry::Printer,
};
use std::{
    future::Future,
    path::{Path, PathBuf},
};

/// Where anvil listens.
pub(super) const DEFAULT_PORT: u16 = 8545;
/// Threads beyond this serve nobody.
const THREADS_MAX: usize = 1024;
/// The folder of `praline node`, beside the config.
const DEFAULT_DATA_DIR: &str = ".praline";

/// `praline`: a whole cluster in this process, its config read and checked.
pub(super) struct Cluster {
    flags: RunFlags,
    config: ClusterConfig,
    keep: Keep,
}

impl Cluster {
    pub(super) fn new(flags: RunFlags) -> Result<Self, CliError> {
        let overrides = overrides::of_run(&flags)?;
        let from_flag = if flags.state.ephemeral {
            Some(Keep::Memory)
        } else {
            flags.state.data_dir.clone().map(Keep::Folder)
        };
        let (config, keep) = if let Some(nodes) = flags.cluster.nodes {
            let keep = from_flag.unwrap_or(Keep::Temporary);
            let port = flags.port.port.unwrap_or(DEFAULT_PORT);
            (
                node::generated(&keep, usize::from(nodes), port, &overrides)?,
                keep,
            )
        } else {
            let config = load(flags.cluster.config.path.as_deref(), &overrides)?;
            let from_file = match config.storage.data_dir.clone() {
                None if config.storage.ephemeral => Some(Keep::Memory),
                folder => folder.map(Keep::Folder),
            };
            let keep = from_flag.or(from_file).unwrap_or(Keep::Temporary);
            (config, keep)
        };
        Ok(Self {
            flags,
            config,
            keep,
        })
    }

    pub(super) fn display(&self) -> DisplayConfig {
        self.flags.display.over(&self.config.display)
    }

    pub(super) fn run(self, printer: &Printer) -> Result<(), CliError> {
        let output = output(&self.display(), printer);
        for sentence in self.flags.foreign.warnings() {
            printer.warning(&sentence);
        }
        let Self {
            flags,
            config,
            keep,
        } = self;
        let files = config.files.clone();
        let threads = flags.process.threads.or(config.process.threads);
        let run = RunCluster {
            config,
            keep,
            config_out: flags.state.files.config_out.or(files.config_out.clone()),
            import_chain: flags
                .state
                .files
                .import_chain
                .or(files.import_chain.clone()),
            instance: std::env::var_os(INSTANCE_VARIABLE).map(PathBuf::from),
            account_keys: flags
                .accounts
                .account_keys_path
                .or(files.account_keys.clone()),
            output,
            dumps: flags.dump.over(&files),
            restore: flags.state.restore,
            // What runs in the background is meant to outlive who started it.
            exit_with_stdin: flags.embedding.exit_with_stdin && !instances::is_instance(),
        };
        block_on_threads(threads, node::run_cluster(run, printer))
    }
}

/// `praline node`: one member, its config read and checked.
pub(super) struct Member {
    flags: NodeFlags,
    config: ClusterConfig,
}

impl Member {
    pub(super) fn new(flags: NodeFlags) -> Result<Self, CliError> {
        let config = load(flags.config.path.as_deref(), &overrides::of_node(&flags)?)?;
        Ok(Self { flags, config })
    }

    pub(super) fn display(&self) -> DisplayConfig {
        self.flags.display.over(&self.config.display)
    }

    pub(super) fn run(self, printer: &Printer) -> Result<(), CliError> {
        let output = output(&self.display(), printer);
        let Self { flags, config } = self;
        let data_root = config.storage.data_dir.clone();
        let files = config.files.clone();
        let threads = config.process.threads;
        let run = RunMember {
            data_root: data_root.unwrap_or_else(|| beside(&config)),
            config,
            node: flags.node,
            config_out: flags.files.config_out.or(files.config_out.clone()),
            import_chain: flags.files.import_chain.or(files.import_chain.clone()),
            output,
            dumps: flags.dump.over(&files),
            exit_with_stdin: flags.embedding.exit_with_stdin,
        };
        block_on_threads(threads, node::run_member(run, printer))
    }
}

/// The config that is named, or the default file, or the same as compiled in.
pub(super) fn load(
    path: Option<&Path>,
    overrides: &Overrides,
) -> Result<ClusterConfig, ConfigError> {
    let default = Path::new(DEFAULT_CONFIG_PATH);
    match path {
        Some(path) => ClusterConfig::load(path, overrides),
        None if default.exists() => ClusterConfig::load(default, overrides),
        None => ClusterConfig::parse(BUILTIN_CONFIG, None, overrides),
    }
}

/// The default data folder of `praline node`.
pub(super) fn beside(config: &ClusterConfig) -> PathBuf {
    let folder = config
        .file
        .as_deref()
        .and_then(Path::parent)
        .unwrap_or(Path::new(""));
    folder.join(DEFAULT_DATA_DIR)
}

/// What is printed besides blocks and requests. As in forge, the third `-v` shows what fails, the fourth all.
fn output(display: &DisplayConfig, printer: &Printer) -> Output {
    let style = TreeStyle {
        colored: printer.style().is_colored(),
        storage: display.verbosity >= 5,
    };
    let is_wanted = display.print_traces || display.verbosity >= 3;
    Output {
        no_console: !display.console_log,
        trees: is_wanted.then_some(Trees {
            failed_only: !display.print_traces && display.verbosity == 3,
            style,
        }),
        opcodes: display.log_opcodes,
        bodies: display.log_bodies,
    }
}

/// Runs a future on a runtime of this process; what is still running afterwards is cut off.
pub(super) fn block_on<E>(future: impl Future<Output = Result<(), E>>) -> Result<(), CliError>
where
    CliError: From<E>,
{
    block_on_threads(None, future)
}

fn block_on_threads<E>(
    threads: Option<usize>,
    future: impl Future<Output = Result<(), E>>,
) -> Result<(), CliError>
where
    CliError: From<E>,
{
    // Each connection is a file; the usual limit of 1024 is less than the servers promise. A refusal changes nothing.
    let _ = rlimit::increase_nofile_limit(rlimit::INFINITY);
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let threads = match threads {
        // More threads than cores: a long EVM run on one must not keep the heartbeats of the others waiting.
        None => cores.max(2) * 2,
        Some(0) => cores,
        Some(threads) => threads.min(THREADS_MAX),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .thread_name("praline")
        .build()
        .map_err(CliError::Runtime)?;
    let result = runtime.block_on(future);
    runtime.shutdown_background();
    Ok(result?)
}
