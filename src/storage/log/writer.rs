//! The one thread that writes the log.
//!
//! *Invariants.* Operations take effect in the order of the queue; those that wait together share a transaction, and
//! with it an fsync. Who asked is told after the transaction is durable, and never if it is not. After an error every
//! later operation gets that error.

use super::{
    State, codec,
    error::LogError,
    file::{COMMITTED, ENTRIES, LogFile, META, PURGED, VOTE},
    lock,
};
use crate::consensus::{Entry, LogId, TypeConfig, Vote};
use futures::channel::oneshot;
use openraft::{AsyncRuntime, storage::IOFlushed};
use redb::{Durability, Table};
use serde::Serialize;
use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, TryRecvError},
    },
};

/// Operations in one transaction at the most.
const BATCH_LIMIT: usize = 1_024;
/// Entries taken out of the file in one transaction: purging must not hold appends up.
const PURGE_LIMIT: usize = 256;

/// A write.
pub(super) enum Op<RT: AsyncRuntime> {
    Append {
        entries: Vec<Entry>,
        /// [`State::truncations`] at that moment.
        truncations: u64,
        flushed: IOFlushed<TypeConfig<RT>>,
    },
    Vote(Vote, oneshot::Sender<io::Result<()>>),
    /// Removes everything from this index on.
    Truncate(u64),
    Purge(LogId),
    /// Best effort: written along with the next durable operation.
    Committed(LogId),
}

pub(super) struct Writer<RT: AsyncRuntime> {
    file: Arc<LogFile>,
    state: Arc<Mutex<State>>,
    queue: Receiver<Op<RT>>,
    committed: Option<LogId>,
    /// Entries up to here may be removed from the file.
    purgeable: Option<u64>,
    buffer: Vec<u8>,
}

impl<RT: AsyncRuntime> Writer<RT> {
    pub(super) fn new(
        file: Arc<LogFile>,
        state: Arc<Mutex<State>>,
        queue: Receiver<Op<RT>>,
        purgeable: Option<u64>,
    ) -> Self {
        Self {
            file,
            state,
            queue,
            committed: None,
            purgeable,
            buffer: Vec::new(),
        }
    }

    /// Writes until nobody can ask for more.
    pub(super) fn run(mut self) {
        let mut batch = Vec::new();
        while self.next_batch(&mut batch) {
            // A lone note of the commit waits for company.
            if !batch.is_empty() || self.purgeable.is_some() {
                self.write(&mut batch);
            }
        }
        if self.committed.is_some() {
            self.write(&mut batch);
        }
    }

    /// Waits for something to do: operations, or else a piece of an unfinished purge (an empty batch).
    fn next_batch(&mut self, batch: &mut Vec<Op<RT>>) -> bool {
        let first = match self.queue.try_recv() {
            Ok(op) => op,
            Err(TryRecvError::Disconnected) => return false,
            Err(TryRecvError::Empty) if self.purgeable.is_some() => return true,
            Err(TryRecvError::Empty) => match self.queue.recv() {
                Ok(op) => op,
                Err(_) => return false,
            },
        };
        self.take(first, batch);
        while batch.len() < BATCH_LIMIT {
            match self.queue.try_recv() {
                Ok(op) => self.take(op, batch),
                Err(_) => break,
            }
        }
        true
    }

    fn take(&mut self, op: Op<RT>, batch: &mut Vec<Op<RT>>) {
        match op {
            Op::Committed(log_id) => self.committed = self.committed.max(Some(log_id)),
            op => batch.push(op),
        }
    }

    fn write(&mut self, batch: &mut Vec<Op<RT>>) {
        let failed = lock(&self.state).failed.clone();
        let result = match failed {
            Some(error) => Err(error),
            None => catch_unwind(AssertUnwindSafe(|| self.transact(batch)))
                .unwrap_or_else(|_| Err(LogError::damaged(&self.file.path, "writing it failed")))
                .map_err(Arc::new),
        };
        match result {
            Ok(()) => self.report(batch),
            Err(error) => self.fail(batch, &error),
        }
    }

