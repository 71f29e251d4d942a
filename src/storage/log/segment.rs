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

use super::{codec::FORMAT, error::LogError};
use std::{
    fs::{self, File},
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
    pub(super) file: Arc<File>,
}

fn path_of(folder: &Path, number: u64, extension: &str) -> PathBuf {
    folder.join(format!("{number:016}.{extension}"))
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
    /// Makes an empty segment, durably.
    pub(super) fn create(folder: &Path, number: u64) -> Result<Self, LogError> {
        let unfinished = path_of(folder, number, UNFINISHED);
        let path = path_of(folder, number, EXTENSION);
        let make = || -> io::Result<File> {
            let file = File::options()
                .create(true)
                .truncate(true)
                .read(true)
                .write(true)
                .open(&unfinished)?;
            let mut bytes = vec![0; SEGMENT_BYTES];
            bytes[..HEADER_BYTES].copy_from_slice(&header(number));
            write_at(&file, &bytes, 0)?;
            file.sync_all()?;
            fs::rename(&unfinished, &path)?;
            File::open(folder)?.sync_all()?;
            Ok(file)
        };
        let file = make().map_err(|error| LogError::io(folder, error))?;
        Ok(Self {
            number,
            path,
            file: Arc::new(file),
        })
    }

    /// Opens a segment and reads all of it.
    pub(super) fn open(
        folder: &Path,
        number: u64,
        access: Access,
    ) -> Result<(Self, Vec<u8>), LogError> {
        let path = path_of(folder, number, EXTENSION);
        let read = || -> io::Result<(File, Vec<u8>)> {
            let writes = access == Access::Write;
            let file = File::options().read(true).write(writes).open(&path)?;
            let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
            let mut bytes = vec![0; length];
            read_at(&file, &mut bytes, 0)?;
            Ok((file, bytes))
        };
        let (file, bytes) = read().map_err(|error| LogError::io(&path, error))?;
        check_header(&path, number, &bytes)?;
        let segment = Self {
            number,
            path,
            file: Arc::new(file),
        };
        Ok((segment, bytes))
    }

    /// Writes bytes; they are durable after the next [`Segment::sync`].
    pub(super) fn write(&self, bytes: &[u8], at: u64) -> Result<(), LogError> {
        write_at(&self.file, bytes, at).map_err(|error| LogError::io(&self.path, error))
    }

    /// Returns when everything written is on the disk.
    pub(super) fn sync(&self) -> Result<(), LogError> {
        self.file
            .sync_data()
            .map_err(|error| LogError::io(&self.path, error))
    }

    /// Reads bytes that are known to be there.
    pub(super) fn read(&self, at: u64, length: usize) -> Result<Vec<u8>, LogError> {
        let mut bytes = vec![0; length];
        read_at(&self.file, &mut bytes, at).map_err(|error| LogError::io(&self.path, error))?;
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
pub(super) fn list(folder: &Path, access: Access) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some(UNFINISHED) if access == Access::Write => fs::remove_file(&path)?,
            Some(EXTENSION) => {
                let number = path.file_stem().and_then(|stem| stem.to_str());
                numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
            }
            _ => {}
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
}

#[cfg(windows)]
fn write_at(file: &File, mut bytes: &[u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = std::os::windows::fs::FileExt::seek_write(file, bytes, at)?;
        bytes = &bytes[written..];
        at += written as u64;
    }
    Ok(())
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
