//! What a person or a harness sees: banner, `Listening on`, request lines, logs.
//!
//! Harnesses parse this (alloy's node bindings read keys and the chain id from the banner, prool waits for
//! `Listening on` and takes any line on stderr without the word "Warning" for a failed start), so the words follow
//! anvil's.
//!
//! *Invariants.* Everything goes through one [`Printer`], which never blocks a node and never fails it: a reader that
//! is gone or slow loses lines. Before the sockets are open, stderr carries warnings alone. `--quiet` prints nothing.

mod banner;
mod config_out;
mod events;
mod log;
mod printer;
mod progress;
mod style;
mod time;

#[cfg(test)]
mod tests;

pub use banner::{Banner, DataPlace, NodeRow};
pub use config_out::{account_keys, config_out};
pub use events::{FailureReasons, narrate};
pub use log::start_tracing;
pub use printer::{Format, Printer, Target};
pub use progress::Progress;
pub use style::{ColorChoice, Style};
