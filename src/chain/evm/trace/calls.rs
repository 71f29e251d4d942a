//! The frames of a transaction: geth's `callTracer` (a tree) and `flatCallTracer` (a list in the form of Parity).
//!
//! Written after geth's `eth/tracers/native/call.go` and `call_flat.go`: the top frame has the gas limit and the gas
//! used of the whole transaction, errors are the interpreter's words, logs of what failed are left out, their index is
//! that in the block.

mod flat;
mod otterscan;
mod tree;

use super::super::call::{
    halt::{LastStep, words},
    reason::revert_reason,
};
use alloy::primitives::{Address, B256, Bytes, Log, TxKind, U256};
use revm::{
    Inspector,
    context::{
        ContextTr, JournalTr as _, LocalContextTr as _, TxEnv,
        result::{ExecutionResult, HaltReason},
    },
    inspector::JournalExt,
    interpreter::{
        CallInput, CallInputs, CallOutcome, CallScheme, CreateInputs, CreateOutcome, CreateScheme,
        InstructionResult, Interpreter, InterpreterAction, InterpreterResult, SuccessOrHalt,
        interpreter_types::{Jumps as _, LoopControl as _},
    },
};

pub use flat::FlatCallTracerOptions;
pub(super) use flat::Place;

impl super::watch::Recorder for CallRecorder {
    fn recorded_bytes(&self) -> usize {
        Self::recorded_bytes(self)
    }
}

/// What `callTracer` shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallTracerOptions {
    /// Only the top frame.
    pub only_top_call: bool,
    /// Logs, too.
    pub with_log: bool,
}

/// A log of a frame.
#[derive(Clone, Debug)]
struct FrameLog {
    address: Address,
    topics: Vec<B256>,
    data: Bytes,
    /// The index in the block.
    index: u64,
    /// How many calls the frame made before.
    position: u64,
}

/// A call, a creation or a self-destruct.
#[derive(Clone, Debug)]
struct Frame {
    kind: &'static str,
    from: Address,
    to: Option<Address>,
    value: Option<U256>,
    gas: u64,
    gas_used: u64,
    input: Bytes,
    output: Bytes,
    error: Option<String>,
    revert_reason: Option<String>,
    logs: Vec<FrameLog>,
    /// Places of the frames that it made, in their order.
    children: Vec<usize>,
    is_precompile: bool,
    is_out_of_gas: bool,
    /// The last instruction, for the words of an error.
    last: (u8, usize),
    /// Whether the code ended well, whatever became of its result.
    ended_well: bool,
}

impl Frame {
    fn is_create(&self) -> bool {
        matches!(self.kind, "CREATE" | "CREATE2")
    }

    /// Where geth shows it to go: a creation that failed created nothing.
    fn shown_to(&self) -> Option<Address> {
        self.to
            .filter(|_| !self.is_create() || self.error.is_none())
    }

    fn new(kind: &'static str, from: Address, to: Option<Address>, gas: u64) -> Self {
        Self {
            kind,
            from,
            to,
            value: None,
            gas,
            gas_used: 0,
            input: Bytes::new(),
            output: Bytes::new(),
            error: None,
            revert_reason: None,
            logs: Vec::new(),
            children: Vec::new(),
            is_precompile: false,
            is_out_of_gas: false,
            last: (0, 0),
            ended_well: false,
        }
    }
}

/// Records frames.
#[derive(Clone, Debug, Default)]
pub(super) struct CallRecorder {
    options: CallTracerOptions,
    frames: Vec<Frame>,
    /// Places of the frames that run, the innermost last.
    open: Vec<usize>,
    /// How many frames are open, those that are not recorded included.
    depth: usize,
    /// Index in the block of the transaction's first log.
    first_log: u64,
    bytes: usize,
}

impl CallRecorder {
    pub(super) fn new(options: CallTracerOptions) -> Self {
        Self {
            options,
            ..Self::default()
        }
    }

    /// How many logs stand before the transaction's in the block.
    pub(super) fn set_first_log(&mut self, first_log: u64) {
        self.first_log = first_log;
    }

    pub(super) fn recorded_bytes(&self) -> usize {
        // Hex has two digits a byte, and a frame some two hundred characters of names.
        2 * self.bytes + 256 * self.frames.len()
    }

    fn records(&self) -> bool {
        self.depth == 0 || !self.options.only_top_call
    }

