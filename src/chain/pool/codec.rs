//! The pool in bytes, for checkpoints: a format byte, then postcard; transactions inside in EIP-2718 form.

use super::{Pool, Waiting};
use crate::chain::transaction::{Envelope, SignedTransaction};
use alloy::{
    consensus::BlobTransactionSidecarVariant,
    eips::{
        eip2718::Decodable2718 as _,
        eip7594::{Decodable7594 as _, Encodable7594 as _},
    },
    primitives::Address,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The first byte; another one is another format.
const FORMAT: u8 = 1;

/// Bytes that are no pool.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stored transaction pool cannot be read: {0}")]
pub struct PoolDecodeError(String);

#[derive(Serialize, Deserialize)]
struct StoredPool {
    next_arrival: u64,
    transactions: Vec<StoredTransaction>,
}

#[derive(Serialize, Deserialize)]
struct StoredTransaction {
    arrival: u64,
    sender: Address,
    /// EIP-2718.
    envelope: Vec<u8>,
    /// EIP-4844's or EIP-7594's lists of blobs, commitments and proofs.
    sidecar: Option<Vec<u8>>,
}

impl Pool {
    /// The pool in bytes. Equal pools give equal bytes.
    pub fn encode(&self) -> Vec<u8> {
        let transactions = self
            .senders
            .values()
            .flat_map(|queue| queue.values())
            .map(
                |Waiting {
                     transaction,
                     arrival,
                 }| StoredTransaction {
                    arrival: *arrival,
                    sender: transaction.sender,
                    envelope: transaction.encode_2718().into(),
                    sidecar: transaction.sidecar.as_ref().map(|sidecar| {
                        let mut out = Vec::with_capacity(sidecar.encode_7594_len());
                        sidecar.encode_7594(&mut out);
                        out
                    }),
                },
            )
            .collect();
        let stored = StoredPool {
            next_arrival: self.next_arrival,
            transactions,
        };
        // Writing to a vector cannot fail, and every field has a length.
        postcard::to_extend(&stored, vec![FORMAT]).unwrap_or_default()
    }

    /// The pool that [`Pool::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, PoolDecodeError> {
        let corrupt = |problem: &dyn std::fmt::Display| PoolDecodeError(problem.to_string());
        let Some((&FORMAT, rest)) = bytes.split_first() else {
            return Err(PoolDecodeError("unknown format".into()));
        };
        let (stored, rest): (StoredPool, _) =
            postcard::take_from_bytes(rest).map_err(|error| corrupt(&error))?;
        if !rest.is_empty() {
            return Err(PoolDecodeError("bytes after its end".into()));
        }
        let mut pool = Self {
            next_arrival: stored.next_arrival,
            ..Self::default()
        };
        for stored in stored.transactions {
            let envelope =
                Envelope::decode_2718_exact(&stored.envelope).map_err(|error| corrupt(&error))?;
            let sidecar = stored
                .sidecar
                .map(|bytes| BlobTransactionSidecarVariant::decode_7594(&mut &bytes[..]))
                .transpose()
                .map_err(|error| corrupt(&error))?;
            let sender = stored.sender;
            let transaction = SignedTransaction {
                envelope,
                sender,
                sidecar: sidecar.map(Arc::new),
            };
            pool.restore(Waiting {
                transaction: Arc::new(transaction),
                arrival: stored.arrival,
            });
        }
        Ok(pool)
    }

    /// Puts one back without asking whether it may be there.
    fn restore(&mut self, waiting: Waiting) {
        let (sender, nonce) = (waiting.transaction.sender, waiting.transaction.nonce());
        self.bytes += waiting.transaction.size();
        self.index
            .insert(*waiting.transaction.hash(), (sender, nonce));
        self.senders
            .entry(sender)
            .or_default()
            .insert(nonce, waiting);
    }
}
