//! Struct logs: one entry an instruction, in the form of geth's `eth/tracers/logger` (`structLogLegacy`) with the hex
//! of execution-apis' `StructLog`.
//!
//! Written as JSON while the transaction runs. An entry is begun before its instruction and ended after it, when its
//! cost is known. What differs from geth: where gas runs out in the variable part of a cost, `gasCost` is the gas that
//! was there and not the gas that was wanted, which revm does not work out.

use alloy::primitives::{Address, B256, Bytes, U256, hex};
use revm::{
    Inspector,
    bytecode::opcode::{self, OpCode},
    context::{ContextTr, result::ExecutionResult},
    interpreter::{
        CallInputs, CallOutcome, CreateInputs, CreateOutcome, FrameInput, InstructionResult,
        Interpreter, InterpreterAction,
        instructions::gas_table_spec,
        interpreter_types::{
            InputsTr as _, Jumps as _, LoopControl as _, MemoryTr as _, ReturnData as _,
        },
    },
};
use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
};

/// The most words a stack can hold (Yellow Paper 9.4.2).
const STACK_LIMIT: usize = 1024;

/// What an entry holds: geth's names and defaults.
#[allow(clippy::struct_excessive_bools)] // they are independent
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StructLogOptions {
    /// Whether an entry shows the memory.
    pub enable_memory: bool,
    /// Whether an entry leaves out the stack.
    pub disable_stack: bool,
    /// Whether an entry leaves out the storage.
    pub disable_storage: bool,
    /// Whether an entry shows what the last call returned.
    pub enable_return_data: bool,
    /// Bytes of entries after which no further one is written; 0: all are.
    pub limit: usize,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct StructLogger {
    options: StructLogOptions,
    /// The entries, with commas between them.
    out: String,
    /// Where the last entry's text begins, if it is not ended.
    open: Option<OpenEntry>,
    /// Refunds of the frames above, one sum a frame.
    refunds: Vec<i64>,
    /// The refund counter of the innermost frame.
    refund: i64,
    /// What the transaction read and wrote of each contract's storage.
    storage: HashMap<Address, BTreeMap<B256, B256>>,
}

/// An entry that waits for its instruction.
#[derive(Clone, Copy, Debug)]
struct OpenEntry {
    opcode: u8,
    gas: u64,
    stack_length: usize,
    contract: Address,
    /// The slot of an SLOAD.
    loaded: Option<B256>,
}

impl StructLogger {
    pub(super) fn new(options: StructLogOptions) -> Self {
        Self {
            options,
            ..Self::default()
        }
    }

    pub(super) fn recorded_bytes(&self) -> usize {
        self.out.len()
    }

    /// The answer.
    pub(super) fn finish(self, result: &ExecutionResult) -> String {
        let output = match result {
            ExecutionResult::Halt { .. } => Bytes::new(),
            other => other.output().cloned().unwrap_or_default(),
        };
        format!(
            r#"{{"gas":{},"failed":{},"returnValue":"{output}","structLogs":[{}]}}"#,
            result.tx_gas_used(),
            !result.is_success(),
            self.out,
        )
    }

    fn is_full(&self) -> bool {
        self.options.limit != 0 && self.out.len() > self.options.limit
    }

    fn enter(&mut self) {
        let above = self.refunds.last().copied().unwrap_or_default();
        self.refunds.push(above + self.refund);
        self.refund = 0;
    }

    fn leave(&mut self) {
        self.refunds.pop();
    }

    /// Writes what is known before an instruction.
    fn begin(&mut self, interpreter: &Interpreter) {
        let stack = interpreter.stack.data();
        let entry = OpenEntry {
            opcode: interpreter.bytecode.opcode(),
            gas: interpreter.gas.remaining(),
            stack_length: stack.len(),
            contract: interpreter.input.target_address(),
            loaded: None,
        };
        self.refund = interpreter.gas.refunded();
        let refund = self.refunds.last().copied().unwrap_or_default() + self.refund;
        let depth = self.refunds.len();
        let out = &mut self.out;
        if !out.is_empty() {
            out.push(',');
        }
        // Writing to a String cannot fail.
        let _ = write!(out, r#"{{"pc":{},"op":""#, interpreter.bytecode.pc());
        match OpCode::new(entry.opcode) {
            Some(opcode) => out.push_str(opcode.as_str()),
            None => {
                let _ = write!(out, "opcode {:#x} not defined", entry.opcode);
            }
        }
        let _ = write!(out, r#"","gas":{},"depth":{depth}"#, entry.gas);
        if refund > 0 {
            let _ = write!(out, r#","refund":{refund}"#);
        }
        if !self.options.disable_stack {
            write_stack(out, stack);
        }
        if self.options.enable_memory && interpreter.memory.size() > 0 {
            write_memory(out, &interpreter.memory.slice(0..interpreter.memory.size()));
        }
        let returned = interpreter.return_data.buffer();
        if self.options.enable_return_data && !returned.is_empty() {
            let _ = write!(out, r#","returnData":"{returned}""#);
        }
        self.open = Some(entry);
        self.note_storage(stack);
    }

    /// What the instruction will do to the storage, as far as it is known before it ran.
    fn note_storage(&mut self, stack: &[U256]) {
        let Some(entry) = &mut self.open else { return };
        if self.options.disable_storage {
            return;
        }
        match (entry.opcode, stack) {
            (opcode::SLOAD, [.., slot]) => entry.loaded = Some((*slot).into()),
            (opcode::SSTORE, [.., value, slot]) => {
                let slots = self.storage.entry(entry.contract).or_default();
                slots.insert((*slot).into(), (*value).into());
            }
            _ => {}
        }
    }

    /// Writes what is known after an instruction.
    fn end(&mut self, interpreter: &mut Interpreter) {
        let Some(entry) = self.open.take() else {
            return;
        };
        let mut cost = entry.gas.saturating_sub(interpreter.gas.remaining());
        let mut failure = None;
        match interpreter.bytecode.action().as_ref() {
            // The gas that a creation gets is no cost of the instruction in geth; that of a call is.
            Some(InterpreterAction::NewFrame(FrameInput::Create(inputs))) => {
                cost = cost.saturating_sub(inputs.gas_limit());
            }
            Some(InterpreterAction::Return(result)) => failure = Some(result.result),
            _ => {}
        }
        let failure = failure.and_then(|result| refused(result, entry));
        if failure.is_some() {
            let table = gas_table_spec(interpreter.runtime_flag.spec_id);
            let fixed = u64::from(table[usize::from(entry.opcode)]);
            if fixed > entry.gas {
                cost = fixed;
            }
        }
        if failure.is_none()
            && let Some(slot) = entry.loaded
            && let Some(value) = interpreter.stack.data().last()
        {
            let slots = self.storage.entry(entry.contract).or_default();
            slots.insert(slot, (*value).into());
        }
        if !self.options.disable_storage
            && matches!(entry.opcode, opcode::SLOAD | opcode::SSTORE)
            && let Some(slots) = self.storage.get(&entry.contract)
        {
            write_storage(&mut self.out, slots);
        }
        let _ = write!(self.out, r#","gasCost":{cost}"#);
        if let Some(words) = failure {
            let _ = write!(self.out, r#","error":"{words}""#);
        }
        self.out.push('}');
        self.refund = interpreter.gas.refunded();
    }
}

/// Geth's words where an instruction is refused before it runs; what fails while it runs has none in its entry.
fn refused(result: InstructionResult, entry: OpenEntry) -> Option<String> {
    let (inputs, outputs) =
        OpCode::new(entry.opcode).map_or((0, 0), |opcode| opcode.input_output());
    let have = entry.stack_length;
    Some(match result {
        InstructionResult::StackUnderflow => format!("stack underflow ({have} <=> {inputs})"),
        InstructionResult::StackOverflow => {
            let limit = STACK_LIMIT + usize::from(inputs) - usize::from(outputs);
            format!("stack limit reached {have} ({limit})")
        }
        InstructionResult::OutOfGas
        | InstructionResult::MemoryOOG
        | InstructionResult::MemoryLimitOOG
        | InstructionResult::PrecompileOOG => "out of gas".to_owned(),
        InstructionResult::ReentrancySentryOOG => {
            "out of gas: not enough gas for reentrancy sentry".to_owned()
        }
        InstructionResult::InvalidOperandOOG => "gas uint64 overflow".to_owned(),
        _ => return None,
    })
}

fn write_stack(out: &mut String, stack: &[U256]) {
    out.push_str(r#","stack":["#);
    for (index, word) in stack.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let _ = write!(out, r#"{comma}"{word:#x}""#);
    }
    out.push(']');
}

fn write_memory(out: &mut String, memory: &[u8]) {
    out.push_str(r#","memory":["#);
    for (index, chunk) in memory.chunks(32).enumerate() {
        if index > 0 {
            out.push(',');
        }
        let mut word = [0; 32];
        word[..chunk.len()].copy_from_slice(chunk);
        out.push_str("\"0x");
        out.push_str(hex::Buffer::<32, false>::new().format(&word));
        out.push('"');
    }
    out.push(']');
}

fn write_storage(out: &mut String, slots: &BTreeMap<B256, B256>) {
    out.push_str(r#","storage":{"#);
    for (index, (slot, value)) in slots.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let _ = write!(out, r#"{comma}"{slot}":"{value}""#);
    }
    out.push('}');
}

impl<C: ContextTr> Inspector<C> for StructLogger {
    fn step(&mut self, interpreter: &mut Interpreter, _: &mut C) {
        if !self.is_full() {
            self.begin(interpreter);
        }
    }

    fn step_end(&mut self, interpreter: &mut Interpreter, _: &mut C) {
        self.end(interpreter);
    }

    fn call(&mut self, _: &mut C, _: &mut CallInputs) -> Option<CallOutcome> {
        self.enter();
        None
    }

    fn call_end(&mut self, _: &mut C, _: &CallInputs, _: &mut CallOutcome) {
        self.leave();
    }

    fn create(&mut self, _: &mut C, _: &mut CreateInputs) -> Option<CreateOutcome> {
        self.enter();
        None
    }

    fn create_end(&mut self, _: &mut C, _: &CreateInputs, _: &mut CreateOutcome) {
        self.leave();
    }
}
