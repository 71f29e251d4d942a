//! Opening a log: all segments are read, checked and gone through from the first frame to the last.
//!
//! *Invariant.* What was acknowledged is found again, or the log is refused: only the last frame may be incomplete, and
//! only in the way in which a crash leaves one (see `frame`); it was never acknowledged, and is cut off. Everything else
//! that does not fit is damage.

use super::{
    Sizes,
    codec::{self, CodecError, FORMAT},
    error::LogError,
    folder::Folder,
    frame::{self, Found, Kind, Record},
    index::{Index, Location},
    segment::{self, Access, HEADER_BYTES, Segment},
};
use crate::{
    consensus::{Entry, EntryWindow, LogId, Vote},
    planted::{self, Bug},
};
use serde::de::DeserializeOwned;
use std::{
    ops::Range,
    path::{Path, PathBuf},
};

/// What the records say besides entries.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Facts {
    pub(super) vote: Option<Vote>,
    pub(super) purged: Option<LogId>,
    pub(super) committed: Option<LogId>,
}

/// Where a log ends.
#[derive(Debug)]
pub(super) struct End {
    pub(super) facts: Facts,
    /// The segment in which the next frame is written.
    pub(super) segment: Segment,
    /// Where in it.
    pub(super) at: u64,
    /// The next frame's.
    pub(super) sequence: u64,
    /// An empty segment behind it.
    pub(super) spare: Option<Segment>,
}

/// What a log held when it was opened.
#[derive(Debug)]
pub(super) struct Replayed {
    pub(super) last: Option<LogId>,
    pub(super) index: Index,
    pub(super) window: EntryWindow,
    pub(super) end: End,
}

/// Goes through the segments of `folder`, or makes the first one.
pub(super) fn replay(
    folder: &dyn Folder,
    sizes: Sizes,
    access: Access,
) -> Result<Replayed, LogError> {
    let numbers =
        segment::list(folder, access).map_err(|error| LogError::io(folder.path(), error))?;
    let Some(first) = numbers.first().copied() else {
        if access == Access::Read {
            return Err(LogError::damaged(folder.path(), "it has no segment"));
        }
        let current = Segment::create(folder, 0, sizes.segment_bytes)?;
        let mut reader = Reader::new(sizes.window_bytes, access);
        reader.index.segments.insert(0, current.clone());
        return reader.finish(current, HEADER_BYTES as u64);
    };
    let mut reader = Reader::new(sizes.window_bytes, access);
    let mut current: Option<(Segment, u64)> = None;
    for (number, due) in numbers.into_iter().zip(first..) {
        let (segment, bytes) = Segment::open(folder, number, access)?;
        if number != due {
            let reason = format!("segment {due} is missing, segment {number} follows");
            return Err(LogError::damaged(folder.path(), reason));
        }
        let begun = reader.sequence;
        let end = reader.segment(&segment, &bytes)?;
        reader.index.segments.insert(number, segment.clone());
        if reader.sequence != begun || current.is_none() {
            reader.spare = None;
            current = Some((segment, end));
        } else if reader.spare.replace(segment).is_some() {
            return Err(LogError::damaged(
                folder.path(),
                "several segments are empty",
            ));
        }
    }
    match current {
        Some((segment, end)) => reader.finish(segment, end),
        None => Err(LogError::damaged(folder.path(), "it has no segment")),
    }
}

struct Reader {
    access: Access,
    facts: Facts,
    last: Option<LogId>,
    index: Index,
    window: EntryWindow,
    /// The next frame's; `None` before the first one.
    sequence: Option<u64>,
    /// Where the frame stood that was never finished.
    torn: Option<PathBuf>,
    spare: Option<Segment>,
}

impl Reader {
    fn new(window_bytes: usize, access: Access) -> Self {
        Self {
            access,
            facts: Facts::default(),
            last: None,
            index: Index::default(),
            window: EntryWindow::new(window_bytes),
            sequence: None,
            torn: None,
            spare: None,
        }
    }

    /// Goes through a segment; where the next frame belongs.
    fn segment(&mut self, segment: &Segment, bytes: &[u8]) -> Result<u64, LogError> {
        let mut at = HEADER_BYTES;
        loop {
            match frame::find(bytes, at) {
                Found::Frame {
                    sequence,
                    records,
                    next,
                } => {
                    self.check_sequence(&segment.path, sequence)?;
                    self.records(segment, bytes, records)?;
                    at = next;
                }
                Found::End => break,
                Found::Damaged if planted::is(Bug::DamageCutOff) => {
                    cut_off(segment, bytes, at)?;
                    break;
                }
                Found::Torn => {
                    if let Some(later) = frame::find_later(bytes, at) {
                        let reason = format!("what was written before frame {later} was changed");
                        return Err(LogError::damaged(&segment.path, reason));
                    }
                    if self.access == Access::Write {
                        cut_off(segment, bytes, at)?;
                    }
                    self.torn = Some(segment.path.clone());
                    break;
                }
                Found::Damaged => {
                    let due = self.sequence.unwrap_or_default();
                    let reason = format!("frame {due} was changed after it had been written");
                    return Err(LogError::damaged(&segment.path, reason));
                }
            }
        }
        Ok(at as u64)
    }

