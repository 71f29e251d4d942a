//! Code in the form in which revm's `Bytecode` is serialized in anvil's historical states: with padding and the table
//! of jump destinations (a bit a byte of code, lowest bit first), or as a delegation (EIP-7702).

use super::DumpError;
use alloy::primitives::{Bytes, hex};
use serde_json::{Value, json};

const STOP: u8 = 0x00;
const JUMPDEST: u8 = 0x5b;
const PUSH1: u8 = 0x60;
const PUSH32: u8 = 0x7f;
/// EIP-7702: marker and version, before the address.
const DELEGATION: [u8; 3] = [0xef, 0x01, 0x00];
const DELEGATION_BYTES: usize = 23;

/// The code as anvil writes it.
pub(super) fn to_json(code: &[u8]) -> Value {
    if code.len() == DELEGATION_BYTES && code.starts_with(&DELEGATION) {
        return json!({"Eip7702": {
            "delegated_address": hex::encode_prefixed(&code[3..]),
            "version": 0,
            "raw": hex::encode_prefixed(code),
        }});
    }
    let (table, padding) = analyse(code);
    let mut padded = code.to_vec();
    padded.resize(code.len() + padding, STOP);
    json!({"LegacyAnalyzed": {
        "bytecode": hex::encode_prefixed(padded),
        "original_len": code.len(),
        "jump_table": {
            "order": "bitvec::order::Lsb0",
            "head": {"width": 8, "index": 0},
            "bits": code.len(),
            "data": table,
        },
    }})
}

/// The jump table, and the bytes that must follow the code so that an interpreter never reads beyond it.
fn analyse(code: &[u8]) -> (Vec<u8>, usize) {
    let mut table = vec![0_u8; code.len().div_ceil(8)];
    let (mut at, mut last) = (0, JUMPDEST);
    while let Some(&opcode) = code.get(at) {
        last = opcode;
        if opcode == JUMPDEST {
            table[at / 8] |= 1 << (at % 8);
        }
        at += match opcode {
            PUSH1..=PUSH32 => usize::from(opcode - PUSH1) + 2,
            _ => 1,
        };
    }
    (table, at - code.len() + usize::from(last != STOP))
}

/// The code that anvil wrote.
pub(super) fn from_json(code: &Value) -> Result<Bytes, DumpError> {
    let malformed =
        || DumpError::Malformed("a code of a historical state has an unknown form".into());
    let bytes = |value: &Value| -> Result<Bytes, DumpError> {
        serde_json::from_value(value.clone()).map_err(|_| malformed())
    };
    if code.is_string() {
        return bytes(code);
    }
    if let Some(analysed) = code.get("LegacyAnalyzed") {
        let padded = bytes(&analysed["bytecode"])?;
        let length = analysed["original_len"].as_u64().ok_or_else(malformed)?;
        let length = usize::try_from(length).map_err(|_| malformed())?;
        return (length <= padded.len())
            .then(|| padded.slice(..length))
            .ok_or_else(malformed);
    }
    if let Some(raw) = code.get("LegacyRaw") {
        return bytes(raw);
    }
    match code.get("Eip7702") {
        Some(delegation) => bytes(&delegation["raw"]),
        None => Err(malformed()),
    }
}
