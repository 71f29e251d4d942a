//! How a transaction or a call failed: what a receipt does not say. Found out by executing it again.

use super::{
    super::call::{
        CallContext, CallError,
        halt::{LastStep, words},
        machine::Machine,
        reason::revert_reason,
    },
    TraceError, TracedBlock,
    replay::Replay,
    watch::{Recorder, TraceLimits, Watched},
};
use alloy::{
    primitives::Bytes,
    rpc::types::{BlockOverrides, TransactionRequest, state::StateOverride},
    sol_types::{Panic, Revert, SolError as _},
};
use revm::{
    Inspector,
    context::{ContextTr, JournalTr as _, result::ExecutionResult},
    interpreter::{Interpreter, interpreter_types::Jumps as _},
};

/// Why a run did not succeed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// What it returned.
    pub output: Bytes,
    /// Why the EVM stopped, in geth's words; `None` for a REVERT.
    pub halt: Option<String>,
    /// The same by revm's name, which anvil prints; empty for a REVERT.
    pub halt_name: String,
    /// The place of the outermost frame's last instruction, plus one (as `EthereumJS` counts).
    pub program_counter: u64,
}

impl Failure {
    /// Solidity's reason, in geth's words.
    pub fn reason(&self) -> Option<String> {
        revert_reason(&self.output)
    }

    /// The text of `Error(string)`.
    pub fn error_reason(&self) -> Option<String> {
        let is_revert = self.halt.is_none() && Self::is_error_string(&self.output);
        is_revert.then(|| self.reason()).flatten()
    }

    /// Whether these bytes are Solidity's `Error(string)`.
    pub fn is_error_string(output: &[u8]) -> bool {
        output.starts_with(&Revert::SELECTOR)
    }

    /// The sentence that anvil prints: the reason as it is, `panic: …`, `custom error …`, or revm's word.
    pub fn anvil_words(&self) -> String {
        if self.halt.is_some() {
            return format!("EvmError: {}", self.halt_name);
        }
        describe_revert(&self.output)
    }
}

/// What anvil prints for the data of a REVERT.
pub(super) fn describe_revert(output: &[u8]) -> String {
    if output.is_empty() {
        return "EvmError: Revert".to_owned();
    }
    match revert_reason(output) {
        Some(reason) if output.starts_with(&Panic::SELECTOR) => {
            let code = output.last().copied().unwrap_or_default();
            format!("panic: {reason} ({code:#04x})")
        }
        Some(reason) => reason,
        None => match output.split_first_chunk::<4>() {
            Some((selector, data)) => {
                let (selector, data) = (
                    alloy::primitives::hex::encode(selector),
                    alloy::primitives::hex::encode(data),
                );
                let data = if data.is_empty() {
                    data
                } else {
                    format!(": {data}")
                };
                format!("custom error 0x{selector}{data}")
            }
            None => format!(
                "custom error {}",
                alloy::primitives::hex::encode_prefixed(output)
            ),
        },
    }
}

/// Remembers the last instruction of the outermost frame.
#[derive(Clone, Copy, Debug, Default)]
struct LastPlace {
    step: LastStep,
    program_counter: u64,
}

impl Recorder for LastPlace {
    fn recorded_bytes(&self) -> usize {
        0
    }
}

impl<C: ContextTr> Inspector<C> for LastPlace {
    fn step(&mut self, interpreter: &mut Interpreter, context: &mut C) {
        self.step.step(interpreter, context);
        if context.journal().depth() <= 1 {
            self.program_counter = interpreter.bytecode.pc() as u64 + 1;
        }
    }
}

impl LastPlace {
    /// `None`: the run succeeded.
    fn failure(self, result: ExecutionResult) -> Option<Failure> {
        let failure = Failure {
            program_counter: self.program_counter,
            ..Failure::default()
        };
        match result {
            ExecutionResult::Success { .. } => None,
            ExecutionResult::Revert { output, .. } => Some(Failure { output, ..failure }),
            ExecutionResult::Halt { reason, .. } => {
                let name = format!("{reason:?}");
                Some(Failure {
                    halt: Some(words(&reason, self.step)),
                    // `OutOfGas(Basic)`: the name alone.
                    halt_name: name.split(['(', ' ']).next().unwrap_or(&name).to_owned(),
                    ..failure
                })
            }
        }
    }
}

/// How the transaction of that index failed; `None`: it did not.
pub fn transaction_failure(
    block: &TracedBlock<'_>,
    index: usize,
    limits: TraceLimits<'_>,
) -> Result<Option<Failure>, TraceError> {
    limits.stopwatch.restart();
    let mut replay = Replay::new(block)?;
    replay.advance(block, index, limits)?;
    let Some(transaction) = block.transactions.get(index) else {
        return Ok(None);
    };
    let watched = Watched::new(LastPlace::default(), limits, 0);
    let (outcome, watched) = replay.inspect(transaction, watched)?;
    Ok(watched.tracer.failure(outcome.result))
}

/// How a call with all the gas it may have fails; `None`: it does not.
pub fn call_failure(
    context: &CallContext<'_>,
    request: &TransactionRequest,
    state: Option<&StateOverride>,
    block: Option<&BlockOverrides>,
) -> Result<Option<Failure>, CallError> {
    let mut machine = Machine::new(context, request, state, block)?;
    let gas = request.gas.unwrap_or(u64::MAX).min(context.gas_cap);
    let (result, place) = machine.inspect(gas, LastPlace::default())?;
    Ok(place.failure(result))
}
