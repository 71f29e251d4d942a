//! From a request to a transaction: which type is meant, and what stands where the request says nothing.
//!
//! Pure: nonce, gas and fees that are missing come in as [`Defaults`]. Refusals are in geth's words
//! (`internal/ethapi/transaction_args.go`), because client libraries know them.

#[cfg(test)]
mod tests;

use crate::chain::{Rejection, spec::Hardfork};
use alloy::{
    consensus::{
        TxEip1559, TxEip2930, TxEip4844, TxEip4844Variant, TxEip7702, TxLegacy, TxType,
        TypedTransaction,
    },
    primitives::{Address, B256, Bytes, TxKind},
    rpc::types::TransactionRequest,
};

/// What stands where a request says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Defaults {
    /// EIP-155; a request that names another chain is refused.
    pub chain_id: u64,
    /// The sender's next nonce.
    pub nonce: u64,
    /// Gas limit; as a rule an estimate.
    pub gas: u64,
    /// Base fee of the next block, wei.
    pub base_fee: u64,
    /// The suggested tip, wei.
    pub tip: u128,
    /// Blob base fee of the next block, wei.
    pub blob_base_fee: u128,
    /// The newest fork that the next block follows: what a request leaves open is of a type that the fork has.
    pub fork: Hardfork,
}

/// Refuses a request that contradicts itself or is meant for another chain. Also for calls (`eth_call`).
pub fn check(request: &TransactionRequest, chain_id: u64) -> Result<(), Rejection> {
    let refuse = |reason: String| Err(Rejection::InvalidTransaction(reason));
    let dynamic = request.max_fee_per_gas.is_some() || request.max_priority_fee_per_gas.is_some();
    if request.gas_price.is_some() && dynamic {
        return refuse("both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified".into());
    }
    if let (Some(cap), Some(tip)) = (request.max_fee_per_gas, request.max_priority_fee_per_gas)
        && cap < tip
    {
        // Not geth's words for unsigned requests: libraries know those of the signed ones alone.
        return Err(Rejection::TipAboveFeeCap {
            address: request.from.unwrap_or_default(),
            tip,
            max_fee: cap,
        });
    }
    if let (Some(input), Some(data)) = (&request.input.input, &request.input.data)
        && input != data
    {
        return refuse(
            "both \"data\" and \"input\" are set and not equal. Please use \"input\" to pass transaction call data"
                .into(),
        );
    }
    if let Some(have) = request.chain_id
        && have != chain_id
    {
        return refuse(format!(
            "chainId does not match node's (have={have}, want={chain_id})"
        ));
    }
    if let Some(tx_type) = request.transaction_type
        && tx_type > 4
    {
        return refuse("transaction type not supported".into());
    }
    if request
        .blob_versioned_hashes
        .as_ref()
        .is_some_and(Vec::is_empty)
    {
        return refuse("need at least 1 blob for a blob transaction".into());
    }
    Ok(())
}

/// The type that a request means: the fields decide, as in geth; the named `type` only where they leave it open, and
/// where there is none, the newest that the fork has.
fn transaction_type(request: &TransactionRequest, fork: Hardfork) -> TxType {
    let is_old = fork < Hardfork::London;
    if request.authorization_list.is_some() {
        TxType::Eip7702
    } else if request.has_eip4844_blob_data() {
        TxType::Eip4844
    } else if request.has_eip1559_fields() {
        TxType::Eip1559
    } else if request.access_list.is_some() {
        match (request.gas_price, request.transaction_type) {
            (Some(_), _) | (None, Some(1)) => TxType::Eip2930,
            (None, None) if is_old => TxType::Eip2930,
            _ => TxType::Eip1559,
        }
    } else {
        match (request.gas_price, request.transaction_type) {
            (_, Some(1)) => TxType::Eip2930,
            (Some(_), _) | (None, Some(0)) => TxType::Legacy,
            (None, None) if is_old => TxType::Legacy,
            _ => TxType::Eip1559,
        }
    }
}

