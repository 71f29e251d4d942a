//! The durable log: Raft's entries and vote in append-only files.
//!
//! ```text
//! log/                            one folder
//!   lock                          held as long as a process works here
//!   0000000000000000.segment      frames, one behind the other (see `segment`, `frame`)
//!   0000000000000001.segment      … the newest one is written; the oldest goes when nothing in it is needed
//! ```
//!
//! *Invariants.* All writes go through one queue, in order, so votes and entries never overtake each other; what is
//! queued together becomes one frame and one fsync (group commit); an append is reported complete, and a vote returns,
//! only after that fsync. After the first error nothing is written any more. Entries that are not yet durable, and the
//! newest of the others, are read from memory.
//!
//! Why not a database: a durable commit of redb 4.5 costs about eight writes and 400 µs where this one costs one
//! write and 60 µs (see the commit that made it). And a log must tell a write that a crash cut short, which nobody was
//! told of, from an acknowledged entry that was changed later, which must not be dropped in silence.
//!
//! Source: openraft's `RaftLogStorage`; T. Pillai et al., *All File Systems Are Not Created Equal* (OSDI 2014).

mod codec;
mod direct;
mod error;
mod folder;
mod frame;
mod index;
mod read;
mod replay;
mod segment;
mod writer;

pub use error::LogError;
pub use folder::{Folder, LogFile};
pub use read::LogReader;

use crate::{
    consensus::{
        Entry, EntryWindow, LogId, MAX_APPEND_BYTES, TypeConfig, Vote, from_start, half_open,
    },
    cooperate::yield_now,
    planted::{self, Bug},
};
use folder::SystemFolder;
use futures::channel::oneshot;
use index::Index;
use openraft::{
    AsyncRuntime, LogState, OptionalSend, RaftLogReader,
    storage::{IOFlushed, RaftLogStorage},
};
use segment::Access;
use std::{
    collections::VecDeque,
    fmt::Debug,
    fs::{self, File, TryLockError},
    io,
    ops::RangeBounds,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::runtime::{Handle, RuntimeFlavor};
use writer::{Op, Writer};

/// Writes that may wait for the disk; whoever brings more does the writing.
const QUEUE_LIMIT: usize = 4_096;
/// Bytes of durable entries kept in memory.
const WINDOW_BYTES: usize = 16 << 20;
/// A disk that takes longer than this gets a thread for its writes, instead of one of the runtime's few.
const SLOW_SYNC: Duration = Duration::from_millis(1);
/// The file that older, unreleased versions kept beside the folder.
const OLD_FILE: &str = "log.redb";

/// How large the log's parts are.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Space prepared in a segment, bytes; when it is used up the next one begins. A larger frame makes it longer.
    pub segment_bytes: usize,
    /// Durable entries kept in memory, bytes.
    pub window_bytes: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            segment_bytes: segment::SEGMENT_BYTES,
            window_bytes: WINDOW_BYTES,
        }
    }
}

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

/// Writes that wait.
struct Queue<RT: AsyncRuntime> {
    ops: VecDeque<Op<RT>>,
    /// Whether somebody is about to write them.
    attended: bool,
    closed: bool,
}

struct Shared<RT: AsyncRuntime> {
    folder: Arc<dyn Folder>,
    state: Arc<Mutex<State>>,
    index: Arc<Mutex<Index>>,
    queue: Mutex<Queue<RT>>,
    /// `None` once closed. Locked while the disk works; never by a reader.
    writer: Mutex<Option<Writer>>,
    /// Freed when the log is closed.
    lock: Mutex<Option<File>>,
}

/// The log on disk. Clones share it.
pub struct DiskLog<RT: AsyncRuntime>(Arc<Shared<RT>>);

impl<RT: AsyncRuntime> Clone for DiskLog<RT> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<RT: AsyncRuntime> Debug for DiskLog<RT> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DiskLog")
            .field("state", &self.0.state)
            .finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that is guarded here panics between two related changes.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes the folder if need be, and takes it for this process.
fn take_folder(folder: &Path) -> Result<File, LogError> {
    if let Some(old) = folder.parent().map(|parent| parent.join(OLD_FILE))
        && old.exists()
    {
        return Err(LogError::Older { path: old });
    }
    if folder.is_file() {
        return Err(LogError::damaged(folder, "it is a file, not a folder"));
    }
    let open = || -> io::Result<File> {
        match fs::create_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        if let Some(parent) = folder.parent() {
            File::open(parent)?.sync_all()?;
        }
        File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join("lock"))
    };
    let file = open().map_err(|error| LogError::io(folder, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LogError::InUse {
            path: folder.to_owned(),
        }),
        Err(TryLockError::Error(error)) => Err(LogError::io(folder, error)),
    }
}

impl<RT: AsyncRuntime> DiskLog<RT> {
    /// Opens the log in `folder`, or makes a new one. Every stored entry is checked.
    ///
    /// # Errors
    /// The folder is in use, damaged, from a newer version, or cannot be read or written.
    pub fn open(folder: &Path) -> Result<Self, LogError> {
        let held = take_folder(folder)?;
        let folder = Arc::new(SystemFolder(folder.to_owned()));
        Self::open_in(folder, Sizes::default(), Some(held))
    }

