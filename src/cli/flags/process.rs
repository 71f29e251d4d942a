//! The process itself.

use clap::{Args, builder::BoolishValueParser};

#[derive(Debug, Args)]
#[command(next_help_heading = "Process")]
pub(in crate::cli) struct ProcessFlags {
    /// Run in the background, print the name of the instance and return once it is ready
    #[arg(short = 'D', long, env = "PRALINE_DETACH", value_parser = BoolishValueParser::new())]
    pub(in crate::cli) detach: bool,
    /// Threads that serve requests [default: two a core]; 0: one a core
    #[arg(
        short = 'j',
        long,
        visible_alias = "jobs",
        value_name = "NUM",
        env = "PRALINE_THREADS"
    )]
    pub(in crate::cli) threads: Option<usize>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Process")]
pub(in crate::cli) struct EmbeddingFlags {
    /// Stop when standard input ends: for programs that start nodes and must leave none behind
    #[arg(long, env = "PRALINE_EXIT_WITH_STDIN", value_parser = BoolishValueParser::new())]
    pub(in crate::cli) exit_with_stdin: bool,
}
