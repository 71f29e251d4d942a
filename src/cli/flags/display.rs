//! What is printed. The node that a client asks prints the request and, for what was sent to it, `console.log` and
//! traces; the first node of a process prints blocks.

use super::values::ColorArg;
use crate::config::DisplayConfig;
use clap::{ArgAction, Args, builder::BoolishValueParser};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(next_help_heading = "Display")]
pub(in crate::cli) struct DisplayFlags {
    /// Print nothing
    #[arg(short, long, visible_alias = "silent", env = "PRALINE_QUIET",
          value_parser = BoolishValueParser::new())]
    pub(in crate::cli) quiet: bool,
    /// Say more: -v what nodes do, -vv how, -vvv traces of transactions that fail, -vvvv of all and of calls, -vvvvv
    /// with storage; RUST_LOG chooses exactly what nodes say
    #[arg(short = 'v', long = "verbosity", action = ArgAction::Count, env = "PRALINE_VERBOSITY")]
    pub(in crate::cli) verbosity: u8,
    /// Print one JSON object a line
    #[arg(long, env = "PRALINE_JSON", value_parser = BoolishValueParser::new())]
    pub(in crate::cli) json: bool,
    /// Colour [default: auto, which follows the terminal and NO_COLOR]
    #[arg(long, value_name = "WHEN", env = "PRALINE_COLOR")]
    pub(in crate::cli) color: Option<ColorArg>,
    /// Print traces of transactions and calls, as -vvvv does
    #[arg(long, visible_alias = "enable-trace-printing", env = "PRALINE_PRINT_TRACES",
          value_parser = BoolishValueParser::new())]
    pub(in crate::cli) print_traces: bool,
    /// Do not print what contracts say with console.log
    #[arg(long, visible_alias = "no-console-log", env = "PRALINE_DISABLE_CONSOLE_LOG",
          value_parser = BoolishValueParser::new())]
    pub(in crate::cli) disable_console_log: bool,
    /// Print parameters and results of requests, too
    #[arg(long, env = "PRALINE_LOG_BODIES", value_parser = BoolishValueParser::new())]
    pub(in crate::cli) log_bodies: bool,
    /// Print each instruction of transactions
    #[arg(long, env = "PRALINE_LOG_OPCODES", value_parser = BoolishValueParser::new())]
    pub(in crate::cli) log_opcodes: bool,
    /// Append all that is printed to a file, too, each line with its time; also with `--quiet`
    #[arg(long, value_name = "FILE", env = "PRALINE_LOG_FILE")]
    pub(in crate::cli) log_file: Option<PathBuf>,
}

impl DisplayFlags {
    /// What is printed, with what the config says where no flag does.
    pub(in crate::cli) fn over(&self, file: &DisplayConfig) -> DisplayConfig {
        DisplayConfig {
            quiet: self.quiet || file.quiet,
            json: self.json || file.json,
            verbosity: if self.verbosity == 0 {
                file.verbosity
            } else {
                self.verbosity
            },
            color: self.color.map(Into::into).or(file.color),
            print_traces: self.print_traces || file.print_traces,
            console_log: file.console_log && !self.disable_console_log,
            log_bodies: self.log_bodies || file.log_bodies,
            log_opcodes: self.log_opcodes || file.log_opcodes,
            log_file: self.log_file.clone().or_else(|| file.log_file.clone()),
        }
    }
}
