//! A file that is only read, under changes that lie in memory: how the store of a stopped node is looked at.
//!
//! redb repairs a file that was not closed, and it wants to write for that. Here it does, without touching the file.
//! *Limits.* Memory holds the changed pages of 4 KiB: few, because what is opened so is read.

use redb::StorageBackend;
use std::{
    collections::BTreeMap,
    fs::File,
    io,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

const PAGE_BYTES: usize = 4096;

/// See the module.
#[derive(Debug)]
pub(super) struct Overlay {
    file: File,
    changes: Mutex<Changes>,
}

#[derive(Debug)]
struct Changes {
    length: u64,
    /// The file counts no further than this: it was cut to that length once.
    file_length: u64,
    pages: BTreeMap<u64, Box<[u8; PAGE_BYTES]>>,
}

impl Overlay {
    /// Over a file, which must exist.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok(Self {
            file,
            changes: Mutex::new(Changes {
                length,
                file_length: length,
                pages: BTreeMap::new(),
            }),
        })
    }

    fn changes(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A page of the file as it is, zeros behind its end.
    fn page_of_file(&self, number: u64, file_length: u64) -> io::Result<Box<[u8; PAGE_BYTES]>> {
        let mut page = Box::new([0; PAGE_BYTES]);
        let start = number * PAGE_BYTES as u64;
        let there = file_length.saturating_sub(start).min(PAGE_BYTES as u64);
        read_at(&self.file, &mut page[..there as usize], start)?;
        Ok(page)
    }
}

/// The pages that a range touches: number, first byte in the page, first byte in the range, how many.
fn pieces(offset: u64, length: usize) -> impl Iterator<Item = (u64, usize, usize, usize)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        if done == length {
            return None;
        }
        let at = offset + done as u64;
        let within = (at % PAGE_BYTES as u64) as usize;
        let count = (PAGE_BYTES - within).min(length - done);
        let piece = (at / PAGE_BYTES as u64, within, done, count);
        done += count;
        Some(piece)
    })
}

impl StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        Ok(self.changes().length)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let changes = self.changes();
        if offset + out.len() as u64 > changes.length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if changes.pages.is_empty() && offset + out.len() as u64 <= changes.file_length {
            return read_at(&self.file, out, offset);
        }
        for (number, within, at, count) in pieces(offset, out.len()) {
            let target = &mut out[at..at + count];
            match changes.pages.get(&number) {
                Some(page) => target.copy_from_slice(&page[within..within + count]),
                None => {
                    let page = self.page_of_file(number, changes.file_length)?;
                    target.copy_from_slice(&page[within..within + count]);
                }
            }
        }
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut changes = self.changes();
        let first_gone = length.div_ceil(PAGE_BYTES as u64);
        changes.pages.split_off(&first_gone);
        let (last, kept) = (
            length / PAGE_BYTES as u64,
            (length % PAGE_BYTES as u64) as usize,
        );
        if let Some(page) = changes.pages.get_mut(&last) {
            page[kept..].fill(0);
        }
        changes.file_length = changes.file_length.min(length);
        changes.length = length;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut changes = self.changes();
        changes.length = changes.length.max(offset + data.len() as u64);
        let file_length = changes.file_length;
        for (number, within, at, count) in pieces(offset, data.len()) {
            if !changes.pages.contains_key(&number) {
                let page = self.page_of_file(number, file_length)?;
                changes.pages.insert(number, page);
            }
            if let Some(page) = changes.pages.get_mut(&number) {
                page[within..within + count].copy_from_slice(&data[at..at + count]);
            }
        }
        Ok(())
    }
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
}

#[cfg(windows)]
fn read_at(file: &File, mut bytes: &mut [u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let read = std::os::windows::fs::FileExt::seek_read(file, bytes, at)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes = &mut bytes[read..];
        at += read as u64;
    }
    Ok(())
}
