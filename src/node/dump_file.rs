//! Dumps as files: read at the start, written at the end and every so often.
//!
//! *Invariants.* A file is replaced as a whole or not at all: the dump is written beside it, made durable, and renamed.
//! What is interrupted leaves the old file. A dump is loaded into a new chain alone: one that a data folder goes on
//! with is not overwritten.

use super::NodeError;
use crate::{
    chain::{
        Chain,
        archive::Archive,
        dump::{self, Dump, DumpError},
    },
    replica::{
        api::{Backend, ReadError, WriteError},
        load::{LoadError, load, prepare},
    },
    telemetry::Printer,
};
use flate2::read::GzDecoder;
use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// How long to wait for a leader before the next try.
const RETRY_PAUSE: Duration = Duration::from_millis(100);
/// How often a load is tried while there is no leader: a cluster may be starting.
const TRIES_MAX: usize = 600;
/// What a gzip file begins with (RFC 1952).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// The file in a folder that is named as a dump, as anvil has it.
const FILE_IN_FOLDER: &str = "state.json";

/// What is to be done with dumps.
#[derive(Clone, Debug, Default)]
pub struct DumpFiles {
    /// The file to load.
    pub load: Option<PathBuf>,
    /// Whether it is an error if there is none.
    pub must_exist: bool,
    /// The file to write at the end.
    pub dump: Option<PathBuf>,
    /// How often to write it before.
    pub interval: Option<Duration>,
    /// Whether to write the state after every block.
    pub historical_states: bool,
}

/// A dump that could not be read, loaded or written.
#[derive(Debug, thiserror::Error)]
pub enum DumpFileError {
    /// The file cannot be read.
    #[error("cannot read the dump `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no dump, or the chain does not take it.
    #[error("the dump `{}` was not loaded: {source}", path.display())]
    Load {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<LoadError>,
    },
    /// The chain could not be asked.
    #[error(transparent)]
    Ask(#[from] ReadError),
    /// The file cannot be written.
    #[error("the chain was not dumped to `{}`: {source}", path.display())]
    Dump {
        /// The file.
        path: PathBuf,
        /// Why.
        source: DumpError,
    },
    /// The thread that worked on it failed.
    #[error("the work on the dump `{}` failed inside the node", .0.display())]
    Panicked(PathBuf),
}

impl DumpFiles {
    /// Loads the dump through a member, if there is one to load.
    pub(super) async fn load_into(
        &self,
        backend: &dyn Backend,
        printer: &Printer,
    ) -> Result<(), DumpFileError> {
        let Some(path) = &self.load else {
            return Ok(());
        };
        let path = file_at(path);
        if !self.must_exist && !path.exists() {
            return Ok(());
        }
        if has_begun(&*patient(backend).await?) {
            printer.warning(&format!(
                "`{}` was not loaded: the data folder holds a chain that goes on; use another folder to start from the dump",
                path.display()
            ));
            return Ok(());
        }
        let (parts, blocks, accounts) = read(path.clone()).await?;
        for part in &parts {
            load_patiently(backend, std::slice::from_ref(part))
                .await
                .map_err(|error| DumpFileError::Load {
                    path: path.clone(),
                    source: Box::new(error.into()),
                })?;
        }
        printer.text(format!(
            "Loaded {blocks} blocks and {accounts} accounts from `{}`",
            path.display()
        ));
        Ok(())
    }

    /// Writes the chain of a member to the file, if one is named. Says so if `printer` is given.
    pub(super) async fn dump_from(
        &self,
        backend: &dyn Backend,
        printer: Option<&Printer>,
    ) -> Result<(), DumpFileError> {
        let Some(path) = &self.dump else {
            return Ok(());
        };
        let path = file_at(path);
        let (chain, archive) = (backend.local(), Arc::clone(backend.archive()));
        let historical = self.historical_states;
        let to = path.clone();
        let written =
            tokio::task::spawn_blocking(move || replace(&to, &chain, &archive, historical));
        written
            .await
            .map_err(|_| DumpFileError::Panicked(path.clone()))?
            .map_err(|source| DumpFileError::Dump {
                path: path.clone(),
                source,
            })?;
        if let Some(printer) = printer {
            printer.text(format!("Dumped the chain to `{}`", path.display()));
        }
        Ok(())
    }

    /// Writes the dump every so often, for as long as it is polled.
    pub(super) async fn dump_regularly(&self, backend: &dyn Backend, printer: &Printer) {
        let (Some(interval), Some(_)) = (self.interval, &self.dump) else {
            return std::future::pending().await;
        };
        loop {
            tokio::time::sleep(interval).await;
            if let Err(error) = self.dump_from(backend, None).await {
                printer.warning(&error.to_string());
            }
        }
    }
}

impl From<DumpFileError> for NodeError {
    fn from(error: DumpFileError) -> Self {
        Self::DumpFile(Box::new(error))
    }
}

fn file_at(path: &Path) -> PathBuf {
    if path.is_dir() {
        path.join(FILE_IN_FOLDER)
    } else {
        path.to_owned()
    }
}

/// Whether anything has happened to the chain since its genesis.
fn has_begun(chain: &Chain) -> bool {
    chain.version() > 0
}

/// The chain, as soon as there is a leader.
async fn patient(backend: &dyn Backend) -> Result<Arc<Chain>, ReadError> {
    for _ in 0..TRIES_MAX {
        if let Ok(chain) = backend.read().await {
            return Ok(chain);
        }
        tokio::time::sleep(RETRY_PAUSE).await;
    }
    backend.read().await
}

async fn load_patiently(
    backend: &dyn Backend,
    parts: &[Arc<crate::chain::load::LoadPart>],
) -> Result<(), WriteError> {
    let mut tries = 0;
    loop {
        match load(backend, parts).await {
            Err(WriteError::Unavailable(_)) if tries < TRIES_MAX => {
                tries += 1;
                tokio::time::sleep(RETRY_PAUSE).await;
            }
            result => return result,
        }
    }
}

type Parts = (Vec<Arc<crate::chain::load::LoadPart>>, usize, usize);

/// Reads a dump, plain or compressed, and cuts it into parts.
async fn read(path: PathBuf) -> Result<Parts, DumpFileError> {
    let of = path.clone();
    let work = move || -> Result<Parts, DumpFileError> {
        let unreadable = |source| DumpFileError::Read {
            path: of.clone(),
            source,
        };
        let mut file = BufReader::new(File::open(&of).map_err(unreadable)?);
        let mut magic = [0; 2];
        let length = file.read(&mut magic).map_err(unreadable)?;
        let whole = io::Read::chain(&magic[..length], file);
        let parsed = if magic == GZIP_MAGIC {
            Dump::read(BufReader::new(GzDecoder::new(whole)))
        } else {
            Dump::read(whole)
        };
        let read = |dump: Dump| Ok((prepare(&dump)?, dump.blocks(), dump.accounts()));
        parsed
            .map_err(LoadError::from)
            .and_then(read)
            .map_err(|source| DumpFileError::Load {
                path: of.clone(),
                source: Box::new(source),
            })
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(_) => Err(DumpFileError::Panicked(path)),
    }
}

/// Writes the dump beside the file, makes it durable, and puts it in the file's place.
fn replace(
    path: &Path,
    chain: &Chain,
    archive: &Archive,
    historical_states: bool,
) -> Result<(), DumpError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let beside = path.with_file_name(name);
    let mut out = BufWriter::new(File::create(&beside)?);
    dump::write(chain, archive, historical_states, &mut out)?;
    out.flush()?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    Ok(())
}
