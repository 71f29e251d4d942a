//! The logs of a call in the order in which they came, and among them, if asked for, transfers of ether (geth's
//! `logtracer.go`).
//!
//! A transfer is a log of ERC-20's `Transfer` from ERC-7528's address. What a frame that fails wrote is gone, but its
//! indices are not given to other logs (geth).

use super::NumberedLog;
use crate::chain::evm::call::halt::LastStep;
use alloy::primitives::{Address, B256, Bytes, Log, LogData, U256, address, b256};
use revm::{
    Inspector,
    bytecode::opcode::SELFDESTRUCT,
    context::{ContextTr, JournalTr as _},
    interpreter::{
        CallInputs, CallOutcome, CallScheme, CallValue, CreateInputs, CreateOutcome, Interpreter,
        interpreter_types::Jumps as _,
    },
};

/// ERC-7528: ether where the address of a token is expected.
const ETHER: Address = address!("eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee");
/// keccak256("Transfer(address,address,uint256)").
const TRANSFER: B256 = b256!("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");

/// See the module. Lives as long as a call.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    trace_transfers: bool,
    /// The index of the next log in its block.
    next_index: u64,
    logs: Vec<NumberedLog>,
    /// For each open frame: how many logs there were when it began.
    frames: Vec<usize>,
    /// The last instruction, for the words of a halt.
    pub(super) last: LastStep,
}

impl Recorder {
    /// `next_index`: that of the first log.
    pub(super) fn new(trace_transfers: bool, next_index: u64) -> Self {
        Self {
            trace_transfers,
            next_index,
            ..Self::default()
        }
    }

    /// The index that the next log would have.
    pub(super) fn next_index(&self) -> u64 {
        self.next_index
    }

    /// The logs that stay.
    pub(super) fn into_logs(self) -> Vec<NumberedLog> {
        self.logs
    }

    fn push(&mut self, log: Log) {
        let index = self.next_index;
        self.next_index += 1;
        self.logs.push(NumberedLog { log, index });
    }

    fn enter(&mut self) {
        self.frames.push(self.logs.len());
    }

    fn exit(&mut self, success: bool) -> Option<usize> {
        let begin = self.frames.pop()?;
        if !success {
            self.logs.truncate(begin);
        }
        Some(begin)
    }

    /// SELFDESTRUCT gives all that the contract has, even to itself (geth). If it fails, so does its frame.
    fn destruction<C: ContextTr>(&mut self, interpreter: &Interpreter, context: &mut C) {
        let contract = interpreter.input.target_address;
        let account = context.journal_mut().load_account(contract);
        let balance = account.map(|account| account.info.balance);
        if let (Ok(balance), Ok(target)) = (balance, interpreter.stack.peek(0)) {
            let target = Address::from_word(target.into());
            self.transfer(contract, target, balance);
        }
    }

    fn transfer(&mut self, from: Address, to: Address, value: U256) {
        if !self.trace_transfers || value.is_zero() {
            return;
        }
        let topics = vec![TRANSFER, from.into_word(), to.into_word()];
        let data = Bytes::from(value.to_be_bytes_vec());
        self.push(Log {
            address: ETHER,
            data: LogData::new_unchecked(topics, data),
        });
    }
}

impl<C: ContextTr> Inspector<C> for Recorder {
    fn step(&mut self, interpreter: &mut Interpreter, context: &mut C) {
        self.last.step(interpreter, context);
        if self.trace_transfers && interpreter.bytecode.opcode() == SELFDESTRUCT {
            self.destruction(interpreter, context);
        }
    }

    fn log(&mut self, _context: &mut C, log: Log) {
        self.push(log);
    }

    fn call(&mut self, _context: &mut C, inputs: &mut CallInputs) -> Option<CallOutcome> {
        self.enter();
        if inputs.scheme == CallScheme::Call
            && let CallValue::Transfer(value) = inputs.value
        {
            self.transfer(inputs.caller, inputs.target_address, value);
        }
        None
    }

    fn call_end(&mut self, _context: &mut C, _inputs: &CallInputs, outcome: &mut CallOutcome) {
        self.exit(outcome.result.is_ok());
    }

    fn create(&mut self, _context: &mut C, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        self.enter();
        // The new address is known when the creation ends.
        self.transfer(inputs.caller(), Address::ZERO, inputs.value());
        None
    }

    fn create_end(&mut self, _context: &mut C, inputs: &CreateInputs, outcome: &mut CreateOutcome) {
        let begin = self.exit(outcome.result.is_ok());
        if self.trace_transfers
            && !inputs.value().is_zero()
            && let (Some(begin), Some(created)) = (begin, outcome.address)
            && let Some(log) = self.logs.get_mut(begin)
            && let Some(to) = log.log.data.topics_mut_unchecked().get_mut(2)
        {
            *to = created.into_word();
        }
    }
}
