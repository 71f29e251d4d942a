//! The chain of a stopped node, rebuilt from its log, or of a backup: on any machine, without a cluster.
//!
//! A data folder's log gives the chain from its genesis block on, executed again entry by entry; each block is compared
//! with what the leader put into the log. Where the log was purged behind a checkpoint, the checkpoint's state is where it
//! begins. A backup is a state without a log: it is taken as it is, and its state's root is recomputed.
//!
//! *Invariants.* Nothing is written to the folder or the file. Only entries that are known to be committed are applied. The same
//! entries give the same chain, whatever the machine. *Limit.* The chain lives in memory.

use super::{NodeError, data_dir::RULES_FILE, restore};
use crate::{
    chain::{
        Chain, Rejection,
        archive::{Archive, MemoryStore, Store, StoreError},
        command::{Outcome, Write},
        spec::ChainSpec,
    },
    config::ClusterConfig,
    consensus::{Application as _, ApplicationError, MemberChange, MembershipError, payload_of},
    replica::{
        self, Prepared, StartError,
        api::{Backend, ClusterStatus, ReadError, WriteError},
        backup::{BackupError, public_rules},
    },
    storage::{
        chain::{ChainStore, FILE_NAME, OpenError},
        log::{LogError, LogReader},
    },
    telemetry::{Printer, Progress},
    types::{LogIndex, MemberId, Role},
};
use futures::future::BoxFuture;
use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// A chain that could not be rebuilt.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// No data folder.
    #[error(
        "`{}` is no data folder of a node: it has no {missing}; name the folder of one member, such as .praline/node1",
        path.display()
    )]
    NotAFolder {
        /// The folder.
        path: PathBuf,
        /// What is not there.
        missing: &'static str,
    },
    /// The rules of the chain are not known.
    #[error(
        "the rules of the chain in `{}` are not in the folder ({reason}): pass the `--config` that it was made with",
        path.display()
    )]
    Rules {
        /// The folder.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A node works there.
    #[error("a node works on `{}`: stop it first", .0.display())]
    InUse(PathBuf),
    /// An index that cannot be had.
    #[error("cannot stop at entry {wanted}: {reason}")]
    Index {
        /// What was asked for.
        wanted: LogIndex,
        /// Why not.
        reason: String,
    },
    /// An entry is missing.
    #[error("entry {0} is missing in the log: it is damaged")]
    Missing(LogIndex),
    /// An entry gives something else than the log says.
    #[error("entry {index} of the log: {source}")]
    Entry {
        /// The entry.
        index: LogIndex,
        /// What differs.
        source: ApplicationError,
    },
    /// The file or folder.
    #[error("cannot read `{}`: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The store.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The chain.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The chain.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The backup.
    #[error(transparent)]
    Restore(#[from] restore::RestoreError),
    /// The config.
    #[error(transparent)]
    Node(#[from] NodeError),
}

/// Where a chain was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// At its genesis block: everything was executed.
    Genesis,
    /// At a checkpoint behind this entry; the log before it is gone.
    Checkpoint(LogIndex),
    /// At the state of a backup, which ends with this entry.
    Backup(LogIndex),
}

/// A chain that was rebuilt; a [`Backend`] that only reads.
#[derive(Debug)]
pub struct Replayed {
    /// Where it began.
    pub beginning: Beginning,
    /// The last entry in it.
    pub last_index: LogIndex,
    /// How many entries were applied.
    pub entries: u64,
    /// Entries at the log's end that are not known to be committed.
    pub uncommitted: u64,
    chain: Arc<Chain>,
    archive: Arc<Archive>,
}

/// The data folder of one node, looked at but not touched, while no node may start on it.
#[derive(Debug)]
pub struct StoppedNode {
    path: PathBuf,
    /// The chain's rules.
    pub spec: Arc<ChainSpec>,
    /// Its log.
    pub log: LogReader,
    _lock: Option<File>,
}

impl StoppedNode {
    /// Opens it. The rules are those of the config, if there is one, or those that stand in the folder.
    pub fn open(path: &Path, config: Option<ClusterConfig>) -> Result<Self, ReplayError> {
        let not_a_folder = |missing| ReplayError::NotAFolder {
            path: path.to_owned(),
            missing,
        };
        if !path.join("log").is_dir() {
            return Err(not_a_folder("log"));
        }
        if !path.join(FILE_NAME).is_file() {
            return Err(not_a_folder(FILE_NAME));
        }
        let lock = lock(path)?;
        let spec = match config {
            Some(mut config) => {
                if let Some(seconds) = genesis_time(path) {
                    config.settle_genesis_time(seconds);
                }
                public_rules(&config.chain)
            }
            None => rules(path)?,
        };
        Ok(Self {
            path: path.to_owned(),
            spec: Arc::new(spec),
            log: LogReader::open(&path.join("log"))?,
            _lock: lock,
        })
    }

    /// What its chain's file holds; changes stay in memory.
    pub fn archive(&self) -> Result<Arc<Archive>, ReplayError> {
        let store = ChainStore::open_read_only(&self.path)?;
        Ok(Arc::new(Archive::new(Arc::new(store))))
    }

    /// Whether the log reaches back to the first entry.
    pub fn is_complete(&self) -> bool {
        self.log.purged().is_none()
    }

    /// Rebuilds the chain up to `to`, or as far as it is known to be committed.
    pub fn replay(&self, to: Option<LogIndex>, printer: &Printer) -> Result<Replayed, ReplayError> {
        let stored = self.archive()?;
        let prepared = prepare(&self.spec, &stored)?;
        let stored_index = prepared.stored_index();
        let (prepared, archive, beginning) = if self.is_complete() {
            let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
            let archive = Arc::new(Archive::new(store));
            let prepared = prepare(&self.spec, &archive)?;
            (prepared, archive, Beginning::Genesis)
        } else {
            let at = stored_index.unwrap_or_default();
            (prepared, stored, Beginning::Checkpoint(at))
        };
        // What a node has stored in its chain was committed, even where its log did not hear of it any more.
        let committed = self.log.committed().max(stored_index);
        let last = self.bound(to, beginning, committed)?;
        let first = prepared.stored_index().map_or(0, |index| index + 1);
        let mut applier = prepared.applier();
        let total = (last + 1).saturating_sub(first);
        let mut progress = Progress::new(printer.clone(), "Replaying", total).aside();
        let before = prepared.chain().head().header.number;
        let mut shown = before;
        for index in first..=last {
            let entry = self.log.entry(index)?;
            let entry = entry.ok_or(ReplayError::Missing(index))?;
            let (position, payload) = payload_of(&entry);
            let applied = applier.apply(position, Arc::default(), payload);
            applied.map_err(|source| ReplayError::Entry { index, source })?;
            let head = prepared.chain().head().header.number;
            progress.advance(1, head.saturating_sub(shown), 0);
            shown = head;
        }
        progress.finish();
        Ok(Replayed {
            beginning,
            last_index: last,
            entries: total,
            uncommitted: self
                .log
                .last()
                .unwrap_or(last)
                .saturating_sub(last.max(committed.unwrap_or(0))),
            chain: prepared.chain(),
            archive,
        })
    }

    /// The last entry to apply.
    fn bound(
        &self,
        to: Option<LogIndex>,
        beginning: Beginning,
        committed: Option<LogIndex>,
    ) -> Result<LogIndex, ReplayError> {
        let last = committed.unwrap_or_default();
        let Some(wanted) = to else { return Ok(last) };
        let refuse = |reason| Err(ReplayError::Index { wanted, reason });
        if wanted > last {
            return refuse(format!(
                "the log is known to be committed up to entry {last}"
            ));
        }
        match beginning {
            Beginning::Checkpoint(at) if wanted < at => refuse(format!(
                "the log was purged, and the checkpoint from which the chain is rebuilt is at entry {at}"
            )),
            _ => Ok(wanted),
        }
    }
}

fn prepare(spec: &Arc<ChainSpec>, archive: &Arc<Archive>) -> Result<Prepared, StartError> {
    replica::prepare(Arc::clone(spec), Arc::clone(archive), Box::new(|_| {}))
}

/// The chain in a backup.
pub fn of_backup(
    path: &Path,
    to: Option<LogIndex>,
    printer: &Printer,
) -> Result<Replayed, ReplayError> {
    let (_, manifest) = restore::check(path, printer)?;
    let index = manifest.log_index;
    if let Some(wanted) = to.filter(|wanted| *wanted != index) {
        let reason = format!("a backup holds no log, only the chain as it is at entry {index}");
        return Err(ReplayError::Index { wanted, reason });
    }
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let archive = Arc::new(Archive::new(store));
    let reader = restore::open(path)?;
    let installed = reader.install(&archive, &[]);
    installed.map_err(|source| restore::RestoreError::File {
        path: path.to_owned(),
        source,
    })?;
    let prepared = prepare(&Arc::new(manifest.rules), &archive)?;
    let chain = prepared.chain();
    if chain.head().hash != manifest.head_hash {
        let source = BackupError::Malformed("its head is not the one that it names".to_owned());
        let path = path.to_owned();
        return Err(restore::RestoreError::File { path, source }.into());
    }
    Ok(Replayed {
        beginning: Beginning::Backup(index),
        last_index: index,
        entries: 0,
        uncommitted: 0,
        chain,
        archive,
    })
}

/// Keeps nodes from starting on the folder; `None`: none ever did.
fn lock(path: &Path) -> Result<Option<File>, ReplayError> {
    let unreadable = |source| ReplayError::Io {
        path: path.to_owned(),
        source,
    };
    match File::open(path.join("lock")) {
        Ok(file) => match file.try_lock_shared() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Err(ReplayError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(unreadable(error)),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(error)),
    }
}

fn rules(path: &Path) -> Result<ChainSpec, ReplayError> {
    let refuse = |reason| ReplayError::Rules {
        path: path.to_owned(),
        reason,
    };
    let text = fs::read_to_string(path.join(RULES_FILE))
        .map_err(|error| refuse(format!("{RULES_FILE}: {error}")))?;
    serde_json::from_str(&text).map_err(|error| refuse(format!("{RULES_FILE}: {error}")))
}

/// The genesis time that the folder remembers.
fn genesis_time(path: &Path) -> Option<u64> {
    let text = fs::read_to_string(path.join("cluster.json")).ok()?;
    let json: serde_json::Value = serde_json::from_str(&text).ok()?;
    json["genesisTimestamp"].as_u64()
}

impl Replayed {
    /// The chain.
    pub fn chain(&self) -> &Arc<Chain> {
        &self.chain
    }
}

impl Backend for Replayed {
    fn write(&self, _write: Write) -> BoxFuture<'_, Result<Outcome, WriteError>> {
        let sentence = "this chain is a replay, which is only read".to_owned();
        Box::pin(async { Err(Rejection::InvalidValue(sentence).into()) })
    }

    fn read(&self) -> BoxFuture<'_, Result<Arc<Chain>, ReadError>> {
        Box::pin(async { Ok(Arc::clone(&self.chain)) })
    }

    fn local(&self) -> Arc<Chain> {
        Arc::clone(&self.chain)
    }

    fn archive(&self) -> &Arc<Archive> {
        &self.archive
    }

    fn status(&self) -> ClusterStatus {
        ClusterStatus {
            node: 0,
            name: "replay".to_owned(),
            role: Role::Learner,
            votes: false,
            leader: None,
            term: self.chain.last_entry().term,
            commit_index: self.last_index,
            applied_index: self.last_index,
            members: Vec::new(),
        }
    }

    fn change_members(
        &self,
        _change: MemberChange,
    ) -> BoxFuture<'_, Result<MemberId, MembershipError>> {
        Box::pin(async { Err(MembershipError::NotLeader { leader: None }) })
    }

    fn now_ms(&self) -> u64 {
        // A replay does not depend on when it is made.
        self.chain.head().header.timestamp.saturating_mul(1000)
    }
}
