//! A backup becomes the data folders of a cluster's members.
//!
//! The chain is written once and copied to the others; each member gets an empty log that ends where the backup does
//! (`consensus::seed_log`) and the mark of its cluster, in this order: a folder with a mark is whole. The cluster that
//! starts from them elects a leader and goes on; a member that comes later without a folder gets everything from the others.
//!
//! *Invariants.* Nothing is made of a file that is not whole. A folder that holds a chain is never touched. What was made
//! is removed again when something fails.

use super::{NodeError, data_dir::NodeDir};
use crate::{
    chain::{
        Chain,
        archive::{Archive, StoreError},
    },
    config::ClusterConfig,
    consensus::{seed_log, seed_record},
    net::Tokio,
    replica::backup::{BackupError, BackupReader, Manifest, Sealing, public_rules, stored_chain},
    storage::{
        chain::{ChainStore, FILE_NAME, OpenError},
        log::{DiskLog, LogError},
    },
    telemetry::{Printer, Progress},
    types::LogPosition,
};
use alloy::primitives::B256;
use std::{
    fs::{self, File},
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

const READ_BYTES: usize = 1 << 20;

/// A backup that was not restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The file.
    #[error("`{}`: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: BackupError,
    },
    /// A file or folder.
    #[error("cannot use `{}`: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another chain than the config's.
    #[error(
        "the chain in `{}` (chain id {chain_id}) begins with block {found}, but {config} makes {wanted}: restore it with \
         the config it was made with",
        path.display()
    )]
    OtherGenesis {
        /// The file.
        path: PathBuf,
        /// The chain id in it.
        chain_id: u64,
        /// The genesis hash in it.
        found: B256,
        /// The config's name.
        config: String,
        /// The config's genesis hash.
        wanted: B256,
    },
    /// A folder that is in use.
    #[error(
        "`{}` holds a chain already: choose another `--data-dir`, or remove that folder first",
        .0.display()
    )]
    Used(PathBuf),
    /// The folder or the config.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The chain's store.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The chain's store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What to restore, and where.
#[derive(Debug)]
pub struct Restore {
    /// The backup.
    pub file: PathBuf,
    /// The cluster that shall start from it.
    pub config: ClusterConfig,
    /// The folder of folders.
    pub data_root: PathBuf,
    /// One member; `None`: all.
    pub node: Option<String>,
}

/// What was restored.
#[derive(Debug)]
pub struct Restored {
    /// What the backup says of itself.
    pub manifest: Manifest,
    /// Its hash.
    pub hash: B256,
    /// The members' names.
    pub members: Vec<String>,
}

/// Checks that a backup is whole; its hash and what it says of itself.
pub fn check(path: &Path, printer: &Printer) -> Result<(B256, Manifest), RestoreError> {
    let of_file = |source| RestoreError::File {
        path: path.to_owned(),
        source,
    };
    let unreadable = |source| of_file(BackupError::Io(source));
    let mut file = File::open(path).map_err(unreadable)?;
    let size = file.metadata().map_err(unreadable)?.len();
    let mut progress = Progress::new(printer.clone(), "Checking", size).aside();
    let mut sealing = Sealing::default();
    let mut bytes = vec![0; READ_BYTES];
    loop {
        let count = file.read(&mut bytes).map_err(unreadable)?;
        if count == 0 {
            break;
        }
        sealing.update(&bytes[..count]);
        progress.advance(count as u64, 0, 0);
    }
    let hash = sealing.finish().map_err(of_file)?;
    progress.finish();
    let reader = open(path)?;
    Ok((hash, reader.manifest().clone()))
}

