//! Writes the log.
//!
//! *Invariants.* Operations take effect in the order of the queue; those that wait together share a frame, and with it
//! an fsync. Who asked is told after the frame is durable, and never if it is not. After an error every later
//! operation gets that error.

use super::{
    Sizes, State, codec,
    error::LogError,
    folder::Folder,
    frame::{Builder, Kind},
    index::{Index, Location},
    lock,
    replay::{End, Facts},
    segment::{HEADER_BYTES, Segment},
};
use crate::{
    consensus::{Entry, EntryContent, LogId, TypeConfig, Vote},
    planted::{self, Bug},
};
use futures::channel::oneshot;
use openraft::{AsyncRuntime, storage::IOFlushed};
use serde::Serialize;
use std::{
    collections::VecDeque,
    io,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// Operations in one frame at the most.
const BATCH_LIMIT: usize = 1_024;
/// Bytes of entries in one frame, about; a single larger entry still gets one.
const BATCH_BYTES: usize = 4 << 20;
/// Bytes of the frame's buffer that are kept from one frame to the next.
const BUFFER_KEPT_BYTES: usize = 1 << 20;

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
    /// Best effort: written along with the next durable operation.
    Purge(LogId),
    /// Best effort, too.
    Committed(LogId),
}

impl<RT: AsyncRuntime> Op<RT> {
    fn bytes(&self) -> usize {
        let Self::Append { entries, .. } = self else {
            return 0;
        };
        let bytes = entries.iter().map(|entry| match &entry.payload {
            EntryContent::Normal(payload) => payload.0.len(),
            EntryContent::Blank | EntryContent::Membership(_) => 0,
        });
        bytes.sum()
    }
}

/// The end of the log's files. One at a time writes.
pub(super) struct Writer {
    folder: Arc<dyn Folder>,
    sizes: Sizes,
    state: Arc<Mutex<State>>,
    index: Arc<Mutex<Index>>,
    current: Segment,
    /// Where the next frame begins in the current segment.
    end: u64,
    sequence: u64,
    /// What each segment repeats at its beginning, so that earlier ones can go.
    facts: Facts,
    /// What is to be written along with the next durable operation.
    noted: Facts,
    spare: Option<Segment>,
    preparing: Option<JoinHandle<Result<Segment, LogError>>>,
    frame: Builder,
    buffer: Vec<u8>,
    /// How long the disk took for the last frame.
    last_sync: Duration,
}

/// What a frame does to the index once it is durable.
enum Change {
    Entry(u64, Range<usize>),
    Truncate(u64),
    Purge(u64),
}

impl Writer {
    /// Goes on where the log ends.
    pub(super) fn new(
        folder: Arc<dyn Folder>,
        sizes: Sizes,
        end: End,
        shared: (Arc<Mutex<State>>, Arc<Mutex<Index>>),
    ) -> Self {
        let (state, index) = shared;
        Self {
            folder,
            sizes,
            state,
            index,
            current: end.segment,
            end: end.at,
            sequence: end.sequence,
            facts: end.facts,
            noted: Facts::default(),
            spare: end.spare,
            preparing: None,
            frame: Builder::default(),
            buffer: Vec::new(),
            last_sync: Duration::ZERO,
        }
    }

    /// How long the disk took for the last frame.
    pub(super) fn last_sync(&self) -> Duration {
        self.last_sync
    }

    /// Writes the first operations of `queue`; those who asked for them are told.
    pub(super) fn write<RT: AsyncRuntime>(&mut self, queue: &mut VecDeque<Op<RT>>) {
        let mut batch = Vec::with_capacity(queue.len().min(BATCH_LIMIT));
        let (mut bytes, mut alone) = (0usize, true);
        while batch.len() < BATCH_LIMIT
            && bytes < BATCH_BYTES
            && let Some(op) = queue.pop_front()
        {
            match op {
                Op::Committed(log_id) => {
                    self.noted.committed = self.noted.committed.max(Some(log_id));
                }
                op => {
                    alone &= matches!(op, Op::Purge(_));
                    bytes = bytes.saturating_add(op.bytes());
                    batch.push(op);
                }
            }
        }
        if !alone {
            return self.write_durably(batch);
        }
        // What is best effort waits for company.
        for op in batch {
            if let Op::Purge(log_id) = op {
                self.noted.purged = self.noted.purged.max(Some(log_id));
            }
        }
    }

