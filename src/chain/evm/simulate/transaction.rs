//! From a call to the transaction that stands for it in its block (geth's `CallDefaults`, `ToTransaction`, `ToMessage`).
//!
//! Nobody signs it: its signature is zero, and its sender is whoever the caller says.

use super::SimulateError;
use crate::chain::transaction::{Envelope, SignedTransaction};
use alloy::{
    consensus::{
        EthereumTypedTransaction, Signed, Transaction as _, TxEip1559, TxEip4844, TxEip7702,
        TxLegacy,
    },
    eips::eip2718::Encodable2718 as _,
    primitives::{Address, B256, Bytes, Signature, TxKind, U256, keccak256},
    rpc::types::TransactionRequest,
};
use alloy_rlp::{BufMut, Encodable as _, Header as RlpHeader};
use revm::{context::TxEnv, context_interface::either::Either};
use std::sync::Arc;

/// A call with nothing left open.
#[derive(Clone, Debug)]
pub(super) struct Call<'a> {
    pub(super) request: &'a TransactionRequest,
    pub(super) from: Address,
    pub(super) nonce: u64,
    pub(super) gas: u64,
    /// The most that it pays for a unit of gas.
    pub(super) fee_cap: u128,
    pub(super) tip_cap: u128,
    pub(super) chain_id: u64,
    /// Whether its block has a base fee (EIP-1559).
    pub(super) london: bool,
}

impl<'a> Call<'a> {
    /// `nonce` and `gas` are the sender's next nonce and the gas that the call gets.
    pub(super) fn new(
        request: &'a TransactionRequest,
        nonce: u64,
        gas: u64,
        chain_id: u64,
        base_fee: Option<u64>,
    ) -> Result<Self, SimulateError> {
        let named = request.max_fee_per_gas.is_some() || request.max_priority_fee_per_gas.is_some();
        if request.gas_price.is_some() && named {
            return Err(SimulateError::InvalidCall(
                "both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified".into(),
            ));
        }
        if let Some(have) = request.chain_id
            && have != chain_id
        {
            return Err(SimulateError::InvalidCall(format!(
                "chainId does not match node's (have={have}, want={chain_id})"
            )));
        }
        let call = Self {
            request,
            from: request.from.unwrap_or_default(),
            nonce,
            gas,
            fee_cap: request
                .gas_price
                .or(request.max_fee_per_gas)
                .unwrap_or_default(),
            tip_cap: request
                .gas_price
                .or(request.max_priority_fee_per_gas)
                .unwrap_or_default(),
            chain_id,
            london: base_fee.is_some(),
        };
        if call.tx_type() >= 3 && call.kind().is_create() {
            return Err(SimulateError::InvalidCall(
                if call.tx_type() == 3 {
                    "missing \"to\" in blob transaction"
                } else {
                    "EIP-7702 transaction cannot be used to create contract"
                }
                .into(),
            ));
        }
        Ok(call)
    }

    /// EIP-2718: legacy where a gas price is named, else 2, or 3 or 4 where there are blobs or authorizations.
    pub(super) fn tx_type(&self) -> u8 {
        let request = self.request;
        if request.gas_price.is_some() || !self.london {
            0
        } else if request.authorization_list.is_some() {
            4
        } else if request.blob_versioned_hashes.is_some() {
            3
        } else {
            2
        }
    }

    pub(super) fn kind(&self) -> TxKind {
        self.request.to.unwrap_or(TxKind::Create)
    }

    pub(super) fn value(&self) -> U256 {
        self.request.value.unwrap_or_default()
    }