    /// One transaction with all of `batch`.
    fn transact(&mut self, batch: &[Op<RT>]) -> Result<(), LogError> {
        let path = &self.file.path;
        let mut transaction = self
            .file
            .database
            .begin_write()
            .map_err(|error| LogError::redb(path, error))?;
        transaction
            .set_durability(Durability::Immediate)
            .map_err(|error| LogError::redb(path, error))?;
        {
            let mut entries = transaction
                .open_table(ENTRIES)
                .map_err(|error| LogError::redb(path, error))?;
            let mut meta = transaction
                .open_table(META)
                .map_err(|error| LogError::redb(path, error))?;
            let mut buffer = std::mem::take(&mut self.buffer);
            for op in batch {
                match op {
                    Op::Append { entries: new, .. } => {
                        for entry in new {
                            let index = entry.log_id.index;
                            buffer = seal(path, &index.to_le_bytes(), entry, buffer)?;
                            entries
                                .insert(index, buffer.as_slice())
                                .map_err(|error| LogError::redb(path, error))?;
                        }
                    }
                    Op::Vote(vote, _) => buffer = put(path, &mut meta, VOTE, vote, buffer)?,
                    Op::Truncate(from) => entries
                        .retain_in(*from.., |_, _| false)
                        .map_err(|error| LogError::redb(path, error))?,
                    Op::Purge(log_id) => {
                        buffer = put(path, &mut meta, PURGED, log_id, buffer)?;
                        self.purgeable = self.purgeable.max(Some(log_id.index));
                    }
                    Op::Committed(_) => {}
                }
            }
            if let Some(committed) = self.committed.take() {
                buffer = put(path, &mut meta, COMMITTED, &committed, buffer)?;
            }
            self.buffer = buffer;
            if let Some(through) = self.purgeable
                && remove_some(&mut entries, through)
                    .map_err(|error| LogError::redb(path, error))?
            {
                self.purgeable = None;
            }
        }
        transaction
            .commit()
            .map_err(|error| LogError::redb(path, error))
    }

    /// Tells everybody that their write is durable.
    fn report(&self, batch: &mut Vec<Op<RT>>) {
        for op in batch.drain(..) {
            match op {
                Op::Append {
                    entries,
                    truncations,
                    flushed,
                } => {
                    flushed.io_completed(Ok(()));
                    let mut state = lock(&self.state);
                    if let Some(last) = entries.last()
                        && state.truncations == truncations
                    {
                        state.window.set_durable(last.log_id.index + 1);
                    }
                }
                Op::Vote(_, done) => {
                    let _ = done.send(Ok(()));
                }
                Op::Truncate(_) | Op::Purge(_) | Op::Committed(_) => {}
            }
        }
    }

    fn fail(&self, batch: &mut Vec<Op<RT>>, error: &Arc<LogError>) {
        lock(&self.state).failed.get_or_insert(Arc::clone(error));
        for op in batch.drain(..) {
            let error = io::Error::other(Arc::clone(error));
            match op {
                Op::Append { flushed, .. } => flushed.io_completed(Err(error)),
                Op::Vote(_, done) => {
                    let _ = done.send(Err(error));
                }
                Op::Truncate(_) | Op::Purge(_) | Op::Committed(_) => {}
            }
        }
    }
}

fn seal<T: Serialize>(
    path: &std::path::Path,
    key: &[u8],
    value: &T,
    buffer: Vec<u8>,
) -> Result<Vec<u8>, LogError> {
    codec::seal(key, value, buffer).map_err(|error| LogError::io(path, io::Error::other(error)))
}

fn put<T: Serialize>(
    path: &std::path::Path,
    table: &mut Table<'_, &str, &[u8]>,
    key: &str,
    value: &T,
    buffer: Vec<u8>,
) -> Result<Vec<u8>, LogError> {
    let buffer = seal(path, key.as_bytes(), value, buffer)?;
    table
        .insert(key, buffer.as_slice())
        .map_err(|error| LogError::redb(path, error))?;
    Ok(buffer)
}

/// Removes the first entries up to `through`, but not too many at once; whether all are gone.
fn remove_some(
    entries: &mut Table<'_, u64, &[u8]>,
    through: u64,
) -> Result<bool, redb::StorageError> {
    for _ in 0..PURGE_LIMIT {
        let Some((first, _)) = redb::ReadableTable::first(entries)? else {
            return Ok(true);
        };
        let index = first.value();
        drop(first);
        if index > through {
            return Ok(true);
        }
        entries.remove(index)?;
    }
    Ok(false)
}
