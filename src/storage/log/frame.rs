//! Frames: what is written to the disk at once, and found again whole or not at all.
//!
//! ```text
//! frame   = header, records, zeros up to a multiple of 32
//! header  = "Fram", length of the records: u32 LE, sequence: u64 LE, CRC-32 of the records: u32 LE,
//!           CRC-32 of the header so far: u32 LE
//! record  = kind: u8, key: u64 LE, length: u32 LE, sealed value (see `codec`; length 0: none)
//! ```
//!
//! *Invariants.* Frames stand one behind the other, numbered without a gap through all segments; behind the last one
//! there are zeros. A frame is written after the one before it is durable: at most the last one is unfinished.

use std::ops::Range;

const MAGIC: [u8; 4] = *b"Fram";
/// Bytes before the records.
const HEADER_BYTES: usize = 24;
/// Frames begin at multiples of this: so a header is never in two sectors.
const ALIGNMENT: usize = 32;
/// A disk writes this much or nothing of it, bytes.
const SECTOR_BYTES: usize = 512;
/// Bytes before a record's value.
const RECORD_HEADER_BYTES: usize = 13;

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An entry; the key is its index.
    Entry,
    /// The vote.
    Vote,
    /// Entries from the key on are gone.
    Truncated,
    /// Entries up to this one are no longer needed.
    Purged,
    /// Entries up to this one are known to be committed.
    Committed,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Entry,
            2 => Self::Vote,
            3 => Self::Truncated,
            4 => Self::Purged,
            5 => Self::Committed,
            _ => return None,
        })
    }

    fn byte(self) -> u8 {
        match self {
            Self::Entry => 1,
            Self::Vote => 2,
            Self::Truncated => 3,
            Self::Purged => 4,
            Self::Committed => 5,
        }
    }
}

/// A record of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) kind: Kind,
    pub(super) key: u64,
    /// Where its value stands, from the beginning of what was read or is written.
    pub(super) value: Range<usize>,
}

/// A frame in the making.
#[derive(Debug, Default)]
pub(super) struct Builder {
    bytes: Vec<u8>,
}

impl Builder {
    /// Begins a new frame.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.resize(HEADER_BYTES, 0);
    }

    /// Bytes so far.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Gives memory back beyond `bytes`.
    pub(super) fn shrink_to(&mut self, bytes: usize) {
        self.bytes.clear();
        self.bytes.shrink_to(bytes);
    }

    /// Adds a record; gives where its value stands in the frame.
    pub(super) fn push(&mut self, kind: Kind, key: u64, value: &[u8]) -> Range<usize> {
        self.bytes.push(kind.byte());
        self.bytes.extend_from_slice(&key.to_le_bytes());
        self.bytes
            .extend_from_slice(&(value.len() as u32).to_le_bytes());
        let start = self.bytes.len();
        self.bytes.extend_from_slice(value);
        start..self.bytes.len()
    }

    /// The whole frame.
    pub(super) fn finish(&mut self, sequence: u64) -> &[u8] {
        let length = (self.bytes.len() - HEADER_BYTES) as u32;
        self.bytes[..4].copy_from_slice(&MAGIC);
        self.bytes[4..8].copy_from_slice(&length.to_le_bytes());
        self.bytes[8..16].copy_from_slice(&sequence.to_le_bytes());
        let crc = crc32fast::hash(&self.bytes[HEADER_BYTES..]);
        self.bytes[16..20].copy_from_slice(&crc.to_le_bytes());
        let crc = crc32fast::hash(&self.bytes[..20]);
        self.bytes[20..HEADER_BYTES].copy_from_slice(&crc.to_le_bytes());
        self.bytes
            .resize(self.bytes.len().next_multiple_of(ALIGNMENT), 0);
        &self.bytes
    }
}

/// What stands at a place where a frame may begin.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A whole frame.
    Frame {
        sequence: u64,
        /// Where its records stand.
        records: Range<usize>,
        /// Where the next frame begins.
        next: usize,
    },
    /// Zeros from here on.
    End,
    /// A frame of which a part never reached the disk.
    Torn,
    /// Bytes that were changed after they had been written.
    Damaged,
}

