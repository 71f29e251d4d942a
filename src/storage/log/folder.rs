//! What the log needs of a file system: one folder of files, and to know when something is really on the disk.
//!
//! *Invariants.* Written bytes survive a loss of power after [`LogFile::sync`] (or `sync_all`, `write_durably`), names after
//! [`Folder::sync`], and nothing before. The real one is here; a simulator has one that keeps to the letter of that.

use super::direct::DirectFile;
use std::{
    fmt,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// A folder of the log's own. All calls block.
pub trait Folder: Send + Sync + fmt::Debug + 'static {
    /// Where it is, for messages.
    fn path(&self) -> &Path;
    /// The names of its files, in any order.
    fn list(&self) -> io::Result<Vec<String>>;
    /// An empty file, which takes the place of one that has the name already.
    fn create(&self, name: &str) -> io::Result<Arc<dyn LogFile>>;
    /// A file that is there, to read and to write.
    fn open(&self, name: &str) -> io::Result<Arc<dyn LogFile>>;
    /// A file that is there, to read only.
    fn open_to_read(&self, name: &str) -> io::Result<Arc<dyn LogFile>> {
        self.open(name)
    }
    /// Gives a file another name.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Takes a file away.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Returns when the names are on the disk.
    fn sync(&self) -> io::Result<()>;
    /// How long what is queued waits for the disk before it is written.
    fn delay(&self) -> Duration {
        Duration::ZERO
    }
    /// Whether files may be made ready by a thread beside.
    fn has_threads(&self) -> bool {
        true
    }
}

/// An open file.
pub trait LogFile: Send + Sync + fmt::Debug + 'static {
    /// Its length, bytes.
    fn length(&self) -> io::Result<u64>;
    /// Fills `bytes` from there.
    fn read_at(&self, bytes: &mut [u8], at: u64) -> io::Result<()>;
    /// Writes all of `bytes` there.
    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()>;
    /// Returns when the written bytes are on the disk; the length, too, if it has changed.
    fn sync(&self) -> io::Result<()>;
    /// The same with everything else that the system keeps about the file.
    fn sync_all(&self) -> io::Result<()>;
    /// Writes all of `bytes` there, behind everything that is written already, and returns when they are on the disk.
    /// May leave zeros behind them.
    fn write_durably(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.write_at(bytes, at)?;
        self.sync()
    }
}

/// A folder of the system.
#[derive(Debug)]
pub(super) struct SystemFolder(pub(super) PathBuf);

impl Folder for SystemFolder {
    fn path(&self) -> &Path {
        &self.0
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let names = fs::read_dir(&self.0)?.map(|entry| Ok(entry?.file_name()));
        // Other names than ours are none of ours.
        let ours = names.filter_map(|name| name.map(|name| name.into_string().ok()).transpose());
        ours.collect()
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn LogFile>> {
        let mut options = File::options();
        options.create(true).truncate(true).read(true).write(true);
        let path = self.0.join(name);
        Ok(Arc::new(DirectFile::new(options.open(&path)?, &path)))
    }

    fn open_to_read(&self, name: &str) -> io::Result<Arc<dyn LogFile>> {
        Ok(Arc::new(File::open(self.0.join(name))?))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn LogFile>> {
        let mut options = File::options();
        let path = self.0.join(name);
        let file = options.read(true).write(true).open(&path)?;
        Ok(Arc::new(DirectFile::new(file, &path)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.0.join(from), self.0.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.0.join(name))
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.0)?.sync_all()
    }
}

impl LogFile for File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    #[cfg(unix)]
    fn read_at(&self, bytes: &mut [u8], at: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(self, bytes, at)
    }

    #[cfg(unix)]
    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::write_all_at(self, bytes, at)
    }

    #[cfg(windows)]
    fn read_at(&self, mut bytes: &mut [u8], mut at: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            let read = std::os::windows::fs::FileExt::seek_read(self, bytes, at)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            bytes = &mut bytes[read..];
            at += read as u64;
        }
        Ok(())
    }

    #[cfg(windows)]
    fn write_at(&self, mut bytes: &[u8], mut at: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = std::os::windows::fs::FileExt::seek_write(self, bytes, at)?;
            bytes = &bytes[written..];
            at += written as u64;
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        Self::sync_all(self)
    }
}
