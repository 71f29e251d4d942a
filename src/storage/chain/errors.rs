//! What redb's errors mean for whoever runs the node: one sentence that names the file and says what to do.

use crate::chain::archive::StoreError;
use redb::{CommitError, Error, StorageError, TableError, TransactionError};
use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

/// The store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process holds it.
    #[error("{} is in use by another process: stop that node, or give this one another data directory", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// Not one of our files.
    #[error("{} is not the store of a Praline chain: move it away, or give another data directory", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Written by another version of the program.
    #[error("{} has format {found}, but this version of Praline reads format {known}: use the version that wrote it, or another data directory", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What it has.
        found: u32,
        /// What can be read.
        known: u32,
    },
    /// The content does not hold together.
    #[error("{} is damaged ({problem}): restore the data directory from a backup, or remove it and add the node to the cluster as a new member", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        problem: String,
    },
    /// The operating system refused.
    #[error("{} cannot be opened ({error}): check that the data directory exists, that it may be written to and that its disk has room", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// Why an operation failed.
pub(super) enum Failure {
    /// redb says so.
    Redb(Error),
    /// Came in with the entries of a copy.
    Store(StoreError),
    /// redb panics on some pages that it did not write itself.
    Panic,
    /// The file is not ours.
    Foreign,
    /// The file has this format.
    Format(u32),
}

macro_rules! failure_from {
    ($($error:ty),*) => { $(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::Redb(error.into())
            }
        }
    )* };
}
failure_from!(
    Error,
    CommitError,
    StorageError,
    TableError,
    TransactionError
);

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Runs an operation of redb, which trusts what is on disk and may panic where that is damaged.
pub(super) fn guarded<T>(operation: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(operation)).unwrap_or(Err(Failure::Panic))
}

/// Whether redb wants the file to be opened again.
pub(super) fn is_io(error: &Error) -> bool {
    matches!(error, Error::Io(_) | Error::PreviousIo)
}

pub(super) fn open_error(path: &Path, failure: Failure) -> OpenError {
    let path = path.to_owned();
    match failure {
        Failure::Foreign => OpenError::Foreign { path },
        Failure::Format(found) => OpenError::Format {
            path,
            found,
            known: super::FORMAT,
        },
        Failure::Panic => OpenError::Damaged {
            path,
            problem: UNREADABLE.to_owned(),
        },
        Failure::Store(error) => OpenError::Damaged {
            path,
            problem: error.to_string(),
        },
        Failure::Redb(error) => match error {
            Error::DatabaseAlreadyOpen | Error::LockProtocolMismatch => OpenError::InUse { path },
            Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
                OpenError::Foreign { path }
            }
            Error::Io(error) => OpenError::Io { path, error },
            Error::UpgradeRequired(_) | Error::TableTypeMismatch { .. } => {
                OpenError::Foreign { path }
            }
            other => OpenError::Damaged {
                path,
                problem: other.to_string(),
            },
        },
    }
}

pub(super) fn store_error(path: &Path, failure: Failure) -> StoreError {
    let path = path.display();
    let damaged = |problem: &str| {
        StoreError::Backend(format!(
            "{path} is damaged ({problem}): restore the data directory from a backup, or remove it and add the node \
             to the cluster as a new member"
        ))
    };
    match failure {
        Failure::Store(error) => error,
        Failure::Panic => damaged(UNREADABLE),
        Failure::Redb(Error::Io(error)) if error.kind() == io::ErrorKind::StorageFull => {
            StoreError::Backend(format!("the disk of {path} is full: free some room on it"))
        }
        Failure::Redb(Error::Io(error)) => StoreError::Backend(format!(
            "{path} cannot be read or written ({error}): check its disk"
        )),
        Failure::Redb(error @ Error::Corrupted(_)) => damaged(&error.to_string()),
        Failure::Redb(error) => StoreError::Backend(format!(
            "{path} could not be used ({error}): start the node again"
        )),
        Failure::Foreign | Failure::Format(_) => damaged("another program wrote to it"),
    }
}

const UNREADABLE: &str = "a page cannot be read";
