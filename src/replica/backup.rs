//! A chain as one stream of bytes: what `praline backup` saves and `praline restore`, `replay` and `verify` read.
//!
//! ```text
//! "PRALINE BACKUP 1\n"
//! frame: the manifest, JSON on one line: the chain's rules, its head, the log index
//! frames: the archive's canonical copy (see `chain::archive`), pieces of at most 1 MiB, each with its own checksum
//! frame of length 0
//! Keccak-256 of everything before it, 32 bytes: the backup's hash
//!
//! frame = length: u32 big-endian, bytes
//! ```
//!
//! *Invariants.* Equal chains at equal log indexes give equal bytes, on every node: what differs between nodes (indexes of
//! blocks, the consensus' record) is left out and made anew. Neither writing nor reading holds more than some pieces in
//! memory. No secret is in it: the dev accounts' keys come from the config. What was cut short or changed is found
//! before anything is made of it.
//! *Never here:* files and sockets.

use super::{
    applier::decode_stored,
    snapshot::WireStored,
    start::{StartError, load},
};
use crate::{
    chain::{
        Chain, CheckpointError, CheckpointSummary,
        archive::{Archive, StoreError},
        spec::ChainSpec,
    },
    consensus::Stored,
    types::{LogIndex, LogPosition, Term},
};
use alloy::primitives::{B256, Keccak256};
use serde::{Deserialize, Serialize};
use std::{
    io::{self, Read},
    iter,
    sync::Arc,
};

const MAGIC: &[u8; 17] = b"PRALINE BACKUP 1\n";
/// By this a backup is known, whatever its version.
pub const FILE_BEGINNING: &[u8; 14] = b"PRALINE BACKUP";
const HASH_BYTES: usize = 32;
/// The largest piece of the archive's copy.
const FRAME_BYTES_MAX: usize = 1 << 20;
/// The largest manifest: a genesis state may have many accounts.
const MANIFEST_BYTES_MAX: usize = 256 << 20;

/// What a backup says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest {
    /// The last entry of the log that is in it.
    pub log_index: LogIndex,
    /// That entry's term.
    pub log_term: Term,
    /// The hash of the first block.
    pub genesis_hash: B256,
    /// The number of the newest block.
    pub head_number: u64,
    /// Its hash.
    pub head_hash: B256,
    /// Blocks, the genesis block included.
    pub blocks: u64,
    /// The chain's rules, without the dev accounts and their keys.
    pub rules: ChainSpec,
}

/// A backup that could not be made or cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Nothing to save yet.
    #[error("the node has not stored anything yet; ask again")]
    Empty,
    /// Another kind of file.
    #[error("it is no backup of praline: it does not begin like one")]
    NotABackup,
    /// It ends too early.
    #[error("it ends early: the rest of it is missing, so make or copy it again")]
    Truncated,
    /// The hash at its end is another one.
    #[error(
        "it was changed after it had been made: its hash is {found}, but {written} stands at its end"
    )]
    Changed {
        /// The hash of what is there.
        found: B256,
        /// The hash that was written.
        written: B256,
    },
    /// It is whole, but not what it should be.
    #[error("it cannot be understood ({0}); use the version of praline that made it")]
    Malformed(String),
    /// The chain in it.
    #[error(transparent)]
    Chain(#[from] CheckpointError),
    /// The archive.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The chain in it cannot be brought up.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The file or connection.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The rules of a chain without what only opens accounts: the same on each node, and fit for everybody's eyes.
pub fn public_rules(spec: &ChainSpec) -> ChainSpec {
    ChainSpec {
        accounts: Vec::new(),
        ..spec.clone()
    }
}

/// A chain in pieces: what a backup's file holds, in order. Everything applied before this call is in it.
pub fn backup(
    archive: &Archive,
    spec: &ChainSpec,
) -> Result<impl Iterator<Item = io::Result<Vec<u8>>> + Send + use<>, BackupError> {
    archive.flush()?;
    let snapshot = archive.snapshot()?;
    let checkpoint = snapshot.checkpoint()?.ok_or(BackupError::Empty)?;
    let stored = decode_stored(&checkpoint).map_err(malformed)?;
    let position = stored.stored().position.unwrap_or_default();
    let summary = CheckpointSummary::read(&stored.chain)?;
    let head = &summary.head.header;
    let manifest = Manifest {
        log_index: position.index,
        log_term: position.term,
        genesis_hash: summary.genesis,
        head_number: head.number,
        head_hash: summary.head.hash,
        blocks: (head.number - spec.genesis.number) + 1,
        rules: public_rules(spec),
    };
    let manifest = serde_json::to_vec(&manifest).map_err(malformed)?;
    let chunks = snapshot.canonical_chunks(WireStored::portable(position, stored.chain))?;
    Ok(sealed(manifest, chunks))
}

/// Puts frames around the pieces, and their hash behind them.
fn sealed(
    manifest: Vec<u8>,
    chunks: impl Iterator<Item = io::Result<Vec<u8>>> + Send,
) -> impl Iterator<Item = io::Result<Vec<u8>>> + Send {
    let mut hasher = Keccak256::new();
    let mut ended = false;
    let frames = iter::once(Ok(manifest))
        .chain(chunks)
        .map(|chunk| chunk.map(|chunk| frame(&chunk)));
    let pieces = iter::once(Ok(MAGIC.to_vec()))
        .chain(frames)
        .chain(iter::once(Ok(frame(&[]))));
    let mut pieces = pieces.map(Some).chain(iter::once(None));
    iter::from_fn(move || {
        if ended {
            return None;
        }
        match pieces.next()? {
            Some(Ok(piece)) => {
                hasher.update(&piece);
                Some(Ok(piece))
            }
            Some(Err(error)) => {
                // Without a hash at its end what came before is no backup.
                ended = true;
                Some(Err(error))
            }
            None => {
                ended = true;
                Some(Ok(hasher.clone().finalize().to_vec()))
            }
        }
    })
}

fn frame(content: &[u8]) -> Vec<u8> {
    let mut frame = (content.len() as u32).to_be_bytes().to_vec();
    frame.extend_from_slice(content);
    frame
}

/// Watches a backup's bytes go by and says at the end whether they were all of them.
#[derive(Debug)]
pub struct Sealing {
    hasher: Keccak256,
    /// The last bytes so far, which may be the hash.
    tail: Vec<u8>,
    begins_well: bool,
    bytes: u64,
}

impl Default for Sealing {
    fn default() -> Self {
        Self {
            hasher: Keccak256::new(),
            tail: Vec::new(),
            begins_well: true,
            bytes: 0,
        }
    }
}

impl Sealing {
    /// The next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        let already = usize::try_from(self.bytes).unwrap_or(usize::MAX);
        if let Some(due) = MAGIC.get(already..) {
            let common = due.len().min(bytes.len());
            self.begins_well &= due[..common] == bytes[..common];
        }
        self.bytes += bytes.len() as u64;
        self.tail.extend_from_slice(bytes);
        let over = self.tail.len().saturating_sub(HASH_BYTES);
        self.hasher.update(&self.tail[..over]);
        self.tail.drain(..over);
    }

    /// The hash of a whole backup.
    pub fn finish(self) -> Result<B256, BackupError> {
        if !self.begins_well {
            return Err(BackupError::NotABackup);
        }
        let written = B256::try_from(&self.tail[..]).map_err(|_| BackupError::Truncated)?;
        let found = self.hasher.finalize();
        if found == written {
            Ok(found)
        } else {
            Err(BackupError::Changed { found, written })
        }
    }
}

