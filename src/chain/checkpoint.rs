//! The chain as bytes, without the state and the blocks, which the archive keeps.

use super::{
    Chain, Head,
    archive::{Archive, Checkpoint, StoreError},
    block::Family,
    note::{EntryInfo, Note},
    pool::Pool,
    session::{Session, Sessions},
    settings::Settings,
    snapshot::{NextBlock, Snapshot, Snapshots},
    spec::ChainSpec,
    state::State,
};
use crate::{
    planted::{self, Bug},
    types::RequestId,
};
use alloy::{
    consensus::Header,
    primitives::{B256, Bytes, U256},
};
use alloy_rlp::Decodable;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const FORMAT: u8 = 3;

/// A stored chain that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// Not what it should be.
    #[error(
        "the stored chain cannot be read: {0}; remove the node's data folder and let it be rebuilt from its peers"
    )]
    Malformed(String),
    /// From another version.
    #[error(
        "the stored chain has format {0}, this version of praline knows format {FORMAT}; use the version that wrote it"
    )]
    Format(u8),
    /// Made by other rules.
    #[error(
        "the data folder holds a chain with genesis {stored}, but the config makes genesis {configured}; use another data folder or the config it was made with"
    )]
    OtherChain {
        /// The stored chain's genesis hash.
        stored: B256,
        /// The config's.
        configured: B256,
    },
    /// The archive failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Serialize, Deserialize)]
struct WireChain {
    genesis: B256,
    head: WireHead,
    hashes: Vec<(u64, B256)>,
    pool: Bytes,
    settings: Settings,
    snapshots: Vec<(u64, WireSnapshot)>,
    next_snapshot: u64,
    sessions: Vec<(RequestId, Session)>,
    notes: Vec<(String, Note)>,
    version: u64,
    position: B256,
    last_entry: EntryInfo,
}

#[derive(Serialize, Deserialize)]
struct WireHead {
    header: Bytes,
    total_difficulty: U256,
    family: Family,
    built_at_ms: u64,
}

#[derive(Serialize, Deserialize)]
struct WireSnapshot {
    head: WireHead,
    hashes: Vec<(u64, B256)>,
    pool: Bytes,
    next_block: NextBlock,
    version: u64,
}

impl Checkpoint for Chain {
    fn encode(&self) -> Vec<u8> {
        let wire = WireChain {
            genesis: self.genesis_hash,
            head: wire_head(&self.head),
            hashes: hashes(&self.hashes),
            pool: self.pool.encode().into(),
            settings: self.settings.clone(),
            snapshots: self
                .snapshots
                .alive
                .iter()
                .map(|(id, one)| (*id, wire(one)))
                .collect(),
            next_snapshot: self.snapshots.next_id,
            sessions: if planted::is(Bug::CheckpointWithoutRequests) {
                Vec::new()
            } else {
                self.sessions.to_list()
            },
            notes: self
                .notes
                .iter()
                .map(|(key, note)| (key.clone(), note.clone()))
                .collect(),
            version: self.version,
            position: self.position,
            last_entry: self.last_entry,
        };
        // Writing into memory cannot fail; an empty checkpoint would be refused at the next start.
        postcard::to_extend(&wire, vec![FORMAT]).unwrap_or_default()
    }
}

/// What a checkpoint says of its chain, without the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointSummary {
    /// The hash of the first block.
    pub genesis: B256,
    /// The newest block.
    pub head: Head,
    /// The version of the chain, which counts its changes.
    pub version: u64,
}

impl CheckpointSummary {
    /// Reads it.
    pub fn read(checkpoint: &[u8]) -> Result<Self, CheckpointError> {
        let wire = decode(checkpoint)?;
        Ok(Self {
            genesis: wire.genesis,
            head: (*head(&wire.head)?).clone(),
            version: wire.version,
        })
    }
}