    /// Writes what still waits for company, and leaves no work behind.
    pub(super) fn finish<RT: AsyncRuntime>(&mut self) {
        if self.noted.purged.is_some() || self.noted.committed.is_some() {
            self.write_durably::<RT>(Vec::new());
        }
        if let Some(preparing) = self.preparing.take() {
            // Whether there is one more empty segment does not matter now.
            let _ = preparing.join();
        }
    }

    fn write_durably<RT: AsyncRuntime>(&mut self, batch: Vec<Op<RT>>) {
        let failed = lock(&self.state).failed.clone();
        let result = match failed {
            Some(error) => Err(error),
            None => catch_unwind(AssertUnwindSafe(|| self.write_frame(&batch)))
                .unwrap_or_else(|_| Err(LogError::damaged(self.folder.path(), "writing it failed")))
                .map_err(Arc::new),
        };
        match result {
            Ok(()) => self.report(batch),
            Err(error) => self.fail(batch, &error),
        }
    }

    /// One frame with all of `batch`.
    fn write_frame<RT: AsyncRuntime>(&mut self, batch: &[Op<RT>]) -> Result<(), LogError> {
        self.frame.clear();
        let mut changes = Vec::new();
        let noted = std::mem::take(&mut self.noted);
        if let Some(purged) = noted.purged {
            self.push(Kind::Purged, 0, &purged)?;
            changes.push(Change::Purge(purged.index));
        }
        if let Some(committed) = noted.committed {
            self.push(Kind::Committed, 0, &committed)?;
        }
        let mut facts = noted;
        for op in batch {
            match op {
                Op::Append { entries, .. } => {
                    for entry in entries {
                        let index = entry.log_id.index;
                        let place = self.push(Kind::Entry, index, entry)?;
                        changes.push(Change::Entry(index, place));
                    }
                }
                Op::Vote(vote, _) => {
                    self.push(Kind::Vote, 0, vote)?;
                    facts.vote = Some(*vote);
                }
                Op::Truncate(from) => {
                    self.frame.push(Kind::Truncated, *from, &[]);
                    changes.push(Change::Truncate(*from));
                }
                Op::Purge(log_id) => {
                    self.push(Kind::Purged, 0, log_id)?;
                    facts.purged = facts.purged.max(Some(*log_id));
                    changes.push(Change::Purge(log_id.index));
                }
                Op::Committed(_) => {}
            }
        }
        let at = self.write_out()?;
        self.facts.vote = facts.vote.or(self.facts.vote);
        self.facts.purged = self.facts.purged.max(facts.purged);
        self.facts.committed = self.facts.committed.max(facts.committed);
        self.change_index(&changes, at);
        self.prepare_next();
        Ok(())
    }

    fn push<T: Serialize>(
        &mut self,
        kind: Kind,
        key: u64,
        value: &T,
    ) -> Result<Range<usize>, LogError> {
        let buffer = std::mem::take(&mut self.buffer);
        self.buffer = seal(self.folder.path(), key, value, buffer)?;
        Ok(self.frame.push(kind, key, &self.buffer))
    }

    /// Writes the frame; where in the current segment it stands.
    fn write_out(&mut self) -> Result<u64, LogError> {
        let empty = self.end == HEADER_BYTES as u64;
        if !empty && self.end + self.frame.len() as u64 > self.sizes.segment_bytes as u64 {
            self.begin_segment()?;
        }
        let at = self.end;
        let frame = self.frame.finish(self.sequence);
        let length = frame.len() as u64;
        let start = Instant::now();
        if planted::is(Bug::AnsweredBeforeSync) {
            self.current.write(frame, at)?;
        } else {
            self.current.write_durably(frame, at)?;
        }
        self.last_sync = start.elapsed();
        self.end = at + length;
        self.sequence += 1;
        self.frame.shrink_to(BUFFER_KEPT_BYTES);
        self.buffer.shrink_to(BUFFER_KEPT_BYTES);
        Ok(at)
    }