/// The transaction that a request means. Fees that are missing become, as in geth: the suggested tip, and twice the
/// base fee plus the tip as a cap; a gas price, base fee plus tip; a blob fee cap, twice the blob base fee.
pub fn fill(
    request: TransactionRequest,
    defaults: &Defaults,
) -> Result<TypedTransaction, Rejection> {
    check(&request, defaults.chain_id)?;
    let tx_type = transaction_type(&request, defaults.fork);
    let common = Common::new(&request, defaults)?;
    Ok(match tx_type {
        TxType::Legacy => TypedTransaction::Legacy(TxLegacy {
            // EIP-155.
            chain_id: (defaults.fork >= Hardfork::SpuriousDragon).then_some(defaults.chain_id),
            nonce: common.nonce,
            gas_price: common.gas_price,
            gas_limit: common.gas,
            to: common.to,
            value: request.value.unwrap_or_default(),
            input: common.input,
        }),
        TxType::Eip2930 => TypedTransaction::Eip2930(TxEip2930 {
            chain_id: defaults.chain_id,
            nonce: common.nonce,
            gas_price: common.gas_price,
            gas_limit: common.gas,
            to: common.to,
            value: request.value.unwrap_or_default(),
            access_list: request.access_list.unwrap_or_default(),
            input: common.input,
        }),
        TxType::Eip1559 => TypedTransaction::Eip1559(TxEip1559 {
            chain_id: defaults.chain_id,
            nonce: common.nonce,
            gas_limit: common.gas,
            max_fee_per_gas: common.fee_cap,
            max_priority_fee_per_gas: common.tip_cap,
            to: common.to,
            value: request.value.unwrap_or_default(),
            access_list: request.access_list.unwrap_or_default(),
            input: common.input,
        }),
        TxType::Eip4844 => TypedTransaction::Eip4844(blob_transaction(request, common, defaults)?),
        TxType::Eip7702 => TypedTransaction::Eip7702(TxEip7702 {
            chain_id: defaults.chain_id,
            nonce: common.nonce,
            gas_limit: common.gas,
            max_fee_per_gas: common.fee_cap,
            max_priority_fee_per_gas: common.tip_cap,
            to: common.recipient("EIP-7702 transaction cannot be used to create contract")?,
            value: request.value.unwrap_or_default(),
            access_list: request.access_list.unwrap_or_default(),
            authorization_list: request.authorization_list.unwrap_or_default(),
            input: common.input,
        }),
    })
}

/// The fields that all types have.
struct Common {
    nonce: u64,
    gas: u64,
    to: TxKind,
    input: Bytes,
    gas_price: u128,
    fee_cap: u128,
    tip_cap: u128,
}

impl Common {
    fn new(request: &TransactionRequest, defaults: &Defaults) -> Result<Self, Rejection> {
        let input = request.input.input().cloned().unwrap_or_default();
        let to = request.to.unwrap_or(TxKind::Create);
        if to.is_create() && input.is_empty() {
            return Err(Rejection::InvalidTransaction(
                "contract creation without any data provided".into(),
            ));
        }
        let base_fee = u128::from(defaults.base_fee);
        // A gas price counts for both caps in a type that has none of its own.
        let cap = request.max_fee_per_gas.or(request.gas_price);
        let tip_cap = request
            .max_priority_fee_per_gas
            .or(request.gas_price)
            .unwrap_or_else(|| cap.map_or(defaults.tip, |cap| cap.min(defaults.tip)));
        Ok(Self {
            nonce: request.nonce.unwrap_or(defaults.nonce),
            gas: request.gas.unwrap_or(defaults.gas),
            to,
            input,
            gas_price: cap.unwrap_or_else(|| base_fee.saturating_add(defaults.tip)),
            fee_cap: cap.unwrap_or_else(|| base_fee.saturating_mul(2).saturating_add(tip_cap)),
            tip_cap,
        })
    }

    fn recipient(&self, missing: &str) -> Result<Address, Rejection> {
        match self.to {
            TxKind::Call(address) => Ok(address),
            TxKind::Create => Err(Rejection::InvalidTransaction(missing.into())),
        }
    }
}

fn blob_transaction(
    request: TransactionRequest,
    common: Common,
    defaults: &Defaults,
) -> Result<TxEip4844Variant, Rejection> {
    let refuse = |reason: String| Rejection::InvalidTransaction(reason);
    let to = common.recipient("missing \"to\" in blob transaction")?;
    let from_sidecar: Option<Vec<B256>> = request
        .sidecar
        .as_ref()
        .map(|sidecar| sidecar.versioned_hashes().collect());
    let hashes = match (request.blob_versioned_hashes, from_sidecar) {
        (Some(hashes), None) | (None, Some(hashes)) => hashes,
        (Some(given), Some(computed)) if given == computed => given,
        (Some(given), Some(computed)) => {
            return Err(refuse(format!(
                "blob hash verification failed (have={given:?}, want={computed:?})"
            )));
        }
        (None, None) => Vec::new(),
    };
    if hashes.is_empty() {
        return Err(refuse("need at least 1 blob for a blob transaction".into()));
    }
    if request.max_fee_per_blob_gas == Some(0) {
        return Err(refuse(
            "maxFeePerBlobGas, if specified, must be non-zero".into(),
        ));
    }
    let transaction = TxEip4844 {
        chain_id: defaults.chain_id,
        nonce: common.nonce,
        gas_limit: common.gas,
        max_fee_per_gas: common.fee_cap,
        max_priority_fee_per_gas: common.tip_cap,
        to,
        value: request.value.unwrap_or_default(),
        access_list: request.access_list.unwrap_or_default(),
        blob_versioned_hashes: hashes,
        max_fee_per_blob_gas: request
            .max_fee_per_blob_gas
            .unwrap_or_else(|| defaults.blob_base_fee.saturating_mul(2)),
        input: common.input,
    };
    Ok(match request.sidecar {
        Some(sidecar) => TxEip4844Variant::TxEip4844WithSidecar(transaction.with_sidecar(sidecar)),
        None => TxEip4844Variant::TxEip4844(transaction),
    })
}