/// Opens a backup that was checked.
pub fn open(path: &Path) -> Result<BackupReader<BufReader<File>>, RestoreError> {
    let of_file = |source| RestoreError::File {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(|source| of_file(BackupError::Io(source)))?;
    BackupReader::open(BufReader::with_capacity(READ_BYTES, file)).map_err(of_file)
}

/// Restores; see the module.
pub async fn restore(mut restore: Restore, printer: &Printer) -> Result<Restored, RestoreError> {
    let (hash, manifest) = check(&restore.file, printer)?;
    let config = &mut restore.config;
    config.settle_genesis_time(manifest.rules.genesis.timestamp);
    check_rules(&restore.file, config, &manifest, printer)?;
    let config = &restore.config;
    let names: Vec<String> = match &restore.node {
        None => config
            .members
            .iter()
            .map(|one| one.member.name.clone())
            .collect(),
        Some(name) if config.member_named(name).is_some() => vec![name.clone()],
        Some(name) => {
            let names: Vec<_> = config.members.iter().map(|m| &*m.member.name).collect();
            return Err(RestoreError::Node(NodeError::UnknownMember {
                config: config.name(),
                name: name.clone(),
                names: names.join(", "),
            }));
        }
    };
    let mut folders = Vec::new();
    for name in &names {
        let folder = NodeDir::open(&restore.data_root, name)?;
        if folder.is_used() {
            return Err(RestoreError::Used(folder.path().to_owned()));
        }
        folders.push(folder);
    }
    let filled = fill(&restore, &folders, &manifest, printer).await;
    if let Err(error) = filled {
        for folder in &folders {
            // What cannot be removed is refused by name at the next try.
            let _ = fs::remove_file(folder.path().join(FILE_NAME));
            let _ = fs::remove_dir_all(folder.path().join("log"));
        }
        return Err(error);
    }
    Ok(Restored {
        manifest,
        hash,
        members: names,
    })
}

/// A chain of another config would be refused when the node starts; better now.
fn check_rules(
    path: &Path,
    config: &ClusterConfig,
    manifest: &Manifest,
    printer: &Printer,
) -> Result<(), RestoreError> {
    let (chain, _) = Chain::genesis(Arc::new(config.chain.clone()));
    if chain.genesis_hash() != manifest.genesis_hash {
        return Err(RestoreError::OtherGenesis {
            path: path.to_owned(),
            chain_id: manifest.rules.chain_id,
            found: manifest.genesis_hash,
            config: config.name(),
            wanted: chain.genesis_hash(),
        });
    }
    if public_rules(&config.chain) != manifest.rules {
        printer.warning(&format!(
            "{} has other rules for the chain than the backup (its mining or its limits, say): new blocks follow {}",
            config.name(),
            config.name(),
        ));
    }
    Ok(())
}

async fn fill(
    restore: &Restore,
    folders: &[NodeDir],
    manifest: &Manifest,
    printer: &Printer,
) -> Result<(), RestoreError> {
    let position = LogPosition {
        term: manifest.log_term,
        index: manifest.log_index,
    };
    let mut progress = Progress::new(printer.clone(), "Restoring", folders.len() as u64);
    let Some((first, others)) = folders.split_first() else {
        return Ok(());
    };
    write_chain(restore, first.path(), position)?;
    progress.advance(1, manifest.blocks, 0);
    let written = first.path().join(FILE_NAME);
    for folder in others {
        let path = folder.path().join(FILE_NAME);
        let copy = || -> io::Result<()> {
            fs::copy(&written, &path)?;
            File::open(&path)?.sync_all()
        };
        copy().map_err(|source| RestoreError::Io {
            path: path.clone(),
            source,
        })?;
        progress.advance(1, 0, 0);
    }
    for folder in folders {
        let path = folder.path().join("log");
        let mut log = DiskLog::<Tokio>::open(&path)?;
        let seeded = seed_log(&mut log, position).await;
        seeded.map_err(|source| RestoreError::Io { path, source })?;
        let closed = tokio::task::spawn_blocking(move || {
            log.close();
            log.failure()
        });
        if let Ok(Some(failure)) = closed.await {
            return Err(RestoreError::Io {
                path: folder.path().to_owned(),
                source: io::Error::other(failure),
            });
        }
        folder.claim(&restore.config)?;
    }
    progress.finish();
    Ok(())
}

/// The chain's store in a folder, closed again when this returns.
fn write_chain(
    restore: &Restore,
    folder: &Path,
    position: LogPosition,
) -> Result<(), RestoreError> {
    let of_file = |source| RestoreError::File {
        path: restore.file.clone(),
        source,
    };
    let archive = Archive::new(Arc::new(ChainStore::open(folder)?));
    let record = seed_record(position, &restore.config.membership());
    let record = record.map_err(|source| RestoreError::Io {
        path: folder.to_owned(),
        source,
    })?;
    open(&restore.file)?
        .install(&archive, &record)
        .map_err(of_file)?;
    // Recomputes the state's root.
    let spec = Arc::new(restore.config.chain.clone());
    let stored = stored_chain(&spec, &archive).map_err(|error| of_file(error.into()))?;
    match stored {
        Some(_) => Ok(()),
        None => Err(of_file(BackupError::Empty)),
    }
}
