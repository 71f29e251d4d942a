//! A file of the log that is written past the system's cache: one durable write instead of a copy, a write-back and a
//! flush, about two thirds of the time and little of the processor's (Linux: `O_DIRECT | O_DSYNC`, open(2)).
//!
//! *Invariants.* Whole pages are written, at page boundaries, from memory that begins at one. What stood in the first
//! page before is written again with the same bytes (as the system's own write-back does), so a write that is cut short
//! changes nothing of it; what is behind the last byte is zeros, as everywhere behind a log's end. Where the file system
//! cannot do it, everything goes through the cache.

use super::{folder::LogFile, lock};
use std::{
    fs::File,
    io,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

/// No storage of today wants more than this for its alignment.
const PAGE_BYTES: usize = 4096;
/// Bytes of the buffer that are kept from one write to the next.
const BUFFER_KEPT_BYTES: usize = 1 << 20;

/// See the module.
#[derive(Debug)]
pub(super) struct DirectFile {
    /// Reads, lengths, and everything where the direct way is closed.
    cached: File,
    direct: Option<File>,
    /// Whether the direct way has failed for good.
    is_closed: AtomicBool,
    pages: Mutex<Pages>,
}

impl DirectFile {
    /// The file at `path`, opened already to read and write through the cache.
    pub(super) fn new(cached: File, path: &Path) -> Self {
        Self {
            cached,
            direct: open(path).ok(),
            is_closed: AtomicBool::new(false),
            pages: Mutex::default(),
        }
    }

    fn write_pages(&self, direct: &File, bytes: &[u8], at: u64) -> io::Result<()> {
        let mut pages = lock(&self.pages);
        pages.fill(&self.cached, bytes, at)?;
        direct.write_at(pages.filled(), at / PAGE_BYTES as u64 * PAGE_BYTES as u64)?;
        pages.keep_last(at + bytes.len() as u64);
        Ok(())
    }
}

#[cfg(target_os = "linux")]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    File::options()
        .write(true)
        .custom_flags(libc::O_DIRECT | libc::O_DSYNC)
        .open(path)
}

#[cfg(not(target_os = "linux"))]
fn open(_path: &Path) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

impl LogFile for DirectFile {
    fn length(&self) -> io::Result<u64> {
        self.cached.length()
    }

    fn read_at(&self, bytes: &mut [u8], at: u64) -> io::Result<()> {
        LogFile::read_at(&self.cached, bytes, at)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        lock(&self.pages).forget();
        LogFile::write_at(&self.cached, bytes, at)
    }

    fn sync(&self) -> io::Result<()> {
        LogFile::sync(&self.cached)
    }

    fn sync_all(&self) -> io::Result<()> {
        LogFile::sync_all(&self.cached)
    }

    fn write_durably(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        if let Some(direct) = &self.direct
            && !self.is_closed.load(Ordering::Relaxed)
        {
            match self.write_pages(direct, bytes, at) {
                // Some file systems take the flag and refuse the write.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                    self.is_closed.store(true, Ordering::Relaxed);
                }
                result => return result,
            }
        }
        self.write_at(bytes, at)?;
        self.sync()
    }
}

/// The pages of a write, and what has to be written again with the next one.
#[derive(Debug, Default)]
struct Pages {
    buffer: Vec<u8>,
    /// Where in the buffer the first page begins.
    start: usize,
    length: usize,
    /// Where in the file `last` begins.
    last_at: u64,
    /// The beginning of the page in which the log ends, as far as it is written.
    last: Vec<u8>,
}

impl Pages {
    /// Puts `bytes`, to be written at `at`, into whole pages.
    fn fill(&mut self, file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
        let before = (at % PAGE_BYTES as u64) as usize;
        let first = at - before as u64;
        self.length = (before + bytes.len()).next_multiple_of(PAGE_BYTES);
        self.buffer.clear();
        self.buffer.resize(self.length + PAGE_BYTES, 0);
        self.start = self.buffer.as_ptr().align_offset(PAGE_BYTES);
        let pages = &mut self.buffer[self.start..][..self.length];
        if before > 0 && self.last_at == first && self.last.len() == before {
            pages[..before].copy_from_slice(&self.last);
        } else {
            LogFile::read_at(file, &mut pages[..before], first)?;
        }
        pages[before..][..bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn filled(&self) -> &[u8] {
        &self.buffer[self.start..][..self.length]
    }

    /// Keeps what the next write, at `end`, has to write again.
    fn keep_last(&mut self, end: u64) {
        let used = (end % PAGE_BYTES as u64) as usize;
        self.last_at = end - used as u64;
        let last_page = self.length.saturating_sub(PAGE_BYTES);
        self.last.clear();
        // At a page boundary nothing is.
        if used > 0 {
            let last = &self.buffer[self.start + last_page..][..used];
            self.last.extend_from_slice(last);
        }
        if self.buffer.capacity() > BUFFER_KEPT_BYTES {
            self.buffer = Vec::new();
        }
    }

    /// The file was written by another way.
    fn forget(&mut self) {
        self.last.clear();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn file(folder: &Path, name: &str, length: usize) -> DirectFile {
        let path = folder.join(name);
        std::fs::write(&path, vec![0; length]).unwrap();
        let mut options = File::options();
        let cached = options.read(true).write(true).open(&path).unwrap();
        DirectFile::new(cached, &path)
    }

    #[test]
    fn writes_of_all_lengths_stand_one_behind_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(folder.path(), "direct", 1 << 20);
        let mut expected = Vec::new();
        for step in 0..120usize {
            let length = [1, 7, 900, 4095, 4096, 4097, 9000, 20_000][step % 8];
            let bytes = vec![step as u8 + 1; length];
            let at = expected.len() as u64;
            if step % 13 == 5 {
                file.write_at(&bytes, at).unwrap();
            } else {
                file.write_durably(&bytes, at).unwrap();
            }
            expected.extend(bytes);
        }
        let mut found = vec![0; expected.len()];
        file.read_at(&mut found, 0).unwrap();
        assert!(found == expected);
        let all = std::fs::read(folder.path().join("direct")).unwrap();
        assert!(all[expected.len()..].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn a_file_system_that_cannot_do_it_gets_ordinary_writes() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = file(folder.path(), "cached", 8192);
        file.direct = None;
        file.write_durably(b"abc", 4094).unwrap();
        let mut found = [0; 3];
        file.read_at(&mut found, 4094).unwrap();
        assert_eq!(&found, b"abc");
    }

    #[test]
    fn a_write_beyond_the_end_makes_the_file_longer() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(folder.path(), "short", 4096);
        file.write_durably(&[5; 6000], 4000).unwrap();
        let mut found = [0; 6000];
        file.read_at(&mut found, 4000).unwrap();
        assert_eq!(found, [5; 6000]);
        assert_eq!(file.length().unwrap(), 12_288);
    }
}
