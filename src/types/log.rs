//! Words of the replicated log.

use alloy::primitives::Bytes;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A Raft term.
pub type Term = u64;
/// The index of an entry in the replicated log; the first entry has index 0 or 1, as the engine gives them.
pub type LogIndex = u64;

/// Where an applied entry stands in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LogPosition {
    /// The term of the leader that proposed the entry.
    pub term: Term,
    /// The index of the entry.
    pub index: LogIndex,
}

/// An entry's content, opaque to the consensus. A clone shares the bytes.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload(pub Bytes);

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.0.len())
    }
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
