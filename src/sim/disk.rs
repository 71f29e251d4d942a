//! A disk that keeps its promises to the letter: what was not synced may be gone, in whole or in part.
//!
//! *Invariants.* After a loss of power every sector of a write that was not synced is there or not, each for itself; a
//! name that was not synced is there or not. What was synced is there. The chain's store keeps whole batches or nothing, as
//! redb does. A loss of power can come in the middle of an operation: then its owner ends there.

use super::{
    random::Random,
    world::{self, Owner},
};
use crate::{
    consensus::RebuildMark,
    storage::log::{Folder, LogFile},
};
use std::{
    collections::BTreeMap,
    io,
    ops::Range,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// A disk writes this much or nothing of it, bytes.
const SECTOR_BYTES: usize = 512;

#[derive(Debug, Default)]
struct Inode {
    current: Vec<u8>,
    durable: Vec<u8>,
    dirty: Vec<Range<usize>>,
}

/// What is wrong with a disk.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DiskFaults {
    /// Operations until the power fails.
    pub(super) power_fails_in: Option<u64>,
    /// No more space.
    pub(super) full: bool,
    /// Reads of a thousand that fail.
    pub(super) bad_reads: u64,
    /// How long writes wait, microseconds at the most.
    pub(super) delay_us: u64,
}

#[derive(Debug, Default)]
struct Inner {
    names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    inodes: BTreeMap<u64, Inode>,
    next_inode: u64,
    faults: DiskFaults,
    /// Whose operations are done; others' come too late.
    owner: Owner,
    powerless: bool,
}

/// The disk of a node; it outlives the node's lives. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk(Arc<Mutex<Inner>>);

/// What an operation does, as far as faults care.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Read,
    Write,
}

impl Disk {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new life of the node takes the disk.
    pub(super) fn attach(&self, owner: Owner) {
        let mut inner = self.lock();
        inner.owner = owner;
        inner.powerless = false;
    }

    /// Sets what is wrong with it.
    pub(super) fn set_faults(&self, change: impl FnOnce(&mut DiskFaults)) {
        change(&mut self.lock().faults);
    }

    /// The power is gone, or (with `kept`) only the process: then all that was written gets to the disk.
    pub(super) fn crash(&self, kept: bool) {
        let mut inner = self.lock();
        inner.powerless = true;
        inner.faults.power_fails_in = None;
        if kept {
            inner.keep_all();
        } else {
            world::random(|random| inner.lose_unsynced(random));
        }
    }

    /// Changes one byte of what the disk holds, if it holds something.
    pub(super) fn flip(&self) -> bool {
        let mut inner = self.lock();
        let mut places = Vec::new();
        for (inode, file) in &inner.inodes {
            let used = file.durable.iter().rposition(|byte| *byte != 0);
            if let Some(end) = used {
                places.push((*inode, end as u64 + 1));
            }
        }
        let flipped = world::random(|random| {
            let (inode, end) = *random.one_of(&places)?;
            Some((inode, random.below(end), random.below(8)))
        });
        let Some((inode, at, bit)) = flipped else {
            return false;
        };
        let Some(file) = inner.inodes.get_mut(&inode) else {
            return false;
        };
        let at = usize::try_from(at).unwrap_or_default();
        file.durable[at] ^= 1 << bit;
        file.current.clone_from(&file.durable);
        true
    }

    /// A disk like new.
    pub(super) fn wipe(&self) {
        let owner = self.lock().owner;
        *self.lock() = Inner {
            owner,
            powerless: true,
            ..Inner::default()
        };
    }

    /// Before an operation. `Err`: it is not done; `Ok(false)`: it is done, but nobody learns it.
    fn begin(&self, owner: Owner, kind: Kind) -> io::Result<bool> {
        let mut inner = self.lock();
        if inner.powerless || inner.owner != owner {
            return Err(io::Error::other("the power is gone"));
        }
        if kind == Kind::Read {
            let bad_reads = inner.faults.bad_reads;
            if bad_reads > 0 && world::random(|random| random.chance(bad_reads)) {
                return Err(io::Error::other("a sector cannot be read"));
            }
            return Ok(true);
        }
        if inner.faults.full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        match &mut inner.faults.power_fails_in {
            Some(0) => {
                inner.powerless = true;
                drop(inner);
                world::doom(owner, "power".to_owned());
                Ok(false)
            }
            Some(left) => {
                *left -= 1;
                Ok(true)
            }
            None => Ok(true),
        }
    }

    /// For the chain's store: whether a write is done, and whether its caller learns it.
    pub(super) fn write_allowed(&self, owner: Owner) -> io::Result<bool> {
        self.begin(owner, Kind::Write)
    }

    /// For the chain's store.
    pub(super) fn read_allowed(&self, owner: Owner) -> io::Result<()> {
        self.begin(owner, Kind::Read).map(|_| ())
    }
}

/// What the operation says when it was done and the power failed then.
fn told(learned: bool) -> io::Result<()> {
    if learned {
        Ok(())
    } else {
        Err(io::Error::other("the power fails"))
    }
}

impl Inner {
    fn keep_all(&mut self) {
        for file in self.inodes.values_mut() {
            file.durable.clone_from(&file.current);
            file.dirty.clear();
        }
        self.durable_names.clone_from(&self.names);
    }

