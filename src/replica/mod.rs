//! Joins the chain and the consensus: proposes, applies in order, matches answers to requests, holds read barriers.
//!
//! ```text
//! write ─► router ─► (leader's) producer ─► log ─► applier on every node ─► waiters ─► answer
//!             └── over the peer network, with a request id, until the time limit
//! read  ─► barrier: the leader's read index, asked once for all who wait ─► applied here ─► the chain, a value
//! ```
//!
//! *Invariants.* The only module that knows both `chain` and `consensus`. No clock, no randomness, no tokio: they come
//! in through [`environment::Environment`]; consensus and network through [`log::ReplicatedLog`].

pub mod api;
mod applier;
pub mod backup;
mod barrier;
pub mod certificate;
mod certify;
pub mod environment;
pub mod import;
pub mod load;
pub mod log;
mod members;
mod message;
mod prepare;
mod producer;
mod raft_log;
mod router;
mod shared;
mod snapshot;
mod start;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod waiters;

pub use applier::Applier;
pub use certify::{CertificateError, Sign};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use message::fuzz_messages;
#[cfg(feature = "node")]
pub use raft_log::RaftLog;
pub use shared::EventSink;
pub use start::{Prepared, Reads, Replica, ReplicaConfig, StartError, prepare};
