//! A transaction with its sender, recovered once in the life of a cluster.
//!
//! What lives here: the value, its decoding from a client's bytes (EIP-2718, EIP-4844 and EIP-7594 network forms) and
//! what can be said of it alone. What a fork or a state says of it is in [`super::pool::validate`]; what turns a
//! request into a transaction in [`fill`].
//! *Invariant.* The envelope never holds blobs: they travel in [`SignedTransaction::sidecar`], because blocks, hashes
//! and roots do not know them.

mod blobs;
mod codec;
pub mod fill;
#[cfg(feature = "native-crypto")]
mod kzg;
#[cfg(test)]
mod tests;

use alloy::{
    consensus::{
        BlobTransactionSidecarVariant, EthereumTxEnvelope, Signed, Transaction as _, TxEip4844,
        TxEip4844Variant, TxLegacy, Typed2718 as _,
        transaction::{RlpEcdsaDecodableTx as _, RlpEcdsaEncodableTx as _, SignerRecoverable as _},
    },
    eips::{
        eip2718::{Decodable2718 as _, Eip2718Error, Encodable2718 as _},
        eip4844::DATA_GAS_PER_BLOB,
        eip7594::Encodable7594 as _,
    },
    primitives::{Address, B256, Bytes, U256},
};
use std::sync::Arc;

pub use blobs::BlobError;

/// The canonical form of a transaction, as it stands in a block: without a blob sidecar (EIP-2718, EIP-4844).
pub type Envelope = EthereumTxEnvelope<TxEip4844>;

/// The form in which a client sends it: with a blob sidecar or without.
type NetworkEnvelope = EthereumTxEnvelope<TxEip4844Variant<BlobTransactionSidecarVariant>>;

/// A transaction, its sender, and its blobs where it has any.
///
/// The sender is *given*, not derived: an impersonated account has no signature. Whoever makes this value from bytes
/// of a client recovers the sender; members of a cluster take it from each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedTransaction {
    /// The transaction; its hash is computed once and kept.
    pub envelope: Envelope,
    /// Who pays for it.
    pub sender: Address,
    /// The blobs with commitments and proofs of an EIP-4844 transaction that has not been mined yet.
    pub sidecar: Option<Arc<BlobTransactionSidecarVariant>>,
}

/// Bytes that are not a transaction, in geth's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransactionError {
    /// No bytes, or a type without a body.
    #[error("typed transaction too short")]
    TooShort,
    /// An EIP-2718 type that does not exist.
    #[error("transaction type not supported")]
    TypeNotSupported(u8),
    /// Not the encoding that the type's EIP asks for.
    #[error("rlp: {0}")]
    Rlp(alloy_rlp::Error),
    /// Bytes after the transaction.
    #[error("rlp: input contains more than one value")]
    TrailingBytes,
    /// Decodes, but is not how the transaction would be encoded, so its hash would be another one.
    #[error("rlp: non-canonical encoding")]
    NotCanonical,
    /// No public key belongs to the signature (EIP-2, EIP-155).
    #[error("invalid sender: invalid transaction v, r, s values")]
    InvalidSignature,
}

impl SignedTransaction {
    /// From the bytes of a client (`eth_sendRawTransaction`): EIP-2718, type 3 with its sidecar in the form of
    /// EIP-4844 or EIP-7594 or without it. Recovers the sender, which costs some 30 µs with the C library.
    pub fn decode_network(raw: &[u8]) -> Result<Self, TransactionError> {
        let mut rest = raw;
        let (envelope, sidecar) = match raw {
            [] | [0..0x80] => return Err(TransactionError::TooShort),
            [1..=4, ..] => {
                let network = NetworkEnvelope::decode_2718(&mut rest).map_err(from_eip_2718)?;
                split_sidecar(network)
            }
            [tx_type @ 0..0x80, ..] => {
                return Err(TransactionError::TypeNotSupported(*tx_type));
            }
            _ => {
                let signed = TxLegacy::rlp_decode_signed(&mut rest);
                (signed.map_err(TransactionError::Rlp)?.into(), None)
            }
        };
        if !rest.is_empty() {
            return Err(TransactionError::TrailingBytes);
        }
        // The other nodes get our encoding of it, so it must hash to what the client's bytes do.
        if sidecar.is_none() && envelope.encoded_2718() != raw {
            return Err(TransactionError::NotCanonical);
        }
        Self::recover(envelope, sidecar)
    }

    /// From a signed transaction: recovers the sender.
    pub fn recover(
        envelope: Envelope,
        sidecar: Option<BlobTransactionSidecarVariant>,
    ) -> Result<Self, TransactionError> {
        let sender = envelope
            .recover_signer()
            .map_err(|_| TransactionError::InvalidSignature)?;
        Ok(Self {
            envelope,
            sender,
            sidecar: sidecar.map(Arc::new),
        })
    }

