//! Solidity's `console.log` (Hardhat's `console.sol`): calls of an address without code, whose input is the text.
//!
//! A transaction that touched that address has it among the accounts that revm loaded: one look-up a transaction finds
//! out. Only such a one is executed a second time, under the recorder of this module, where somebody wants its lines;
//! all others cost the look-up.

mod format;

use super::{
    TraceError, TracedBlock,
    replay::Replay,
    watch::{Recorder, TraceLimits, Watched},
};
use alloy::primitives::{Address, Bytes, address, map::AddressMap};
use revm::{
    Inspector,
    context::{ContextTr, LocalContextTr as _},
    interpreter::{CallInput, CallInputs, CallOutcome},
    state::Account,
};

pub use format::format_call;

/// Where `console.sol` sends its calls: `console.log` in ASCII.
pub const CONSOLE_ADDRESS: Address = address!("0x000000000000000000636F6e736F6c652e6c6f67");

/// Lines of one transaction; further ones are left out.
const MAX_LINES: usize = 1_000;

/// Whether a run may have called the console.
pub(in crate::chain::evm) fn is_touched(accounts: &AddressMap<Account>) -> bool {
    accounts.contains_key(&CONSOLE_ADDRESS)
}

/// Records what was said, also by calls that failed.
#[derive(Clone, Debug, Default)]
pub(in crate::chain::evm) struct ConsoleRecorder {
    lines: Vec<String>,
}

impl ConsoleRecorder {
    /// The lines, in order.
    pub(in crate::chain::evm) fn into_lines(self) -> Vec<String> {
        self.lines
    }
}

impl Recorder for ConsoleRecorder {
    fn recorded_bytes(&self) -> usize {
        self.lines.iter().map(String::len).sum()
    }
}

impl<C: ContextTr> Inspector<C> for ConsoleRecorder {
    fn call(&mut self, context: &mut C, inputs: &mut CallInputs) -> Option<CallOutcome> {
        if inputs.target_address != CONSOLE_ADDRESS || self.lines.len() >= MAX_LINES {
            return None;
        }
        let input = match &inputs.input {
            CallInput::Bytes(bytes) => bytes.clone(),
            CallInput::SharedBuffer(range) => context
                .local()
                .shared_memory_buffer_slice(range.clone())
                .map_or_else(Bytes::new, |slice| Bytes::copy_from_slice(&slice)),
        };
        self.lines.extend(format_call(&input));
        None
    }
}

/// What the transaction of that index said.
pub fn transaction_lines(
    block: &TracedBlock<'_>,
    index: usize,
    limits: TraceLimits<'_>,
) -> Result<Vec<String>, TraceError> {
    limits.stopwatch.restart();
    let mut replay = Replay::new(block)?;
    replay.advance(block, index, limits)?;
    let Some(transaction) = block.transactions.get(index) else {
        return Ok(Vec::new());
    };
    let watched = Watched::new(ConsoleRecorder::default(), limits, 0);
    let (_, watched) = replay.inspect(transaction, watched)?;
    Ok(watched.tracer.into_lines())
}
