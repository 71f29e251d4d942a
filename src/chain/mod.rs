//! The dev chain as a pure function of commands.
//!
//! [`Chain`] is a persistent value: a clone costs nothing, applying a command gives the next one. The same commands
//! give the same chain, byte for byte, on every node.
//!
//! *Invariants.* No clock, no randomness, no tokio, no sockets, no files: time and random values arrive inside the
//! commands, disks behind [`archive::Store`]. Only `evm/` knows revm's interpreter. The chain knows nothing of consensus.

pub mod accounts;
mod apply;
pub mod archive;
pub mod audit;
pub mod block;
mod cheats;
mod checkpoint;
pub mod command;
mod divergence;
pub mod dump;
pub mod evm;
mod fork_config;
mod genesis;
pub mod import;
pub mod keyring;
pub mod load;
pub mod note;
pub mod past;
mod persistent;
pub mod pool;
pub mod rejection;
mod rewind;
pub mod session;
pub mod settings;
mod snapshot;
pub mod spec;
pub mod state;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod time;
pub mod transaction;
pub mod view;

use alloy::{
    consensus::Header,
    primitives::{B256, U256},
};
use std::sync::Arc;

pub use apply::{Applied, ApplyError};
pub use block::Built;
pub use checkpoint::{CheckpointError, CheckpointSummary};
pub use divergence::Divergence;
pub use fork_config::{ForkConfig, ForkConfigs};
pub use rejection::Rejection;
pub use rewind::{REORG_DEPTH_MAX, RewindError};

/// The whole chain at one point of the log: a value.
#[derive(Clone, Debug)]
pub struct Chain {
    spec: Arc<spec::ChainSpec>,
    genesis_hash: B256,
    head: Arc<Head>,
    /// The hashes of the newest 256 blocks, for BLOCKHASH.
    hashes: imbl::OrdMap<u64, B256>,
    state: state::State,
    pool: pool::Pool,
    settings: settings::Settings,
    snapshots: snapshot::Snapshots,
    sessions: session::Sessions,
    notes: note::Notes,
    version: u64,
    position: B256,
    last_entry: note::EntryInfo,
}

/// The newest block's header, its hash, and what is known of the chain up to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The header.
    pub header: Header,
    /// Its hash.
    pub hash: B256,
    /// The sum of all difficulties up to this block (proof of work; constant after the merge).
    pub total_difficulty: U256,
    /// The last blocks of proof of work, this one included.
    pub family: block::Family,
    /// The real time at which the block was proposed, Unix milliseconds; 0: this chain did not make it.
    pub built_at_ms: u64,
}

impl Chain {
    /// A new chain, and what its genesis block brings into an empty archive.
    pub fn genesis(spec: Arc<spec::ChainSpec>) -> (Self, archive::Effects) {
        let (block, state, diff) = genesis::genesis(&spec);
        let chain = Self {
            genesis_hash: block.hash,
            hashes: std::iter::once((block.header.number, block.hash)).collect(),
            head: Arc::new(Head {
                header: block.header.clone(),
                hash: block.hash,
                total_difficulty: block.header.difficulty,
                family: block::Family::default().with(block.hash, &block.header, &[]),
                built_at_ms: 0,
            }),
            state,
            pool: pool::Pool::default().with_price_bump(spec.dev.price_bump_percent),
            settings: settings::Settings::new(&spec),
            snapshots: snapshot::Snapshots::default(),
            sessions: session::Sessions::default(),
            notes: note::Notes::default(),
            version: 0,
            position: block.hash,
            last_entry: note::EntryInfo {
                hash: block.hash,
                ..note::EntryInfo::default()
            },
            spec,
        };
        let effects = archive::Effects {
            version: 0,
            revert: None,
            diffs: vec![(0, diff)],
            blocks: vec![Arc::new(block)],
            log_index: 0,
            console_callers: Vec::new(),
        };
        (chain, effects)
    }

    /// The rules of the chain.
    pub fn spec(&self) -> &Arc<spec::ChainSpec> {
        &self.spec
    }

    /// The hash of the first block.
    pub fn genesis_hash(&self) -> B256 {
        self.genesis_hash
    }

    /// The newest block.
    pub fn head(&self) -> &Arc<Head> {
        &self.head
    }

    /// The hash of one of the newest 256 blocks, zero of any other: what BLOCKHASH sees.
    pub fn recent_hash(&self, number: u64) -> B256 {
        self.hashes.get(&number).copied().unwrap_or_default()
    }

    /// The state, cheats after the newest block included.
    pub fn state(&self) -> &state::State {
        &self.state
    }

    /// The pool.
    pub fn pool(&self) -> &pool::Pool {
        &self.pool
    }

    /// What cheats have set.
    pub fn settings(&self) -> &settings::Settings {
        &self.settings
    }

    /// What became of clients' requests.
    pub fn sessions(&self) -> &session::Sessions {
        &self.sessions
    }

    /// The note of that key.
    pub fn note(&self, key: &str) -> Option<&note::Note> {
        self.notes.get(key)
    }

    /// How many notes there are.
    pub fn notes_len(&self) -> usize {
        self.notes.len()
    }

    /// The last entry of the log that changed the chain.
    pub fn last_entry(&self) -> &note::EntryInfo {
        &self.last_entry
    }

    /// How often the chain changed; grows with every entry that was not skipped, never falls.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// A digest of everything applied so far: equal on two nodes if and only if their chains are.
    pub fn position(&self) -> B256 {
        self.position
    }
}
