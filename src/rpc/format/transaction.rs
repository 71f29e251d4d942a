//! Transactions, mined and pending.

use super::json::{List, Object, write_data};
use crate::chain::{
    block::BlockRecord,
    transaction::{Envelope, SignedTransaction},
};
use alloy::{
    consensus::{Transaction as _, TypedTransaction},
    eips::{eip2930::AccessList, eip7702::SignedAuthorization},
    primitives::{Address, B256, Signature, U256},
};

/// Where a mined transaction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The block's hash.
    pub(crate) block_hash: B256,
    /// The block's number.
    pub(crate) block_number: u64,
    /// The block's timestamp, Unix seconds.
    pub(crate) block_timestamp: u64,
    /// The place in the block.
    pub(crate) index: usize,
}

impl Place {
    /// The place of the transaction with that index.
    pub(crate) fn of(block: &BlockRecord, index: usize) -> Self {
        Self {
            block_hash: block.hash,
            block_number: block.header.number,
            block_timestamp: block.header.timestamp,
            index,
        }
    }
}

/// Appends a transaction. Without a place it is a pending one; `base_fee` is its block's.
pub(crate) fn transaction(
    out: &mut Vec<u8>,
    tx: &SignedTransaction,
    place: Option<&Place>,
    base_fee: Option<u64>,
) {
    write_transaction(out, tx, place, base_fee, tx.envelope.input());
}

/// Bytes of a call's selector (Solidity's ABI).
const SELECTOR_BYTES: usize = 4;

/// Appends a mined transaction of whose input the selector alone is shown (Otterscan).
pub(crate) fn transaction_summary(
    out: &mut Vec<u8>,
    tx: &SignedTransaction,
    place: &Place,
    base_fee: Option<u64>,
) {
    let input = tx.envelope.input();
    let selector = &input[..input.len().min(SELECTOR_BYTES)];
    write_transaction(out, tx, Some(place), base_fee, selector);
}

fn write_transaction(
    out: &mut Vec<u8>,
    tx: &SignedTransaction,
    place: Option<&Place>,
    base_fee: Option<u64>,
    input: &[u8],
) {
    let envelope = &tx.envelope;
    Object::write(out, |o| {
        place_fields(o, place);
        o.data("hash", envelope.hash());
        common_fields(o, envelope, tx.sender, place.and(base_fee), input);
        if let Some(list) = envelope.authorization_list() {
            authorizations(o, list);
        }
        signature_fields(o, envelope, envelope.signature());
    });
}

/// Appends an unsigned transaction (`eth_fillTransaction`), with zeros for a signature.
pub(crate) fn typed_transaction(out: &mut Vec<u8>, tx: TypedTransaction, sender: Address) {
    let envelope = SignedTransaction {
        envelope: Envelope::new_unhashed(
            alloy::consensus::EthereumTypedTransaction::<alloy::consensus::TxEip4844>::from(tx),
            Signature::new(U256::ZERO, U256::ZERO, false),
        ),
        sender,
        sidecar: None,
    };
    transaction(out, &envelope, None, None);
}

fn place_fields(o: &mut Object<'_>, place: Option<&Place>) {
    if let Some(place) = place {
        o.data("blockHash", place.block_hash);
        o.quantity("blockNumber", place.block_number);
        o.quantity("blockTimestamp", place.block_timestamp);
        o.quantity("transactionIndex", place.index);
    } else {
        for name in ["blockHash", "blockNumber", "transactionIndex"] {
            o.null(name);
        }
    }
}

fn common_fields(
    o: &mut Object<'_>,
    tx: &Envelope,
    sender: Address,
    base_fee: Option<u64>,
    input: &[u8],
) {
    o.data("from", sender);
    o.data_or_null("to", tx.to());
    o.quantity("nonce", tx.nonce());
    o.quantity("gas", tx.gas_limit());
    o.quantity("value", tx.value());
    o.data("input", input);
    o.quantity("type", u64::from(tx.tx_type() as u8));
    o.quantity_if("chainId", tx.chain_id());
    if tx.is_dynamic_fee() {
        // What was paid once it is mined; before, the most that may be paid.
        let price = base_fee.map_or(tx.max_fee_per_gas(), |fee| {
            tx.effective_gas_price(Some(fee))
        });
        o.quantity("gasPrice", price);
        o.quantity("maxFeePerGas", tx.max_fee_per_gas());
        o.quantity(
            "maxPriorityFeePerGas",
            tx.max_priority_fee_per_gas().unwrap_or(0),
        );
    } else {
        o.quantity("gasPrice", tx.gas_price().unwrap_or(0));
    }
    o.quantity_if("maxFeePerBlobGas", tx.max_fee_per_blob_gas());
    if let Some(hashes) = tx.blob_versioned_hashes() {
        o.list("blobVersionedHashes", |list| {
            for hash in hashes {
                write_data(list.next(), hash.as_slice());
            }
        });
    }
    if let Some(list) = tx.access_list() {
        access_list(o.key("accessList"), list);
    }
}

/// Appends an access list (EIP-2930).
pub(crate) fn access_list(out: &mut Vec<u8>, access_list: &AccessList) {
    List::write(out, |list| {
        for item in &access_list.0 {
            Object::write(list.next(), |o| {
                o.data("address", item.address);
                o.list("storageKeys", |keys| {
                    for key in &item.storage_keys {
                        write_data(keys.next(), key.as_slice());
                    }
                });
            });
        }
    });
}

fn authorizations(o: &mut Object<'_>, authorizations: &[SignedAuthorization]) {
    o.list("authorizationList", |list| {
        for authorization in authorizations {
            Object::write(list.next(), |o| {
                o.quantity("chainId", authorization.chain_id);
                o.data("address", authorization.address);
                o.quantity("nonce", authorization.nonce);
                o.quantity("yParity", u64::from(authorization.y_parity()));
                o.quantity("r", authorization.r());
                o.quantity("s", authorization.s());
            });
        }
    });
}

fn signature_fields(o: &mut Object<'_>, tx: &Envelope, signature: &Signature) {
    let parity = u128::from(signature.v());
    let unsigned = signature.r().is_zero() && signature.s().is_zero();
    if tx.is_legacy() && unsigned {
        o.quantity("v", 0u64);
    } else if tx.is_legacy() {
        // EIP-155, or the 27 and 28 of before.
        let v = tx
            .chain_id()
            .map_or(27 + parity, |id| u128::from(id) * 2 + 35 + parity);
        o.quantity("v", v);
    } else {
        o.quantity("v", parity);
        o.quantity("yParity", parity);
    }
    o.quantity("r", signature.r());
    o.quantity("s", signature.s());
}
