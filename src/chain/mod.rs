//! The dev chain as a pure function of commands.
//!
//! [`Chain`] is a persistent value: a clone costs nothing, applying a command gives the next one. The same commands
//! give the same chain, byte for byte, on every node.
//!
//! *Invariants.* No clock, no randomness, no tokio, no sockets, no files: time and random values arrive inside the
//! commands, disks behind [`archive::Store`]. Only `evm/` knows revm's interpreter. The chain knows nothing of consensus.

pub mod accounts;
pub mod archive;
pub mod block;
pub mod command;
pub mod evm;
pub mod pool;
pub mod rejection;
pub mod settings;
pub mod spec;
pub mod state;
pub mod transaction;
pub mod view;

use alloy::{consensus::Header, primitives::B256};
use std::sync::Arc;

pub use rejection::Rejection;

/// The whole chain at one point of the log: a value.
#[derive(Clone, Debug)]
pub struct Chain {
    spec: Arc<spec::ChainSpec>,
    head: Arc<Head>,
    state: state::State,
    pool: pool::Pool,
    settings: settings::Settings,
    version: u64,
    position: B256,
}

/// The newest block's header and hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The header.
    pub header: Header,
    /// Its hash.
    pub hash: B256,
}

impl Chain {
    /// The rules of the chain.
    pub fn spec(&self) -> &Arc<spec::ChainSpec> {
        &self.spec
    }
    /// The newest block.
    pub fn head(&self) -> &Arc<Head> {
        &self.head
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
    /// How often the chain changed; grows with every entry that was not skipped.
    pub fn version(&self) -> u64 {
        self.version
    }
    /// A digest of everything applied so far: equal on two nodes if and only if their chains are.
    pub fn position(&self) -> B256 {
        self.position
    }
}
