//! The command line: from words to a checked config and a call into `node`.
//!
//! Exit codes: 0 for a stop that was asked for (SIGINT, SIGTERM), 1 for what went wrong (`Error: …` on stderr, one
//! sentence), 2 for a wrong flag (clap's message on stderr).
//!
//! ```text
//! ganache   ganache's spellings → ours        flags/     what there is, by group
//! foreign   what has no meaning here          overrides  from flags to what they change in a config
//! start     praline, praline node             keys, status, transfer, instances   the other commands
//! ```
//!
//! *Invariants.* Flags carry anvil's names where anvil has the thing, each has a `PRALINE_…` variable, and each has an
//! effect: what has none is refused or taken with a warning, never in silence.

mod backup;
mod flags;
mod foreign;
mod ganache;
mod http;
mod instances;
mod keys;
mod member;
mod overrides;
mod replay;
mod sim;
mod start;
mod status;
mod transfer;
mod verify;

#[cfg(test)]
mod tests;

use crate::{
    config::{ConfigError, DisplayConfig},
    node::NodeError,
    telemetry::{Format, Printer, Style, start_tracing},
};
use clap::{CommandFactory as _, FromArgMatches as _};
use flags::{Cli, Command, DisplayFlags};
use std::{io, path::PathBuf, process::ExitCode, time::Duration};

/// How long the last lines may take to get out.
const FLUSH_LIMIT: Duration = Duration::from_millis(200);

/// A command that failed, as one sentence.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error(transparent)]
    Node(#[from] NodeError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Transfer(#[from] transfer::TransferError),
    #[error(transparent)]
    Status(#[from] status::StatusError),
    #[error(transparent)]
    Instance(#[from] instances::InstanceError),
    #[error(transparent)]
    Backup(#[from] backup::TransferError),
    #[error(transparent)]
    Restore(#[from] crate::node::restore::RestoreError),
    #[error(transparent)]
    Replay(#[from] crate::node::replay::ReplayError),
    #[error(transparent)]
    Verify(#[from] verify::VerifyError),
    #[error(transparent)]
    Member(#[from] member::MemberError),
    #[error("the runtime cannot start: {0}")]
    Runtime(io::Error),
    #[error("cannot write `{}`: {source}; choose a path where no file is yet", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("`--log-file`: cannot append to `{}`: {source}; choose another file", path.display())]
    LogFile { path: PathBuf, source: io::Error },
    #[error("`--mnemonic-random {0}`: a phrase has 12, 15, 18, 21 or 24 words")]
    MnemonicWords(usize),
    #[error("{failed} of {tried} simulated clusters did what must not be; see above")]
    Simulation { failed: u32, tried: u32 },
    #[error("`{flag}`: {reason}")]
    Flag { flag: &'static str, reason: String },
}

/// The whole program.
pub fn main() -> ExitCode {
    let mut words = std::env::args_os();
    let program = words.next();
    let words = program.into_iter().chain(ganache::translate(words));
    let matches = flags::command().get_matches_from(words);
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    if let Some(sentence) = cli.run.foreign.refusal() {
        Cli::command()
            .error(clap::error::ErrorKind::UnknownArgument, sentence)
            .exit();
    }
    let (display, task) = plan(cli);
    let printer = match start_output(&display) {
        Ok(printer) => printer,
        Err(error) => {
            let printer = Printer::start(Format::Text, Style::default());
            printer.error(&error.to_string());
            printer.flush(FLUSH_LIMIT);
            return ExitCode::FAILURE;
        }
    };
    let result = task.and_then(|task| run(task, &printer));
    if let Err(error) = &result {
        printer.error(&error.to_string());
    }
    printer.flush(FLUSH_LIMIT);
    if result.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// What is to be done, with the config of what runs nodes: it says, too, what is printed.
enum Task {
    Cluster(Box<start::Cluster>),
    Member(Box<start::Member>),
    Detach,
    Tool(Command),
}

/// Reads the config, where there is one, before anything is printed.
fn plan(cli: Cli) -> (DisplayConfig, Result<Task, CliError>) {
    let flags = |flags: &DisplayFlags| flags.over(&DisplayConfig::default());
    match cli.command {
        None if cli.run.process.detach && !instances::is_instance() => {
            (flags(&cli.run.display), Ok(Task::Detach))
        }
        None => {
            let display = flags(&cli.run.display);
            match start::Cluster::new(*cli.run) {
                Ok(cluster) => (cluster.display(), Ok(Task::Cluster(Box::new(cluster)))),
                Err(error) => (display, Err(error)),
            }
        }
        Some(Command::Node(node)) => {
            let display = flags(&node.display);
            match start::Member::new(*node) {
                Ok(member) => (member.display(), Ok(Task::Member(Box::new(member)))),
                Err(error) => (display, Err(error)),
            }
        }
        Some(tool) => (flags(tool.display()), Ok(Task::Tool(tool))),
    }
}

fn start_output(display: &DisplayConfig) -> Result<Printer, CliError> {
    let format = match (display.quiet, display.json) {
        (true, _) => Format::Quiet,
        (false, true) => Format::Json,
        (false, false) => Format::Text,
    };
    let style = Style::for_stdout(display.color.unwrap_or_default());
    let printer = match &display.log_file {
        None => Printer::start(format, style),
        Some(path) => {
            Printer::start_with_file(format, style, path).map_err(|source| CliError::LogFile {
                path: path.clone(),
                source,
            })?
        }
    };
    start_tracing(&printer, display.verbosity);
    Ok(printer)
}

fn run(task: Task, printer: &Printer) -> Result<(), CliError> {
    let tool = match task {
        Task::Cluster(cluster) => return cluster.run(printer),
        Task::Member(member) => return member.run(printer),
        Task::Detach => return instances::detach(printer),
        Task::Tool(tool) => tool,
    };
    match tool {
        Command::Node(node) => start::Member::new(*node)?.run(printer),
        Command::Keys(keys) => keys::run(&keys, printer),
        Command::Status(status) => status::run(&status, printer),
        Command::Member(member) => member::run(member, printer),
        Command::Import(import) => transfer::import(&import, printer),
        Command::Export(export) => transfer::export(&export, printer),
        Command::Verify(verify) => verify::run(&verify, printer),
        Command::Replay(replay) => replay::run(&replay, printer),
        Command::Backup(backup) => backup::backup(&backup, printer),
        Command::Restore(restore) => backup::restore(*restore, printer),
        Command::Instances(instances) => instances::run(&instances, printer),
        Command::Sim(flags) => sim::simulate(&flags, printer),
    }
}
