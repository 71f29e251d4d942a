//! The order in which a block takes waiting transactions.

use super::{Queue, SignedTransaction, Waiting};
use alloy::primitives::Address;
use imbl::OrdMap;
use std::{cmp::Reverse, collections::BTreeSet, collections::BinaryHeap, fmt, sync::Arc};

/// Which of several senders' next transactions comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Order {
    /// The highest effective tip at the block's base fee; equal ones in the order of their arrival.
    #[default]
    Fees,
    /// The order of arrival.
    Fifo,
}

/// What a block can take, given out one by one: the nonces of one sender in order and without a gap from the account's
/// on; those whose fee cap is below the base fee wait, with their successors.
///
/// A heap over the senders: to begin costs one step a sender, each transaction the logarithm of that, so a builder
/// whose block is full has paid for what it took. Holds its own (shared) view of the pool.
pub struct ReadyTransactions {
    senders: OrdMap<Address, Queue>,
    heads: BinaryHeap<Candidate>,
    skipped: BTreeSet<Address>,
    base_fee: u64,
    order: Order,
}

/// A sender's next transaction. The greatest comes first; arrivals are unique, so that the order is total.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    /// The effective tip, or 0 where it does not matter.
    tip: u128,
    arrival: Reverse<u64>,
    sender: Address,
    nonce: u64,
}

impl fmt::Debug for ReadyTransactions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReadyTransactions({} senders)", self.heads.len())
    }
}

impl ReadyTransactions {
    pub(super) fn new(
        senders: OrdMap<Address, Queue>,
        account_nonce: impl Fn(Address) -> u64,
        base_fee: u64,
        order: Order,
    ) -> Self {
        let heads = senders
            .iter()
            .filter_map(|(sender, queue)| {
                // The nonce of the account costs more than this look at the fees.
                if queue.len() == 1 {
                    queue.get_min()?.1.transaction.effective_tip(base_fee)?;
                }
                candidate(queue, *sender, account_nonce(*sender), base_fee, order)
            })
            .collect::<Vec<_>>();
        Self {
            senders,
            heads: heads.into(),
            skipped: BTreeSet::new(),
            base_fee,
            order,
        }
    }

    /// Takes no more of `sender`: its last transaction did not fit, so its successors cannot be mined.
    pub fn skip_sender(&mut self, sender: Address) {
        self.skipped.insert(sender);
    }
}

impl Iterator for ReadyTransactions {
    type Item = Arc<SignedTransaction>;

    fn next(&mut self) -> Option<Arc<SignedTransaction>> {
        loop {
            let Candidate { sender, nonce, .. } = self.heads.pop()?;
            if self.skipped.contains(&sender) {
                continue;
            }
            let queue = self.senders.get(&sender)?;
            if let Some(next) = nonce
                .checked_add(1)
                .and_then(|nonce| candidate(queue, sender, nonce, self.base_fee, self.order))
            {
                self.heads.push(next);
            }
            return queue
                .get(&nonce)
                .map(|waiting| Arc::clone(&waiting.transaction));
        }
    }
}

/// The transaction of `sender` with that nonce, if it is there and pays the base fee.
fn candidate(
    queue: &Queue,
    sender: Address,
    nonce: u64,
    base_fee: u64,
    order: Order,
) -> Option<Candidate> {
    let Waiting {
        transaction,
        arrival,
    } = queue.get(&nonce)?;
    let tip = transaction.effective_tip(base_fee)?;
    let tip = match order {
        Order::Fees => tip,
        Order::Fifo => 0,
    };
    Some(Candidate {
        tip,
        arrival: Reverse(*arrival),
        sender,
        nonce,
    })
}
