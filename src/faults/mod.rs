//! Faults on request (`--allow-faults`): what a test author does to a cluster to see how his own program takes it.
//!
//! ```text
//! rpc: cluster_partition … ──▶ Control ──▶ this node's Faults     ──▶ FaultyTransport  (messages between members)
//!                                 └──────▶ those of other members └─▶ the RPC edge     (answers to clients)
//!                                          (MessageKind::Fault,   └─▶ LaggingBackend   (an old view of the chain)
//!                                           which no fault holds up)
//! ```
//!
//! *Invariants.* A fault changes what arrives, and when; never what a node has: log, chain and disk stay as true as
//! without it. Each fault ends by itself at its time limit. Faults are no entries of the log, because a cluster without
//! a majority must be healed too. Nothing of this runs in a node that was started without the flag.
//!
//! Source: the wish for a "chaos anvil" (foundry#3788); the kinds of faults are those of Jepsen's nemeses.

mod control;
mod lag;
mod order;
mod table;
mod transport;

pub use control::{Control, OnKill, Report};
pub use lag::{LaggingBackend, relay};
pub use order::{DEFAULT_LIMIT, EdgeFault, FaultError, MAX_DELAY_MS, MAX_LIMIT, Order};
pub use table::Faults;
pub use transport::FaultyTransport;

#[cfg(test)]
mod tests;
