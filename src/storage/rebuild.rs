//! The mark of a member that is being rebuilt: an empty file beside its log.

use crate::consensus::RebuildMark;
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

const NAME: &str = "rebuilding";

/// A file that is there or not.
#[derive(Debug)]
pub struct FileMark {
    folder: PathBuf,
}

impl FileMark {
    /// The mark in a node's data folder.
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }
}

impl RebuildMark for FileMark {
    fn is_set(&self) -> bool {
        self.folder.join(NAME).exists()
    }

    fn set(&self, rebuilding: bool) -> io::Result<()> {
        let path = self.folder.join(NAME);
        if rebuilding {
            File::create(path)?.sync_all()?;
        } else if path.exists() {
            fs::remove_file(path)?;
        }
        if cfg!(unix) {
            File::open(&self.folder)?.sync_all()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
