//! `erc7562Tracer`: call frames with what the validation rules of account abstraction ask about them (ERC-7562): used
//! instructions, slots, codes that were looked at, sizes of contracts, and preimages of hashes.
//!
//! Written after geth's `eth/tracers/native/erc7562.go`, to its form.

use super::{
    calls::{CallRecorder, CallTracerOptions},
    keccak,
};
use alloy::primitives::{Address, B256, Bytes, Log, U256};
use revm::{
    Database as _, Inspector,
    bytecode::opcode,
    context::{ContextTr, JournalTr as _, TxEnv, result::ExecutionResult},
    inspector::JournalExt,
    interpreter::{
        CallInputs, CallOutcome, CreateInputs, CreateOutcome, Interpreter,
        interpreter_types::{InputsTr as _, Jumps as _},
    },
};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
};

/// What `erc7562Tracer` shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Erc7562Options {
    /// Logs, too.
    pub with_log: bool,
    /// Instructions that are not counted; `None`: those that touch nothing but the stack.
    pub ignored: Option<Vec<u8>>,
}

/// What a frame did besides calling others.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Access {
    accessed_slots: Slots,
    ext_code_access_info: Vec<Address>,
    /// By the instruction's byte, as a quantity.
    used_opcodes: BTreeMap<String, u64>,
    contract_size: BTreeMap<Address, Size>,
}

#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Slots {
    reads: BTreeMap<B256, Vec<B256>>,
    writes: BTreeMap<B256, u64>,
    transient_reads: BTreeMap<B256, u64>,
    transient_writes: BTreeMap<B256, u64>,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Size {
    contract_size: usize,
    /// The instruction that looked first.
    opcode: u8,
}

/// An instruction that ran, and the word on top of the stack before it.
#[derive(Clone, Copy, Debug)]
struct Last {
    opcode: u8,
    top: Option<U256>,
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Erc7562Recorder {
    calls: CallRecorder,
    ignored: BTreeSet<u8>,
    /// By the place of the frame.
    accesses: BTreeMap<usize, Access>,
    last: Option<Last>,
    preimages: BTreeSet<Bytes>,
    bytes: usize,
}

fn is_ext(opcode: u8) -> bool {
    matches!(
        opcode,
        opcode::EXTCODEHASH | opcode::EXTCODESIZE | opcode::EXTCODECOPY
    )
}

fn is_call(opcode: u8) -> bool {
    matches!(
        opcode,
        opcode::CALL | opcode::CALLCODE | opcode::DELEGATECALL | opcode::STATICCALL
    )
}

/// What geth does not count where nothing is said.
fn usually_ignored() -> BTreeSet<u8> {
    const PLAIN: &[u8] = &[
        opcode::POP,
        opcode::ADD,
        opcode::SUB,
        opcode::MUL,
        opcode::DIV,
        opcode::EQ,
        opcode::LT,
        opcode::GT,
        opcode::SLT,
        opcode::SGT,
        opcode::SHL,
        opcode::SHR,
        opcode::AND,
        opcode::OR,
        opcode::NOT,
        opcode::ISZERO,
    ];
    // Geth's range ends before SWAP16.
    (opcode::PUSH0..opcode::SWAP16)
        .chain(PLAIN.iter().copied())
        .collect()
}

impl Erc7562Recorder {
    pub(super) fn new(options: &Erc7562Options, first_log: u64) -> Self {
        let mut calls = CallRecorder::new(CallTracerOptions {
            only_top_call: false,
            with_log: options.with_log,
        });
        calls.set_first_log(first_log);
        let ignored = options.ignored.as_ref();
        Self {
            calls,
            ignored: ignored.map_or_else(usually_ignored, |list| list.iter().copied().collect()),
            accesses: BTreeMap::new(),
            last: None,
            preimages: BTreeSet::new(),
            bytes: 0,
        }
    }

    pub(super) fn recorded_bytes(&self) -> usize {
        self.calls.recorded_bytes() + self.bytes
    }

