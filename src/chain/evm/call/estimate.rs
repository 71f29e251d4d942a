//! `eth_estimateGas`, as geth's `eth/gasestimator` does it.

use super::{CallContext, CallError, Heard, machine::Machine};
use crate::chain::{Rejection, spec::Hardfork};
use alloy::{
    eips::{eip4844::DATA_GAS_PER_BLOB, eip7825::MAX_TX_GAS_LIMIT_OSAKA},
    primitives::{TxKind, U256},
    rpc::types::{BlockOverrides, TransactionRequest, state::StateOverride},
};
use revm::context::result::{ExecutionResult, HaltReason};

/// Gas of a plain transfer.
const TRANSFER_GAS: u64 = 21_000;
/// Gas that a call with value gives on top (Yellow Paper, `G_callstipend`).
const CALL_STIPEND: u64 = 2_300;
/// The search ends when the bounds are this close: an estimate may be too high by this many thousandths
/// (geth's `estimateGasErrorRatio` = 0.015).
const TOLERANCE_PERMILLE: u128 = 15;

/// `eth_estimateGas`: the least gas with which the call succeeds, or up to 1.5 % more, found as geth does: a run with
/// all the gas there may be, then a binary search above what it used.
pub fn estimate_gas(
    context: &CallContext<'_>,
    request: &TransactionRequest,
    state_overrides: Option<&StateOverride>,
    block_overrides: Option<&BlockOverrides>,
) -> Result<u64, CallError> {
    let mut machine = Machine::new(context, request, state_overrides, block_overrides)?;
    search(context, request, &mut machine)
}

/// [`estimate_gas`] with what the call said on the console.
pub fn estimate_gas_heard(
    context: &CallContext<'_>,
    request: &TransactionRequest,
    state_overrides: Option<&StateOverride>,
    block_overrides: Option<&BlockOverrides>,
) -> Heard<u64> {
    let machine = Machine::new(context, request, state_overrides, block_overrides);
    Heard::from(machine, |machine| search(context, request, machine))
}

fn search(
    context: &CallContext<'_>,
    request: &TransactionRequest,
    machine: &mut Machine<'_>,
) -> Result<u64, CallError> {
    let highest = highest_gas(context, request, machine)?;
    // A plain transfer is tried with 21000, not just answered: an access list or the like may cost more.
    if machine.transaction.data.is_empty()
        && let TxKind::Call(to) = machine.transaction.kind
        && highest >= TRANSFER_GAS
        && !machine.has_code(to)?
        && attempt(machine, TRANSFER_GAS)?.is_some_and(|result| result.is_success())
    {
        return Ok(TRANSFER_GAS);
    }
    let Some(result) = attempt(machine, highest)? else {
        return Err(CallError::AllowanceExceeded(highest));
    };
    let gas = match result {
        ExecutionResult::Success { gas, .. } => gas,
        ExecutionResult::Halt {
            reason: HaltReason::OutOfGas(_),
            ..
        } => return Err(CallError::AllowanceExceeded(highest)),
        failed => return Err(machine.failure(failed, highest)),
    };
    // Above `low` it may succeed, with `high` it does.
    let mut low = gas.tx_gas_used().saturating_sub(1);
    let mut high = highest;
    let peak = gas.total_gas_spent().max(gas.tx_gas_used());
    let optimistic = peak.saturating_add(CALL_STIPEND).saturating_mul(64) / 63;
    if optimistic < high {
        if succeeds(machine, optimistic)? {
            high = optimistic;
        } else {
            low = optimistic;
        }
    }
    while low + 1 < high && !close_enough(low, high) {
        // Most calls need little more than they used: look at the low side first.
        let middle = (low + (high - low) / 2).min(low.saturating_mul(2).max(low + 1));
        if succeeds(machine, middle)? {
            high = middle;
        } else {
            low = middle;
        }
    }
    Ok(high)
}

/// The most gas that the call can have: its own limit or the block's, what the fork allows a transaction, what its
/// sender can pay, the cap.
fn highest_gas(
    context: &CallContext<'_>,
    request: &TransactionRequest,
    machine: &mut Machine<'_>,
) -> Result<u64, CallError> {
    let mut highest = match request.gas {
        Some(gas) if gas >= TRANSFER_GAS => gas,
        _ => machine.block_gas_limit(),
    };
    if context.spec.limits.transaction_gas_limit
        && context
            .spec
            .rules(context.header)
            .is_active(Hardfork::Osaka)
    {
        highest = highest.min(MAX_TX_GAS_LIMIT_OSAKA);
    }
    let transaction = &machine.transaction;
    let (caller, value, price) = (transaction.caller, transaction.value, transaction.gas_price);
    let blobs = U256::from(transaction.blob_hashes.len())
        * U256::from(DATA_GAS_PER_BLOB)
        * U256::from(transaction.max_fee_per_blob_gas);
    let balance = machine.balance()?;
    let too_poor = || CallError::Rejected(Rejection::InsufficientFundsForTransfer(caller));
    let left = balance.checked_sub(value).ok_or_else(too_poor)?;
    if price > 0 {
        if left.is_zero() {
            return Err(too_poor());
        }
        let left = left.checked_sub(blobs).ok_or_else(|| {
            let want = value.saturating_add(blobs);
            CallError::Rejected(super::request::insufficient_funds(caller, balance, want))
        })?;
        let affordable = left / U256::from(price);
        highest = highest.min(affordable.saturating_to());
    }
    Ok(highest.min(context.gas_cap))
}

/// A run with `gas`; `None` if that does not even cover the transaction itself.
fn attempt(machine: &mut Machine<'_>, gas: u64) -> Result<Option<ExecutionResult>, CallError> {
    match machine.run(gas) {
        Ok(result) => Ok(Some(result)),
        Err(CallError::Rejected(
            Rejection::IntrinsicGasTooLow { .. } | Rejection::FloorDataGas { .. },
        )) => Ok(None),
        Err(error) => Err(error),
    }
}

fn succeeds(machine: &mut Machine<'_>, gas: u64) -> Result<bool, CallError> {
    Ok(attempt(machine, gas)?.is_some_and(|result| result.is_success()))
}

fn close_enough(low: u64, high: u64) -> bool {
    u128::from(high - low) * 1000 < u128::from(high) * TOLERANCE_PERMILLE
}
