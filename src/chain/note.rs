//! Keys and values pushed through the log, and what the log's last entry was: the original cluster's demonstration.

use alloy::primitives::B256;
use serde::{Deserialize, Serialize};

/// How many keys are kept; a push beyond it is refused.
pub const NOTES_MAX: usize = 65_536;
/// The longest key and value, in bytes.
pub const NOTE_BYTES_MAX: usize = 1 << 20;

/// The notes of a chain, by key.
pub type Notes = imbl::OrdMap<String, Note>;

/// A value and the entry that wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The value, JSON text.
    pub value: String,
    /// The entry that wrote it.
    pub entry: EntryInfo,
}

/// An entry of the log that changed the chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryInfo {
    /// Its index in the log.
    pub index: u64,
    /// The term of the leader that proposed it.
    pub term: u64,
    /// The chain's position after it.
    pub hash: B256,
    /// Unix milliseconds at the leader when it was proposed.
    pub created_at_ms: u64,
}