    fn check_sequence(&mut self, path: &Path, found: u64) -> Result<(), LogError> {
        if let Some(torn) = &self.torn {
            return Err(LogError::damaged(
                torn,
                "its last frame was changed, and others follow",
            ));
        }
        match self.sequence {
            Some(due) if due != found => {
                let reason = format!("frame {due} is missing, frame {found} follows");
                Err(LogError::damaged(path, reason))
            }
            _ => {
                self.sequence = Some(found + 1);
                Ok(())
            }
        }
    }

    fn records(
        &mut self,
        segment: &Segment,
        bytes: &[u8],
        range: Range<usize>,
    ) -> Result<(), LogError> {
        let records = frame::records(bytes, range)
            .ok_or_else(|| LogError::damaged(&segment.path, "a record cannot be read"))?;
        for record in records {
            self.record(segment, bytes, &record)?;
        }
        Ok(())
    }

    fn record(&mut self, segment: &Segment, bytes: &[u8], record: &Record) -> Result<(), LogError> {
        let sealed = &bytes[record.value.clone()];
        let path = &segment.path;
        match record.kind {
            Kind::Entry => self.entry(segment, open_entry(path, record.key, sealed)?, record)?,
            Kind::Vote => self.facts.vote = Some(open(path, record.key, sealed)?),
            Kind::Committed => self.facts.committed = Some(open(path, record.key, sealed)?),
            Kind::Truncated => {
                self.index.truncate_from(record.key);
                self.window.truncate_from(record.key);
            }
            Kind::Purged => {
                let purged: LogId = open(path, record.key, sealed)?;
                self.facts.purged = self.facts.purged.max(Some(purged));
                self.index.purge_through(purged.index);
                self.window.purge_through(purged.index);
            }
        }
        Ok(())
    }

    fn entry(&mut self, segment: &Segment, entry: Entry, record: &Record) -> Result<(), LogError> {
        let found = entry.log_id.index;
        if let Some(due) = self.index.end()
            && found > due
        {
            let reason = format!("entry {due} is missing, entry {found} follows");
            return Err(LogError::damaged(&segment.path, reason));
        }
        let location = Location {
            segment: segment.number,
            at: record.value.start as u64,
            length: record.value.len() as u32,
        };
        self.index.push(found, location);
        self.window.truncate_from(found);
        self.last = Some(entry.log_id);
        self.window.push(entry);
        self.window.set_durable(found + 1);
        Ok(())
    }

    fn finish(self, segment: Segment, at: u64) -> Result<Replayed, LogError> {
        let due = self.facts.purged.map_or(0, |purged| purged.index + 1);
        if let Some(first) = self.index.first()
            && first != due
        {
            let reason = format!("entry {due} is missing, entry {first} follows");
            return Err(LogError::damaged(&segment.path, reason));
        }
        let last = match self.index.end() {
            Some(end) => match self.last_before(end)? {
                Some(last) => Some(last),
                None => self.last,
            },
            None => None,
        };
        Ok(Replayed {
            last: last.or(self.facts.purged),
            index: self.index,
            window: self.window,
            end: End {
                facts: self.facts,
                segment,
                at,
                sequence: self.sequence.unwrap_or(1),
                spare: self.spare,
            },
        })
    }

    /// The identity of the last entry: the last one read may have been truncated.
    fn last_before(&self, end: u64) -> Result<Option<LogId>, LogError> {
        if let Some(last) = self.window.last()
            && last.log_id.index + 1 == end
        {
            return Ok(Some(last.log_id));
        }
        let Some((index, segment, location)) = self.index.locate(end - 1, end).pop() else {
            return Ok(None);
        };
        read_entry(index, &segment, location).map(|entry| Some(entry.log_id))
    }
}

/// Takes away what a crash left of a frame, durably.
fn cut_off(segment: &Segment, bytes: &[u8], at: usize) -> Result<(), LogError> {
    tracing::info!(
        path = %segment.path.display(),
        "the last write had not been finished, and nobody was told that it was: it is cut off"
    );
    segment.write(&vec![0; bytes.len() - at], at as u64)?;
    segment.sync()
}

/// Reads an entry back.
pub(super) fn read_entry(
    index: u64,
    segment: &Segment,
    location: Location,
) -> Result<Entry, LogError> {
    let sealed = segment.read(location.at, location.length as usize)?;
    open_entry(&segment.path, index, &sealed)
}

fn open_entry(path: &Path, index: u64, sealed: &[u8]) -> Result<Entry, LogError> {
    let entry: Entry = open(path, index, sealed)?;
    if entry.log_id.index == index {
        Ok(entry)
    } else {
        let reason = format!("entry {} stands in place of {index}", entry.log_id.index);
        Err(LogError::damaged(path, reason))
    }
}

fn open<T: DeserializeOwned>(path: &Path, key: u64, sealed: &[u8]) -> Result<T, LogError> {
    codec::open(&key.to_le_bytes(), sealed).map_err(|error| match error {
        CodecError::Format(found) if found > FORMAT => LogError::Newer {
            path: path.to_owned(),
            found,
            known: FORMAT,
        },
        error => LogError::damaged(path, error.to_string()),
    })
}
