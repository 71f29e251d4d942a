//! The folders of nodes.
//!
//! ```text
//! ROOT/                 --data-dir, `.praline` beside the config, or a temporary folder
//!   node1/              one folder a member, mode 0700
//!     lock              held as long as a process works here; the system frees it when the process dies
//!     cluster.json      which cluster this is, and its genesis time
//!     rules.json        the chain's rules, without keys: for `praline verify` and `praline replay`
//!     node.key          the secret key, where `praline --nodes N` made it (mode 0600)
//!     …                 what `storage` keeps
//! ```
//!
//! *Invariant.* Nothing is read or written in a folder whose lock is not held.

use super::{NodeError, clock};
use crate::{config::ClusterConfig, replica::backup::public_rules};
use alloy::primitives::{B256, hex};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, DirBuilder, File, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// Temporary roots are named so, for their leftovers to be found.
const TEMPORARY_PREFIX: &str = "praline-data-";
/// A leftover of a killed process is removed when it is older than this.
const LEFTOVER_AGE: Duration = Duration::from_mins(1);
const IDENTITY_FORMAT: u32 = 1;
/// The chain's rules as JSON.
pub const RULES_FILE: &str = "rules.json";

/// Where one member keeps its data.
#[derive(Debug)]
pub enum DataLocation {
    /// In memory; gone with the process.
    Memory,
    /// In a folder.
    Disk(NodeDir),
}

impl DataLocation {
    /// The folder, if there is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Memory => None,
            Self::Disk(dir) => Some(dir.path()),
        }
    }
}

/// What a member's folder says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Identity {
    format: u32,
    /// See [`ClusterConfig::cluster_id`].
    pub cluster_id: B256,
    /// Unix seconds.
    pub genesis_timestamp: u64,
}

/// The folder of one member, locked.
#[derive(Debug)]
pub struct NodeDir {
    path: PathBuf,
    _lock: File,
}

impl NodeDir {
    /// Makes the folder if it is not there and locks it.
    pub fn open(root: &Path, name: &str) -> Result<Self, NodeError> {
        let path = root.join(name);
        create_private_dir(&path)?;
        let lock_path = path.join("lock");
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(NodeError::io("create", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(NodeError::DataInUse(path)),
            Err(TryLockError::Error(error)) => Err(NodeError::io("lock", lock_path)(error)),
        }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the folder says about itself; `None` for a new one.
    pub fn identity(&self) -> Result<Option<Identity>, NodeError> {
        let path = self.path.join("cluster.json");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(NodeError::io("read", path)(error)),
        };
        let refuse = |reason| NodeError::Identity {
            path: path.clone(),
            reason,
        };
        let identity: Identity =
            serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))?;
        if identity.format == IDENTITY_FORMAT {
            Ok(Some(identity))
        } else {
            Err(refuse(format!(
                "its format is {}, not {IDENTITY_FORMAT}",
                identity.format
            )))
        }
    }

    /// Makes sure that the folder belongs to this cluster; a new one is marked as such.
    pub fn claim(&self, config: &ClusterConfig) -> Result<(), NodeError> {
        let wanted = Identity {
            format: IDENTITY_FORMAT,
            cluster_id: config.cluster_id(),
            genesis_timestamp: config.chain.genesis.timestamp,
        };
        match self.identity()? {
            Some(found) if found.cluster_id == wanted.cluster_id => Ok(()),
            Some(found) => Err(NodeError::OtherCluster {
                path: self.path.clone(),
                config: config.name(),
                expected: short(wanted.cluster_id),
                found: short(found.cluster_id),
            }),
            None => {
                let text = serde_json::to_string_pretty(&wanted).unwrap_or_default();
                write_durably(&self.path.join("cluster.json"), text.as_bytes())
            }
        }?;
        let rules = self.path.join(RULES_FILE);
        if rules.exists() {
            return Ok(());
        }
        let text = serde_json::to_string(&public_rules(&config.chain)).unwrap_or_default();
        write_durably(&rules, text.as_bytes())
    }

    /// Whether it holds a chain, or the beginning of one.
    pub fn is_used(&self) -> bool {
        let names = ["cluster.json", crate::storage::chain::FILE_NAME, "log"];
        names.iter().any(|name| self.path.join(name).exists())
    }
}

fn short(id: B256) -> String {
    hex::encode(&id[..4])
}

/// The root of a run.
#[derive(Debug)]
pub enum DataRoot {
    /// No folder.
    Memory,
    /// A folder that stays.
    Kept(PathBuf),
    /// A folder that is removed when this is dropped.
    Temporary(TemporaryRoot),
}

impl DataRoot {
    /// The folder, if there is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Memory => None,
            Self::Kept(path) => Some(path),
            Self::Temporary(root) => Some(&root.path),
        }
    }

    /// The place of one member.
    pub fn member(&self, name: &str) -> Result<DataLocation, NodeError> {
        match self.path() {
            None => Ok(DataLocation::Memory),
            Some(root) => NodeDir::open(root, name).map(DataLocation::Disk),
        }
    }
}

/// A temporary folder with a lock of its own.
#[derive(Debug)]
pub struct TemporaryRoot {
    path: PathBuf,
    _lock: File,
}

impl TemporaryRoot {
    /// Makes one in the system's folder for such, after removing what killed processes left there.
    pub fn create() -> Result<Self, NodeError> {
        Self::create_in(&std::env::temp_dir())
    }

    /// The same in another folder.
    pub fn create_in(parent: &Path) -> Result<Self, NodeError> {
        remove_leftovers(parent);
        let random = hex::encode(clock::random_bytes::<8>()?);
        let path = parent.join(format!("{TEMPORARY_PREFIX}{random}"));
        create_private_dir(&path)?;
        let lock_path = path.join("lock");
        let lock = File::create_new(&lock_path).map_err(NodeError::io("create", &lock_path))?;
        lock.lock().map_err(NodeError::io("lock", lock_path))?;
        Ok(Self { path, _lock: lock })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for TemporaryRoot {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next start.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Removes temporary roots whose process is gone. Their lock tells; the age covers the moment between making the
/// folder and locking it.
fn remove_leftovers(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        let is_ours = entry
            .file_name()
            .to_string_lossy()
            .starts_with(TEMPORARY_PREFIX);
        if is_ours && is_old(&entry.path()) {
            let lock = File::options().write(true).open(entry.path().join("lock"));
            if lock.is_ok_and(|lock| lock.try_lock().is_ok()) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

fn is_old(path: &Path) -> bool {
    let modified = fs::metadata(path).and_then(|metadata| metadata.modified());
    modified.is_ok_and(|time| {
        SystemTime::now()
            .duration_since(time)
            .is_ok_and(|age| age > LEFTOVER_AGE)
    })
}

fn create_private_dir(path: &Path) -> Result<(), NodeError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(path)
        .map_err(NodeError::io("create the folder", path))
}

/// Either the whole file is there after a crash, or none.
fn write_durably(path: &Path, bytes: &[u8]) -> Result<(), NodeError> {
    let temporary = path.with_extension("new");
    let write = || -> io::Result<()> {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        path.parent()
            .map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    write().map_err(NodeError::io("write", path))
}