    fn enter(&mut self, frame: Frame) {
        if self.records() {
            self.bytes += frame.input.len();
            let place = self.frames.len();
            if let Some(parent) = self.innermost() {
                parent.children.push(place);
            }
            self.frames.push(frame);
            self.open.push(place);
        }
        self.depth += 1;
    }

    /// Whether the frame at a place ended for want of gas.
    pub(super) fn is_out_of_gas(&self, place: usize) -> bool {
        self.frames
            .get(place)
            .is_some_and(|frame| frame.is_out_of_gas)
    }

    /// The place of the frame that runs, if it is recorded.
    pub(super) fn place(&self) -> Option<usize> {
        let innermost = self.open.last().copied();
        innermost.filter(|_| self.open.len() == self.depth)
    }

    /// The innermost frame that is recorded, if it is the one that runs.
    fn innermost(&mut self) -> Option<&mut Frame> {
        let place = *self.open.last()?;
        self.frames.get_mut(place)
    }

    fn running(&mut self) -> Option<&mut Frame> {
        if self.open.len() == self.depth {
            self.innermost()
        } else {
            None
        }
    }

    fn exit(&mut self, result: &InterpreterResult, failure: Option<InstructionResult>) {
        let is_recorded = self.open.len() == self.depth;
        self.depth = self.depth.saturating_sub(1);
        if !is_recorded {
            return;
        }
        let Some(frame) = self.open.pop().and_then(|place| self.frames.get_mut(place)) else {
            return;
        };
        frame.gas_used = result.gas.total_gas_spent();
        let outcome = failure.unwrap_or(result.result);
        if outcome.is_ok() {
            frame.output = result.output.clone();
        } else {
            fail(frame, outcome, result);
        }
        self.bytes += frame.output.len();
    }

    /// The transaction is done: what only it knows, and what became of logs.
    pub(super) fn finish(&mut self, result: &ExecutionResult, transaction: &TxEnv) {
        let gas_limit = transaction.gas_limit;
        if self.frames.is_empty() {
            self.frames.push(never_begun(transaction));
        }
        if let Some(top) = self.frames.first_mut() {
            top.gas = gas_limit;
            top.gas_used = result.tx_gas_used();
        }
        let mut failed = vec![false; self.frames.len()];
        for place in 0..self.frames.len() {
            failed[place] |= self.frames[place].error.is_some();
            if failed[place] {
                self.frames[place].logs.clear();
                for child in &self.frames[place].children {
                    failed[*child] = true;
                }
            }
        }
    }
}

/// The top frame of a transaction whose gas ended before its first frame began: revm shows no frame then.
fn never_begun(transaction: &TxEnv) -> Frame {
    let (kind, to) = match transaction.kind {
        TxKind::Call(to) => ("CALL", Some(to)),
        TxKind::Create => ("CREATE", None),
    };
    let mut frame = Frame::new(kind, transaction.caller, to, transaction.gas_limit);
    frame.value = Some(transaction.value);
    frame.input = transaction.data.clone();
    frame.error = Some("out of gas".to_owned());
    frame
}

/// A frame that failed, as geth's `processOutput` shows it.
fn fail(frame: &mut Frame, outcome: InstructionResult, result: &InterpreterResult) {
    frame.error = Some(error_words(frame, outcome));
    frame.is_out_of_gas = is_out_of_gas(outcome);
    if outcome.is_revert() || outcome == InstructionResult::NonceOverflow {
        if outcome == InstructionResult::Revert {
            frame.output = result.output.clone();
            frame.revert_reason = revert_reason(&frame.output);
        }
    } else {
        frame.gas_used = frame.gas;
    }
}

fn is_out_of_gas(outcome: InstructionResult) -> bool {
    matches!(
        SuccessOrHalt::<HaltReason>::from(outcome),
        SuccessOrHalt::Halt(HaltReason::OutOfGas(_))
    )
}

fn error_words(frame: &Frame, outcome: InstructionResult) -> String {
    if frame.is_create() && outcome == InstructionResult::OutOfGas && frame.ended_well {
        return "contract creation code storage out of gas".to_owned();
    }
    let (opcode, stack_length) = frame.last;
    match SuccessOrHalt::<HaltReason>::from(outcome) {
        SuccessOrHalt::Halt(reason) => words(&reason, LastStep::new(opcode, stack_length)),
        SuccessOrHalt::Revert => "execution reverted".to_owned(),
        other => format!("{other:?}"),
    }
}