    /// From a transaction of a block: recovers the sender also where the signature has a high `s`, as Frontier's may.
    pub fn recover_any(envelope: Envelope) -> Result<Self, TransactionError> {
        let sender = envelope
            .recover_signer_unchecked()
            .map_err(|_| TransactionError::InvalidSignature)?;
        Ok(Self {
            envelope,
            sender,
            sidecar: None,
        })
    }

    /// Keccak-256 of the canonical encoding.
    pub fn hash(&self) -> &B256 {
        self.envelope.hash()
    }

    /// The sender's nonce.
    pub fn nonce(&self) -> u64 {
        self.envelope.nonce()
    }

    /// The most that the sender pays a unit of gas, wei: `maxFeePerGas`, or the gas price of the old types.
    pub fn fee_cap(&self) -> u128 {
        self.envelope.max_fee_per_gas()
    }

    /// The most that goes to the beneficiary a unit of gas, wei: `maxPriorityFeePerGas`, or the gas price of the old
    /// types.
    pub fn tip_cap(&self) -> u128 {
        self.envelope.priority_fee_or_price()
    }

    /// What goes to the beneficiary a unit of gas at `base_fee` (EIP-1559); `None` if the fee cap is below it.
    pub fn effective_tip(&self, base_fee: u64) -> Option<u128> {
        self.envelope.effective_tip_per_gas(base_fee)
    }

    /// Whether it carries blobs (EIP-4844).
    pub fn is_blob(&self) -> bool {
        self.envelope.is_eip4844()
    }

    /// The most that it can cost, wei: gas at the fee cap, value, and blob gas at its fee cap. Saturates.
    pub fn max_cost(&self) -> U256 {
        let gas = U256::from(self.envelope.gas_limit()) * U256::from(self.fee_cap());
        let blob_count = self
            .envelope
            .blob_versioned_hashes()
            .map_or(0, <[B256]>::len);
        let blobs = U256::from(blob_count)
            * U256::from(DATA_GAS_PER_BLOB)
            * U256::from(self.envelope.max_fee_per_blob_gas().unwrap_or_default());
        gas.saturating_add(blobs)
            .saturating_add(self.envelope.value())
    }

    /// Bytes of the canonical encoding and of the blobs: what it takes of a pool.
    pub fn size(&self) -> usize {
        let blobs = self
            .sidecar
            .as_ref()
            .map_or(0, |sidecar| sidecar.encode_7594_len());
        self.envelope.encode_2718_len() + blobs
    }

    /// The canonical encoding (EIP-2718), as it stands in a block: without blobs.
    pub fn encode_2718(&self) -> Bytes {
        self.envelope.encoded_2718().into()
    }

    /// The encoding in which [`SignedTransaction::decode_network`] reads it back: with the blobs, where there are any.
    pub fn network_encoding(&self) -> Bytes {
        let (Envelope::Eip4844(signed), Some(sidecar)) = (&self.envelope, &self.sidecar) else {
            return self.encode_2718();
        };
        // EIP-4844: 0x03 ‖ rlp([transaction, (version,) blobs, commitments, proofs]).
        let body_length = signed
            .tx()
            .rlp_encoded_length_with_signature(signed.signature());
        let payload_length = body_length + sidecar.encode_7594_len();
        let mut out = Vec::with_capacity(payload_length + 10);
        out.push(signed.tx().ty());
        alloy_rlp::Header {
            list: true,
            payload_length,
        }
        .encode(&mut out);
        signed.tx().rlp_encode_signed(signed.signature(), &mut out);
        sidecar.encode_7594(&mut out);
        out.into()
    }
}

fn from_eip_2718(error: Eip2718Error) -> TransactionError {
    match error {
        Eip2718Error::UnexpectedType(tx_type) => TransactionError::TypeNotSupported(tx_type),
        Eip2718Error::RlpError(error) => TransactionError::Rlp(error),
        other => TransactionError::Rlp(other.into()),
    }
}

/// Takes the blobs out of a transaction.
fn split_sidecar(envelope: NetworkEnvelope) -> (Envelope, Option<BlobTransactionSidecarVariant>) {
    match envelope {
        NetworkEnvelope::Legacy(signed) => (signed.into(), None),
        NetworkEnvelope::Eip2930(signed) => (signed.into(), None),
        NetworkEnvelope::Eip1559(signed) => (signed.into(), None),
        NetworkEnvelope::Eip7702(signed) => (signed.into(), None),
        NetworkEnvelope::Eip4844(signed) => {
            let (variant, signature, _) = signed.into_parts();
            let (transaction, sidecar) = match variant {
                TxEip4844Variant::TxEip4844(transaction) => (transaction, None),
                TxEip4844Variant::TxEip4844WithSidecar(with) => {
                    let (transaction, sidecar) = with.into_parts();
                    (transaction, Some(sidecar))
                }
            };
            // The hash is that of the transaction without its blobs: computed anew.
            (Signed::new_unhashed(transaction, signature).into(), sidecar)
        }
    }
}
