//! The command line: from words to a checked config and a call into `node`.
//!
//! Exit codes: 0 for a stop that was asked for (SIGINT, SIGTERM), 1 for what went wrong (`Error: …` on stderr, one
//! sentence), 2 for a wrong flag (clap's message on stderr).
//!
//! *Invariants.* Flags carry anvil's names where anvil has the thing, each has a `PRALINE_…` variable, and each has an
//! effect: what is not built is refused, not accepted in silence.

mod flags;
mod http;
mod keys;
mod overrides;
mod refused;
mod sim;
mod start;
mod status;
mod transfer;

#[cfg(test)]
mod tests;

use crate::{
    config::ConfigError,
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
    #[error("the runtime cannot start: {0}")]
    Runtime(io::Error),
    #[error("cannot write `{}`: {source}; choose a path where no file is yet", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("`--mnemonic-random {0}`: a phrase has 12, 15, 18, 21 or 24 words")]
    MnemonicWords(usize),
    #[error("{failed} of {tried} simulated clusters did what must not be; see above")]
    Simulation { failed: u32, tried: u32 },
    #[error("`{flag}`: {reason}")]
    Flag { flag: &'static str, reason: String },
}

/// The whole program.
pub fn main() -> ExitCode {
    let matches = flags::command().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    if let Some(sentence) = refused::sentence(&cli.run.refused) {
        Cli::command()
            .error(clap::error::ErrorKind::UnknownArgument, sentence)
            .exit();
    }
    let display = match &cli.command {
        None => &cli.run.display,
        Some(Command::Node(node)) => &node.display,
        Some(Command::Keys(keys)) => &keys.display,
        Some(Command::Status(status)) => &status.display,
        Some(Command::Import(import)) => &import.display,
        Some(Command::Export(export)) => &export.transfer.display,
        Some(Command::Sim(sim)) => &sim.display,
    };
    let printer = start_output(display);
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

fn start_output(display: &DisplayFlags) -> Printer {
    let format = match (display.quiet, display.json) {
        (true, _) => Format::Quiet,
        (false, true) => Format::Json,
        (false, false) => Format::Text,
    };
    let printer = Printer::start(format, Style::for_stdout(display.color.into()));
    start_tracing(&printer, display.verbosity);
    printer
}

fn run(cli: Cli, printer: &Printer) -> Result<(), CliError> {
    match cli.command {
        None => start::cluster(*cli.run, printer),
        Some(Command::Node(node)) => start::member(*node, printer),
        Some(Command::Keys(keys)) => keys::run(&keys, printer),
        Some(Command::Status(status)) => status::run(&status, printer),
        Some(Command::Import(import)) => transfer::import(&import, printer),
        Some(Command::Export(export)) => transfer::export(&export, printer),
        Some(Command::Sim(flags)) => sim::simulate(&flags, printer),
    }
}
