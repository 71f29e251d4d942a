//! Traces: what happened inside a transaction, found out by executing it again.
//!
//! A block's earlier transactions are executed first, on the state on which the block was executed, after the system
//! calls that a fork makes before a block (EIP-2935, EIP-4788): the same state transition as when it was built. Then an
//! inspector watches the transaction that is asked for.
//!
//! ```text
//! replay       a block up to a transaction          watch        limits on time and bytes
//! tracer       which of geth's tracers              struct_log   one entry an instruction, geth's default
//! calls        callTracer, flatCallTracer           parity       trace_*
//! prestate     prestateTracer                       erc7562, keccak  the tracers of that name
//! otterscan    ots_*                                opcode_gas       trace_*OpcodeGas
//! position     the state between two transactions   console          Solidity's console.log
//! console      Solidity's console.log               failure      why a run failed
//! tree         frames as text, as anvil prints them
//! ```
//!
//! The answers are JSON text as geth writes it: struct logs are written while the transaction runs, so that a trace takes
//! the memory of its text and no more. Where revm-inspectors deviates from geth (gas of CREATE, names of errors,
//! refunds, indexes of logs), the tracer is written here.
//!
//! *Invariants.* The only folder that knows inspectors. Pure: the same block and options give the same text, nothing
//! outside is changed; time enters as a [`Stopwatch`].

mod calls;
pub mod console;
mod erc7562;
pub mod failure;
mod geth;
mod keccak;
pub mod opcode_gas;
pub mod otterscan;
pub mod parity;
pub mod position;
mod prestate;
mod replay;
mod struct_log;
#[cfg(test)]
mod tests;
mod tracer;
pub mod tree;
mod watch;

use super::{call::CallError, ecrecover::Signatures};
use crate::chain::{
    spec::ChainSpec, state::StateError, state::StateRead, transaction::SignedTransaction,
};
use alloy::{consensus::Header, primitives::B256};
use std::sync::Arc;

pub use calls::{CallTracerOptions, FlatCallTracerOptions};
pub use erc7562::Erc7562Options;
pub use geth::{HeardTrace, TracedCall, trace_block, trace_call, trace_transaction};
pub use prestate::PrestateTracerOptions;
pub(super) use replay::replay_to;
pub use struct_log::StructLogOptions;
pub use tracer::TracerOptions;
pub use watch::{Stopwatch, TraceLimits};

/// Why there is no trace, in geth's words.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The first block was not executed.
    #[error("genesis is not traceable")]
    Genesis,
    /// The block has no transaction of that index.
    #[error("transaction index {index} out of range for block {block}")]
    TransactionIndex {
        /// The index.
        index: u64,
        /// The block's hash.
        block: B256,
    },
    /// `prestateTracer` with options that exclude each other.
    #[error("cannot use diffMode with includeEmpty")]
    EmptyInDiff,
    /// The trace took too long.
    #[error("execution timeout")]
    Timeout,
    /// The trace is too long.
    #[error(
        "trace too large: more than {limit} bytes; ask for less with `limit`, `disableStack` and `disableStorage`, or use a tracer"
    )]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// The transaction cannot be executed on this state.
    #[error("tracing failed: {0}")]
    Execution(String),
    /// The call cannot be executed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A tracer in JavaScript, and no interpreter.
    #[error(
        "tracer {0:?} is not one of this node's, and it runs no tracers in JavaScript: build it with the feature `js-tracer`"
    )]
    NoJavaScript(String),
    /// The tracer in JavaScript failed.
    #[error("{0}")]
    JavaScript(String),
    /// The state could not be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// The answer could not be written.
    #[error("the trace cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// A block to execute again.
pub struct TracedBlock<'a> {
    /// The rules.
    pub spec: &'a ChainSpec,
    /// The chain id now: for blocks whose transactions name none.
    pub chain_id: u64,
    /// The header.
    pub header: &'a Header,
    /// Its hash; `None` for a block that is not sealed.
    pub hash: Option<B256>,
    /// The transactions.
    pub transactions: &'a [Arc<SignedTransaction>],
    /// The state on which the block was executed.
    pub state: &'a dyn StateRead,
    /// `BLOCKHASH`.
    pub block_hash: &'a dyn Fn(u64) -> B256,
    /// What `ecrecover` answers for some signatures.
    pub signatures: &'a Signatures,
}

impl std::fmt::Debug for TracedBlock<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TracedBlock({})", self.header.number)
    }
}
