//! What a detached program tells of itself: a JSON file, locked as long as the program runs.

use super::clock;
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// The variable that names the file to a program that is to run in the background.
pub const INSTANCE_VARIABLE: &str = "PRALINE_INSTANCE";

/// A running program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Instance {
    /// Its process.
    pub pid: u32,
    /// Its version.
    pub version: String,
    /// When it was ready, Unix seconds.
    pub started_at: u64,
    /// The URLs of its nodes.
    pub rpc: Vec<String>,
}

/// The file of this process; gone when this is dropped.
#[derive(Debug)]
pub struct HeldInstance {
    path: PathBuf,
    // Its lock is what shows that the process runs.
    file: Option<File>,
}

impl Instance {
    /// Writes the file of this process and locks it.
    pub fn hold(path: &Path, rpc: Vec<String>) -> io::Result<HeldInstance> {
        let instance = Self {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: clock::now_seconds(),
            rpc,
        };
        // Under another name until it is locked: nobody must take it for one that is left over.
        let hidden = path.with_extension("starting");
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .open(&hidden)?;
        file.lock()?;
        serde_json::to_writer(&mut file, &instance)?;
        file.flush()?;
        fs::rename(&hidden, path)?;
        Ok(HeldInstance {
            path: path.to_owned(),
            file: Some(file),
        })
    }

    /// The program that holds the file; `None`: none does, or there is no file.
    pub fn read(path: &Path) -> Option<Self> {
        let file = File::open(path).ok()?;
        match file.try_lock() {
            Err(fs::TryLockError::WouldBlock) => serde_json::from_reader(&file).ok(),
            // Nobody held it, or nobody can.
            Ok(()) | Err(fs::TryLockError::Error(_)) => None,
        }
    }

    /// Removes what a program that has gone left behind: its file and its output.
    pub fn remove_left_over(path: &Path) {
        // They may have gone already.
        let _ = fs::remove_file(path);
        let _ = fs::remove_file(path.with_extension("log"));
    }
}

impl HeldInstance {
    /// Gives up the lock and leaves the file, as a crash does.
    #[cfg(test)]
    pub(crate) fn forget_file(mut self) {
        self.file = None;
    }
}

impl Drop for HeldInstance {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            // It may have gone already.
            let _ = fs::remove_file(&self.path);
        }
    }
}
