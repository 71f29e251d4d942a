//! The end of the log in memory.
//!
//! *Invariants.* Entries follow each other without a hole. What is not yet durable is never dropped, so that it can
//! always be read; of the rest the oldest goes when the limit of bytes is passed.

use super::type_config::{Entry, EntryContent};
use crate::types::LogIndex;
use std::collections::VecDeque;

/// What an entry costs besides its payload, bytes.
const ENTRY_OVERHEAD_BYTES: usize = 96;

/// The last entries of a log.
#[derive(Debug)]
pub struct EntryWindow {
    entries: VecDeque<Entry>,
    bytes: usize,
    limit_bytes: usize,
    /// Entries before this index are on disk.
    durable_end: LogIndex,
}

impl EntryWindow {
    /// An empty window which keeps up to `limit_bytes` of durable entries. `usize::MAX`: it is the log.
    pub fn new(limit_bytes: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            bytes: 0,
            limit_bytes,
            durable_end: 0,
        }
    }

    /// The index of the first entry here.
    pub fn first(&self) -> Option<LogIndex> {
        self.entries.front().map(|entry| entry.log_id.index)
    }

    /// The last entry here.
    pub fn last(&self) -> Option<&Entry> {
        self.entries.back()
    }

    /// Adds an entry; one that does not follow the last starts the window anew.
    pub fn push(&mut self, entry: Entry) {
        let follows = self
            .last()
            .is_none_or(|last| last.log_id.index + 1 == entry.log_id.index);
        if !follows {
            self.clear();
        }
        self.bytes += cost(&entry);
        self.entries.push_back(entry);
    }

    /// Notes that everything up to `end` (exclusive) is on disk, and drops what is too much.
    pub fn set_durable(&mut self, end: LogIndex) {
        self.durable_end = self.durable_end.max(end);
        while self.bytes > self.limit_bytes
            && self.first().is_some_and(|first| first < self.durable_end)
        {
            self.pop_front();
        }
    }

    /// Copies the entries of `start..end` which are here (their payloads are shared), up to `limit_bytes` of them,
    /// but at least one.
    pub fn read(&self, start: LogIndex, end: LogIndex, limit_bytes: usize, into: &mut Vec<Entry>) {
        let Some(first) = self.first() else { return };
        let skip = usize::try_from(start.saturating_sub(first)).unwrap_or(usize::MAX);
        let mut bytes = 0usize;
        for entry in self.entries.iter().skip(skip) {
            if entry.log_id.index >= end {
                break;
            }
            bytes = bytes.saturating_add(cost(entry));
            if bytes > limit_bytes && !into.is_empty() {
                break;
            }
            into.push(entry.clone());
        }
    }

    /// Drops everything from `index` on.
    pub fn truncate_from(&mut self, index: LogIndex) {
        while self.last().is_some_and(|last| last.log_id.index >= index) {
            if let Some(entry) = self.entries.pop_back() {
                self.bytes -= cost(&entry);
            }
        }
        self.durable_end = self.durable_end.min(index);
    }

    /// Drops everything up to `index`, inclusive.
    pub fn purge_through(&mut self, index: LogIndex) {
        while self.first().is_some_and(|first| first <= index) {
            self.pop_front();
        }
    }

    fn pop_front(&mut self) {
        if let Some(entry) = self.entries.pop_front() {
            self.bytes -= cost(&entry);
        }
    }

    fn clear(&mut self) {
        self.entries.clear();
        self.bytes = 0;
    }
}

/// About how many bytes an entry takes.
pub(super) fn cost(entry: &Entry) -> usize {
    ENTRY_OVERHEAD_BYTES
        + match &entry.payload {
            EntryContent::Normal(payload) => payload.0.len(),
            EntryContent::Blank | EntryContent::Membership(_) => 0,
        }
}
