//! Raft for an opaque payload: openraft behind a thin seam.
//!
//! *Invariants.* Knows nothing of Ethereum, of tokio, of sockets and of files: the runtime is a type parameter
//! (openraft's `AsyncRuntime`), the way to the peers is a [`Transport`], the log store a type parameter, the state
//! machine an [`Application`]. Nothing is acknowledged before the log store has called it durable on a majority.
//!
//! ```text
//!   replica ──▶ Consensus ──▶ openraft ──▶ StateMachine (adapter) ──▶ Application
//!                                │  └────▶ RaftLogStorage: MemoryLog here, the durable one in `storage::log`
//!                                └───────▶ network::Peers ──▶ Transport ┄┄▶ service::RaftService of the peer
//! ```
//!
//! Source: D. Ongaro, *Consensus: Bridging Theory and Practice* (2014); openraft 0.10's documentation.

mod adapter;
mod application;
mod config;
mod entries;
mod failure;
mod founding;
mod handle;
mod lease;
mod membership;
mod memory;
mod message;
mod network;
mod peers;
mod progress;
mod proposals;
mod rebuild;
mod replay;
mod roster;
mod seed;
mod service;
mod snapshot;
mod status;
mod succession;
mod type_config;

pub use adapter::{SnapshotData, StateMachine};
pub use application::{Application, ApplicationError, SnapshotSource, Stored};
pub use config::{ConsensusConfig, MAX_APPEND_BYTES};
pub use entries::EntryWindow;
pub use handle::{Consensus, ConsensusError, Parts};
pub use membership::RosterWatch;
pub use memory::MemoryLog;
#[cfg(feature = "node")]
pub(crate) use memory::{from_start, half_open};
#[cfg(all(feature = "node", any(test, feature = "fuzzing")))]
pub(crate) use message::fuzz_messages;
pub use peers::{MessageKind, PeerCalls, PeerError, PeerService, TimedCalls, Transport};
pub(crate) use progress::Progress;
pub use proposals::{ProposalFuture, ProposeError};
pub use rebuild::{NoMark, RebuildMark};
pub use replay::payload_of;
pub use roster::{FOUNDERS_MAX, MemberChange, MembershipError, Roster, is_founder, is_member_name};
pub use seed::{seed_log, seed_record};
pub use snapshot::{MemorySpool, SnapshotSpool, SpoolWriter};
pub use status::{ConsensusStatus, LeaderView, LeaderWatch, MemberProgress};
pub use type_config::{
    Answer, Entry, EntryContent, LeaderId, LogId, StoredMembership, TypeConfig, Vote,
};

#[cfg(test)]
pub(crate) mod toy;
