//! Why a mined transaction failed, for who follows the chain and has no request of a client at hand.

use super::{limits::Limits, methods::Deadline, witness};
use crate::{
    chain::{block::BlockRecord, evm::trace::TraceLimits, view::View},
    replica::api::Backend,
};
use std::sync::Arc;

/// The reason in anvil's words; `None` where it cannot be found out. Executes the transaction again, on this thread.
pub fn failure_reason(backend: &dyn Backend, block: &BlockRecord, index: usize) -> Option<String> {
    let view = View::new(
        backend.local(),
        Arc::clone(backend.archive()),
        backend.now_ms(),
    );
    let limits = Limits::default();
    let stopwatch = Deadline::new(&limits, None);
    let trace_limits = TraceLimits {
        bytes: limits.response_bytes,
        stopwatch: &stopwatch,
    };
    witness::reason_in(&view, block, index, trace_limits).ok()?
}
