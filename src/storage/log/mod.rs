//! The durable log: Raft's entries and vote in one redb file.
//!
//! *Invariants.* All writes go through one queue and one thread, in order, so votes and entries never overtake each
//! other; what is queued together becomes one transaction and one fsync (group commit); an append is reported complete,
//! and a vote returns, only after that fsync. After the first error nothing is written any more. Entries that are not
//! yet durable, and the newest of the others, are read from memory.
//!
//! Source: openraft's `RaftLogStorage`; redb's durability rules (`Durability::Immediate`, one-phase commit).

mod codec;
mod error;
mod file;
mod writer;

pub use error::LogError;

use crate::consensus::{Entry, EntryWindow, LogId, MAX_APPEND_BYTES, TypeConfig, Vote, half_open};
use file::LogFile;
use futures::channel::oneshot;
use openraft::{
    AsyncRuntime, LogState, OptionalSend, RaftLogReader,
    storage::{IOFlushed, RaftLogStorage},
};
use std::{
    fmt::Debug,
    io,
    ops::RangeBounds,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread::JoinHandle,
};
use writer::{Op, Writer};

/// Writes that may wait for the disk; the engine waits when there are more.
const QUEUE_LIMIT: usize = 4_096;
/// Bytes of durable entries kept in memory.
const WINDOW_BYTES: usize = 16 << 20;

/// What readers and the writer share.
#[derive(Debug)]
struct State {
    window: EntryWindow,
    last: Option<LogId>,
    purged: Option<LogId>,
    vote: Option<Vote>,
    committed: Option<LogId>,
    /// Counts the truncations: what was appended before one says nothing about the entries after it.
    truncations: u64,
    /// Why nothing is written any more.
    failed: Option<Arc<LogError>>,
}

impl State {
    fn check(&self) -> io::Result<()> {
        match &self.failed {
            Some(error) => Err(io::Error::other(Arc::clone(error))),
            None => Ok(()),
        }
    }
}

struct Shared<RT: AsyncRuntime> {
    state: Arc<Mutex<State>>,
    /// `None` once closed.
    file: Mutex<Option<Arc<LogFile>>>,
    queue: Mutex<Option<mpsc::SyncSender<Op<RT>>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// The log on disk. Clones share it.
pub struct RedbLog<RT: AsyncRuntime>(Arc<Shared<RT>>);

impl<RT: AsyncRuntime> Clone for RedbLog<RT> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<RT: AsyncRuntime> Debug for RedbLog<RT> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedbLog")
            .field("state", &self.0.state)
            .finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that is guarded here panics between two related changes.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<RT: AsyncRuntime> RedbLog<RT> {
    /// Opens the log in the file `path`, or makes a new one. Every stored entry is checked.
    ///
    /// # Errors
    /// The file is in use, damaged, from a newer version, or cannot be read or written.
    pub fn open(path: &Path) -> Result<Self, LogError> {
        let file = Arc::new(LogFile::open(path)?);
        let mut window = EntryWindow::new(WINDOW_BYTES);
        let stored = file.load(&mut window)?;
        let state = Arc::new(Mutex::new(State {
            window,
            last: stored.last.or(stored.purged),
            purged: stored.purged,
            vote: stored.vote,
            committed: stored.committed,
            truncations: 0,
            failed: None,
        }));
        let (queue, ops) = mpsc::sync_channel(QUEUE_LIMIT);
        let purged = stored.purged.map(|log_id| log_id.index);
        let writer = Writer::new(Arc::clone(&file), Arc::clone(&state), ops, purged);
        let thread = std::thread::Builder::new()
            .name("log writer".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| LogError::io(path, error))?;
        Ok(Self(Arc::new(Shared {
            state,
            file: Mutex::new(Some(file)),
            queue: Mutex::new(Some(queue)),
            thread: Mutex::new(Some(thread)),
        })))
    }

    /// Writes what is queued and gives the file free. Later calls on any clone fail.
    pub fn close(&self) {
        lock(&self.0.queue).take();
        let thread = lock(&self.0.thread).take();
        if let Some(thread) = thread {
            // A panic of the writer has been reported as a failure already.
            let _ = thread.join();
        }
        lock(&self.0.file).take();
    }

    /// Why nothing is written any more, if so.
    pub fn failure(&self) -> Option<Arc<LogError>> {
        lock(&self.0.state).failed.clone()
    }

    fn enqueue(&self, op: Op<RT>) -> io::Result<()> {
        lock(&self.0.state).check()?;
        let queue = lock(&self.0.queue).clone();
        let queue = queue.ok_or_else(|| io::Error::other("the log is closed"))?;
        queue
            .send(op)
            .map_err(|_| io::Error::other("the log's writer has ended"))
    }

    /// Entries of `start..end`: from memory where they are there, else from disk.
    fn read(&self, start: u64, end: u64, limit_bytes: usize) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        let (start, in_memory) = {
            let state = lock(&self.0.state);
            let start = start.max(state.purged.map_or(0, |purged| purged.index + 1));
            let end = end.min(state.last.map_or(0, |last| last.index + 1));
            if start >= end {
                return Ok(entries);
            }
            let in_memory = state.window.first().map_or(end, |first| first.min(end));
            if start >= in_memory {
                state.window.read(start, end, limit_bytes, &mut entries);
                return Ok(entries);
            }
            (start, in_memory)
        };
        let file = lock(&self.0.file).clone();
        let file = file.ok_or_else(|| io::Error::other("the log is closed"))?;
        let complete = file
            .read(start, in_memory, limit_bytes, &mut entries)
            .map_err(io::Error::other)?;
        if complete && limit_bytes == usize::MAX {
            // The window only moves forward meanwhile, so the first part ends where this one starts or later.
            let rest = self.read(in_memory, end, limit_bytes)?;
            entries.extend(rest);
        }
        Ok(entries)
    }
}

