//! The redb file behind the log: opening, checking, reading.
//!
//! *Invariant.* Entries after the purged one follow each other without a hole, from the first one on.

use super::{
    codec::{self, CodecError, FORMAT},
    error::LogError,
};
use crate::consensus::{Entry, EntryWindow, LogId, Vote};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use serde::de::DeserializeOwned;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

pub(super) const ENTRIES: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("entries");
pub(super) const META: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("meta");
pub(super) const VOTE: &str = "vote";
pub(super) const COMMITTED: &str = "committed";
pub(super) const PURGED: &str = "purged";
const FORMAT_KEY: &str = "format";
/// Pages that redb keeps in memory, bytes; the entries that matter are in the window.
const PAGE_CACHE_BYTES: usize = 4 << 20;

/// The file.
#[derive(Debug)]
pub(super) struct LogFile {
    pub(super) database: Database,
    pub(super) path: PathBuf,
}

/// What a file held when it was opened.
#[derive(Debug, Default)]
pub(super) struct Stored {
    pub(super) last: Option<LogId>,
    pub(super) purged: Option<LogId>,
    pub(super) vote: Option<Vote>,
    pub(super) committed: Option<LogId>,
}

impl LogFile {
    /// Opens or makes the file.
    pub(super) fn open(path: &Path) -> Result<Self, LogError> {
        // redb checks most of what it reads, but a damaged file may still trip one of its assertions.
        catch_unwind(AssertUnwindSafe(|| Self::open_unguarded(path)))
            .unwrap_or_else(|_| Err(LogError::damaged(path, "its pages contradict each other")))
    }

    fn open_unguarded(path: &Path) -> Result<Self, LogError> {
        let database = Database::builder()
            .set_cache_size(PAGE_CACHE_BYTES)
            .create(path)
            .map_err(|error| LogError::redb(path, error))?;
        let file = Self {
            database,
            path: path.to_owned(),
        };
        file.check_format()?;
        Ok(file)
    }

    /// Makes the tables of a new file, or checks that this version can read an old one.
    fn check_format(&self) -> Result<(), LogError> {
        let transaction = self
            .database
            .begin_write()
            .map_err(|error| LogError::redb(&self.path, error))?;
        {
            let mut meta = transaction
                .open_table(META)
                .map_err(|error| LogError::redb(&self.path, error))?;
            transaction
                .open_table(ENTRIES)
                .map_err(|error| LogError::redb(&self.path, error))?;
            let found = meta
                .get(FORMAT_KEY)
                .map_err(|error| LogError::redb(&self.path, error))?
                .map(|value| value.value().first().copied().unwrap_or_default());
            match found {
                Some(FORMAT) => return Ok(()),
                Some(found) => {
                    return Err(LogError::Newer {
                        path: self.path.clone(),
                        found,
                        known: FORMAT,
                    });
                }
                None => meta
                    .insert(FORMAT_KEY, [FORMAT].as_slice())
                    .map_err(|error| LogError::redb(&self.path, error))?,
            };
        }
        transaction
            .commit()
            .map_err(|error| LogError::redb(&self.path, error))
    }

    /// Reads and checks everything; the newest entries go to `window`.
    pub(super) fn load(&self, window: &mut EntryWindow) -> Result<Stored, LogError> {
        catch_unwind(AssertUnwindSafe(|| self.load_unguarded(window))).unwrap_or_else(|_| {
            Err(LogError::damaged(
                &self.path,
                "its pages contradict each other",
            ))
        })
    }

    fn load_unguarded(&self, window: &mut EntryWindow) -> Result<Stored, LogError> {
        let fail = |error: redb::Error| LogError::redb(&self.path, error);
        let transaction = self.database.begin_read().map_err(|it| fail(it.into()))?;
        let meta = transaction.open_table(META).map_err(|it| fail(it.into()))?;
        let mut stored = Stored {
            last: None,
            purged: self.meta(&meta, PURGED)?,
            vote: self.meta(&meta, VOTE)?,
            committed: self.meta(&meta, COMMITTED)?,
        };
        let entries = transaction
            .open_table(ENTRIES)
            .map_err(|it| fail(it.into()))?;
        let mut due = stored.purged.map_or(0, |purged| purged.index + 1);
        for item in entries.range(due..).map_err(|it| fail(it.into()))? {
            let (key, value) = item.map_err(|it| fail(it.into()))?;
            let entry = self.entry(key.value(), value.value())?;
            if entry.log_id.index != due {
                let found = entry.log_id.index;
                let reason = format!("entry {due} is missing, entry {found} follows");
                return Err(LogError::damaged(&self.path, reason));
            }
            due += 1;
            stored.last = Some(entry.log_id);
            window.push(entry);
            window.set_durable(due);
        }
        Ok(stored)
    }

    fn meta<T: DeserializeOwned>(
        &self,
        table: &impl ReadableTable<&'static str, &'static [u8]>,
        key: &'static str,
    ) -> Result<Option<T>, LogError> {
        let value = table
            .get(key)
            .map_err(|error| LogError::redb(&self.path, error))?;
        value
            .map(|value| codec::open(key.as_bytes(), value.value()))
            .transpose()
            .map_err(|error| self.unreadable(key, error))
    }

    fn entry(&self, index: u64, sealed: &[u8]) -> Result<Entry, LogError> {
        let entry: Entry = codec::open(&index.to_le_bytes(), sealed)
            .map_err(|error| self.unreadable(&format!("entry {index}"), error))?;
        if entry.log_id.index != index {
            let reason = format!("entry {} stands at {index}", entry.log_id.index);
            return Err(LogError::damaged(&self.path, reason));
        }
        Ok(entry)
    }

    fn unreadable(&self, what: &str, error: CodecError) -> LogError {
        match error {
            CodecError::Format(found) if found > FORMAT => LogError::Newer {
                path: self.path.clone(),
                found,
                known: FORMAT,
            },
            error => LogError::damaged(&self.path, format!("{what}: {error}")),
        }
    }

    /// Reads entries of `start..end`, up to about `limit_bytes` of them but at least one; whether it was all.
    pub(super) fn read(
        &self,
        start: u64,
        end: u64,
        limit_bytes: usize,
        into: &mut Vec<Entry>,
    ) -> Result<bool, LogError> {
        let fail = |error: redb::Error| LogError::redb(&self.path, error);
        let transaction = self.database.begin_read().map_err(|it| fail(it.into()))?;
        let table = transaction
            .open_table(ENTRIES)
            .map_err(|it| fail(it.into()))?;
        let mut bytes = 0usize;
        for item in table.range(start..end).map_err(|it| fail(it.into()))? {
            let (key, value) = item.map_err(|it| fail(it.into()))?;
            bytes = bytes.saturating_add(value.value().len());
            if bytes > limit_bytes && !into.is_empty() {
                return Ok(false);
            }
            into.push(self.entry(key.value(), value.value())?);
        }
        Ok(true)
    }
}
