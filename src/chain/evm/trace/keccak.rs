//! `keccak256PreimageTracer`: everything that `KECCAK256` hashed, by its hash.

use alloy::primitives::{B256, Bytes, U256, keccak256};
use revm::{
    Inspector,
    bytecode::opcode,
    interpreter::{
        Interpreter,
        interpreter_types::{Jumps as _, MemoryTr as _},
    },
};
use std::collections::BTreeMap;

/// The most zeros that are put after the end of the memory for an instruction that may yet run out of gas (geth).
const MAX_PADDING: usize = 1 << 20;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct KeccakRecorder {
    preimages: BTreeMap<B256, Bytes>,
    bytes: usize,
}

impl KeccakRecorder {
    pub(super) fn recorded_bytes(&self) -> usize {
        2 * self.bytes + 80 * self.preimages.len()
    }

    /// The map as JSON.
    pub(super) fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(&self.preimages)
    }
}

/// What the instruction is about to hash; `None` where it is another one, or cannot hash.
pub(super) fn preimage(interpreter: &Interpreter) -> Option<Vec<u8>> {
    if interpreter.bytecode.opcode() != opcode::KECCAK256 {
        return None;
    }
    let [.., length, offset] = interpreter.stack.data().as_slice() else {
        return None;
    };
    if length.is_zero() {
        return Some(Vec::new());
    }
    let word = |word: &U256| usize::try_from(*word).ok();
    let (offset, length) = (word(offset)?, word(length)?);
    let end = offset.checked_add(length)?;
    let size = interpreter.memory.size();
    if end.saturating_sub(size) > MAX_PADDING {
        return None;
    }
    let mut bytes = if offset < size {
        interpreter.memory.slice(offset..end.min(size)).to_vec()
    } else {
        Vec::new()
    };
    bytes.resize(length, 0);
    Some(bytes)
}

impl<C> Inspector<C> for KeccakRecorder {
    fn step(&mut self, interpreter: &mut Interpreter, _: &mut C) {
        let Some(bytes) = preimage(interpreter) else {
            return;
        };
        self.bytes += bytes.len();
        self.preimages.insert(keccak256(&bytes), bytes.into());
    }
}