    /// Goes on in the next segment, which begins by repeating the facts. They become durable with the frame behind
    /// them, or before: until then the segment before is there.
    fn begin_segment(&mut self) -> Result<(), LogError> {
        let number = self.current.number + 1;
        let prepared = match self.preparing.take().map(JoinHandle::join) {
            Some(Ok(Ok(segment))) => Some(segment),
            // It is tried again here, and a second failure is reported.
            Some(_) | None => self.spare.take(),
        };
        let next = match prepared {
            Some(segment) => segment,
            None => Segment::create(&*self.folder, number, self.sizes.segment_bytes)?,
        };
        let mut frame = Builder::default();
        frame.clear();
        let mut push = |kind, value: Result<Vec<u8>, LogError>| -> Result<(), LogError> {
            frame.push(kind, 0, &value?);
            Ok(())
        };
        if let Some(vote) = &self.facts.vote {
            push(Kind::Vote, seal(self.folder.path(), 0, vote, Vec::new()))?;
        }
        if let Some(purged) = &self.facts.purged {
            push(
                Kind::Purged,
                seal(self.folder.path(), 0, purged, Vec::new()),
            )?;
        }
        if let Some(committed) = &self.facts.committed {
            push(
                Kind::Committed,
                seal(self.folder.path(), 0, committed, Vec::new()),
            )?;
        }
        let frame = frame.finish(self.sequence);
        // At most one frame may be unfinished.
        next.write_durably(frame, HEADER_BYTES as u64)?;
        self.end = HEADER_BYTES as u64 + frame.len() as u64;
        self.sequence += 1;
        lock(&self.index).segments.insert(number, next.clone());
        self.current = next;
        Ok(())
    }

    fn change_index(&mut self, changes: &[Change], at: u64) {
        let unused = {
            let mut index = lock(&self.index);
            for change in changes {
                match change {
                    Change::Entry(entry, place) => {
                        let location = Location {
                            segment: self.current.number,
                            at: at + place.start as u64,
                            length: place.len() as u32,
                        };
                        index.push(*entry, location);
                    }
                    Change::Truncate(from) => index.truncate_from(*from),
                    Change::Purge(through) => index.purge_through(*through),
                }
            }
            index.take_unused(self.current.number)
        };
        for segment in unused {
            // What cannot be removed now is found unused, and removed, after the next start.
            if let Err(error) = segment.remove(&*self.folder) {
                tracing::warn!(path = %segment.path.display(), "cannot remove a part of the log: {error}");
            }
        }
    }

    /// Makes the next segment ready beside, so that nobody waits for it.
    fn prepare_next(&mut self) {
        let is_early = self.end < self.sizes.segment_bytes as u64 / 2;
        if is_early || self.preparing.is_some() || self.spare.is_some() {
            return;
        }
        let (folder, number) = (Arc::clone(&self.folder), self.current.number + 1);
        let space_bytes = self.sizes.segment_bytes;
        let prepare = move || Segment::create(&*folder, number, space_bytes);
        if !self.folder.has_threads() {
            self.spare = prepare().ok();
            return;
        }
        let thread = std::thread::Builder::new().name("log segment".to_owned());
        // Without it the segment is made when it is needed.
        self.preparing = thread.spawn(prepare).ok();
    }

    /// Tells everybody that their write is durable.
    fn report<RT: AsyncRuntime>(&self, batch: Vec<Op<RT>>) {
        for op in batch {
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

    fn fail<RT: AsyncRuntime>(&self, batch: Vec<Op<RT>>, error: &Arc<LogError>) {
        lock(&self.state).failed.get_or_insert(Arc::clone(error));
        for op in batch {
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
    path: &Path,
    key: u64,
    value: &T,
    buffer: Vec<u8>,
) -> Result<Vec<u8>, LogError> {
    codec::seal(&key.to_le_bytes(), value, buffer)
        .map_err(|error| LogError::io(path, io::Error::other(error)))
}
