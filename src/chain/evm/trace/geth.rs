//! `debug_trace*`: transactions, blocks and calls under one of geth's tracers.

use super::{
    super::call::{CallContext, CallError, machine::Machine},
    TraceError, TracedBlock,
    calls::Place,
    console::{self, ConsoleRecorder},
    replay::{Replay, transaction_environment},
    tracer::{Ending, Tracer, TracerOptions},
    watch::{TraceLimits, Watched},
};
use alloy::rpc::types::{BlockOverrides, TransactionRequest, state::StateOverride};
use std::fmt::Write as _;

/// `debug_traceTransaction`: the transaction of that index, as JSON.
pub fn trace_transaction(
    block: &TracedBlock<'_>,
    index: usize,
    options: &TracerOptions,
    limits: TraceLimits<'_>,
) -> Result<String, TraceError> {
    let mut replay = Replay::new(block)?;
    replay.advance(block, index, limits)?;
    limits.stopwatch.restart();
    one(&mut replay, block, index, options, limits, 0)
}

/// `debug_traceBlock…`: every transaction, as a JSON list of `{txHash, result}`.
pub fn trace_block(
    block: &TracedBlock<'_>,
    options: &TracerOptions,
    limits: TraceLimits<'_>,
) -> Result<String, TraceError> {
    let mut replay = Replay::new(block)?;
    let mut out = String::from("[");
    for (index, transaction) in block.transactions.iter().enumerate() {
        limits.stopwatch.restart();
        let traced = one(&mut replay, block, index, options, limits, out.len());
        let (member, text) = match traced {
            Ok(text) => ("result", text),
            // As in geth, a script that fails at one transaction may work at the next.
            Err(TraceError::JavaScript(problem)) => ("error", serde_json::to_string(&problem)?),
            Err(error) => return Err(error),
        };
        let comma = if index == 0 { "" } else { "," };
        let hash = transaction.hash();
        // Writing to a String cannot fail.
        let _ = write!(out, r#"{comma}{{"txHash":"{hash}","{member}":{text}}}"#);
        limits.check(out.len())?;
    }
    out.push(']');
    Ok(out)
}

/// Traces a transaction and makes its changes.
fn one(
    replay: &mut Replay<'_>,
    block: &TracedBlock<'_>,
    index: usize,
    options: &TracerOptions,
    limits: TraceLimits<'_>,
    bytes_before: usize,
) -> Result<String, TraceError> {
    let Some(transaction) = block.transactions.get(index) else {
        return Err(TraceError::TransactionIndex {
            index: index as u64,
            block: block.hash.unwrap_or_default(),
        });
    };
    let tracer = Tracer::new(options, replay.logs)?;
    let watched = Watched::new(tracer, limits, bytes_before);
    let (outcome, watched) = replay.inspect(transaction, watched)?;
    let (environment, database) = replay.parts();
    let text = watched.tracer.finish(&Ending {
        outcome: &outcome,
        transaction: &transaction_environment(transaction),
        block: &environment.block_env,
        database,
        place: Place {
            block_hash: block.hash,
            block_number: block.header.number,
            transaction_hash: Some(*transaction.hash()),
            transaction_index: index as u64,
        },
    });
    replay.commit(outcome);
    let text = text?;
    limits.check(bytes_before + text.len())?;
    Ok(text)
}

/// `debug_traceCall`: what is called, and what is pretended.
#[derive(Clone, Debug, Default)]
pub struct TracedCall {
    /// The call.
    pub request: TransactionRequest,
    /// Accounts that look different.
    pub state: Option<StateOverride>,
    /// Fields of the block that look different.
    pub block: Option<BlockOverrides>,
}

/// The trace of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeardTrace {
    /// The trace, as JSON.
    pub text: String,
    /// What the call said on Solidity's console.
    pub console: Vec<String>,
}

/// `debug_traceCall`, as JSON. `before`: the block and the index of the transaction before which the call runs; without
/// it, it runs on the state of `context`.
pub fn trace_call(
    context: &CallContext<'_>,
    call: &TracedCall,
    before: Option<(&TracedBlock<'_>, u64)>,
    options: &TracerOptions,
    limits: TraceLimits<'_>,
) -> Result<HeardTrace, TraceError> {
    limits.stopwatch.restart();
    let (state, block) = (call.state.as_ref(), call.block.as_ref());
    let mut first_log = 0;
    let mut machine = match before {
        None => Machine::new(context, &call.request, state, block)?,
        Some((traced, index)) => {
            let place = usize::try_from(index).unwrap_or(usize::MAX);
            if place >= traced.transactions.len() && index > 0 {
                return Err(TraceError::TransactionIndex {
                    index,
                    block: traced.hash.unwrap_or_default(),
                });
            }
            let mut replay = Replay::new(traced)?;
            replay.advance(traced, place, limits)?;
            first_log = replay.logs;
            Machine::over(replay.into_database(), context, &call.request, state, block)?
        }
    };
    let gas = call.request.gas.unwrap_or(u64::MAX).min(context.gas_cap);
    let mut watched = Watched::new(Tracer::new(options, first_log)?, limits, 0);
    let outcome = machine.inspect_changes(gas, &mut watched);
    let outcome = outcome.map(|(outcome, _)| outcome);
    if let Some(error) = watched.error() {
        return Err(error);
    }
    let outcome = outcome.map_err(failed)?;
    let mut console = Vec::new();
    if console::is_touched(&outcome.state) {
        let (_, recorder) = machine.inspect(gas, ConsoleRecorder::default())?;
        console = recorder.into_lines();
    }
    let number = context.header.number;
    let (block, transaction, database) = machine.parts();
    let mut transaction = transaction.clone();
    transaction.gas_limit = gas;
    let text = watched.tracer.finish(&Ending {
        outcome: &outcome,
        transaction: &transaction,
        block,
        database,
        place: Place {
            block_number: number,
            ..Place::default()
        },
    })?;
    limits.check(text.len())?;
    Ok(HeardTrace { text, console })
}

/// A call that cannot be executed.
pub(super) fn failed(error: CallError) -> TraceError {
    match error {
        CallError::Rejected(rejection) => TraceError::Execution(rejection.to_string()),
        other => TraceError::Call(other),
    }
}
