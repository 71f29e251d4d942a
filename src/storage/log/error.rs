//! What can be wrong with the log's files, in sentences for their owner.

use std::{
    io,
    path::{Path, PathBuf},
};

/// The log cannot be used (any more).
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Another process has it.
    #[error(
        "the log {} is in use by another process: stop that process, or give this node a data folder of its own",
        path.display()
    )]
    InUse {
        /// The file or folder.
        path: PathBuf,
    },
    /// It does not hold what was written.
    #[error(
        "the log {} is damaged ({reason}): remove this node's data folder and start the node again, its peers give \
         it everything back",
        path.display()
    )]
    Damaged {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// An older, unreleased version of the program wrote it.
    #[error(
        "the log {} is in a format of an earlier version, which is not read any more: remove this node's data folder and \
         start the node again, its peers give it everything back",
        path.display()
    )]
    Older {
        /// The file or folder.
        path: PathBuf,
    },
    /// A newer version of the program wrote it.
    #[error(
        "the log {} has format {found}, and this version reads up to {known}: start the version that wrote it",
        path.display()
    )]
    Newer {
        /// The file or folder.
        path: PathBuf,
        /// Its format.
        found: u8,
        /// The newest format known here.
        known: u8,
    },
    /// The disk is full.
    #[error(
        "there is no space left for the log {}: free some on that disk and start the node again",
        path.display()
    )]
    Full {
        /// The file or folder.
        path: PathBuf,
    },
    /// The system refused to read or write it.
    #[error(
        "the log {} cannot be read or written ({source}): check the disk and the rights on that folder",
        path.display()
    )]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl LogError {
    pub(super) fn damaged(path: &Path, reason: impl Into<String>) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            reason: reason.into(),
        }
    }

    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path },
            io::ErrorKind::UnexpectedEof => Self::Damaged {
                path,
                reason: source.to_string(),
            },
            _ => Self::Io { path, source },
        }
    }
}
