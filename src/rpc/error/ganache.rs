//! `--errors ganache`: the codes and words of ganache 7.9.2, for suites that match its texts. Measured case by case
//! against ganache itself. (viem cannot decode these reverts, so they are not the default.)
//!
//! Not taken over: `stack` and `name`, which show ganache's own source, HTTP status 400 for broken JSON, and what ganache
//! accepts although it is wrong (a tip above the fee cap, an address that is too short).

use super::{
    Cause, INVALID_PARAMS, METHOD_NOT_FOUND, PARSE_ERROR, RpcError, SERVER_ERROR,
    TRANSACTION_REJECTED,
};
use crate::chain::{Rejection, evm::trace::failure::Failure};
use alloy::primitives::{B256, Bytes};
use jsonrpsee::types::ErrorObjectOwned;
use serde::Serialize;

/// What stands before everything that the EVM says.
const VM_EXCEPTION: &str = "VM Exception while processing transaction: ";
/// ganache gives most of its errors the code of a message that is not JSON.
const PLAIN_ERROR: i32 = PARSE_ERROR;
const NO_NOTIFICATIONS: i32 = -32004;

/// The data of a transaction that failed, and of an estimate that reverts.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RuntimeErrorData<'a> {
    hash: Option<B256>,
    program_counter: u64,
    result: &'a Bytes,
    reason: Option<&'a str>,
    message: &'a str,
}

/// A mined transaction that failed (`vmErrorsOnRPCResponse`): its result is its hash, as the client waits for one.
pub(super) fn transaction_failure(hash: B256, failure: &Failure) -> ErrorObjectOwned {
    runtime_error(
        Some(hash),
        failure,
        &Bytes::copy_from_slice(hash.as_slice()),
    )
}

/// An estimate that failed.
pub(super) fn estimate_failure(failure: &Failure) -> ErrorObjectOwned {
    runtime_error(None, failure, &failure.output)
}

fn runtime_error(hash: Option<B256>, failure: &Failure, result: &Bytes) -> ErrorObjectOwned {
    let message = match &failure.halt {
        Some(halt) => halt_words(halt),
        None => "revert",
    };
    let reason = failure.error_reason();
    let data = RuntimeErrorData {
        hash,
        program_counter: failure.program_counter,
        result,
        reason: reason.as_deref(),
        message,
    };
    let sentence = match &reason {
        Some(reason) => format!("{VM_EXCEPTION}{message} {reason}"),
        None => format!("{VM_EXCEPTION}{message}"),
    };
    ErrorObjectOwned::owned(SERVER_ERROR, sentence, Some(data))
}

impl RpcError {
    /// The same error as ganache has it.
    pub(super) fn into_ganache(self) -> Self {
        let Self { object, cause } = self;
        let plain = |code: i32, words: String| ErrorObjectOwned::owned(code, words, None::<()>);
        let object = match cause.as_deref() {
            Some(Cause::Reverted { reason, data }) => {
                // Of Solidity's two, ganache reads `Error(string)` alone.
                let reason = reason.as_ref().filter(|_| Failure::is_error_string(data));
                let words = match reason {
                    Some(reason) => format!("{VM_EXCEPTION}revert {reason}"),
                    None => format!("{VM_EXCEPTION}revert"),
                };
                ErrorObjectOwned::owned(SERVER_ERROR, words, Some(data))
            }
            Some(Cause::Halted(words)) => ErrorObjectOwned::owned(
                SERVER_ERROR,
                format!("{VM_EXCEPTION}{}", halt_words(words)),
                Some("0x"),
            ),
            Some(Cause::Rejected(rejection)) => rejected(rejection, &object),
            Some(Cause::MethodNotFound(method)) => plain(
                PLAIN_ERROR,
                format!("The method {method} does not exist/is not available"),
            ),
            Some(Cause::UnknownTransaction(hash)) => {
                plain(PLAIN_ERROR, format!("Unknown transaction {hash}"))
            }
            Some(Cause::Undecodable(problem)) => plain(
                PLAIN_ERROR,
                format!("Could not decode transaction: invalid RLP: {problem}"),
            ),
            Some(Cause::NoNotifications) => {
                plain(NO_NOTIFICATIONS, "notifications not supported".to_owned())
            }
            Some(Cause::MissingArgument) => plain(
                PLAIN_ERROR,
                format!("Incorrect number of arguments. {}", object.message()),
            ),
            None if matches!(
                object.code(),
                SERVER_ERROR | INVALID_PARAMS | METHOD_NOT_FOUND
            ) =>
            {
                ErrorObjectOwned::owned(PLAIN_ERROR, object.message(), object.data())
            }
            None | Some(Cause::AsGanache) => object,
        };
        Self { object, cause }
    }
}

fn rejected(rejection: &Rejection, object: &ErrorObjectOwned) -> ErrorObjectOwned {
    let (code, words) = match rejection {
        Rejection::NonceTooLow { next, got } => (
            SERVER_ERROR,
            format!(
                "the tx doesn't have the correct nonce. account has nonce of: {next} tx has nonce of: {got}"
            ),
        ),
        Rejection::InsufficientFunds { .. } => (
            TRANSACTION_REJECTED,
            "insufficient funds for gas * price + value".to_owned(),
        ),
        Rejection::InsufficientFundsForCall { .. } | Rejection::InsufficientFundsForTransfer(_) => {
            (SERVER_ERROR, format!("{VM_EXCEPTION}insufficient balance"))
        }
        Rejection::IntrinsicGasTooLow { .. } | Rejection::FloorDataGas { .. } => {
            (SERVER_ERROR, "intrinsic gas too low".to_owned())
        }
        Rejection::ExceedsBlockGasLimit | Rejection::GasLimitTooHigh { .. } => {
            (SERVER_ERROR, "exceeds block gas limit".to_owned())
        }
        Rejection::FeeCapTooLow {
            max_fee, base_fee, ..
        } => (
            SERVER_ERROR,
            format!(
                "{VM_EXCEPTION}Transaction's maxFeePerGas ({max_fee}) is less than the block's baseFeePerGas ({base_fee})"
            ),
        ),
        Rejection::ReplacementUnderpriced
        | Rejection::Underpriced { .. }
        | Rejection::AlreadyKnown => (TRANSACTION_REJECTED, "transaction underpriced".to_owned()),
        Rejection::UnknownAccount(_) => (PLAIN_ERROR, "sender account not recognized".to_owned()),
        _ => (SERVER_ERROR, object.message().to_owned()),
    };
    ErrorObjectOwned::owned(code, words, None::<()>)
}

/// The words of `@ethereumjs/evm` (its exceptions) for geth's.
fn halt_words(geth: &str) -> &'static str {
    const WORDS: [(&str, &str); 10] = [
        ("invalid opcode", "invalid opcode"),
        ("stack underflow", "stack underflow"),
        ("stack limit reached", "stack overflow"),
        ("invalid jump", "invalid JUMP"),
        ("return data out of bounds", "value out of range"),
        ("write protection", "static state change"),
        ("contract address collision", "create collision"),
        (
            "max code size",
            "code size to deposit exceeds maximum code size",
        ),
        ("max initcode size", "initcode exceeds max initcode size"),
        ("insufficient balance", "insufficient balance"),
    ];
    let known = WORDS.iter().find(|(start, _)| geth.starts_with(start));
    known.map_or("out of gas", |(_, words)| words)
}