fn call_input<C: ContextTr>(context: &C, inputs: &CallInputs) -> Bytes {
    match &inputs.input {
        CallInput::Bytes(bytes) => bytes.clone(),
        CallInput::SharedBuffer(range) => context
            .local()
            .shared_memory_buffer_slice(range.clone())
            .map_or_else(Bytes::new, |slice| Bytes::copy_from_slice(&slice)),
    }
}

impl<C: ContextTr<Journal: JournalExt>> Inspector<C> for CallRecorder {
    fn step(&mut self, interpreter: &mut Interpreter, _: &mut C) {
        let last = (interpreter.bytecode.opcode(), interpreter.stack.len());
        if let Some(frame) = self.running() {
            frame.last = last;
        }
    }

    fn step_end(&mut self, interpreter: &mut Interpreter, _: &mut C) {
        if let Some(InterpreterAction::Return(result)) = interpreter.bytecode.action().as_ref() {
            let ended_well = result.result.is_ok();
            if let Some(frame) = self.running() {
                frame.ended_well = ended_well;
            }
        }
    }

    fn log(&mut self, context: &mut C, log: Log) {
        if !self.options.with_log {
            return;
        }
        // The log is in the journal already.
        let index = self.first_log + (context.journal().logs().len() as u64).saturating_sub(1);
        self.bytes += log.data.data.len() + 64 * log.data.topics().len();
        if let Some(frame) = self.running() {
            frame.logs.push(FrameLog {
                address: log.address,
                topics: log.data.topics().to_vec(),
                data: log.data.data,
                index,
                position: frame.children.len() as u64,
            });
        }
    }

    fn call(&mut self, context: &mut C, inputs: &mut CallInputs) -> Option<CallOutcome> {
        let (kind, from, to) = match inputs.scheme {
            CallScheme::Call => ("CALL", inputs.caller, inputs.target_address),
            CallScheme::StaticCall => ("STATICCALL", inputs.caller, inputs.target_address),
            CallScheme::CallCode => ("CALLCODE", inputs.target_address, inputs.bytecode_address),
            CallScheme::DelegateCall => (
                "DELEGATECALL",
                inputs.target_address,
                inputs.bytecode_address,
            ),
        };
        let value = match inputs.scheme {
            CallScheme::StaticCall => None,
            CallScheme::DelegateCall => self.running().and_then(|frame| frame.value),
            CallScheme::Call | CallScheme::CallCode => Some(inputs.call_value()),
        };
        let value = match inputs.scheme {
            CallScheme::DelegateCall => Some(value.unwrap_or_default()),
            _ => value,
        };
        let mut frame = Frame::new(kind, from, Some(to), inputs.gas_limit);
        frame.value = value;
        frame.is_precompile = context.journal_ref().precompile_addresses().contains(&to);
        if self.records() {
            frame.input = call_input(context, inputs);
        }
        self.enter(frame);
        None
    }

    fn call_end(&mut self, _: &mut C, _: &CallInputs, outcome: &mut CallOutcome) {
        self.exit(&outcome.result, None);
    }

    fn create(&mut self, context: &mut C, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        let caller = inputs.caller();
        let kind = match inputs.scheme() {
            CreateScheme::Create2 { .. } => "CREATE2",
            CreateScheme::Create | CreateScheme::Custom { .. } => "CREATE",
        };
        let nonce = context
            .journal_mut()
            .load_account(caller)
            .map_or(0, |account| account.info.nonce);
        let created = inputs.created_address(nonce);
        let mut frame = Frame::new(kind, caller, Some(created), inputs.gas_limit());
        frame.value = Some(inputs.value());
        frame.input = inputs.init_code().clone();
        self.enter(frame);
        None
    }

    fn create_end(&mut self, context: &mut C, inputs: &CreateInputs, outcome: &mut CreateOutcome) {
        // revm ends a creation by an account whose nonce cannot grow well, and without an address.
        let overflow = outcome.address.is_none()
            && outcome.result.result == InstructionResult::Return
            && context
                .journal_ref()
                .evm_state()
                .get(&inputs.caller())
                .is_some_and(|account| account.info.nonce == u64::MAX);
        self.exit(
            &outcome.result,
            overflow.then_some(InstructionResult::NonceOverflow),
        );
    }

    fn selfdestruct(&mut self, contract: Address, target: Address, value: U256) {
        if self.options.only_top_call {
            return;
        }
        let mut frame = Frame::new("SELFDESTRUCT", contract, Some(target), 0);
        frame.value = Some(value);
        let place = self.frames.len();
        if let Some(parent) = self.running() {
            parent.children.push(place);
            self.frames.push(frame);
        }
    }
}
