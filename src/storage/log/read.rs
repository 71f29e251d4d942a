//! The log of a stopped node, read from outside: for `praline replay` and `praline verify`.
//!
//! *Invariant.* Nothing in the folder is changed, not even what a crash left of a last write.

use super::{
    Sizes,
    error::LogError,
    folder::SystemFolder,
    index::Index,
    replay::{self, read_entry},
    segment::Access,
};
use crate::{consensus::Entry, types::LogIndex};
use std::{
    fs::{File, TryLockError},
    io,
    path::Path,
};

/// A log that nobody writes meanwhile. All its frames and entries have been checked.
#[derive(Debug)]
pub struct LogReader {
    index: Index,
    purged: Option<LogIndex>,
    committed: Option<LogIndex>,
    last: Option<LogIndex>,
    /// Held so that no node starts on it; `None`: nobody ever did.
    _lock: Option<File>,
}

impl LogReader {
    /// Reads and checks the log in `folder`.
    ///
    /// # Errors
    /// A node works on it, it is damaged, from a newer version, or cannot be read.
    pub fn open(folder: &Path) -> Result<Self, LogError> {
        let lock = match File::open(folder.join("lock")) {
            Ok(file) => match file.try_lock_shared() {
                Ok(()) => Some(file),
                Err(TryLockError::WouldBlock) => {
                    return Err(LogError::InUse {
                        path: folder.to_owned(),
                    });
                }
                Err(TryLockError::Error(error)) => return Err(LogError::io(folder, error)),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(LogError::io(folder, error)),
        };
        let replayed = replay::replay(
            &SystemFolder(folder.to_owned()),
            Sizes {
                window_bytes: 0,
                ..Sizes::default()
            },
            Access::Read,
        )?;
        let facts = replayed.end.facts;
        let index = |id: Option<crate::consensus::LogId>| id.map(|id| id.index);
        Ok(Self {
            index: replayed.index,
            purged: index(facts.purged),
            committed: index(facts.committed),
            last: index(replayed.last),
            _lock: lock,
        })
    }

    /// Everything up to this entry was thrown away behind a checkpoint; `None`: nothing was.
    pub fn purged(&self) -> Option<LogIndex> {
        self.purged
    }

    /// The last entry that the log itself knows to be committed.
    pub fn committed(&self) -> Option<LogIndex> {
        self.committed
    }

    /// The last entry.
    pub fn last(&self) -> Option<LogIndex> {
        self.last
    }

    /// An entry; `None` where there is none.
    pub fn entry(&self, index: LogIndex) -> Result<Option<Entry>, LogError> {
        let located = self.index.locate(index, index + 1).pop();
        let Some((index, segment, location)) = located else {
            return Ok(None);
        };
        read_entry(index, &segment, location).map(Some)
    }
}
