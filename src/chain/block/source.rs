//! Where a block's transactions come from: the pool, for who builds; the block itself, for who follows.

use crate::chain::{
    evm::execute::{ExecutionError, Refusal, TransactionSource},
    pool::ReadyTransactions,
    transaction::SignedTransaction,
};
use alloy::{consensus::Transaction as _, eips::Encodable2718 as _, primitives::B256};
use std::sync::Arc;

/// The transactions of a given block: each must fit.
#[derive(Debug)]
pub(crate) struct Exactly<'a>(pub(crate) std::slice::Iter<'a, Arc<SignedTransaction>>);

impl TransactionSource for Exactly<'_> {
    fn next(&mut self) -> Option<Arc<SignedTransaction>> {
        self.0.next().cloned()
    }

    fn refused(
        &mut self,
        transaction: &Arc<SignedTransaction>,
        refusal: Refusal,
    ) -> Result<(), ExecutionError> {
        let reason = match refusal {
            Refusal::Invalid(reason) | Refusal::Unfunded(reason) => reason,
            Refusal::DoesNotFit => "it exceeds what is left of the block's gas".to_owned(),
        };
        Err(ExecutionError::InvalidTransaction {
            hash: *transaction.hash(),
            reason,
        })
    }
}

/// The best transactions that wait, as many as fit.
#[derive(Debug)]
pub(crate) struct FromPool {
    ready: ReadyTransactions,
    /// Transactions that the block may still take.
    room: usize,
    /// Blob gas that the block may still take (EIP-4844).
    blob_gas_room: u64,
    /// Bytes that the block's RLP may still take (EIP-7934).
    bytes_room: usize,
    /// Refusals by size after which the block counts as full: the rest of the pool is not tried.
    misfits_left: usize,
    evicted: Vec<B256>,
    /// Whether those whose sender cannot pay stay and wait.
    keeps_unfunded: bool,
}

/// Bytes of a transaction in a block's RLP, with room for the header of its string.
fn bytes_of(transaction: &SignedTransaction) -> usize {
    transaction.envelope.encode_2718_len() + 9
}

/// A block is taken as full after so many transactions that do not fit.
const MISFITS_MAX: usize = 64;

impl FromPool {
    pub(crate) fn new(
        ready: ReadyTransactions,
        room: usize,
        blob_gas_room: u64,
        bytes_room: usize,
    ) -> Self {
        Self {
            ready,
            room,
            blob_gas_room,
            bytes_room,
            misfits_left: MISFITS_MAX,
            evicted: Vec::new(),
            keeps_unfunded: false,
        }
    }

    /// Lets those whose sender cannot pay wait until he can.
    pub(crate) fn keep_unfunded(mut self, keeps: bool) -> Self {
        self.keeps_unfunded = keeps;
        self
    }

    /// Hashes of those that can never be mined on this state.
    pub(crate) fn into_evicted(self) -> Vec<B256> {
        self.evicted
    }
}

impl TransactionSource for FromPool {
    fn next(&mut self) -> Option<Arc<SignedTransaction>> {
        while self.room > 0 && self.misfits_left > 0 {
            let transaction = self.ready.next()?;
            let blob_gas = transaction.envelope.blob_gas_used().unwrap_or_default();
            let bytes = bytes_of(&transaction);
            if blob_gas > self.blob_gas_room || bytes > self.bytes_room {
                self.ready.skip_sender(transaction.sender);
                continue;
            }
            self.blob_gas_room -= blob_gas;
            self.bytes_room -= bytes;
            self.room -= 1;
            return Some(transaction);
        }
        None
    }

    fn refused(
        &mut self,
        transaction: &Arc<SignedTransaction>,
        refusal: Refusal,
    ) -> Result<(), ExecutionError> {
        self.room += 1;
        self.blob_gas_room += transaction.envelope.blob_gas_used().unwrap_or_default();
        self.bytes_room += bytes_of(transaction);
        self.ready.skip_sender(transaction.sender);
        match refusal {
            Refusal::Unfunded(_) if self.keeps_unfunded => {}
            Refusal::Invalid(_) | Refusal::Unfunded(_) => self.evicted.push(*transaction.hash()),
            Refusal::DoesNotFit => self.misfits_left -= 1,
        }
        Ok(())
    }
}
