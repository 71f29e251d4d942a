//! What Otterscan, a block explorer, asks of a transaction: its internal operations, its frames, its error, who took
//! part in it, and who created a contract (Otterscan's `docs/custom-jsonrpc.md`, API level 8).

use super::{
    TraceError, TracedBlock,
    calls::{CallRecorder, CallTracerOptions},
    replay::Replay,
    watch::{Recorder, TraceLimits, Watched},
};
use alloy::{
    primitives::{Address, B256, Bytes},
    rpc::types::trace::otterscan::{ContractCreator, InternalOperation},
};
use alloy_evm::eth::EthEvmContext;
use revm::{
    Inspector,
    context::result::{ExecutionResult, ResultAndState},
    inspector::NoOpInspector,
};
use revm_inspectors::otterscan::InternalOperationsInspector;

/// Bytes of one internal operation in an answer.
const OPERATION_BYTES: usize = 160;

impl Recorder for InternalOperationsInspector {
    fn recorded_bytes(&self) -> usize {
        OPERATION_BYTES * self.operations().len()
    }
}

impl Recorder for NoOpInspector {
    fn recorded_bytes(&self) -> usize {
        0
    }
}

/// Executes the block up to the transaction of that index, and that one under `inspector`.
fn watch<'a, T>(
    block: &TracedBlock<'a>,
    index: usize,
    inspector: T,
    limits: TraceLimits<'_>,
) -> Result<(ResultAndState, T), TraceError>
where
    T: Recorder + Inspector<EthEvmContext<super::super::database::StateDatabase<'a>>>,
{
    let Some(transaction) = block.transactions.get(index) else {
        return Err(TraceError::TransactionIndex {
            index: index as u64,
            block: block.hash.unwrap_or_default(),
        });
    };
    let mut replay = Replay::new(block)?;
    replay.advance(block, index, limits)?;
    limits.stopwatch.restart();
    let watched = Watched::new(inspector, limits, 0);
    let (outcome, watched) = replay.inspect(transaction, watched)?;
    Ok((outcome, watched.tracer))
}

/// `ots_getInternalOperations`: ether that calls carried, creations and self-destructs, below the top frame, those
/// included that came to nothing.
pub fn internal_operations(
    block: &TracedBlock<'_>,
    index: usize,
    limits: TraceLimits<'_>,
) -> Result<Vec<InternalOperation>, TraceError> {
    let (_, inspector) = watch(block, index, InternalOperationsInspector::default(), limits)?;
    Ok(inspector.into_operations())
}

/// `ots_traceTransaction`: the frames in order, as JSON.
pub fn frames(
    block: &TracedBlock<'_>,
    index: usize,
    limits: TraceLimits<'_>,
) -> Result<String, TraceError> {
    let recorder = CallRecorder::new(CallTracerOptions::default());
    let (_, recorder) = watch(block, index, recorder, limits)?;
    let text = recorder.otterscan()?;
    limits.check(text.len())?;
    Ok(text)
}

/// `ots_getTransactionError`: what a transaction that reverted returned; no bytes of any other.
pub fn error(
    block: &TracedBlock<'_>,
    index: usize,
    limits: TraceLimits<'_>,
) -> Result<Bytes, TraceError> {
    let (outcome, _) = watch(block, index, NoOpInspector {}, limits)?;
    Ok(match outcome.result {
        ExecutionResult::Revert { output, .. } => output,
        _ => Bytes::new(),
    })
}

/// The transactions of a block in which an account takes part: it sends, is called or created, at any depth.
pub fn transactions_with(
    block: &TracedBlock<'_>,
    address: Address,
    limits: TraceLimits<'_>,
) -> Result<Vec<usize>, TraceError> {
    let mut found = Vec::new();
    each(block, limits, |index, recorder| {
        if recorder.has_part(address) {
            found.push(index);
        }
    })?;
    Ok(found)
}

/// `ots_getContractCreator`: the first creation of the contract in a block.
pub fn creator(
    block: &TracedBlock<'_>,
    contract: Address,
    limits: TraceLimits<'_>,
) -> Result<Option<ContractCreator>, TraceError> {
    let mut found = None;
    each(block, limits, |index, recorder| {
        if found.is_none()
            && let Some(creator) = recorder.creator_of(contract)
        {
            let hash: B256 = *block.transactions[index].hash();
            found = Some(ContractCreator { hash, creator });
        }
    })?;
    Ok(found)
}

/// Hands the frames of each of a block's transactions to `look`.
fn each(
    block: &TracedBlock<'_>,
    limits: TraceLimits<'_>,
    mut look: impl FnMut(usize, &CallRecorder),
) -> Result<(), TraceError> {
    let mut replay = Replay::new(block)?;
    for (index, transaction) in block.transactions.iter().enumerate() {
        limits.stopwatch.restart();
        let recorder = CallRecorder::new(CallTracerOptions::default());
        let watched = Watched::new(recorder, limits, 0);
        let (outcome, watched) = replay.inspect(transaction, watched)?;
        replay.commit(outcome);
        look(index, &watched.tracer);
    }
    Ok(())
}
