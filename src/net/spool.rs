//! Incoming snapshots as files.
//!
//! *Invariant.* A file of an unfinished or no longer needed snapshot is removed; what a crash left behind is removed at
//! the next start.

use crate::consensus::{SnapshotSource, SnapshotSpool, SpoolWriter};
use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

const EXTENSION: &str = "snapshot";

/// Makes files in one folder, which it owns.
#[derive(Debug)]
pub struct FileSpool {
    folder: PathBuf,
    next: AtomicU64,
}

impl FileSpool {
    /// Uses `folder`, makes it if need be, and removes what an earlier process left there.
    pub fn new(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|it| it == EXTENSION) {
                fs::remove_file(path)?;
            }
        }
        Ok(Self {
            folder: folder.to_owned(),
            next: AtomicU64::new(0),
        })
    }
}

/// A file that goes when nobody needs it any more.
#[derive(Debug)]
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            tracing::warn!(path = %self.0.display(), "cannot remove a used snapshot: {error}");
        }
    }
}

struct FileWriter {
    file: BufWriter<File>,
    path: Temporary,
}

#[derive(Debug)]
struct FileSource(Temporary);

impl SnapshotSpool for FileSpool {
    fn create(&self) -> io::Result<Box<dyn SpoolWriter>> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.join(format!("{number}.{EXTENSION}"));
        let file = File::create(&path)?;
        Ok(Box::new(FileWriter {
            file: BufWriter::new(file),
            path: Temporary(path),
        }))
    }
}

impl SpoolWriter for FileWriter {
    fn write(&mut self, chunk: &[u8]) -> io::Result<()> {
        let length = u32::try_from(chunk.len()).map_err(io::Error::other)?;
        self.file.write_all(&length.to_le_bytes())?;
        self.file.write_all(chunk)
    }

    fn finish(mut self: Box<Self>) -> io::Result<Arc<dyn SnapshotSource>> {
        self.file.flush()?;
        let Self { file, path } = *self;
        drop(file);
        Ok(Arc::new(FileSource(path)))
    }
}

impl SnapshotSource for FileSource {
    fn chunks(&self) -> io::Result<Box<dyn Iterator<Item = io::Result<Vec<u8>>> + Send>> {
        let mut file = BufReader::new(File::open(&self.0.0)?);
        Ok(Box::new(std::iter::from_fn(move || {
            next_chunk(&mut file).transpose()
        })))
    }
}

fn next_chunk(file: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match file.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut chunk = vec![0; u32::from_le_bytes(length) as usize];
    file.read_exact(&mut chunk)?;
    Ok(Some(chunk))
}