fn decode(checkpoint: &[u8]) -> Result<WireChain, CheckpointError> {
    let (format, rest) = checkpoint
        .split_first()
        .ok_or_else(|| malformed("the checkpoint is empty"))?;
    if *format != FORMAT {
        return Err(CheckpointError::Format(*format));
    }
    postcard::from_bytes(rest).map_err(malformed)
}

impl Chain {
    /// The chain of a checkpoint. `state` is the state that was stored with it, in `archive`.
    pub fn restore(
        spec: Arc<ChainSpec>,
        checkpoint: &[u8],
        state: State,
        archive: &Archive,
    ) -> Result<Self, CheckpointError> {
        let wire = decode(checkpoint)?;
        let configured = super::genesis::genesis(&spec).0.hash;
        if wire.genesis != configured {
            return Err(CheckpointError::OtherChain {
                stored: wire.genesis,
                configured,
            });
        }
        let percent = spec.dev.price_bump_percent;
        let alive = snapshots(wire.snapshots, &state, wire.version, archive, percent)?;
        let pool = Pool::decode(&wire.pool).map_err(malformed)?;
        Ok(Self {
            genesis_hash: configured,
            head: head(&wire.head)?,
            hashes: wire.hashes.into_iter().collect(),
            pool: pool.with_price_bump(percent),
            state,
            settings: wire.settings,
            snapshots: Snapshots {
                alive,
                next_id: wire.next_snapshot,
            },
            sessions: Sessions::from_list(wire.sessions),
            notes: wire.notes.into_iter().collect(),
            version: wire.version,
            position: wire.position,
            last_entry: wire.last_entry,
            spec,
        })
    }
}

/// Brings back the snapshots' states by undoing from the newest on, so that they share what they have in common.
fn snapshots(
    list: Vec<(u64, WireSnapshot)>,
    state: &State,
    version: u64,
    archive: &Archive,
    price_bump_percent: u64,
) -> Result<imbl::OrdMap<u64, Snapshot>, CheckpointError> {
    let mut alive = imbl::OrdMap::new();
    let (mut state, mut version) = (state.clone(), version);
    for (id, wire) in list.into_iter().rev() {
        state = archive.rewind_alive(&state, version, wire.version)?;
        version = wire.version;
        let snapshot = Snapshot {
            head: head(&wire.head)?,
            hashes: wire.hashes.into_iter().collect(),
            state: state.clone(),
            pool: Pool::decode(&wire.pool)
                .map_err(malformed)?
                .with_price_bump(price_bump_percent),
            next_block: wire.next_block,
            version,
        };
        alive.insert(id, snapshot);
    }
    Ok(alive)
}

fn wire(snapshot: &Snapshot) -> WireSnapshot {
    WireSnapshot {
        head: wire_head(&snapshot.head),
        hashes: hashes(&snapshot.hashes),
        pool: snapshot.pool.encode().into(),
        next_block: snapshot.next_block,
        version: snapshot.version,
    }
}

fn hashes(map: &imbl::OrdMap<u64, B256>) -> Vec<(u64, B256)> {
    map.iter().map(|(number, hash)| (*number, *hash)).collect()
}

fn wire_head(head: &Head) -> WireHead {
    WireHead {
        header: alloy_rlp::encode(&head.header).into(),
        total_difficulty: head.total_difficulty,
        family: head.family.clone(),
        built_at_ms: head.built_at_ms,
    }
}

fn head(wire: &WireHead) -> Result<Arc<Head>, CheckpointError> {
    let header = Header::decode(&mut &wire.header[..]).map_err(malformed)?;
    Ok(Arc::new(Head {
        hash: header.hash_slow(),
        header,
        total_difficulty: wire.total_difficulty,
        family: wire.family.clone(),
        built_at_ms: wire.built_at_ms,
    }))
}

fn malformed(error: impl std::fmt::Display) -> CheckpointError {
    CheckpointError::Malformed(error.to_string())
}