/// A backup that is read. Its hash has been checked before, with [`Sealing`].
#[derive(Debug)]
pub struct BackupReader<R> {
    input: R,
    manifest: Manifest,
    ended: bool,
}

impl<R: Read> BackupReader<R> {
    /// Reads the beginning.
    pub fn open(mut input: R) -> Result<Self, BackupError> {
        let mut magic = [0; MAGIC.len()];
        read_exact(&mut input, &mut magic)?;
        if magic != *MAGIC {
            return Err(BackupError::NotABackup);
        }
        let manifest = read_frame(&mut input, MANIFEST_BYTES_MAX)?;
        let manifest = serde_json::from_slice(&manifest).map_err(malformed)?;
        Ok(Self {
            input,
            manifest,
            ended: false,
        })
    }

    /// What it says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Puts its chain in the place of what an archive holds. `record` is the consensus' own for this node.
    pub fn install(self, archive: &Archive, record: &[u8]) -> Result<(), BackupError> {
        let position = self.position();
        let record = record.to_vec();
        let chunks = self.map(|chunk| chunk.map_err(into_io));
        archive.install_canonical(chunks, move |checkpoint| {
            let stored = decode_stored(&checkpoint)
                .map_err(|error| StoreError::DamagedCopy(error.to_string()))?;
            Ok(WireStored::encoded(
                Some(position),
                record.clone(),
                stored.chain,
            ))
        })?;
        Ok(())
    }

    /// Where its log ends.
    pub fn position(&self) -> LogPosition {
        LogPosition {
            term: self.manifest.log_term,
            index: self.manifest.log_index,
        }
    }
}

impl<R: Read> Iterator for BackupReader<R> {
    type Item = Result<Vec<u8>, BackupError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let frame = read_frame(&mut self.input, FRAME_BYTES_MAX);
        match frame {
            Ok(frame) if frame.is_empty() => {
                self.ended = true;
                None
            }
            Ok(frame) => Some(Ok(frame)),
            Err(error) => {
                self.ended = true;
                Some(Err(error))
            }
        }
    }
}

/// The chain that an archive holds, and how far its log is; `None`: it is empty.
pub fn stored_chain(
    spec: &Arc<ChainSpec>,
    archive: &Archive,
) -> Result<Option<(Chain, Stored)>, StartError> {
    load(spec, archive)
}

fn read_frame(input: &mut impl Read, limit: usize) -> Result<Vec<u8>, BackupError> {
    let mut length = [0; 4];
    read_exact(input, &mut length)?;
    let length = u32::from_be_bytes(length) as usize;
    if length > limit {
        return Err(malformed(format!(
            "a piece of {length} bytes, where {limit} are the most"
        )));
    }
    // Not all at once: the length may be wrong.
    let mut frame = Vec::new();
    input.take(length as u64).read_to_end(&mut frame)?;
    if frame.len() < length {
        return Err(BackupError::Truncated);
    }
    Ok(frame)
}

fn read_exact(input: &mut impl Read, bytes: &mut [u8]) -> Result<(), BackupError> {
    input.read_exact(bytes).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => BackupError::Truncated,
        _ => BackupError::Io(error),
    })
}

fn into_io(error: BackupError) -> io::Error {
    match error {
        BackupError::Io(error) => error,
        error => io::Error::new(io::ErrorKind::InvalidData, error),
    }
}

fn malformed(problem: impl std::fmt::Display) -> BackupError {
    BackupError::Malformed(problem.to_string())
}

#[cfg(test)]
mod tests;
