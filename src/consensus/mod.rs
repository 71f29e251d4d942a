//! Raft for an opaque payload: openraft behind a thin seam.
//!
//! *Invariants.* Knows nothing of Ethereum, of tokio, of sockets and of files: the runtime is a type parameter
//! (openraft's `AsyncRuntime`), network and log store are traits, the state machine is an [`Application`].

mod application;

pub use application::{Application, ApplicationError, SnapshotSource, Stored};
