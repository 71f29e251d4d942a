//! `trace_*`: the traces of Parity, as Erigon and reth give them.
//!
//! The root's `gasUsed` leaves out the intrinsic gas, and so does its `gas`: they are those of the call. Calls of
//! precompiles without value are left out. A block of the time before the merge ends with the rewards of its author and
//! of its ommers' authors.

use super::{
    super::call::{CallContext, machine::Machine},
    TraceError, TracedBlock,
    console::{self, ConsoleRecorder},
    geth::{TracedCall, failed},
    replay::Replay,
    watch::{Recorder, TraceLimits, Watched},
};
use alloy::{
    consensus::Header,
    primitives::{U256, map::HashSet},
    rpc::types::{
        TransactionInfo,
        trace::parity::{
            Action, LocalizedTransactionTrace, RewardAction, RewardType, TraceResults,
            TraceResultsWithTransactionHash, TraceType, TransactionTrace,
        },
    },
};
use alloy_evm::block::calc;
use revm::{DatabaseCommit as _, context::result::ResultAndState};
use revm_inspectors::tracing::{TracingInspector, TracingInspectorConfig};

/// Which parts of a trace are asked for.
pub type TraceTypes = HashSet<TraceType>;

/// Bytes that a recorded frame takes besides its input; a recorded instruction takes about as many.
const RECORD_BYTES: usize = 256;

impl Recorder for TracingInspector {
    fn recorded_bytes(&self) -> usize {
        TracingInspector::recorded_bytes(self) + RECORD_BYTES * self.traces().nodes().len()
    }

    fn step_bytes(&self) -> usize {
        if self.config().record_steps {
            RECORD_BYTES
        } else {
            0
        }
    }
}

/// `trace_transaction`: the frames of the transaction of that index, in order.
pub fn transaction_traces(
    block: &TracedBlock<'_>,
    index: usize,
    limits: TraceLimits<'_>,
) -> Result<Vec<LocalizedTransactionTrace>, TraceError> {
    let mut replay = Replay::new(block)?;
    replay.advance(block, index, limits)?;
    limits.stopwatch.restart();
    frames_of(&mut replay, block, index, limits)
}

/// `trace_block`: the frames of all transactions, and the rewards. `ommers`: the block's.
pub fn block_traces(
    block: &TracedBlock<'_>,
    ommers: &[Header],
    limits: TraceLimits<'_>,
) -> Result<Vec<LocalizedTransactionTrace>, TraceError> {
    let mut traces = Vec::new();
    if block.transactions.is_empty() {
        return Ok(rewards(block, ommers));
    }
    let mut replay = Replay::new(block)?;
    for index in 0..block.transactions.len() {
        limits.stopwatch.restart();
        traces.extend(frames_of(&mut replay, block, index, limits)?);
        limits.check(RECORD_BYTES * traces.len())?;
    }
    traces.extend(rewards(block, ommers));
    Ok(traces)
}

fn frames_of(
    replay: &mut Replay<'_>,
    block: &TracedBlock<'_>,
    index: usize,
    limits: TraceLimits<'_>,
) -> Result<Vec<LocalizedTransactionTrace>, TraceError> {
    let inspector = TracingInspector::new(TracingInspectorConfig::default_parity());
    let (outcome, watched) = inspect(replay, block, index, inspector, (limits, 0))?;
    replay.commit(outcome);
    let info = TransactionInfo {
        hash: block.transactions.get(index).map(|tx| *tx.hash()),
        index: Some(index as u64),
        block_hash: block.hash,
        block_number: Some(block.header.number),
        ..TransactionInfo::default()
    };
    Ok(watched
        .tracer
        .into_parity_builder()
        .into_localized_transaction_traces(info))
}

fn inspect<'a>(
    replay: &mut Replay<'_>,
    block: &TracedBlock<'_>,
    index: usize,
    inspector: TracingInspector,
    (limits, bytes_before): (TraceLimits<'a>, usize),
) -> Result<(ResultAndState, Watched<'a, TracingInspector>), TraceError> {
    let Some(transaction) = block.transactions.get(index) else {
        return Err(TraceError::TransactionIndex {
            index: index as u64,
            block: block.hash.unwrap_or_default(),
        });
    };
    replay.inspect(transaction, Watched::new(inspector, limits, bytes_before))
}

/// `trace_replayTransaction`.
pub fn replay_transaction(
    block: &TracedBlock<'_>,
    index: usize,
    types: &TraceTypes,
    limits: TraceLimits<'_>,
) -> Result<TraceResults, TraceError> {
    let mut replay = Replay::new(block)?;
    replay.advance(block, index, limits)?;
    limits.stopwatch.restart();
    Ok(results_of(&mut replay, block, index, types, (limits, 0))?.0)
}

