//! The log in memory: for `--ephemeral`, for tests, for the simulator and for the browser.
//!
//! *Invariant.* Behaves as the durable log of `storage::log` does, except that nothing outlives the process.

use super::{
    config::MAX_APPEND_BYTES,
    entries::EntryWindow,
    type_config::{Entry, LogId, TypeConfig, Vote},
};
use openraft::{
    AsyncRuntime, LogState, OptionalSend, RaftLogReader,
    storage::{IOFlushed, RaftLogStorage},
};
use std::{
    fmt::Debug,
    io,
    ops::{Bound, RangeBounds},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

#[derive(Debug)]
struct Inner {
    window: EntryWindow,
    purged: Option<LogId>,
    vote: Option<Vote>,
    committed: Option<LogId>,
}

/// A log that is gone with the process. Clones share it. Bounded by the purge behind each checkpoint.
#[derive(Clone, Debug)]
pub struct MemoryLog(Arc<Mutex<Inner>>);

impl MemoryLog {
    /// An empty log.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Inner {
            window: EntryWindow::new(usize::MAX),
            purged: None,
            vote: None,
            committed: None,
        })))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here panics between two related changes.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryLog {
    fn default() -> Self {
        Self::new()
    }
}

/// Nothing, if the entry at `start` is not the first one: it was purged. The engine can ask so late, for a follower that
/// it is about to send a snapshot, and would take what is there for what follows `start`.
pub(crate) fn from_start(entries: Vec<Entry>, start: u64) -> Vec<Entry> {
    match entries.first() {
        Some(first) if first.log_id.index == start => entries,
        _ => Vec::new(),
    }
}

/// The half-open range that `range` means.
pub(crate) fn half_open(range: &impl RangeBounds<u64>) -> (u64, u64) {
    let start = match range.start_bound() {
        Bound::Included(start) => *start,
        Bound::Excluded(start) => start.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(end) => end.saturating_add(1),
        Bound::Excluded(end) => *end,
        Bound::Unbounded => u64::MAX,
    };
    (start, end)
}

impl<RT: AsyncRuntime> RaftLogReader<TypeConfig<RT>> for MemoryLog {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry>, io::Error> {
        let (start, end) = half_open(&range);
        let mut entries = Vec::new();
        self.inner()
            .window
            .read(start, end, usize::MAX, &mut entries);
        Ok(entries)
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<Entry>, io::Error> {
        let mut entries = Vec::new();
        self.inner()
            .window
            .read(start, end, MAX_APPEND_BYTES, &mut entries);
        Ok(from_start(entries, start))
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, io::Error> {
        Ok(self.inner().vote)
    }
}

impl<RT: AsyncRuntime> RaftLogStorage<TypeConfig<RT>> for MemoryLog {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig<RT>>, io::Error> {
        let inner = self.inner();
        Ok(LogState {
            last_purged_log_id: inner.purged,
            last_log_id: inner
                .window
                .last()
                .map(|entry| entry.log_id)
                .or(inner.purged),
        })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), io::Error> {
        self.inner().vote = Some(*vote);
        Ok(())
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), io::Error> {
        self.inner().committed = committed;
        Ok(())
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, io::Error> {
        Ok(self.inner().committed)
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
        {
            let mut inner = self.inner();
            for entry in entries {
                inner.window.push(entry);
            }
        }
        callback.io_completed(Ok(()));
        Ok(())
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> Result<(), io::Error> {
        let from = last.map_or(0, |last| last.index + 1);
        self.inner().window.truncate_from(from);
        Ok(())
    }

    async fn purge(&mut self, log_id: LogId) -> Result<(), io::Error> {
        let mut inner = self.inner();
        inner.window.purge_through(log_id.index);
        inner.purged = Some(log_id);
        Ok(())
    }
}
