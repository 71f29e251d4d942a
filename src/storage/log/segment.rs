//! One file of the log.
//!
//! ```text
//! segment = header (one page of its own, never written again), frames, zeros
//! header  = "PralineL", format: u8, number: u64 LE, CRC-32 of all that: u32 LE, zeros up to 4096
//! ```
//!
//! *Invariants.* A segment gets its name only when its header and its zeros are on the disk: what has the name and no
//! valid header is damaged, or not ours. Its space is filled with zeros beforehand, so that making a frame durable
//! writes the frame and nothing else, no size and no map of blocks; it also tells a torn frame from a changed one.

use super::{
    codec::FORMAT,
    error::LogError,
    folder::{Folder, LogFile},
};
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Where the first frame begins.
pub(super) const HEADER_BYTES: usize = 4096;
/// Space prepared in a segment, bytes; when it is used up the next one begins. A larger frame makes it longer.
pub(super) const SEGMENT_BYTES: usize = 2 << 20;

const MAGIC: [u8; 8] = *b"PralineL";
const HEADER_CONTENT_BYTES: usize = 21;
const EXTENSION: &str = "segment";
const UNFINISHED: &str = "unfinished";

/// What may be done with a log's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Everything.
    Write,
    /// Nothing is changed, not even what a crash left behind.
    Read,
}

/// An open segment.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) number: u64,
    pub(super) path: PathBuf,
    pub(super) file: Arc<dyn LogFile>,
}

fn name_of(number: u64, extension: &str) -> String {
    format!("{number:016}.{extension}")
}

fn header(number: u64) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(&MAGIC);
    header[8] = FORMAT;
    header[9..17].copy_from_slice(&number.to_le_bytes());
    let crc = crc32fast::hash(&header[..17]);
    header[17..HEADER_CONTENT_BYTES].copy_from_slice(&crc.to_le_bytes());
    header
}

impl Segment {
    /// Makes an empty segment with space for `space_bytes`, durably.
    pub(super) fn create(
        folder: &dyn Folder,
        number: u64,
        space_bytes: usize,
    ) -> Result<Self, LogError> {
        let unfinished = name_of(number, UNFINISHED);
        let name = name_of(number, EXTENSION);
        let make = || -> io::Result<Arc<dyn LogFile>> {
            let file = folder.create(&unfinished)?;
            let mut bytes = vec![0; space_bytes.max(HEADER_BYTES)];
            bytes[..HEADER_BYTES].copy_from_slice(&header(number));
            file.write_at(&bytes, 0)?;
            file.sync_all()?;
            folder.rename(&unfinished, &name)?;
            folder.sync()?;
            Ok(file)
        };
        let file = make().map_err(|error| LogError::io(folder.path(), error))?;
        Ok(Self {
            number,
            path: folder.path().join(name),
            file,
        })
    }

    /// Opens a segment and reads all of it.
    pub(super) fn open(
        folder: &dyn Folder,
        number: u64,
        access: Access,
    ) -> Result<(Self, Vec<u8>), LogError> {
        let name = name_of(number, EXTENSION);
        let path = folder.path().join(&name);
        let read = || -> io::Result<(Arc<dyn LogFile>, Vec<u8>)> {
            let file = match access {
                Access::Write => folder.open(&name)?,
                Access::Read => folder.open_to_read(&name)?,
            };
            let length = usize::try_from(file.length()?).map_err(io::Error::other)?;
            let mut bytes = vec![0; length];
            file.read_at(&mut bytes, 0)?;
            Ok((file, bytes))
        };
        let (file, bytes) = read().map_err(|error| LogError::io(&path, error))?;
        check_header(&path, number, &bytes)?;
        let segment = Self { number, path, file };
        Ok((segment, bytes))
    }

    /// Takes a segment that is not needed any more away.
    pub(super) fn remove(&self, folder: &dyn Folder) -> io::Result<()> {
        folder.remove(&name_of(self.number, EXTENSION))
    }

    /// Writes bytes; they are durable after the next [`Segment::sync`].
    pub(super) fn write(&self, bytes: &[u8], at: u64) -> Result<(), LogError> {
        let written = self.file.write_at(bytes, at);
        written.map_err(|error| LogError::io(&self.path, error))
    }

    /// Writes bytes behind all others; they are durable when this returns.
    pub(super) fn write_durably(&self, bytes: &[u8], at: u64) -> Result<(), LogError> {
        let written = self.file.write_durably(bytes, at);
        written.map_err(|error| LogError::io(&self.path, error))
    }

    /// Returns when everything written is on the disk.
    pub(super) fn sync(&self) -> Result<(), LogError> {
        let synced = self.file.sync();
        synced.map_err(|error| LogError::io(&self.path, error))
    }

    /// Reads bytes that are known to be there.
    pub(super) fn read(&self, at: u64, length: usize) -> Result<Vec<u8>, LogError> {
        let mut bytes = vec![0; length];
        let read = self.file.read_at(&mut bytes, at);
        read.map_err(|error| LogError::io(&self.path, error))?;
        Ok(bytes)
    }
}

fn check_header(path: &Path, number: u64, bytes: &[u8]) -> Result<(), LogError> {
    let Some(found) = bytes.get(..HEADER_BYTES) else {
        return Err(LogError::damaged(path, "its beginning is missing"));
    };
    if found[..8] != MAGIC {
        return Err(LogError::damaged(path, "it does not begin like a log"));
    }
    // Whether it is what was written comes before what it says.
    if crc32fast::hash(&found[..17]).to_le_bytes() != found[17..HEADER_CONTENT_BYTES] {
        return Err(LogError::damaged(path, "its header was changed"));
    }
    if found[8] > FORMAT {
        return Err(LogError::Newer {
            path: path.to_owned(),
            found: found[8],
            known: FORMAT,
        });
    }
    if found != header(number) {
        return Err(LogError::damaged(path, "its header was changed"));
    }
    Ok(())
}

/// The numbers of a folder's segments, in order. Who may write removes what a crash left unfinished.
pub(super) fn list(folder: &dyn Folder, access: Access) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for name in folder.list()? {
        match name.rsplit_once('.') {
            Some((_, UNFINISHED)) if access == Access::Write => folder.remove(&name)?,
            Some((number, EXTENSION)) => numbers.extend(number.parse::<u64>().ok()),
            _ => {}
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}
