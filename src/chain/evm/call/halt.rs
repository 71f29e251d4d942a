//! Why the EVM stopped, in geth's words (`core/vm/errors.go`).

use revm::{
    Inspector,
    bytecode::opcode::OpCode,
    context::{ContextTr, JournalTr as _, result::HaltReason},
    interpreter::{Interpreter, interpreter_types::Jumps as _},
};

/// The most words a stack can hold (Yellow Paper 9.4.2).
const STACK_LIMIT: usize = 1024;

/// Remembers the last instruction of the outermost frame: the one at which a transaction halts.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::chain::evm) struct LastStep {
    opcode: u8,
    stack_length: usize,
}

impl LastStep {
    /// An instruction, and the words on the stack before it.
    pub(in crate::chain::evm) fn new(opcode: u8, stack_length: usize) -> Self {
        Self {
            opcode,
            stack_length,
        }
    }
}

impl<C: ContextTr> Inspector<C> for LastStep {
    fn step(&mut self, interpreter: &mut Interpreter, context: &mut C) {
        if context.journal().depth() <= 1 {
            self.opcode = interpreter.bytecode.opcode();
            self.stack_length = interpreter.stack.len();
        }
    }
}

/// Whether geth's sentence for this halt names the instruction, so that [`LastStep`] is needed.
pub(in crate::chain::evm) fn needs_last_step(reason: &HaltReason) -> bool {
    matches!(
        reason,
        HaltReason::OpcodeNotFound
            | HaltReason::NotActivated
            | HaltReason::StackUnderflow
            | HaltReason::StackOverflow
    )
}

/// Geth's sentence.
pub(in crate::chain::evm) fn words(reason: &HaltReason, last: LastStep) -> String {
    let opcode = OpCode::new(last.opcode);
    let (inputs, outputs) = opcode.map_or((0, 0), |opcode| opcode.input_output());
    let fixed = match reason {
        HaltReason::OpcodeNotFound | HaltReason::NotActivated => {
            return match opcode {
                Some(opcode) => format!("invalid opcode: {opcode}"),
                None => format!("invalid opcode: opcode {:#x} not defined", last.opcode),
            };
        }
        HaltReason::StackUnderflow => {
            return format!("stack underflow ({} <=> {inputs})", last.stack_length);
        }
        HaltReason::StackOverflow => {
            let limit = STACK_LIMIT + usize::from(inputs) - usize::from(outputs);
            return format!("stack limit reached {} ({limit})", last.stack_length);
        }
        HaltReason::PrecompileErrorWithContext(problem) => return problem.clone(),
        HaltReason::OutOfGas(_) => "out of gas",
        HaltReason::InvalidFEOpcode => "invalid opcode: INVALID",
        HaltReason::InvalidJump => "invalid jump destination",
        HaltReason::OutOfOffset => "return data out of bounds",
        HaltReason::CreateCollision => "contract address collision",
        HaltReason::PrecompileError => "precompile failed",
        HaltReason::NonceOverflow => "nonce uint64 overflow",
        HaltReason::CreateContractSizeLimit => "max code size exceeded",
        HaltReason::CreateContractStartingWithEF => "invalid code: must not begin with 0xef",
        HaltReason::CreateInitCodeSizeLimit => "max initcode size exceeded",
        HaltReason::OverflowPayment => "gas uint64 overflow",
        HaltReason::StateChangeDuringStaticCall | HaltReason::CallNotAllowedInsideStatic => {
            "write protection"
        }
        HaltReason::OutOfFunds => "insufficient balance for transfer",
        HaltReason::CallTooDeep => "max call depth exceeded",
    };
    fixed.to_owned()
}
