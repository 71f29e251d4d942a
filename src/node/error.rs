//! What keeps a node from running, as one sentence.

use crate::config::ConfigError;
use std::{io, net::SocketAddr, path::PathBuf};

/// A node that cannot run, or cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The config.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A dump of the chain.
    #[error(transparent)]
    DumpFile(Box<super::dump_file::DumpFileError>),
    /// The blocks to start with.
    #[error(transparent)]
    ChainFile(#[from] Box<super::chain_file::ChainFileError>),
    /// A socket cannot be opened; begins with the system's own words, which harnesses look for.
    #[error("{source}: {member} cannot listen for {purpose} on {address}; {advice}")]
    Listen {
        /// The member.
        member: String,
        /// "clients" or "peers".
        purpose: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
        /// What to do.
        advice: &'static str,
    },
    /// Every member of the config runs already or its ports are taken.
    #[error(
        "no member of {config} is free to start here: {taken}; stop one, or name one with `--node`"
    )]
    NoFreeSlot {
        /// The config's name.
        config: String,
        /// Each member with the reason.
        taken: String,
    },
    /// Which member this machine is cannot be guessed.
    #[error(
        "the members of {config} are on several machines; say with `--node NAME` which one this is ({names})"
    )]
    SlotUnknown {
        /// The config's name.
        config: String,
        /// The members.
        names: String,
    },
    /// One process cannot be several machines.
    #[error(
        "the members of {config} are on several machines; start each there with `praline node --node NAME`"
    )]
    NotOneMachine {
        /// The config's name.
        config: String,
    },
    /// A name that no member has.
    #[error("{config} has no member `{name}`; its members are {names}")]
    UnknownMember {
        /// The config's name.
        config: String,
        /// The name.
        name: String,
        /// The members.
        names: String,
    },
    /// Another process works on this folder.
    #[error(
        "the data folder `{}` is in use by another praline; stop that one or choose another folder with `--data-dir`",
        .0.display()
    )]
    DataInUse(PathBuf),
    /// The folder was filled by a cluster with other rules, members or keys.
    #[error(
        "the data in `{}` belongs to another cluster (its id is {found}, that of {config} is {expected}); use the config \
         it was made with, another `--data-dir`, or remove the folder",
        path.display()
    )]
    OtherCluster {
        /// The folder.
        path: PathBuf,
        /// The config's name.
        config: String,
        /// The id that the config gives, shortened.
        expected: String,
        /// The id that the folder names, shortened.
        found: String,
    },
    /// A folder made by a newer or damaged program.
    #[error("the file `{}` cannot be understood: {reason}; it may be from another version, use another `--data-dir`", path.display())]
    Identity {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A file or folder.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// "create", "write", …
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The system gives no random bytes.
    #[error("the system gives no random bytes: {0}")]
    Randomness(getrandom::Error),
    /// Signals cannot be caught.
    #[error("signals cannot be caught: {0}")]
    Signals(io::Error),
    /// A member could not be brought up.
    #[error("{member} cannot start: {source}")]
    Start {
        /// The member.
        member: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A member stopped by itself.
    #[error("{member} has stopped: {reason}")]
    Stopped {
        /// The member.
        member: String,
        /// Why.
        reason: String,
    },
}

impl NodeError {
    pub(super) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}
