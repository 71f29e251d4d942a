//! What a transaction must fulfil to be taken: alone, against its sender's account, and against the next block's fees.
//!
//! The order of the checks and the words are those of geth's `core/txpool/validation.go` and `core/state_transition.go`.
//! Pure; the pool does not call it: who admits transactions does, cheap checks first.

#[cfg(test)]
mod tests;

use crate::chain::{
    Rejection,
    evm::intrinsic::intrinsic_gas,
    spec::{ChainSpec, ForkRules, Hardfork},
    state::{AccountInfo, StateError, StateRead},
    transaction::SignedTransaction,
};
use alloy::{
    consensus::{Transaction as _, Typed2718 as _},
    eips::eip7825::MAX_TX_GAS_LIMIT_OSAKA,
    primitives::{KECCAK256_EMPTY, U256},
};

/// EIP-3860: bytes of initcode where the chain sets no limit of its own.
const MAX_INITCODE_BYTES: usize = 49_152;

/// What is asked of a transaction, whoever sent it.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// Limits.
    pub spec: &'a ChainSpec,
    /// The rules of the next block.
    pub forks: ForkRules,
    /// The chain id now.
    pub chain_id: u64,
    /// The gas limit of the next block.
    pub block_gas_limit: u64,
    /// The least price a unit of gas, wei.
    pub min_gas_price: u128,
}

/// Checks that need neither a state nor a block: type, chain id, limits, intrinsic gas, what its EIPs say of it.
pub fn stateless(transaction: &SignedTransaction, rules: &Rules<'_>) -> Result<(), Rejection> {
    let envelope = &transaction.envelope;
    type_allowed(envelope.ty(), &rules.forks)?;
    if let Some(got) = envelope.chain_id()
        && got != rules.chain_id
    {
        return Err(Rejection::WrongChainId {
            got,
            want: rules.chain_id,
        });
    }
    limits(transaction, rules)?;
    if transaction.tip_cap() > transaction.fee_cap() {
        return Err(Rejection::TipAboveFeeCap {
            address: transaction.sender,
            tip: transaction.tip_cap(),
            max_fee: transaction.fee_cap(),
        });
    }
    if transaction.fee_cap() < rules.min_gas_price {
        return Err(Rejection::Underpriced {
            got: transaction.fee_cap(),
            needed: rules.min_gas_price,
        });
    }
    let (gas, needed) = (envelope.gas_limit(), intrinsic_gas(envelope, &rules.forks));
    if gas < needed.initial {
        return Err(Rejection::IntrinsicGasTooLow {
            gas,
            needed: needed.initial,
        });
    }
    if gas < needed.floor {
        return Err(Rejection::FloorDataGas {
            gas,
            needed: needed.floor,
        });
    }
    blobs(transaction, &rules.forks)?;
    if envelope.authorization_list().is_some_and(<[_]>::is_empty) {
        return Err(Rejection::InvalidTransaction(
            "set code tx must have at least one authorization tuple".into(),
        ));
    }
    Ok(())
}

/// Checks against the sender's account: nonce and [`funds`]. (That a sender is no contract is [`sender_has_code`].)
pub fn against_account(
    transaction: &SignedTransaction,
    account: Option<&AccountInfo>,
) -> Result<(), Rejection> {
    against_nonce(transaction, account)?;
    funds(transaction, account)
}

/// Checks that the nonce was not used.
pub fn against_nonce(
    transaction: &SignedTransaction,
    account: Option<&AccountInfo>,
) -> Result<(), Rejection> {
    let nonce = account.map_or(0, |account| account.nonce);
    if transaction.nonce() < nonce {
        return Err(Rejection::NonceTooLow {
            next: nonce,
            got: transaction.nonce(),
        });
    }
    Ok(())
}

/// Checks that the sender can pay for gas and value.
pub fn funds(
    transaction: &SignedTransaction,
    account: Option<&AccountInfo>,
) -> Result<(), Rejection> {
    let balance = account.map_or(U256::ZERO, |account| account.balance);
    let cost = transaction.max_cost();
    if balance < cost {
        return Err(Rejection::InsufficientFunds { balance, cost });
    }
    Ok(())
}

