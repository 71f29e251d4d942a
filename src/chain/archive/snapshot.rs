//! A copy of a whole store on its way to a peer.
//!
//! The copy is a stream: a magic number, the entries (table, lengths, key, value), an end mark with their count. It is
//! cut into chunks wherever they are full, each with a CRC-32 of its content in front.

use super::{
    StoreError, canonical,
    encoding::meta,
    store::{Entries, Entry, StoreSnapshot, Table},
};
use std::{fmt, io, sync::Arc};

/// Bytes in a chunk at the most.
const MAX_CHUNK_BYTES: usize = 1 << 20;
const CHECKSUM_BYTES: usize = 4;
/// Name and version of the format.
const MAGIC: &[u8; 8] = b"PRALINE\x01";
/// Stands where an entry's table would.
const END: u8 = 0xff;
/// Table, length of the key, length of the value.
const ENTRY_HEADER_BYTES: usize = 1 + 2 + 4;
/// Bytes of a value at the most, so that a damaged length cannot ask for all memory.
const MAX_VALUE_BYTES: usize = 1 << 30;

/// A copy of a whole store, as it was when the copy was made.
#[derive(Clone)]
pub struct ArchiveSnapshot {
    source: Arc<dyn StoreSnapshot>,
}

impl fmt::Debug for ArchiveSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ArchiveSnapshot({:?})", self.source)
    }
}

impl ArchiveSnapshot {
    pub(super) fn new(source: Arc<dyn StoreSnapshot>) -> Self {
        Self { source }
    }

    /// The chunks, of at most 1 MiB, in order, from the start. Every call gives the same.
    pub fn chunks(&self) -> io::Result<Box<dyn Iterator<Item = io::Result<Vec<u8>>> + Send>> {
        let entries = self.source.entries().map_err(io::Error::other)?;
        Ok(Box::new(Chunks::new(entries)))
    }

    /// The checkpoint in it; `None`: nothing was ever written.
    pub fn checkpoint(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.source.get(Table::Meta, meta::CHECKPOINT)
    }

    /// The same copy as it is on every node with the same chain (see `canonical`), with `checkpoint` in the place of its
    /// own, which says things about one node.
    pub fn canonical_chunks(
        &self,
        checkpoint: Vec<u8>,
    ) -> io::Result<Box<dyn Iterator<Item = io::Result<Vec<u8>>> + Send>> {
        let entries = canonical::entries(&*self.source, checkpoint);
        Ok(Box::new(Chunks::new(entries.map_err(io::Error::other)?)))
    }
}

/// Whether an entry is the checkpoint.
pub(super) fn is_checkpoint(table: Table, key: &[u8]) -> bool {
    table == Table::Meta && key == meta::CHECKPOINT
}

struct Chunks {
    /// `None`: the end mark is written, or reading failed.
    entries: Option<Entries>,
    /// What no chunk holds yet.
    waiting: Vec<u8>,
    count: u64,
}

impl Chunks {
    fn new(entries: Entries) -> Self {
        Self {
            entries: Some(entries),
            waiting: MAGIC.to_vec(),
            count: 0,
        }
    }
}

impl Iterator for Chunks {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        const CONTENT: usize = MAX_CHUNK_BYTES - CHECKSUM_BYTES;
        while self.waiting.len() < CONTENT
            && let Some(entries) = &mut self.entries
        {
            match entries.next() {
                Some(Ok(entry)) => {
                    self.count += 1;
                    write_entry(&entry, &mut self.waiting);
                }
                Some(Err(error)) => {
                    (self.entries, self.waiting) = (None, Vec::new());
                    return Some(Err(io::Error::other(error)));
                }
                None => {
                    self.entries = None;
                    self.waiting.push(END);
                    self.waiting.extend_from_slice(&self.count.to_be_bytes());
                }
            }
        }
        if self.waiting.is_empty() {
            return None;
        }
        let rest = self.waiting.split_off(self.waiting.len().min(CONTENT));
        let content = std::mem::replace(&mut self.waiting, rest);
        let mut chunk = Vec::with_capacity(CHECKSUM_BYTES + content.len());
        chunk.extend_from_slice(&crc32fast::hash(&content).to_be_bytes());
        chunk.extend_from_slice(&content);
        Some(Ok(chunk))
    }
}