    pub(super) fn blob_hashes(&self) -> &'a [B256] {
        let hashes = self.request.blob_versioned_hashes.as_deref();
        hashes.unwrap_or_default()
    }

    pub(super) fn blob_fee_cap(&self) -> u128 {
        self.request.max_fee_per_blob_gas.unwrap_or_default()
    }

    fn input(&self) -> Bytes {
        self.request.input.input().cloned().unwrap_or_default()
    }

    /// What the EVM runs. `free_blobs`: blobs are not paid for.
    pub(super) fn environment(&self, nonce: u64, free_blobs: bool) -> TxEnv {
        let request = self.request;
        let tx_type = match self.tx_type() {
            // Only its type makes revm charge for blobs.
            3 if free_blobs => 2,
            other => other,
        };
        TxEnv {
            tx_type,
            caller: self.from,
            gas_limit: self.gas,
            gas_price: self.fee_cap,
            kind: self.kind(),
            value: self.value(),
            data: self.input(),
            nonce,
            chain_id: Some(self.chain_id),
            access_list: request.access_list.clone().unwrap_or_default(),
            gas_priority_fee: (tx_type >= 2).then_some(self.tip_cap),
            blob_hashes: self.blob_hashes().to_vec(),
            max_fee_per_blob_gas: if tx_type == 3 { self.blob_fee_cap() } else { 0 },
            authorization_list: request
                .authorization_list
                .iter()
                .flatten()
                .map(|authorization| Either::Left(authorization.clone()))
                .collect(),
        }
    }

    /// The transaction as it stands in the block.
    pub(super) fn transaction(&self) -> Arc<SignedTransaction> {
        let unsigned = Signature::new(U256::ZERO, U256::ZERO, false);
        let envelope = match self.typed() {
            EthereumTypedTransaction::Legacy(tx) => {
                let hash = keccak256(encode_unsigned(&tx));
                Envelope::Legacy(Signed::new_unchecked(tx, unsigned, hash))
            }
            typed => Envelope::new_unhashed(typed, unsigned),
        };
        Arc::new(SignedTransaction {
            envelope,
            sender: self.from,
            sidecar: None,
        })
    }

    fn typed(&self) -> EthereumTypedTransaction<TxEip4844> {
        let request = self.request;
        let (nonce, gas_limit, to, value) = (self.nonce, self.gas, self.kind(), self.value());
        let access_list = request.access_list.clone().unwrap_or_default();
        let called = to.to().copied().unwrap_or_default();
        match self.tx_type() {
            0 => EthereumTypedTransaction::Legacy(TxLegacy {
                chain_id: None,
                nonce,
                gas_price: self.fee_cap,
                gas_limit,
                to,
                value,
                input: self.input(),
            }),
            3 => EthereumTypedTransaction::Eip4844(TxEip4844 {
                chain_id: self.chain_id,
                nonce,
                gas_limit,
                max_fee_per_gas: self.fee_cap,
                max_priority_fee_per_gas: self.tip_cap,
                to: called,
                value,
                access_list,
                blob_versioned_hashes: self.blob_hashes().to_vec(),
                max_fee_per_blob_gas: self.blob_fee_cap(),
                input: self.input(),
            }),
            4 => EthereumTypedTransaction::Eip7702(TxEip7702 {
                chain_id: self.chain_id,
                nonce,
                gas_limit,
                max_fee_per_gas: self.fee_cap,
                max_priority_fee_per_gas: self.tip_cap,
                to: called,
                value,
                access_list,
                authorization_list: request.authorization_list.clone().unwrap_or_default(),
                input: self.input(),
            }),
            _ => EthereumTypedTransaction::Eip1559(TxEip1559 {
                chain_id: self.chain_id,
                nonce,
                gas_limit,
                max_fee_per_gas: self.fee_cap,
                max_priority_fee_per_gas: self.tip_cap,
                to,
                value,
                access_list,
                input: self.input(),
            }),
        }
    }
}

/// How the transaction stands in its block. A legacy one without a signature has zeros there, not the 27 that a
/// signature would begin with.
pub(super) fn encode(transaction: &SignedTransaction, out: &mut dyn BufMut) {
    match &transaction.envelope {
        Envelope::Legacy(tx) => out.put_slice(&encode_unsigned(tx.tx())),
        envelope => envelope.encode_2718(out),
    }
}

fn encode_unsigned(tx: &TxLegacy) -> Vec<u8> {
    let mut fields = Vec::new();
    tx.nonce.encode(&mut fields);
    tx.gas_price.encode(&mut fields);
    tx.gas_limit.encode(&mut fields);
    tx.to.encode(&mut fields);
    tx.value.encode(&mut fields);
    tx.input().encode(&mut fields);
    for _ in ["v", "r", "s"] {
        0u8.encode(&mut fields);
    }
    let mut out = Vec::with_capacity(fields.len() + 9);
    RlpHeader {
        list: true,
        payload_length: fields.len(),
    }
    .encode(&mut out);
    out.extend_from_slice(&fields);
    out
}
