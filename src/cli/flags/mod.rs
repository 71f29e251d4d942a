//! All flags, in the groups of the help. The comments of fields are printed as they are, so they carry no Markdown; the
//! first line of a field's comment is its help. `--help` is tested as a whole in `../tests.rs`.
//!
//! A flag has anvil's name where anvil has it, else a name of its own; ganache's spellings are in `../ganache.rs`, and
//! what has no meaning here in `../foreign.rs`.

#![allow(clippy::doc_markdown, rustdoc::bare_urls)] // comments of fields are printed, not rendered
#![allow(clippy::struct_excessive_bools)] // flags are

mod accounts;
mod chain;
mod cluster;
mod display;
mod dump;
mod mining;
mod node;
mod process;
mod proof;
mod server;
mod state;
mod tools;
mod values;

use super::foreign::ForeignFlags;
use clap::{Args, CommandFactory as _, Parser, Subcommand, builder::Styles};

pub(super) use accounts::AccountFlags;
pub(super) use chain::ChainFlags;
pub(super) use cluster::{ClusterFlags, ConsensusFlags};
pub(super) use display::DisplayFlags;
pub(super) use dump::DumpFlags;
pub(super) use mining::MiningFlags;
pub(super) use node::NodeFlags;
pub(super) use process::{EmbeddingFlags, ProcessFlags};
pub(super) use proof::{BackupFlags, ReplayFlags, RestoreFlags, VerifyFlags};
pub(super) use server::{PortFlags, ServerFlags};
pub(super) use state::StateFlags;
pub(super) use tools::{
    ExportFlags, InstancesAction, KeysFlags, SimFlags, StatusFlags, TransferFlags,
};
pub(super) use values::{
    ColorArg, ErrorsChoice, InstamineChoice, NumberOrWord, OrderChoice, ReadsChoice,
};
#[cfg(test)]
pub(super) use values::{SecondsMs, timestamp};

const EXAMPLES: &str = "\
Examples:
  praline                                       three nodes at 8545, 8546, 8547
  praline --data-dir mychain                    the same, and the chain survives restarts
  praline --nodes 1 --port 9545                 a plain dev chain on one port
  praline --nodes 5 --ephemeral -b 2            five nodes in memory, a block every two seconds
  praline node                                  one node of three; run it in three terminals
  praline node --config lab.toml --node node2   a certain node, for example on a machine of its own
  praline status                                who leads, who lags, who is down
  praline keys --count 3                        identities for a config of your own
  praline --nodes 1 --detach                    in the background; praline instances stop NAME ends it
  cast block-number -r http://127.0.0.1:8546    any client, any port

Every flag can be set by an environment variable, `--chain-id` by PRALINE_CHAIN_ID; a flag beats
the variable, which beats the config. All keys of a config are explained in chain-config/cluster.toml.";

/// A replicated Ethereum dev chain: what anvil and ganache do in one process, done by a cluster that is one chain at
/// every port
#[derive(Debug, Parser)]
#[command(
    name = "praline",
    version,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    after_help = EXAMPLES,
    styles = Styles::plain(),
    max_term_width = 100
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) run: Box<RunFlags>,
}

/// The parser, with the names of environment variables left to one sentence at the end of the help.
pub(super) fn command() -> clap::Command {
    fn hide_env(command: clap::Command) -> clap::Command {
        command
            .mut_args(|arg| arg.hide_env(true))
            .mut_subcommands(hide_env)
    }
    hide_env(Cli::command())
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run one node of a cluster as a process of its own, always on disk
    Node(Box<NodeFlags>),
    /// Make ed25519 key pairs, the identities of nodes
    Keys(KeysFlags),
    /// Show how the nodes of a cluster are doing
    Status(StatusFlags),
    /// Bring blocks from a file into a running chain
    Import(TransferFlags),
    /// Write the blocks of a running chain to a file, as geth's `export` does
    Export(ExportFlags),
    /// Check a certificate, a backup or the data folder of a stopped node, offline
    Verify(VerifyFlags),
    /// Save the whole chain of a running cluster to one file
    Backup(BackupFlags),
    /// Rebuild the chain of a stopped node from its log, or of a backup, and print its blocks
    Replay(ReplayFlags),
    /// Make the data folders of a cluster from a backup
    Restore(Box<RestoreFlags>),
    /// Add, promote, remove and list the members of a running cluster
    Member(super::member::MemberFlags),
    /// Try whole clusters in virtual time, with faults drawn from a seed
    Sim(SimFlags),
    /// Look after what runs in the background (`praline --detach`)
    #[command(subcommand)]
    Instances(InstancesAction),
}

#[derive(Debug, Args)]
pub(super) struct RunFlags {
    #[command(flatten)]
    pub(super) cluster: ClusterFlags,
    #[command(flatten)]
    pub(super) chain: ChainFlags,
    #[command(flatten)]
    pub(super) accounts: AccountFlags,
    #[command(flatten)]
    pub(super) mining: MiningFlags,
    #[command(flatten)]
    pub(super) port: PortFlags,
    #[command(flatten)]
    pub(super) server: ServerFlags,
    #[command(flatten)]
    pub(super) state: StateFlags,
    #[command(flatten)]
    pub(super) dump: DumpFlags,
    #[command(flatten)]
    pub(super) display: DisplayFlags,
    #[command(flatten)]
    pub(super) process: ProcessFlags,
    #[command(flatten)]
    pub(super) embedding: EmbeddingFlags,
    #[command(flatten)]
    pub(super) foreign: ForeignFlags,
}

impl Command {
    /// What it prints.
    pub(super) fn display(&self) -> &DisplayFlags {
        match self {
            Self::Node(node) => &node.display,
            Self::Keys(keys) => &keys.display,
            Self::Status(status) => &status.display,
            Self::Member(member) => member.display(),
            Self::Import(import) => &import.display,
            Self::Export(export) => &export.transfer.display,
            Self::Sim(sim) => &sim.display,
            Self::Verify(verify) => &verify.display,
            Self::Backup(backup) => &backup.display,
            Self::Replay(replay) => &replay.display,
            Self::Restore(restore) => &restore.display,
            Self::Instances(InstancesAction::List(list)) => &list.display,
            Self::Instances(InstancesAction::Stop(stop)) => &stop.display,
        }
    }
}