/// EIP-3607: whether the account is a contract, so that nobody can hold its key. A delegation (EIP-7702) is none.
/// Impersonated accounts are exempt: do not ask for them.
pub fn sender_has_code(
    state: &dyn StateRead,
    account: Option<&AccountInfo>,
) -> Result<bool, StateError> {
    match account {
        Some(account) if account.code_hash != KECCAK256_EMPTY => {
            let code = state.code(account.code_hash)?;
            Ok(!code.is_empty() && !code.is_eip7702())
        }
        _ => Ok(false),
    }
}

/// Checks against the fees of a block: base fee, and blob base fee for blobs. Below them a transaction can wait in a
/// pool (geth), but would never be mined at once.
pub fn against_fees(
    transaction: &SignedTransaction,
    base_fee: u64,
    blob_base_fee: u128,
) -> Result<(), Rejection> {
    if transaction.fee_cap() < u128::from(base_fee) {
        return Err(Rejection::FeeCapTooLow {
            address: transaction.sender,
            max_fee: transaction.fee_cap(),
            base_fee,
        });
    }
    match transaction.envelope.max_fee_per_blob_gas() {
        Some(max_fee) if max_fee < blob_base_fee => Err(Rejection::BlobFeeCapTooLow {
            address: transaction.sender,
            max_fee,
            base_fee: blob_base_fee,
        }),
        _ => Ok(()),
    }
}

/// Whether the fork has the EIP-2718 type.
pub(crate) fn type_allowed(tx_type: u8, rules: &ForkRules) -> Result<(), Rejection> {
    let needed = match tx_type {
        0 => Hardfork::Frontier,
        1 => Hardfork::Berlin,
        2 => Hardfork::London,
        3 => Hardfork::Cancun,
        _ => Hardfork::Prague,
    };
    if rules.is_active(needed) {
        return Ok(());
    }
    Err(Rejection::TypeNotSupported {
        tx_type,
        needed: needed.name().into(),
    })
}

fn limits(transaction: &SignedTransaction, rules: &Rules<'_>) -> Result<(), Rejection> {
    let (spec, envelope) = (rules.spec, &transaction.envelope);
    if envelope.is_create() && rules.forks.is_active(Hardfork::Shanghai) {
        let by_code = spec.limits.code_size;
        let by_code = by_code.map_or(MAX_INITCODE_BYTES, |limit| limit.saturating_mul(2));
        let limit = spec.dev.initcode_size.unwrap_or(by_code);
        let size = envelope.input().len();
        if size > limit {
            return Err(Rejection::InitcodeTooLarge { size, limit });
        }
    }
    let gas = envelope.gas_limit();
    if spec.limits.block_gas_limit && gas > rules.block_gas_limit {
        return Err(Rejection::ExceedsBlockGasLimit);
    }
    if spec.limits.transaction_gas_limit
        && rules.forks.is_active(Hardfork::Osaka)
        && gas > MAX_TX_GAS_LIMIT_OSAKA
    {
        return Err(Rejection::GasLimitTooHigh {
            cap: MAX_TX_GAS_LIMIT_OSAKA,
            gas,
        });
    }
    if envelope.nonce() == u64::MAX {
        return Err(Rejection::NonceMax(transaction.sender));
    }
    Ok(())
}

fn blobs(transaction: &SignedTransaction, rules: &ForkRules) -> Result<(), Rejection> {
    let Some(hashes) = transaction.envelope.blob_versioned_hashes() else {
        return Ok(());
    };
    if hashes.is_empty() {
        return Err(Rejection::InvalidTransaction(
            "blobless blob transaction".into(),
        ));
    }
    let permitted = rules.blobs.map_or(0, |params| params.max_blobs_per_tx);
    if hashes.len() as u64 > permitted {
        return Err(Rejection::InvalidTransaction(format!(
            "too many blobs in transaction: have {}, permitted {permitted}",
            hashes.len()
        )));
    }
    if !transaction.has_known_blob_version() {
        return Err(Rejection::InvalidTransaction(
            "blob has invalid hash version".into(),
        ));
    }
    Ok(())
}