/// `trace_replayBlockTransactions`.
pub fn replay_block(
    block: &TracedBlock<'_>,
    types: &TraceTypes,
    limits: TraceLimits<'_>,
) -> Result<Vec<TraceResultsWithTransactionHash>, TraceError> {
    let mut replay = Replay::new(block)?;
    let mut all = Vec::with_capacity(block.transactions.len());
    let mut bytes = 0;
    for (index, transaction) in block.transactions.iter().enumerate() {
        limits.stopwatch.restart();
        let (full_trace, more) = results_of(&mut replay, block, index, types, (limits, bytes))?;
        bytes += more;
        all.push(TraceResultsWithTransactionHash {
            full_trace,
            transaction_hash: *transaction.hash(),
        });
    }
    Ok(all)
}

/// `limits`, and the bytes that the answer has already. Gives the bytes that this adds, too.
fn results_of(
    replay: &mut Replay<'_>,
    block: &TracedBlock<'_>,
    index: usize,
    types: &TraceTypes,
    limits: (TraceLimits<'_>, usize),
) -> Result<(TraceResults, usize), TraceError> {
    let inspector = TracingInspector::new(TracingInspectorConfig::from_parity_config(types));
    let (outcome, watched) = inspect(replay, block, index, inspector, limits)?;
    let (bytes, inspector) = (watched.bytes(), watched.tracer);
    let (_, database) = replay.parts();
    let results = inspector
        .into_parity_builder()
        .into_trace_results_with_state(&outcome, types, &*database)
        .map_err(|error| TraceError::State(error.0))?;
    replay.commit(outcome);
    Ok((results, bytes))
}

/// The traces of calls.
#[derive(Clone, Debug, Default)]
pub struct HeardResults {
    /// One a call.
    pub results: Vec<TraceResults>,
    /// What the calls said on Solidity's console.
    pub console: Vec<String>,
}

/// `trace_call` and `trace_callMany`: each call sees what the ones before it did. What is pretended holds for all.
pub fn calls(
    context: &CallContext<'_>,
    calls: &[(TracedCall, TraceTypes)],
    limits: TraceLimits<'_>,
) -> Result<HeardResults, TraceError> {
    let mut database = None;
    let mut console = Vec::new();
    let mut all = Vec::with_capacity(calls.len());
    let mut bytes = 0;
    for (call, types) in calls {
        limits.stopwatch.restart();
        let (state, block) = (call.state.as_ref(), call.block.as_ref());
        let mut machine = match database.take() {
            None => Machine::new(context, &call.request, state, block)?,
            Some(database) => Machine::over(database, context, &call.request, state, block)?,
        };
        let inspector = TracingInspector::new(TracingInspectorConfig::from_parity_config(types));
        let mut watched = Watched::new(inspector, limits, bytes);
        let gas = call.request.gas.unwrap_or(u64::MAX).min(context.gas_cap);
        let outcome = machine.inspect_changes(gas, &mut watched);
        let outcome = outcome.map(|(outcome, _)| outcome);
        if let Some(error) = watched.error() {
            return Err(error);
        }
        let outcome = outcome.map_err(failed)?;
        bytes += watched.bytes();
        if console::is_touched(&outcome.state) {
            let (_, recorder) = machine.inspect(gas, ConsoleRecorder::default())?;
            console.extend(recorder.into_lines());
        }
        let mut after = machine.into_database();
        let results = watched
            .tracer
            .into_parity_builder()
            .into_trace_results_with_state(&outcome, types, &after)
            .map_err(|error| TraceError::State(error.0))?;
        after.commit(outcome.state);
        database = Some(after);
        all.push(results);
    }
    Ok(HeardResults {
        results: all,
        console,
    })
}

/// What the authors of a block and of its ommers got (Yellow Paper 11.3); nothing after the merge.
fn rewards(block: &TracedBlock<'_>, ommers: &[Header]) -> Vec<LocalizedTransactionTrace> {
    if block.header.difficulty.is_zero() {
        return Vec::new();
    }
    let number = block.header.number;
    let base = calc::base_block_reward_pre_merge(block.spec.rules(block.header), number);
    let author = RewardAction {
        author: block.header.beneficiary,
        reward_type: RewardType::Block,
        value: U256::from(calc::block_reward(base, ommers.len())),
    };
    let uncles = ommers.iter().map(|ommer| RewardAction {
        author: ommer.beneficiary,
        reward_type: RewardType::Uncle,
        value: U256::from(calc::ommer_reward(base, number, ommer.number)),
    });
    std::iter::once(author)
        .chain(uncles)
        .map(|reward| LocalizedTransactionTrace {
            trace: TransactionTrace {
                action: Action::Reward(reward),
                ..TransactionTrace::default()
            },
            block_hash: block.hash,
            block_number: Some(number),
            transaction_hash: None,
            transaction_position: None,
        })
        .collect()
}
