//! What keeps a call out of its block, in the order and the words of geth (`core/state_transition.go`, `preCheck` and
//! `buyGas`).
//!
//! Without validation nonces are not looked at, and a call that names no fees pays none, whatever the base fee is.

use super::transaction::Call;
use alloy::{
    eips::eip4844::{DATA_GAS_PER_BLOB, VERSIONED_HASH_VERSION_KZG},
    primitives::{Address, U256},
};
use revm::context::result::InvalidTransaction;

/// A broken rule of transactions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// The nonce was used.
    #[error("nonce too low: address {address}, tx: {tx} state: {state}")]
    NonceTooLow {
        /// The sender.
        address: Address,
        /// The transaction's nonce.
        tx: u64,
        /// The sender's next nonce.
        state: u64,
    },
    /// The nonce leaves a gap.
    #[error("nonce too high: address {address}, tx: {tx} state: {state}")]
    NonceTooHigh {
        /// The sender.
        address: Address,
        /// The transaction's nonce.
        tx: u64,
        /// The sender's next nonce.
        state: u64,
    },
    /// EIP-2681.
    #[error("nonce has max value: address {address}, nonce: {}", u64::MAX)]
    NonceMax {
        /// The sender.
        address: Address,
    },
    /// The tip is above the cap (EIP-1559).
    #[error(
        "max priority fee per gas higher than max fee per gas: address {address}, maxPriorityFeePerGas: {tip}, maxFeePerGas: {max_fee}"
    )]
    TipAboveFeeCap {
        /// The sender.
        address: Address,
        /// The tip.
        tip: u128,
        /// The cap.
        max_fee: u128,
    },
    /// The fee cap is below the block's base fee.
    #[error(
        "max fee per gas less than block base fee: address {address}, maxFeePerGas: {max_fee}, baseFee: {base_fee}"
    )]
    FeeCapTooLow {
        /// The sender.
        address: Address,
        /// The cap.
        max_fee: u128,
        /// The block's base fee.
        base_fee: u64,
    },
    /// A rule of blob transactions (EIP-4844).
    #[error("{0}")]
    Blobs(String),
    /// A rule of EIP-7702.
    #[error("EIP-7702 transaction with empty auth list (sender {0})")]
    EmptyAuthorizationList(Address),
    /// The sender has less than the transaction may cost.
    #[error(
        "insufficient funds for gas * price + value: address {address} have {have} want {want}"
    )]
    InsufficientFunds {
        /// The sender.
        address: Address,
        /// Its balance.
        have: U256,
        /// What the transaction may cost.
        want: U256,
    },
    /// The gas does not cover the transaction itself.
    #[error("intrinsic gas too low: have {have}, want {want}")]
    IntrinsicGas {
        /// The transaction's gas limit.
        have: u64,
        /// What it costs before the first instruction.
        want: u64,
    },
    /// EIP-7623.
    #[error("insufficient gas for floor data gas cost: have {have}, want {want}")]
    FloorDataGas {
        /// The transaction's gas limit.
        have: u64,
        /// The floor.
        want: u64,
    },
    /// EIP-3860.
    #[error("max initcode size exceeded: code size {size} limit {limit}")]
    InitcodeSize {
        /// The code's size.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// Anything else that the EVM refuses.
    #[error("{0}")]
    Other(String),
}

/// The sender and the block, as far as the rules look at them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) validation: bool,
    /// The sender's next nonce.
    pub(super) nonce: u64,
    /// The sender's balance, wei.
    pub(super) balance: U256,
    pub(super) base_fee: Option<u64>,
    /// `None` before Cancun.
    pub(super) blob_base_fee: Option<u128>,
    /// The most blobs of one transaction.
    pub(super) max_blobs: Option<u64>,
}

/// Checks all that geth checks before it buys gas.
pub(super) fn check(call: &Call<'_>, place: &Place) -> Result<(), Violation> {
    if place.validation {
        check_nonce(call, place.nonce)?;
    }
    if let Some(base_fee) = place.base_fee {
        check_fees(call, base_fee, place.validation)?;
    }
    if call.tx_type() == 3 {
        check_blobs(call, place)?;
    }
    let authorizations = call.request.authorization_list.as_ref();
    if authorizations.is_some_and(Vec::is_empty) {
        return Err(Violation::EmptyAuthorizationList(call.from));
    }
    check_funds(call, place.balance)
}