    /// The tree as JSON.
    pub(super) fn finish(
        mut self,
        result: &ExecutionResult,
        transaction: &TxEnv,
    ) -> Result<String, serde_json::Error> {
        self.calls.finish(result, transaction);
        let nothing = OnceLock::new();
        self.calls.tree_with(|place, out| {
            let access = self.accesses.get(&place);
            let access = access.unwrap_or_else(|| nothing.get_or_init(Access::default));
            let members = serde_json::to_string(access)?;
            out.push(',');
            out.push_str(&members[1..members.len() - 1]);
            // Geth says it of inner frames alone.
            let is_out_of_gas = place > 0 && self.calls.is_out_of_gas(place);
            out.push_str(if is_out_of_gas {
                r#","outOfGas":true"#
            } else {
                r#","outOfGas":false"#
            });
            if place == 0 && !self.preimages.is_empty() {
                out.push_str(r#","keccak":"#);
                out.push_str(&serde_json::to_string(&self.preimages)?);
            }
            Ok(())
        })
    }

    /// An instruction of the frame at `place` is about to run.
    fn note<C: ContextTr<Journal: JournalExt>>(
        &mut self,
        place: usize,
        interpreter: &Interpreter,
        context: &mut C,
    ) {
        let opcode = interpreter.bytecode.opcode();
        let stack = interpreter.stack.data().as_slice();
        if matches!(opcode, opcode::RETURN | opcode::REVERT) {
            self.last = None;
        }
        let access = self.accesses.entry(place).or_default();
        if let Some(last) = self.last {
            let is_check = last.opcode == opcode::EXTCODESIZE && opcode == opcode::ISZERO;
            if let Some(top) = last.top.filter(|_| is_ext(last.opcode) && !is_check) {
                access.ext_code_access_info.push(address_of(top));
                self.bytes += 48;
            }
            if last.opcode == opcode::GAS && !is_call(opcode) {
                count(&mut access.used_opcodes, opcode::GAS);
            }
        }
        let looked_at = match (opcode, stack) {
            (op, [.., address]) if is_ext(op) => Some(*address),
            (op, [.., address, _]) if is_call(op) => Some(*address),
            _ => None,
        };
        if let Some(address) = looked_at.map(address_of)
            && !access.contract_size.contains_key(&address)
        {
            let contract_size = code_size(context, address);
            let size = Size {
                contract_size,
                opcode,
            };
            access.contract_size.insert(address, size);
            self.bytes += 96;
        }
        if opcode != opcode::GAS && !self.ignored.contains(&opcode) {
            count(&mut access.used_opcodes, opcode);
        }
        if let [.., slot] = stack {
            let before = self.bytes;
            self.bytes += 80;
            let contract = interpreter.input.target_address();
            if !note_slot(&mut access.accessed_slots, opcode, *slot, || {
                slot_value(context, contract, *slot)
            }) {
                self.bytes = before;
            }
        }
        if let Some(preimage) = keccak::preimage(interpreter) {
            self.bytes += 2 * preimage.len() + 4;
            self.preimages.insert(preimage.into());
        }
        self.last = Some(Last {
            opcode,
            top: stack.last().copied(),
        });
    }
}

fn address_of(word: U256) -> Address {
    Address::from_word(B256::from(word))
}

fn count(counts: &mut BTreeMap<String, u64>, opcode: u8) {
    *counts.entry(format!("{opcode:#x}")).or_default() += 1;
}

/// Notes what an instruction does to a slot; whether there was something new to note.
fn note_slot(slots: &mut Slots, opcode: u8, slot: U256, value: impl FnOnce() -> U256) -> bool {
    let slot = B256::from(slot);
    let counts = match opcode {
        opcode::SLOAD => {
            // The value before the transaction wrote it: what was written first is no longer that.
            let is_new = !slots.reads.contains_key(&slot) && !slots.writes.contains_key(&slot);
            if is_new {
                slots.reads.insert(slot, vec![value().into()]);
            }
            return is_new;
        }
        opcode::SSTORE => &mut slots.writes,
        opcode::TLOAD => &mut slots.transient_reads,
        opcode::TSTORE => &mut slots.transient_writes,
        _ => return false,
    };
    let times = counts.entry(slot).or_default();
    *times += 1;
    *times == 1
}

/// A slot as it is now, without making it warm.
fn slot_value<C: ContextTr<Journal: JournalExt>>(
    context: &mut C,
    contract: Address,
    slot: U256,
) -> U256 {
    if let Some(account) = context.journal_ref().evm_state().get(&contract) {
        if let Some(slot) = account.storage.get(&slot) {
            return slot.present_value;
        }
        if account.is_created() {
            return U256::ZERO;
        }
    }
    context.db_mut().storage(contract, slot).unwrap_or_default()
}

/// The bytes of an account's code, without making it warm.
fn code_size<C: ContextTr<Journal: JournalExt>>(context: &mut C, address: Address) -> usize {
    let known = context.journal_ref().evm_state().get(&address);
    let mut info = known.map(|account| account.info.clone());
    if info.is_none() {
        info = context.db_mut().basic(address).ok().flatten();
    }
    let Some(info) = info.filter(|info| !info.is_empty_code_hash()) else {
        return 0;
    };
    let code = match info.code {
        Some(code) => Some(code),
        None => context.db_mut().code_by_hash(info.code_hash).ok(),
    };
    code.map_or(0, |code| code.original_byte_slice().len())
}

impl<C: ContextTr<Journal: JournalExt>> Inspector<C> for Erc7562Recorder {
    fn step(&mut self, interpreter: &mut Interpreter, context: &mut C) {
        self.calls.step(interpreter, context);
        if let Some(place) = self.calls.place() {
            self.note(place, interpreter, context);
        }
    }

    fn step_end(&mut self, interpreter: &mut Interpreter, context: &mut C) {
        self.calls.step_end(interpreter, context);
    }

    fn log(&mut self, context: &mut C, log: Log) {
        self.calls.log(context, log);
    }

    fn call(&mut self, context: &mut C, inputs: &mut CallInputs) -> Option<CallOutcome> {
        self.calls.call(context, inputs)
    }

    fn call_end(&mut self, context: &mut C, inputs: &CallInputs, outcome: &mut CallOutcome) {
        self.calls.call_end(context, inputs, outcome);
    }

    fn create(&mut self, context: &mut C, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        self.calls.create(context, inputs)
    }

    fn create_end(&mut self, context: &mut C, inputs: &CreateInputs, outcome: &mut CreateOutcome) {
        self.calls.create_end(context, inputs, outcome);
    }

    fn selfdestruct(&mut self, contract: Address, target: Address, value: U256) {
        <CallRecorder as Inspector<C>>::selfdestruct(&mut self.calls, contract, target, value);
    }
}