fn write_entry((table, key, value): &Entry, out: &mut Vec<u8>) {
    out.push(*table as u8);
    out.extend_from_slice(&(key.len() as u16).to_be_bytes());
    out.extend_from_slice(&(value.len() as u32).to_be_bytes());
    out.extend_from_slice(key);
    out.extend_from_slice(value);
}

/// The entries in the chunks of a copy. The last item is an error unless the copy is whole.
pub(super) fn entries(
    chunks: impl Iterator<Item = io::Result<Vec<u8>>>,
) -> impl Iterator<Item = Result<Entry, StoreError>> {
    let mut reader = Reader {
        chunks,
        waiting: Vec::new(),
        at: 0,
        count: 0,
        state: State::Start,
    };
    std::iter::from_fn(move || reader.next_entry().transpose())
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Start,
    Entries,
    Over,
}

struct Reader<I> {
    chunks: I,
    waiting: Vec<u8>,
    /// How much of `waiting` was read.
    at: usize,
    count: u64,
    state: State,
}

impl<I: Iterator<Item = io::Result<Vec<u8>>>> Reader<I> {
    fn next_entry(&mut self) -> Result<Option<Entry>, StoreError> {
        let entry = self.parse();
        if !matches!(entry, Ok(Some(_))) {
            self.state = State::Over;
        }
        entry
    }

    fn parse(&mut self) -> Result<Option<Entry>, StoreError> {
        if self.state == State::Over {
            return Ok(None);
        }
        if self.state == State::Start && self.take(MAGIC.len())? != MAGIC {
            return Err(damaged("it is not a copy that this version can read"));
        }
        self.state = State::Entries;
        let number = self.take(1)?[0];
        if number == END {
            return self.finish();
        }
        let table = Table::ALL.get(usize::from(number));
        let table = *table.ok_or_else(|| damaged("it names an unknown table"))?;
        let lengths: [u8; ENTRY_HEADER_BYTES - 1] = self.take_array()?;
        let key_length = usize::from(u16::from_be_bytes([lengths[0], lengths[1]]));
        let [_, _, value_length @ ..] = lengths;
        let value_length = u32::from_be_bytes(value_length) as usize;
        if value_length > MAX_VALUE_BYTES {
            return Err(damaged("an entry is too long"));
        }
        let key = self.take(key_length)?.to_vec();
        let value = self.take(value_length)?.to_vec();
        self.count += 1;
        Ok(Some((table, key, value)))
    }

    fn finish(&mut self) -> Result<Option<Entry>, StoreError> {
        let count = u64::from_be_bytes(self.take_array()?);
        let more = self.at < self.waiting.len() || self.chunks.next().is_some();
        if count != self.count || more {
            return Err(damaged("entries are missing or too many"));
        }
        Ok(None)
    }

    fn take_array<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    /// The next bytes, from as many chunks as it needs.
    fn take(&mut self, length: usize) -> Result<&[u8], StoreError> {
        while self.waiting.len() - self.at < length {
            self.waiting.drain(..self.at);
            self.at = 0;
            let chunk = self
                .chunks
                .next()
                .ok_or_else(|| damaged("it ends early"))??;
            let (checksum, content) = chunk
                .split_first_chunk()
                .ok_or_else(|| damaged("a chunk is too short"))?;
            if chunk.len() > MAX_CHUNK_BYTES {
                return Err(damaged("a chunk is too long"));
            }
            if crc32fast::hash(content).to_be_bytes() != *checksum {
                return Err(damaged("a checksum is wrong"));
            }
            self.waiting.extend_from_slice(content);
        }
        self.at += length;
        Ok(&self.waiting[self.at - length..self.at])
    }
}

fn damaged(problem: &str) -> StoreError {
    StoreError::DamagedCopy(problem.to_owned())
}

#[cfg(test)]
mod tests;
