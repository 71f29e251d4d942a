//! Gas by instruction: `trace_transactionOpcodeGas`, `trace_blockOpcodeGas` (reth's).

use super::{
    TraceError, TracedBlock,
    replay::Replay,
    watch::{Recorder, TraceLimits, Watched},
};
use alloy::rpc::types::trace::opcode::{OpcodeGas, TransactionOpcodeGas};
use revm_inspectors::opcode::OpcodeGasInspector;

impl Recorder for OpcodeGasInspector {
    fn recorded_bytes(&self) -> usize {
        0
    }
}

/// How often each instruction of the transaction of that index ran, and its gas without that of the frames it made; in
/// the order of the instructions' bytes.
pub fn transaction(
    block: &TracedBlock<'_>,
    index: usize,
    limits: TraceLimits<'_>,
) -> Result<TransactionOpcodeGas, TraceError> {
    let mut replay = Replay::new(block)?;
    replay.advance(block, index, limits)?;
    one(&mut replay, block, index, limits)
}

/// The same of every transaction.
pub fn block(
    block: &TracedBlock<'_>,
    limits: TraceLimits<'_>,
) -> Result<Vec<TransactionOpcodeGas>, TraceError> {
    let mut replay = Replay::new(block)?;
    let all = 0..block.transactions.len();
    all.map(|index| one(&mut replay, block, index, limits))
        .collect()
}

fn one(
    replay: &mut Replay<'_>,
    block: &TracedBlock<'_>,
    index: usize,
    limits: TraceLimits<'_>,
) -> Result<TransactionOpcodeGas, TraceError> {
    let Some(transaction) = block.transactions.get(index) else {
        return Err(TraceError::TransactionIndex {
            index: index as u64,
            block: block.hash.unwrap_or_default(),
        });
    };
    limits.stopwatch.restart();
    let watched = Watched::new(OpcodeGasInspector::new(), limits, 0);
    let (outcome, watched) = replay.inspect(transaction, watched)?;
    replay.commit(outcome);
    let mut used: Vec<_> = watched.tracer.opcode_iter().collect();
    used.sort_unstable_by_key(|(opcode, _)| opcode.get());
    let opcode_gas = used
        .into_iter()
        .map(|(opcode, (count, gas_used))| OpcodeGas {
            opcode: opcode.to_string(),
            count,
            gas_used,
        });
    Ok(TransactionOpcodeGas {
        transaction_hash: *transaction.hash(),
        opcode_gas: opcode_gas.collect(),
    })
}