    fn lose_unsynced(&mut self, random: &mut Random) {
        let kept = *random.one_of(&[0, 200, 500, 800, 1000]).unwrap_or(&0);
        for file in self.inodes.values_mut() {
            let Inode {
                current,
                durable,
                dirty,
            } = file;
            for range in dirty.drain(..) {
                let mut start = range.start;
                while start < range.end {
                    let end = (start / SECTOR_BYTES + 1) * SECTOR_BYTES;
                    let end = end.min(range.end).min(current.len());
                    if end <= start {
                        break;
                    }
                    if random.chance(kept) {
                        if durable.len() < end {
                            durable.resize(end, 0);
                        }
                        durable[start..end].copy_from_slice(&current[start..end]);
                    }
                    start = end;
                }
            }
            current.clone_from(durable);
        }
        let all: Vec<String> = self
            .names
            .keys()
            .chain(self.durable_names.keys())
            .cloned()
            .collect();
        for name in all {
            let (new, old) = (self.names.get(&name), self.durable_names.get(&name));
            if new != old && random.chance(kept) {
                match new.copied() {
                    Some(inode) => self.durable_names.insert(name, inode),
                    None => self.durable_names.remove(&name),
                };
            }
        }
        self.names.clone_from(&self.durable_names);
    }

    fn file(&mut self, inode: u64) -> &mut Inode {
        self.inodes.entry(inode).or_default()
    }
}

/// The log's folder on a disk, for one life of the node.
#[derive(Debug)]
pub(super) struct SimFolder {
    disk: Disk,
    owner: Owner,
    path: PathBuf,
}

#[derive(Debug)]
struct SimFile {
    disk: Disk,
    owner: Owner,
    inode: u64,
}

impl SimFolder {
    pub(super) fn new(disk: Disk, owner: Owner) -> Self {
        let path = PathBuf::from(format!("node{}", owner.node));
        Self { disk, owner, path }
    }

    fn handle(&self, inode: u64) -> Arc<dyn LogFile> {
        Arc::new(SimFile {
            disk: self.disk.clone(),
            owner: self.owner,
            inode,
        })
    }
}

impl Folder for SimFolder {
    fn path(&self) -> &Path {
        &self.path
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.begin(self.owner, Kind::Read)?;
        Ok(self.disk.lock().names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn LogFile>> {
        let learned = self.disk.begin(self.owner, Kind::Write)?;
        let mut inner = self.disk.lock();
        inner.next_inode += 1;
        let inode = inner.next_inode;
        inner.names.insert(name.to_owned(), inode);
        drop(inner);
        told(learned)?;
        Ok(self.handle(inode))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn LogFile>> {
        self.disk.begin(self.owner, Kind::Read)?;
        let inode = self.disk.lock().names.get(name).copied();
        let inode = inode.ok_or(io::ErrorKind::NotFound)?;
        Ok(self.handle(inode))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let learned = self.disk.begin(self.owner, Kind::Write)?;
        let mut inner = self.disk.lock();
        let inode = inner.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        inner.names.insert(to.to_owned(), inode);
        drop(inner);
        told(learned)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let learned = self.disk.begin(self.owner, Kind::Write)?;
        self.disk.lock().names.remove(name);
        told(learned)
    }

    fn sync(&self) -> io::Result<()> {
        let learned = self.disk.begin(self.owner, Kind::Write)?;
        told(learned)?;
        let mut inner = self.disk.lock();
        let names = inner.names.clone();
        inner.durable_names = names;
        Ok(())
    }

    fn delay(&self) -> Duration {
        let most = self.disk.lock().faults.delay_us;
        Duration::from_micros(world::random(|random| random.below(most + 1)))
    }

    fn has_threads(&self) -> bool {
        false
    }
}

impl LogFile for SimFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.disk.lock().file(self.inode).current.len() as u64)
    }

    fn read_at(&self, bytes: &mut [u8], at: u64) -> io::Result<()> {
        self.disk.begin(self.owner, Kind::Read)?;
        let start = usize::try_from(at).map_err(io::Error::other)?;
        let mut inner = self.disk.lock();
        let found = inner
            .file(self.inode)
            .current
            .get(start..start + bytes.len());
        bytes.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        let learned = self.disk.begin(self.owner, Kind::Write)?;
        let start = usize::try_from(at).map_err(io::Error::other)?;
        let end = start + bytes.len();
        let mut inner = self.disk.lock();
        let file = inner.file(self.inode);
        if file.current.len() < end {
            file.current.resize(end, 0);
        }
        file.current[start..end].copy_from_slice(bytes);
        file.dirty.push(start..end);
        drop(inner);
        told(learned)
    }

    fn sync(&self) -> io::Result<()> {
        let learned = self.disk.begin(self.owner, Kind::Write)?;
        told(learned)?;
        let mut inner = self.disk.lock();
        let file = inner.file(self.inode);
        if file.durable.len() < file.current.len() {
            file.durable.resize(file.current.len(), 0);
        }
        for range in std::mem::take(&mut file.dirty) {
            file.durable[range.clone()].copy_from_slice(&file.current[range]);
        }
        Ok(())
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync()
    }
}

/// The mark of a member that is being rebuilt.
#[derive(Debug)]
pub(super) struct SimMark(pub(super) SimFolder);

/// No segment of the log has such a name.
const MARK: &str = "rebuilding";

impl RebuildMark for SimMark {
    fn is_set(&self) -> bool {
        self.0.disk.lock().names.contains_key(MARK)
    }

    fn set(&self, rebuilding: bool) -> io::Result<()> {
        if rebuilding {
            self.0.create(MARK)?;
        } else if self.is_set() {
            self.0.remove(MARK)?;
        }
        self.0.sync()
    }
}