impl<RT: AsyncRuntime> RaftLogReader<TypeConfig<RT>> for RedbLog<RT> {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry>, io::Error> {
        let (start, end) = half_open(&range);
        self.read(start, end, usize::MAX)
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<Entry>, io::Error> {
        self.read(start, end, MAX_APPEND_BYTES)
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, io::Error> {
        Ok(lock(&self.0.state).vote)
    }
}

impl<RT: AsyncRuntime> RaftLogStorage<TypeConfig<RT>> for RedbLog<RT> {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig<RT>>, io::Error> {
        let state = lock(&self.0.state);
        Ok(LogState {
            last_purged_log_id: state.purged,
            last_log_id: state.last,
        })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), io::Error> {
        let (done, saved) = oneshot::channel();
        self.enqueue(Op::Vote(*vote, done))?;
        saved
            .await
            .map_err(|_| io::Error::other("the log's writer has ended"))??;
        lock(&self.0.state).vote = Some(*vote);
        Ok(())
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), io::Error> {
        if let Some(committed) = committed {
            self.enqueue(Op::Committed(committed))?;
        }
        Ok(())
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, io::Error> {
        Ok(lock(&self.0.state).committed)
    }

    async fn append<I>(
        &mut self,
        entries: I,
        callback: IOFlushed<TypeConfig<RT>>,
    ) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let entries: Vec<Entry> = entries.into_iter().collect();
        let truncations = {
            let mut state = lock(&self.0.state);
            state.check()?;
            for entry in &entries {
                state.last = Some(entry.log_id);
                state.window.push(entry.clone());
            }
            state.truncations
        };
        self.enqueue(Op::Append {
            entries,
            truncations,
            flushed: callback,
        })
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> Result<(), io::Error> {
        let from = last.map_or(0, |last| last.index + 1);
        {
            let mut state = lock(&self.0.state);
            state.window.truncate_from(from);
            state.truncations += 1;
            state.last = state.last.min(last).max(state.purged);
        }
        self.enqueue(Op::Truncate(from))
    }

    async fn purge(&mut self, log_id: LogId) -> Result<(), io::Error> {
        {
            let mut state = lock(&self.0.state);
            state.window.purge_through(log_id.index);
            state.purged = state.purged.max(Some(log_id));
            state.last = state.last.max(Some(log_id));
        }
        self.enqueue(Op::Purge(log_id))
    }
}

#[cfg(test)]
mod tests;
