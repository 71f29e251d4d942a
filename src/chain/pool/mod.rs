//! The transaction pool: a part of the replicated chain, the same on every node.

use super::{Rejection, transaction::SignedTransaction};
use alloy::primitives::{Address, B256};
use std::sync::Arc;

/// Transactions that wait for a block; a persistent value.
#[derive(Clone, Debug, Default)]
pub struct Pool {}

impl Pool {
    /// Takes a transaction. One with the same sender and nonce is replaced if this pays at least 10 % more (both
    /// fee caps; 100 % for blobs), and its hash returned. `account_nonce` is the sender's next nonce in the state.
    pub fn insert(
        &mut self,
        _transaction: Arc<SignedTransaction>,
        _account_nonce: u64,
    ) -> Result<Option<B256>, Rejection> {
        todo!()
    }
    /// A waiting transaction.
    pub fn get(&self, _hash: &B256) -> Option<&Arc<SignedTransaction>> {
        todo!()
    }
    /// Takes one out.
    pub fn remove(&mut self, _hash: &B256) -> Option<Arc<SignedTransaction>> {
        todo!()
    }
    /// Takes out all of one sender.
    pub fn remove_sender(&mut self, _sender: Address) -> Vec<Arc<SignedTransaction>> {
        todo!()
    }
    /// Takes out those of `sender` with a nonce below `account_nonce`.
    pub fn remove_stale(&mut self, _sender: Address, _account_nonce: u64) {
        todo!()
    }
    /// Takes out all.
    pub fn clear(&mut self) {
        todo!()
    }
    /// How many wait.
    pub fn len(&self) -> usize {
        todo!()
    }
    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// All that wait, by sender and nonce.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<SignedTransaction>> {
        std::iter::empty()
    }
    /// What a block can take, best effective tip first, nonces of one sender in order and without a gap from
    /// `account_nonce(sender)` on; those whose fee cap is below `base_fee` wait, with their successors.
    pub fn ready(
        &self,
        _account_nonce: impl Fn(Address) -> u64,
        _base_fee: u64,
    ) -> Vec<Arc<SignedTransaction>> {
        todo!()
    }
    /// The nonce after the last gap-free waiting transaction of `sender`.
    pub fn next_nonce(&self, _sender: Address, account_nonce: u64) -> u64 {
        account_nonce
    }
}
