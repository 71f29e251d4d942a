//! Praline: a replicated Ethereum dev-chain node.
//!
//! ```text
//!             main → cli → node ────────────────┐           sim: whole clusters in one thread, under a seed
//!                           │                   │            │  (its own network, disks, clocks; the log of storage)
//!              ┌────────────┼─────────┐         │            │     edge: tokio, sockets, files, clocks
//!              ▼            ▼         ▼         ▼            │
//!             rpc          net     storage  telemetry        │     (config: files and flags → one checked value;
//!              │            │                                │      faults: on request, between net and those above it)
//!              └─────┬──────┴────┬────┘                      │
//! ═══════════════════╪═══════════╪═══════════════════════════╪════ below: no tokio, no clock, no randomness, no sockets
//!                    ▼           ▼                           ▼
//!                   replica   (joins the two; the only one that knows both)
//!                  ┌───┴────┐
//!                  ▼        ▼
//!                chain   consensus   (never see each other)
//!                  └───┬────┘
//!                      ▼
//!                    types
//! ```
//!
//! A write goes `rpc → replica → (leader's) producer → consensus → log on disk → apply → chain → answer`; a read goes
//! `rpc → replica (barrier) → chain, archive`.
//!
//! `seats` says which silent connection goes when too many come, at the doors of rpc and net; `cooperate` lets the engine run
//! before long work.
//!
//! [`guarantees`] says what is promised, and which tests show it. `planted` holds names of known bugs, which only this
//! crate's own tests can switch on, for the simulator to find.

pub mod chain;
pub mod consensus;
mod cooperate;
pub mod guarantees;
mod planted;
pub mod replica;
pub mod types;

#[cfg(feature = "node")]
pub mod cli;
#[cfg(feature = "node")]
pub mod config;
#[cfg(feature = "node")]
pub mod faults;
#[cfg(all(feature = "node", any(test, feature = "fuzzing")))]
pub mod fuzzing;
#[cfg(feature = "node")]
pub mod net;
#[cfg(feature = "node")]
pub mod node;
#[cfg(feature = "node")]
pub mod rpc;
#[cfg(feature = "node")]
mod seats;
#[cfg(feature = "node")]
pub mod sim;
#[cfg(feature = "node")]
pub mod storage;
#[cfg(feature = "node")]
pub mod telemetry;
