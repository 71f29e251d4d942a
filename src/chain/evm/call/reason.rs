//! What a contract says when it reverts: `Error(string)` and `Panic(uint256)` of Solidity's ABI, in geth's words.

use alloy::{
    primitives::U256,
    sol_types::{Panic, Revert, SolError as _},
};

/// The reason in the data of a REVERT, if it is one of Solidity's two and can be printed. A custom error has none: who
/// knows its ABI finds it in the data.
pub(in crate::chain::evm) fn revert_reason(data: &[u8]) -> Option<String> {
    if data.starts_with(&Revert::SELECTOR) {
        let reason = Revert::abi_decode(data).ok()?.reason;
        let printable = |c: char| !c.is_control() || c == '\n' || c == '\t';
        return (!reason.is_empty() && reason.chars().all(printable)).then_some(reason);
    }
    if data.starts_with(&Panic::SELECTOR) {
        return Some(panic_reason(Panic::abi_decode(data).ok()?.code));
    }
    None
}

/// The meaning of a panic code (Solidity documentation, "Panic via assert and Error via require").
fn panic_reason(code: U256) -> String {
    let known = match u64::try_from(code) {
        Ok(0x00) => "generic panic",
        Ok(0x01) => "assert(false)",
        Ok(0x11) => "arithmetic underflow or overflow",
        Ok(0x12) => "division or modulo by zero",
        Ok(0x21) => "enum overflow",
        Ok(0x22) => "invalid encoded storage byte array accessed",
        Ok(0x31) => "out-of-bounds array access; popping on an empty array",
        Ok(0x32) => "out-of-bounds access of an array or bytesN",
        Ok(0x41) => "out of memory",
        Ok(0x51) => "uninitialized function",
        _ => return format!("unknown panic code: {code:#x}"),
    };
    known.to_owned()
}
