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
    config::ConfigError,
    node::NodeError,
    telemetry::{Format, Printer, Style, start_tracing},
};
use clap::{CommandFactory as _, FromArgMatches as _};
use flags::{Cli, Command, DisplayFlags, InstancesAction};
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
    let display = match &cli.command {
        None => &cli.run.display,
        Some(Command::Node(node)) => &node.display,
        Some(Command::Keys(keys)) => &keys.display,
        Some(Command::Status(status)) => &status.display,
        Some(Command::Member(member)) => member.display(),
        Some(Command::Import(import)) => &import.display,
        Some(Command::Export(export)) => &export.transfer.display,
        Some(Command::Sim(sim)) => &sim.display,
        Some(Command::Verify(verify)) => &verify.display,
        Some(Command::Backup(backup)) => &backup.display,
        Some(Command::Replay(replay)) => &replay.display,
        Some(Command::Restore(restore)) => &restore.display,
        Some(Command::Instances(InstancesAction::List(list))) => &list.display,
        Some(Command::Instances(InstancesAction::Stop(stop))) => &stop.display,
    };
    let printer = match start_output(display) {
        Ok(printer) => printer,
        Err(error) => {
            let printer = Printer::start(Format::Text, Style::default());
            printer.error(&error.to_string());
            printer.flush(FLUSH_LIMIT);
            return ExitCode::FAILURE;
        }
    };
    let result = run(cli, &printer);
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

fn start_output(display: &DisplayFlags) -> Result<Printer, CliError> {
    let format = match (display.quiet, display.json) {
        (true, _) => Format::Quiet,
        (false, true) => Format::Json,
        (false, false) => Format::Text,
    };
    let style = Style::for_stdout(display.color.into());
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

fn run(cli: Cli, printer: &Printer) -> Result<(), CliError> {
    match cli.command {
        None => start::cluster(*cli.run, printer),
        Some(Command::Node(node)) => start::member(*node, printer),
        Some(Command::Keys(keys)) => keys::run(&keys, printer),
        Some(Command::Status(status)) => status::run(&status, printer),
        Some(Command::Member(member)) => member::run(member, printer),
        Some(Command::Import(import)) => transfer::import(&import, printer),
        Some(Command::Export(export)) => transfer::export(&export, printer),
        Some(Command::Verify(verify)) => verify::run(&verify, printer),
        Some(Command::Replay(replay)) => replay::run(&replay, printer),
        Some(Command::Backup(backup)) => backup::backup(&backup, printer),
        Some(Command::Restore(restore)) => backup::restore(*restore, printer),
        Some(Command::Instances(instances)) => instances::run(&instances, printer),
        Some(Command::Sim(flags)) => sim::simulate(&flags, printer),
    }
}
