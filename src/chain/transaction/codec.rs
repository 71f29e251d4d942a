//! A transaction with its sender as bytes, for the log, the store and the peers.
//!
//! RLP: `[sender, EIP-2718 bytes, sidecar bytes or nothing]`. The sender is part of it, so that nobody recovers it twice.

use super::{Envelope, SignedTransaction};
use alloy::{
    consensus::BlobTransactionSidecarVariant,
    eips::{
        eip2718::{Decodable2718, Encodable2718},
        eip7594::{Decodable7594, Encodable7594},
    },
    primitives::{Address, Bytes},
};
use alloy_rlp::{Decodable, RlpDecodable, RlpEncodable};
use std::sync::Arc;

/// Bytes that are no transaction.
#[derive(Debug, thiserror::Error)]
#[error("a stored transaction cannot be read: {0}")]
pub struct StoredTransactionError(String);

#[derive(RlpEncodable, RlpDecodable)]
struct Stored {
    sender: Address,
    envelope: Bytes,
    sidecar: Bytes,
}

impl SignedTransaction {
    /// The bytes; blobs included where they are there.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut sidecar = Vec::new();
        if let Some(blobs) = &self.sidecar {
            blobs.encode_7594(&mut sidecar);
        }
        alloy_rlp::encode(Stored {
            sender: self.sender,
            envelope: self.envelope.encoded_2718().into(),
            sidecar: sidecar.into(),
        })
    }

    /// The transaction that the bytes hold. The sender is believed.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StoredTransactionError> {
        let stored = Stored::decode(&mut &bytes[..]).map_err(unreadable)?;
        let envelope = Envelope::decode_2718(&mut &stored.envelope[..]).map_err(unreadable)?;
        let sidecar = if stored.sidecar.is_empty() {
            None
        } else {
            let sidecar = BlobTransactionSidecarVariant::decode_7594(&mut &stored.sidecar[..])
                .map_err(unreadable)?;
            Some(Arc::new(sidecar))
        };
        Ok(Self {
            envelope,
            sender: stored.sender,
            sidecar,
        })
    }
}

fn unreadable(error: impl std::fmt::Display) -> StoredTransactionError {
    StoredTransactionError(error.to_string())
}