fn check_nonce(call: &Call<'_>, state: u64) -> Result<(), Violation> {
    let (address, tx) = (call.from, call.nonce);
    if state < tx {
        Err(Violation::NonceTooHigh { address, tx, state })
    } else if state > tx {
        Err(Violation::NonceTooLow { address, tx, state })
    } else if tx == u64::MAX {
        Err(Violation::NonceMax { address })
    } else {
        Ok(())
    }
}

fn check_fees(call: &Call<'_>, base_fee: u64, validation: bool) -> Result<(), Violation> {
    let (address, max_fee, tip) = (call.from, call.fee_cap, call.tip_cap);
    if !validation && max_fee == 0 && tip == 0 {
        return Ok(());
    }
    if max_fee < tip {
        return Err(Violation::TipAboveFeeCap {
            address,
            tip,
            max_fee,
        });
    }
    if max_fee < u128::from(base_fee) {
        return Err(Violation::FeeCapTooLow {
            address,
            max_fee,
            base_fee,
        });
    }
    Ok(())
}

fn check_blobs(call: &Call<'_>, place: &Place) -> Result<(), Violation> {
    let hashes = call.blob_hashes();
    let refused = |problem: String| Err(Violation::Blobs(problem));
    if hashes.is_empty() {
        return refused("blob transaction missing blob hashes".into());
    }
    if let Some(max) = place.max_blobs
        && hashes.len() as u64 > max
    {
        return refused(format!(
            "blob transaction has too many blobs (max {max}): {}",
            hashes.len()
        ));
    }
    if let Some(index) = hashes
        .iter()
        .position(|hash| hash[0] != VERSIONED_HASH_VERSION_KZG)
    {
        return refused(format!("blob {index} has invalid hash version"));
    }
    let (cap, unchecked) = (call.blob_fee_cap(), !place.validation);
    match place.blob_base_fee {
        Some(fee) if cap < fee && !(unchecked && cap == 0) => refused(format!(
            "max fee per blob gas less than block blob gas fee: address {}, blobGasFeeCap: {cap}, blobBaseFee: {fee}",
            call.from
        )),
        _ => Ok(()),
    }
}

fn check_funds(call: &Call<'_>, have: U256) -> Result<(), Violation> {
    let blob_gas = U256::from(call.blob_hashes().len() as u64 * DATA_GAS_PER_BLOB);
    let blobs = blob_gas.saturating_mul(U256::from(call.blob_fee_cap()));
    let want = U256::from(call.gas)
        .saturating_mul(U256::from(call.fee_cap))
        .saturating_add(call.value())
        .saturating_add(blobs);
    if have < want {
        return Err(Violation::InsufficientFunds {
            address: call.from,
            have,
            want,
        });
    }
    Ok(())
}

/// What the EVM refuses after that.
pub(super) fn refusal(error: &InvalidTransaction, call: &Call<'_>, initcode: usize) -> Violation {
    match error {
        InvalidTransaction::CallGasCostMoreThanGasLimit {
            initial_gas,
            gas_limit,
        } => Violation::IntrinsicGas {
            have: *gas_limit,
            want: *initial_gas,
        },
        InvalidTransaction::GasFloorMoreThanGasLimit {
            gas_floor,
            gas_limit,
        } => Violation::FloorDataGas {
            have: *gas_limit,
            want: *gas_floor,
        },
        InvalidTransaction::CreateInitCodeSizeLimit => Violation::InitcodeSize {
            size: call.request.input.input().map_or(0, |input| input.len()),
            limit: initcode,
        },
        InvalidTransaction::LackOfFundForMaxFee { fee, balance } => Violation::InsufficientFunds {
            address: call.from,
            have: **balance,
            want: **fee,
        },
        other => Violation::Other(other.to_string()),
    }
}
