//! From a request to what revm runs, and from revm's refusals to geth's words.

use super::CallError;
use crate::chain::{Rejection, transaction::fill};
use alloy::{
    primitives::{Address, B256, TxKind, U256},
    rpc::types::TransactionRequest,
};
use revm::{
    context::{TxEnv, result::InvalidTransaction},
    context_interface::either::Either,
};

/// The transaction that a request means; its gas is set by each run. Fees that it does not name are zero.
pub(super) fn transaction(request: &TransactionRequest, chain_id: u64) -> Result<TxEnv, Rejection> {
    fill::check(request, chain_id)?;
    let blob_hashes: Vec<B256> = match (&request.blob_versioned_hashes, &request.sidecar) {
        (Some(hashes), _) => hashes.clone(),
        (None, Some(sidecar)) => sidecar.versioned_hashes().collect(),
        (None, None) => Vec::new(),
    };
    let tx_type = if request.authorization_list.is_some() {
        4
    } else if !blob_hashes.is_empty() {
        3
    } else if request.has_eip1559_fields() {
        2
    } else {
        u8::from(request.access_list.is_some())
    };
    let kind = request.to.unwrap_or(TxKind::Create);
    if kind.is_create() && tx_type >= 3 {
        return Err(Rejection::InvalidTransaction(
            if tx_type == 3 {
                "blob transaction of type create"
            } else {
                "EIP-7702 transaction cannot be used to create contract"
            }
            .into(),
        ));
    }
    let tip = request.max_priority_fee_per_gas.or(request.gas_price);
    Ok(TxEnv {
        tx_type,
        caller: request.from.unwrap_or_default(),
        gas_limit: 0,
        gas_price: request.fee_cap().unwrap_or_default(),
        kind,
        value: request.value.unwrap_or_default(),
        data: request.input.input().cloned().unwrap_or_default(),
        nonce: 0,
        chain_id: Some(chain_id),
        access_list: request.access_list.clone().unwrap_or_default(),
        gas_priority_fee: (tx_type >= 2).then(|| tip.unwrap_or_default()),
        blob_hashes,
        max_fee_per_blob_gas: request.max_fee_per_blob_gas.unwrap_or_default(),
        authorization_list: request
            .authorization_list
            .iter()
            .flatten()
            .map(|authorization| Either::Left(authorization.clone()))
            .collect(),
    })
}

/// What the block is and allows, as far as a refusal names it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) base_fee: u64,
    pub(super) initcode_size: usize,
}

/// Geth's words for what revm refuses.
pub(super) fn refusal(error: InvalidTransaction, transaction: &TxEnv, limits: Limits) -> CallError {
    let address = transaction.caller;
    let refused = |reason: &str| Rejection::InvalidTransaction(reason.to_owned());
    CallError::Rejected(match error {
        InvalidTransaction::PriorityFeeGreaterThanMaxFee => Rejection::TipAboveFeeCap {
            address,
            tip: transaction.gas_priority_fee.unwrap_or_default(),
            max_fee: transaction.gas_price,
        },
        InvalidTransaction::GasPriceLessThanBasefee => Rejection::FeeCapTooLow {
            address,
            max_fee: transaction.gas_price,
            base_fee: limits.base_fee,
        },
        InvalidTransaction::CallGasCostMoreThanGasLimit {
            initial_gas,
            gas_limit,
        } => Rejection::IntrinsicGasTooLow {
            gas: gas_limit,
            needed: initial_gas,
        },
        InvalidTransaction::GasFloorMoreThanGasLimit {
            gas_floor,
            gas_limit,
        } => Rejection::FloorDataGas {
            gas: gas_limit,
            needed: gas_floor,
        },
        InvalidTransaction::LackOfFundForMaxFee { fee, balance } => {
            insufficient_funds(address, *balance, *fee)
        }
        InvalidTransaction::OverflowPaymentInTransaction => {
            refused("insufficient funds for gas * price + value: the cost exceeds 256 bits")
        }
        InvalidTransaction::CreateInitCodeSizeLimit => Rejection::InitcodeTooLarge {
            size: transaction.data.len(),
            limit: limits.initcode_size,
        },
        InvalidTransaction::BlobGasPriceGreaterThanMax {
            block_blob_gas_price,
            tx_max_fee_per_blob_gas,
        } => Rejection::BlobFeeCapTooLow {
            address,
            max_fee: tx_max_fee_per_blob_gas,
            base_fee: block_blob_gas_price,
        },
        InvalidTransaction::TooManyBlobs { max, have } => refused(&format!(
            "too many blobs in transaction: have {have}, permitted {max}"
        )),
        InvalidTransaction::BlobVersionNotSupported => refused("blob has invalid hash version"),
        InvalidTransaction::EmptyAuthorizationList => {
            refused("EIP-7702 transaction with empty auth list")
        }
        InvalidTransaction::Eip4844NotSupported => not_supported(3, "cancun"),
        InvalidTransaction::Eip7702NotSupported => not_supported(4, "prague"),
        other => refused(&other.to_string()),
    })
}

/// The sender has less than the call may cost.
pub(super) fn insufficient_funds(address: Address, have: U256, want: U256) -> Rejection {
    Rejection::InsufficientFundsForCall {
        address,
        have,
        want,
    }
}

fn not_supported(tx_type: u8, needed: &str) -> Rejection {
    Rejection::TypeNotSupported {
        tx_type,
        needed: needed.to_owned(),
    }
}
