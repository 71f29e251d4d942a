//! `eth_callMany`: bundles of calls, each call on what the ones before it left (Erigon's method, in reth's form).

use super::{CallContext, CallError, machine::Machine, request};
use crate::chain::evm::{
    database::StateDatabase,
    trace::{TraceError, TraceLimits, TracedBlock, replay_to},
};
use alloy::{
    consensus::Header,
    primitives::Bytes,
    rpc::types::{BlockOverrides, TransactionRequest, state::StateOverride},
};
use revm::{DatabaseCommit as _, context::result::ExecutionResult, inspector::NoOpInspector};

/// Seconds from one bundle's block to the next one's (reth).
const SECONDS_A_BLOCK: u64 = 12;

/// Calls of one block.
#[derive(Clone, Debug, Default)]
pub struct CallBundle {
    /// The calls.
    pub calls: Vec<TransactionRequest>,
    /// Fields of the block that look different.
    pub block: Option<BlockOverrides>,
}

/// What each call of each bundle gave. The first bundle runs in the block of `context`, each further one in a block
/// after it. `after`: the block and the number of its transactions after which the first bundle runs; without it, the
/// state of `context`. `state` holds for all calls.
pub fn call_many(
    context: &CallContext<'_>,
    bundles: &[CallBundle],
    state: Option<&StateOverride>,
    after: Option<(&TracedBlock<'_>, usize)>,
    limits: TraceLimits<'_>,
) -> Result<Vec<Vec<Result<Bytes, CallError>>>, TraceError> {
    let mut database = match after {
        Some((block, count)) => replay_to(block, count, limits)?,
        None => StateDatabase::new(context.state, context.block_hash),
    };
    let headers = headers(context.header, bundles.len());
    let (mut overrides, mut bytes) = (state, 0);
    let mut all = Vec::with_capacity(bundles.len());
    for (bundle, header) in bundles.iter().zip(&headers) {
        let context = CallContext { header, ..*context };
        let mut results = Vec::with_capacity(bundle.calls.len());
        for call in &bundle.calls {
            limits.stopwatch.restart();
            if let Err(rejection) = request::transaction(call, context.chain_id) {
                results.push(Err(rejection.into()));
                continue;
            }
            let block = bundle.block.as_ref();
            let mut machine = Machine::over(database, &context, call, overrides.take(), block)?;
            let result = one(&mut machine, call, &context, limits);
            database = machine.into_database();
            let (result, changes) = match result {
                Ok((output, changes)) => (Ok(output), Some(changes)),
                Err(Failed::Call(error, changes)) => (Err(*error), changes),
                Err(Failed::All(error)) => return Err(error),
            };
            if let Some(changes) = changes {
                database.commit(changes);
            }
            bytes += result.as_ref().map_or(0, |output| 2 * output.len());
            limits.check(bytes)?;
            results.push(result);
        }
        all.push(results);
    }
    Ok(all)
}

/// The headers of `count` blocks, the first of which is given.
fn headers(first: &Header, count: usize) -> Vec<Header> {
    let next = |header: &Header| {
        let mut header = header.clone();
        header.number = header.number.saturating_add(1);
        header.timestamp = header.timestamp.saturating_add(SECONDS_A_BLOCK);
        Some(header)
    };
    std::iter::successors(Some(first.clone()), next)
        .take(count)
        .collect()
}

type Changes = alloy::primitives::map::AddressMap<revm::state::Account>;

enum Failed {
    /// This call; what it changed all the same (its nonce, its fees).
    Call(Box<CallError>, Option<Changes>),
    All(TraceError),
}

fn one(
    machine: &mut Machine<'_>,
    call: &TransactionRequest,
    context: &CallContext<'_>,
    limits: TraceLimits<'_>,
) -> Result<(Bytes, Changes), Failed> {
    let gas = call.gas.unwrap_or(u64::MAX).min(context.gas_cap);
    let outcome = machine.inspect_changes(gas, NoOpInspector {});
    if limits.stopwatch.is_over() {
        return Err(Failed::All(TraceError::Timeout));
    }
    let (outcome, _) = outcome.map_err(|error| match error {
        CallError::State(error) => Failed::All(TraceError::State(error)),
        error => Failed::Call(Box::new(error), None),
    })?;
    match outcome.result {
        ExecutionResult::Success { output, .. } => Ok((output.into_data(), outcome.state)),
        failed => {
            let error = machine.failure(failed, gas);
            Err(Failed::Call(Box::new(error), Some(outcome.state)))
        }
    }
}