    /// The same in any kind of folder, which nobody else uses.
    ///
    /// # Errors
    /// As [`DiskLog::open`].
    pub fn open_on(folder: Arc<dyn Folder>, sizes: Sizes) -> Result<Self, LogError> {
        Self::open_in(folder, sizes, None)
    }

    fn open_in(
        folder: Arc<dyn Folder>,
        sizes: Sizes,
        held: Option<File>,
    ) -> Result<Self, LogError> {
        let replayed = replay::replay(&*folder, sizes, Access::Write)?;
        let facts = replayed.end.facts;
        let state = Arc::new(Mutex::new(State {
            window: replayed.window,
            last: replayed.last,
            purged: facts.purged,
            vote: facts.vote,
            committed: facts.committed,
            truncations: 0,
            failed: None,
        }));
        let index = Arc::new(Mutex::new(replayed.index));
        let shared = (Arc::clone(&state), Arc::clone(&index));
        let writer = Writer::new(Arc::clone(&folder), sizes, replayed.end, shared);
        Ok(Self(Arc::new(Shared {
            folder,
            state,
            index,
            queue: Mutex::new(Queue {
                ops: VecDeque::new(),
                attended: false,
                closed: false,
            }),
            writer: Mutex::new(Some(writer)),
            lock: Mutex::new(held),
        })))
    }

    /// Writes what is queued and gives the folder free. Later calls on any clone fail. Blocks.
    pub fn close(&self) {
        lock(&self.0.queue).closed = true;
        self.0.write_queue();
        if let Some(mut writer) = lock(&self.0.writer).take() {
            writer.finish::<RT>();
        }
        lock(&self.0.index).segments.clear();
        lock(&self.0.lock).take();
    }

    /// Why nothing is written any more, if so.
    pub fn failure(&self) -> Option<Arc<LogError>> {
        lock(&self.0.state).failed.clone()
    }

    fn enqueue(&self, op: Op<RT>) -> io::Result<()> {
        lock(&self.0.state).check()?;
        let (attended, full) = {
            let mut queue = lock(&self.0.queue);
            if queue.closed {
                return Err(io::Error::other("the log is closed"));
            }
            queue.ops.push_back(op);
            let attended = std::mem::replace(&mut queue.attended, true);
            (attended, queue.ops.len() >= QUEUE_LIMIT)
        };
        if full {
            self.0.write_queue();
        } else if !attended {
            // Not here: the engine has followers to tell meanwhile, and more to bring for the same fsync. A task
            // rather than a thread of its own: the runtime is awake, and a thread would have to be woken up first.
            let shared = Arc::clone(&self.0);
            let delay = shared.folder.delay();
            drop(RT::spawn(async move {
                if !delay.is_zero() {
                    RT::sleep(delay).await;
                }
                yield_now().await;
                shared.attend();
            }));
        }
        Ok(())
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
        if lock(&self.0.queue).closed {
            return Err(io::Error::other("the log is closed"));
        }
        let located = lock(&self.0.index).locate(start, in_memory);
        let mut bytes = 0usize;
        for (index, segment, location) in located {
            bytes = bytes.saturating_add(location.length as usize);
            if bytes > limit_bytes && !entries.is_empty() {
                return Ok(entries);
            }
            let entry = replay::read_entry(index, &segment, location).map_err(io::Error::other)?;
            entries.push(entry);
        }
        if limit_bytes == usize::MAX {
            // The window only moves forward meanwhile, so the first part ends where this one starts or later.
            let rest = self.read(in_memory, end, limit_bytes)?;
            entries.extend(rest);
        }
        Ok(entries)
    }
}

impl<RT: AsyncRuntime> Shared<RT> {
    /// Writes the queue from a task of the runtime.
    fn attend(&self) {
        let slow = lock(&self.writer)
            .as_ref()
            .is_some_and(|writer| writer.last_sync() > SLOW_SYNC);
        let threads = || Handle::try_current().map(|it| it.runtime_flavor());
        if slow && matches!(threads(), Ok(RuntimeFlavor::MultiThread)) {
            tokio::task::block_in_place(|| self.write_queue());
        } else {
            self.write_queue();
        }
    }

    /// Writes until nothing waits any more.
    fn write_queue(&self) {
        let mut writer = lock(&self.writer);
        let mut ops = VecDeque::new();
        loop {
            if ops.is_empty() {
                let mut queue = lock(&self.queue);
                if queue.ops.is_empty() {
                    queue.attended = false;
                    return;
                }
                ops = std::mem::take(&mut queue.ops);
            }
            match writer.as_mut() {
                Some(writer) => writer.write(&mut ops),
                // Closed: whoever waits learns it by its answer being dropped.
                None => ops.clear(),
            }
        }
    }
}

impl<RT: AsyncRuntime> RaftLogReader<TypeConfig<RT>> for DiskLog<RT> {
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
        let entries = self.read(start, end, MAX_APPEND_BYTES)?;
        Ok(from_start(entries, start))
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, io::Error> {
        Ok(lock(&self.0.state).vote)
    }
}

impl<RT: AsyncRuntime> RaftLogStorage<TypeConfig<RT>> for DiskLog<RT> {
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
        if planted::is(Bug::VoteNotSynced) {
            lock(&self.0.state).vote = Some(*vote);
            return Ok(());
        }
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

#[cfg(any(test, feature = "fuzzing"))]
mod fuzz;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use fuzz::segment as fuzz_segment;

#[cfg(test)]
mod tests;