/// Looks at `bytes[at..]`, the rest of a segment.
pub(super) fn find(bytes: &[u8], at: usize) -> Found {
    let rest = bytes.get(at..).unwrap_or_default();
    if let Some((sequence, length)) = whole(rest) {
        let records = at + HEADER_BYTES..at + HEADER_BYTES + length;
        let next = records.end.next_multiple_of(ALIGNMENT);
        return Found::Frame {
            sequence,
            records,
            next,
        };
    }
    if rest.iter().all(|byte| *byte == 0) {
        return Found::End;
    }
    if is_torn(bytes, at) {
        Found::Torn
    } else {
        Found::Damaged
    }
}

/// The first whole frame behind `at`, if there is one: what is broken before it was not the last.
pub(super) fn find_later(bytes: &[u8], at: usize) -> Option<u64> {
    let mut place = at.next_multiple_of(ALIGNMENT);
    while place < bytes.len() {
        if let Some((sequence, _)) = whole(&bytes[place..]) {
            return Some(sequence);
        }
        place += ALIGNMENT;
    }
    None
}

/// The beginning of a frame.
struct Header {
    length: usize,
    sequence: u64,
    records_crc: u32,
}

/// The header with which `rest` begins, if it is one.
fn header(rest: &[u8]) -> Option<Header> {
    let (header, _) = rest.split_first_chunk::<HEADER_BYTES>()?;
    let [magic @ .., c0, c1, c2, c3] = *header;
    if magic[..4] != MAGIC || crc32fast::hash(&magic) != u32::from_le_bytes([c0, c1, c2, c3]) {
        return None;
    }
    let four =
        |at: usize| u32::from_le_bytes([magic[at], magic[at + 1], magic[at + 2], magic[at + 3]]);
    Some(Header {
        length: four(4) as usize,
        sequence: u64::from(four(8)) | u64::from(four(12)) << 32,
        records_crc: four(16),
    })
}

/// The sequence and the length of the frame with which `rest` begins, if it is whole.
fn whole(rest: &[u8]) -> Option<(u64, usize)> {
    let header = header(rest)?;
    let records = rest.get(HEADER_BYTES..HEADER_BYTES.checked_add(header.length)?)?;
    (crc32fast::hash(records) == header.records_crc).then_some((header.sequence, header.length))
}

/// Whether a broken frame looks as if a sector of it had never been written. Space is filled with zeros before it is
/// used, so such a sector is all zeros; a frame whose sectors are all there, but which has a wrong checksum, was
/// changed later. (A changed last frame that happens to hold a whole sector of zeros cannot be told from a torn one.)
fn is_torn(bytes: &[u8], at: usize) -> bool {
    let is_empty = |range: Range<usize>| bytes[range].iter().all(|byte| *byte == 0);
    let first_sector_end = (at + 1).next_multiple_of(SECTOR_BYTES).min(bytes.len());
    let Some(header) = header(&bytes[at..]) else {
        return is_empty(at..first_sector_end);
    };
    let end = at + HEADER_BYTES + header.length;
    if end > bytes.len() {
        // The frame would have made the file longer, and has not.
        return true;
    }
    let mut start = first_sector_end;
    while start < end {
        let stop = (start + SECTOR_BYTES).min(end);
        if is_empty(start..stop) {
            return true;
        }
        start = stop;
    }
    false
}

/// The records of a frame; `None` where they do not fill it, which no version writes.
pub(super) fn records(bytes: &[u8], range: Range<usize>) -> Option<Vec<Record>> {
    let mut records = Vec::new();
    let mut at = range.start;
    while at < range.end {
        let header = bytes.get(at..at + RECORD_HEADER_BYTES)?;
        let mut key = [0; 8];
        key.copy_from_slice(&header[1..9]);
        let length = u32::from_le_bytes([header[9], header[10], header[11], header[12]]) as usize;
        let start = at + RECORD_HEADER_BYTES;
        let end = start.checked_add(length).filter(|end| *end <= range.end)?;
        records.push(Record {
            kind: Kind::from_byte(header[0])?,
            key: u64::from_le_bytes(key),
            value: start..end,
        });
        at = end;
    }
    Some(records)
}
