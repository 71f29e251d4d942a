//! The transaction pool: a part of the replicated chain, the same on every node.
//!
//! [`Pool`] is a persistent value: a clone costs nothing and shares its trees with the original. It knows neither
//! state nor fork: the nonces of accounts come in as arguments, and [`validate`] holds the rules of admission. The
//! rules of order and replacement are those of geth's `legacypool` and `blobpool`.
//! *Invariant.* Everything depends on the order of insertions alone: no hash order, no clock. A transaction stands in
//! its sender's queue and in the index, or in neither.

mod codec;
mod ready;
#[cfg(test)]
mod tests;
pub mod validate;

use super::{Rejection, spec::PRICE_BUMP_PERCENT, transaction::SignedTransaction};
use alloy::{
    consensus::Transaction as _,
    primitives::{Address, B256},
};
use imbl::OrdMap;
use std::sync::Arc;

pub use codec::PoolDecodeError;
pub use ready::{Order, ReadyTransactions};

/// Transactions that can wait at the same time.
pub const MAX_TRANSACTIONS: usize = 65_536;
/// Transactions of one sender that can wait at the same time.
pub const MAX_TRANSACTIONS_PER_SENDER: usize = 4_096;
/// Bytes that can wait at the same time, blobs included.
pub const MAX_BYTES: usize = 512 << 20;

/// What a replacement must pay more in each fee where blobs are involved (geth's `--blobpool.pricebump`).
const BLOB_PRICE_BUMP_PERCENT: u128 = 100;

/// Transactions that wait for a block; a persistent value.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    senders: OrdMap<Address, Queue>,
    index: OrdMap<B256, (Address, u64)>,
    /// The number that the next insertion gets.
    next_arrival: u64,
    bytes: usize,
    /// What a replacement must pay more in each fee, percent; `None`: geth's 10. From the config, not stored.
    price_bump_percent: Option<u64>,
}

/// The waiting transactions of one sender, by nonce.
type Queue = OrdMap<u64, Waiting>;

/// A waiting transaction.
#[derive(Clone, Debug)]
struct Waiting {
    transaction: Arc<SignedTransaction>,
    /// How many insertions came before it.
    arrival: u64,
}

impl Pool {
    /// The same pool with another price bump.
    pub fn with_price_bump(self, percent: u64) -> Self {
        Self {
            price_bump_percent: Some(percent),
            ..self
        }
    }

    /// Takes a transaction. One with the same sender and nonce is replaced if this pays at least 10 % more (both
    /// fee caps; 100 % for blobs, blob fee cap included), and its hash returned. `account_nonce` is the sender's next
    /// nonce in the state.
    pub fn insert(
        &mut self,
        transaction: Arc<SignedTransaction>,
        account_nonce: u64,
    ) -> Result<Option<B256>, Rejection> {
        let (sender, nonce) = (transaction.sender, transaction.nonce());
        if self.index.contains_key(transaction.hash()) {
            return Err(Rejection::AlreadyKnown);
        }
        if nonce < account_nonce {
            return Err(Rejection::NonceTooLow {
                next: account_nonce,
                got: nonce,
            });
        }
        let queue = self.senders.get(&sender);
        let old = queue
            .and_then(|queue| queue.get(&nonce))
            .map(|waiting| &waiting.transaction);
        let freed = match old {
            Some(old) if !self.outbids(&transaction, old) => {
                return Err(Rejection::ReplacementUnderpriced);
            }
            Some(old) => old.size(),
            None if self.index.len() >= MAX_TRANSACTIONS
                || queue.is_some_and(|queue| queue.len() >= MAX_TRANSACTIONS_PER_SENDER) =>
            {
                return Err(Rejection::PoolFull);
            }
            None => 0,
        };
        let bytes = self.bytes - freed + transaction.size();
        if bytes > MAX_BYTES {
            return Err(Rejection::PoolFull);
        }
        let replaced = old.map(|old| *old.hash());
        if let Some(hash) = &replaced {
            self.index.remove(hash);
        }
        self.bytes = bytes;
        self.index.insert(*transaction.hash(), (sender, nonce));
        let arrival = self.next_arrival;
        self.next_arrival += 1;
        self.senders.entry(sender).or_default().insert(
            nonce,
            Waiting {
                transaction,
                arrival,
            },
        );
        Ok(replaced)
    }

    /// A waiting transaction.
    pub fn get(&self, hash: &B256) -> Option<&Arc<SignedTransaction>> {
        let (sender, nonce) = self.index.get(hash)?;
        self.by_nonce(*sender, *nonce)
    }

    /// The waiting transaction of `sender` with that nonce.
    pub fn by_nonce(&self, sender: Address, nonce: u64) -> Option<&Arc<SignedTransaction>> {
        self.senders
            .get(&sender)?
            .get(&nonce)
            .map(|waiting| &waiting.transaction)
    }

    /// Takes one out. Those after it stay and wait for the gap to close.
    pub fn remove(&mut self, hash: &B256) -> Option<Arc<SignedTransaction>> {
        let (sender, nonce) = *self.index.get(hash)?;
        self.take(sender, nonce)
    }

    /// Takes out all of one sender.
    pub fn remove_sender(&mut self, sender: Address) -> Vec<Arc<SignedTransaction>> {
        let Some(queue) = self.senders.remove(&sender) else {
            return Vec::new();
        };
        queue
            .into_iter()
            .map(|(_, waiting)| self.forget(waiting))
            .collect()
    }

