//! The pool in bytes, for checkpoints: a format byte, then postcard; transactions inside in their own stored form.

use super::{Pool, Waiting};
use crate::chain::transaction::SignedTransaction;
use alloy::primitives::Bytes;
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
    /// Arrival, and the transaction with its sender and blobs.
    transactions: Vec<(u64, Bytes)>,
}

impl Pool {
    /// The pool in bytes. Equal pools give equal bytes.
    pub fn encode(&self) -> Vec<u8> {
        let transactions = self
            .senders
            .values()
            .flat_map(|queue| queue.values())
            .map(|waiting| (waiting.arrival, waiting.transaction.to_bytes().into()))
            .collect();
        let stored = StoredPool {
            next_arrival: self.next_arrival,
            transactions,
        };
        // Writing into memory cannot fail; no bytes would be refused by `decode`.
        postcard::to_extend(&stored, vec![FORMAT]).unwrap_or_default()
    }

    /// The pool that [`Pool::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, PoolDecodeError> {
        let Some((&FORMAT, rest)) = bytes.split_first() else {
            return Err(PoolDecodeError("unknown format".into()));
        };
        let (stored, rest): (StoredPool, _) = postcard::take_from_bytes(rest).map_err(corrupt)?;
        if !rest.is_empty() {
            return Err(PoolDecodeError("bytes after its end".into()));
        }
        let mut pool = Self {
            next_arrival: stored.next_arrival,
            ..Self::default()
        };
        for (arrival, bytes) in stored.transactions {
            let transaction = Arc::new(SignedTransaction::from_bytes(&bytes).map_err(corrupt)?);
            pool.restore(Waiting {
                transaction,
                arrival,
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

fn corrupt(problem: impl std::fmt::Display) -> PoolDecodeError {
    PoolDecodeError(problem.to_string())
}
