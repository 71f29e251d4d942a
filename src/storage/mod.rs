//! Files: the durable log of the consensus, the chain's store.
//!
//! *Invariants.* Nothing is called durable before the disk has said so. A file that cannot be trusted is never written
//! to. Knows nothing of Ethereum.

pub mod chain;
pub mod log;
pub mod rebuild;