    /// Takes out those of `sender` with a nonce below `account_nonce`.
    pub fn remove_stale(&mut self, sender: Address, account_nonce: u64) {
        while let Some(nonce) = self
            .first_nonce(sender)
            .filter(|nonce| *nonce < account_nonce)
        {
            self.take(sender, nonce);
        }
    }

    /// Takes out all. The count of arrivals goes on.
    pub fn clear(&mut self) {
        *self = Self {
            next_arrival: self.next_arrival,
            price_bump_percent: self.price_bump_percent,
            ..Self::default()
        };
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// All that wait, by sender and nonce.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<SignedTransaction>> {
        self.senders
            .values()
            .flat_map(|queue| queue.values().map(|waiting| &waiting.transaction))
    }

    /// Those of one sender, by nonce.
    pub fn of_sender(&self, sender: Address) -> impl Iterator<Item = &Arc<SignedTransaction>> {
        self.senders
            .get(&sender)
            .into_iter()
            .flat_map(|queue| queue.values().map(|waiting| &waiting.transaction))
    }

    /// Those without a gap before them (`txpool_content.pending`), by sender and nonce. What their fee caps are does
    /// not matter, as in geth.
    pub fn pending(
        &self,
        account_nonce: impl Fn(Address) -> u64,
    ) -> impl Iterator<Item = &Arc<SignedTransaction>> {
        self.split(account_nonce)
            .filter_map(|(pending, transaction)| pending.then_some(transaction))
    }

    /// Those behind a gap (`txpool_content.queued`), by sender and nonce.
    pub fn queued(
        &self,
        account_nonce: impl Fn(Address) -> u64,
    ) -> impl Iterator<Item = &Arc<SignedTransaction>> {
        self.split(account_nonce)
            .filter_map(|(pending, transaction)| (!pending).then_some(transaction))
    }

    /// What a block can take, one by one; see [`ReadyTransactions`]. The pool is not changed by it.
    pub fn ready(
        &self,
        account_nonce: impl Fn(Address) -> u64,
        base_fee: u64,
        order: Order,
    ) -> ReadyTransactions {
        ReadyTransactions::new(self.senders.clone(), account_nonce, base_fee, order)
    }

    /// The nonce after the last gap-free waiting transaction of `sender`.
    pub fn next_nonce(&self, sender: Address, account_nonce: u64) -> u64 {
        let Some(queue) = self.senders.get(&sender) else {
            return account_nonce;
        };
        // The usual case, without a walk: nothing stale, no gap.
        if let (Some((first, _)), Some((last, _))) = (queue.get_min(), queue.get_max())
            && *first == account_nonce
            && last - first + 1 == queue.len() as u64
        {
            return last.saturating_add(1);
        }
        let mut next = account_nonce;
        for (nonce, _) in queue.range(account_nonce..) {
            if *nonce != next {
                break;
            }
            next = next.saturating_add(1);
        }
        next
    }

    /// Each with whether no gap stands before it.
    fn split(
        &self,
        account_nonce: impl Fn(Address) -> u64,
    ) -> impl Iterator<Item = (bool, &Arc<SignedTransaction>)> {
        self.senders.iter().flat_map(move |(sender, queue)| {
            let first_gap = self.next_nonce(*sender, account_nonce(*sender));
            queue
                .iter()
                .map(move |(nonce, waiting)| (*nonce < first_gap, &waiting.transaction))
        })
    }

    fn first_nonce(&self, sender: Address) -> Option<u64> {
        self.senders
            .get(&sender)?
            .get_min()
            .map(|(nonce, _)| *nonce)
    }

    fn take(&mut self, sender: Address, nonce: u64) -> Option<Arc<SignedTransaction>> {
        let queue = self.senders.get_mut(&sender)?;
        let waiting = queue.remove(&nonce)?;
        if queue.is_empty() {
            self.senders.remove(&sender);
        }
        Some(self.forget(waiting))
    }

    fn forget(&mut self, waiting: Waiting) -> Arc<SignedTransaction> {
        self.index.remove(waiting.transaction.hash());
        self.bytes -= waiting.transaction.size();
        waiting.transaction
    }

    /// Whether `new` pays enough more than `old` in every fee to take its place: more in each, and at least by the price
    /// bump (geth rounds the threshold down).
    fn outbids(&self, new: &SignedTransaction, old: &SignedTransaction) -> bool {
        let percent = if new.is_blob() || old.is_blob() {
            BLOB_PRICE_BUMP_PERCENT
        } else {
            u128::from(self.price_bump_percent.unwrap_or(PRICE_BUMP_PERCENT))
        };
        let enough =
            |new: u128, old: u128| new > old && new >= old.saturating_add(bump(old, percent));
        let blob_fees = match (
            new.envelope.max_fee_per_blob_gas(),
            old.envelope.max_fee_per_blob_gas(),
        ) {
            (Some(new), Some(old)) => enough(new, old),
            _ => true,
        };
        enough(new.fee_cap(), old.fee_cap()) && enough(new.tip_cap(), old.tip_cap()) && blob_fees
    }
}

/// `percent` of `fee`, rounded down, without overflow.
fn bump(fee: u128, percent: u128) -> u128 {
    (fee / 100)
        .saturating_mul(percent)
        .saturating_add(fee % 100 * percent / 100)
}
