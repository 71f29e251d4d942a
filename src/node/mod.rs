//! Nodes as processes: folders, sockets, clocks, signals, and the wiring of all parts.
//!
//! ```text
//! slot ─► data_dir (lock) + listeners ─► assemble: storage, net, consensus, replica, rpc ─► banner ─► signal ─► stop
//! ```
//!
//! *Invariants.* Whatever can fail because of the machine (a port in use, a folder locked) fails here, before anything
//! runs, with one sentence. Nothing here knows what a block or a log entry is.

mod alone;
pub mod assemble;
pub mod chain_file;
pub mod clock;
pub mod data_dir;
mod dump_file;
mod error;
mod flusher;
mod generated;
mod instance;
pub mod listeners;
mod members;
mod metrics;
mod output;
pub mod replay;
pub mod restore;
mod run;
pub mod signals;
pub mod slot;
pub mod verify;

#[cfg(test)]
mod tests;

pub use data_dir::DataLocation;
pub use dump_file::{DumpFileError, DumpFiles};
pub use error::NodeError;
pub use generated::generated;
pub use instance::{HeldInstance, INSTANCE_VARIABLE, Instance};
pub use output::Output;
pub use run::{Keep, RunCluster, RunMember, run_cluster, run_member};
