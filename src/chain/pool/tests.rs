#![allow(clippy::unwrap_used)]

use super::*;
use crate::chain::accounts::impersonate;
use alloy::{
    consensus::{TxEip1559, TxEip4844, TxEip4844Variant, TxLegacy, TypedTransaction},
    primitives::{TxKind, U256},
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn sender(index: u8) -> Address {
    Address::with_last_byte(index)
}

fn transaction(from: u8, nonce: u64, fee_cap: u128, tip_cap: u128) -> Arc<SignedTransaction> {
    let transaction = TxEip1559 {
        chain_id: 1,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: fee_cap,
        max_priority_fee_per_gas: tip_cap,
        to: TxKind::Call(Address::ZERO),
        ..TxEip1559::default()
    };
    Arc::new(impersonate(
        TypedTransaction::Eip1559(transaction),
        sender(from),
    ))
}

fn blob_transaction(from: u8, nonce: u64, fee: u128, blob_fee: u128) -> Arc<SignedTransaction> {
    let transaction = TxEip4844 {
        nonce,
        max_fee_per_gas: fee,
        max_priority_fee_per_gas: fee,
        max_fee_per_blob_gas: blob_fee,
        blob_versioned_hashes: vec![B256::with_last_byte(1)],
        ..TxEip4844::default()
    };
    let variant = TxEip4844Variant::TxEip4844(transaction);
    Arc::new(impersonate(
        TypedTransaction::Eip4844(variant),
        sender(from),
    ))
}

/// Sender and nonce of each.
fn places(transactions: impl Iterator<Item = Arc<SignedTransaction>>) -> Vec<(u8, u64)> {
    transactions
        .map(|transaction| (transaction.sender[19], transaction.nonce()))
        .collect()
}

#[test]
fn a_replacement_must_pay_a_tenth_more_in_both_fees() {
    let mut pool = Pool::default();
    let first = transaction(1, 0, 1000, 100);
    assert_eq!(pool.insert(first.clone(), 0), Ok(None));
    assert_eq!(pool.insert(first.clone(), 0), Err(Rejection::AlreadyKnown));
    for (fee_cap, tip_cap) in [(1000, 110), (1100, 100), (1099, 110), (1100, 109)] {
        let short = transaction(1, 0, fee_cap, tip_cap);
        assert_eq!(
            pool.insert(short, 0),
            Err(Rejection::ReplacementUnderpriced)
        );
    }
    let second = transaction(1, 0, 1100, 110);
    assert_eq!(pool.insert(second.clone(), 0), Ok(Some(*first.hash())));
    assert_eq!(pool.len(), 1);
    assert!(pool.get(first.hash()).is_none());
    assert_eq!(pool.get(second.hash()), Some(&second));
}

#[test]
fn the_price_bump_of_the_config_holds_through_a_clear() {
    let mut pool = Pool::default().with_price_bump(50);
    for _ in 0..2 {
        pool.insert(transaction(1, 0, 1000, 100), 0).unwrap();
        let short = pool.insert(transaction(1, 0, 1499, 149), 0);
        assert_eq!(short, Err(Rejection::ReplacementUnderpriced));
        assert!(pool.insert(transaction(1, 0, 1500, 150), 0).is_ok());
        pool.clear();
    }
    let mut free = Pool::default().with_price_bump(0);
    free.insert(transaction(1, 0, 1000, 100), 0).unwrap();
    assert!(free.insert(transaction(1, 0, 1001, 101), 0).is_ok());
}

#[test]
fn a_tip_of_nothing_cannot_be_replaced_by_nothing() {
    let mut pool = Pool::default();
    pool.insert(transaction(1, 0, 0, 0), 0).unwrap();
    assert_eq!(
        pool.insert(transaction(1, 0, 5, 0), 0),
        Err(Rejection::ReplacementUnderpriced)
    );
    assert!(pool.insert(transaction(1, 0, 5, 1), 0).is_ok());
}

#[test]
fn blobs_must_be_outbid_twofold_in_all_three_fees() {
    let mut pool = Pool::default();
    pool.insert(blob_transaction(1, 0, 100, 10), 0).unwrap();
    for (fee, blob_fee) in [(199, 20), (200, 19)] {
        let short = blob_transaction(1, 0, fee, blob_fee);
        assert_eq!(
            pool.insert(short, 0),
            Err(Rejection::ReplacementUnderpriced)
        );
    }
    let plain = transaction(1, 0, 150, 150);
    assert_eq!(
        pool.insert(plain, 0),
        Err(Rejection::ReplacementUnderpriced)
    );
    assert!(
        pool.insert(blob_transaction(1, 0, 200, 20), 0)
            .unwrap()
            .is_some()
    );
    assert!(
        pool.insert(transaction(1, 0, 400, 400), 0)
            .unwrap()
            .is_some()
    );
}

#[test]
fn a_used_nonce_is_refused_with_the_next_one() {
    let mut pool = Pool::default();
    assert_eq!(
        pool.insert(transaction(1, 4, 1, 1), 5),
        Err(Rejection::NonceTooLow { next: 5, got: 4 })
    );
    assert!(pool.is_empty());
}

#[test]
fn a_sender_can_fill_its_own_share_only() {
    let mut pool = Pool::default();
    for nonce in 0..MAX_TRANSACTIONS_PER_SENDER as u64 {
        pool.insert(transaction(1, nonce, 10, 1), 0).unwrap();
    }
    let beyond = transaction(1, MAX_TRANSACTIONS_PER_SENDER as u64, 10, 1);
    assert_eq!(pool.insert(beyond, 0), Err(Rejection::PoolFull));
    assert!(
        pool.insert(transaction(1, 0, 20, 2), 0).unwrap().is_some(),
        "it may still replace"
    );
    assert!(
        pool.insert(transaction(2, 0, 10, 1), 0).is_ok(),
        "others are not concerned"
    );
    assert_eq!(
        pool.next_nonce(sender(1), 0),
        MAX_TRANSACTIONS_PER_SENDER as u64
    );
}

#[test]
fn the_pool_as_a_whole_is_limited() {
    let mut pool = Pool::default();
    pool.insert(transaction(1, 0, 10, 1), 0).unwrap();
    for number in 1..MAX_TRANSACTIONS {
        // Others, of which only the count matters here.
        pool.index
            .insert(B256::from(U256::from(number)), (sender(2), number as u64));
    }
    assert_eq!(
        pool.insert(transaction(3, 0, 10, 1), 0),
        Err(Rejection::PoolFull)
    );
    assert!(pool.insert(transaction(1, 0, 20, 2), 0).unwrap().is_some());

    let mut pool = Pool::default();
    let first = transaction(1, 0, 10, 1);
    pool.bytes = MAX_BYTES - first.size();
    pool.insert(first, 0).unwrap();
    assert_eq!(
        pool.insert(transaction(2, 0, 10, 1), 0),
        Err(Rejection::PoolFull)
    );
    assert!(pool.insert(transaction(1, 0, 20, 2), 0).unwrap().is_some());
    assert_eq!((pool.len(), pool.bytes), (1, MAX_BYTES));
}

#[test]
fn the_best_effective_tip_comes_first_not_the_highest_cap() {
    let mut pool = Pool::default();
    pool.insert(transaction(1, 0, 1000, 1), 0).unwrap();
    pool.insert(transaction(2, 0, 102, 50), 0).unwrap();
    pool.insert(transaction(3, 0, 200, 3), 0).unwrap();
    let order = |base_fee| places(pool.ready(|_| 0, base_fee, Order::Fees));
    assert_eq!(order(100), [(3, 0), (2, 0), (1, 0)]);
    assert_eq!(order(10), [(2, 0), (3, 0), (1, 0)]);
    assert_eq!(order(103), [(3, 0), (1, 0)]);
    assert_eq!(
        places(pool.ready(|_| 0, 100, Order::Fifo)),
        [(1, 0), (2, 0), (3, 0)]
    );
}

#[test]
fn a_gap_or_a_low_cap_holds_back_all_that_follow() {
    let mut pool = Pool::default();
    for (nonce, fee_cap) in [(5, 100), (6, 9), (7, 100), (9, 100)] {
        pool.insert(transaction(1, nonce, fee_cap, 1), 5).unwrap();
    }
    let ready =
        |account_nonce, base_fee| places(pool.ready(|_| account_nonce, base_fee, Order::Fees));
    assert_eq!(ready(5, 1), [(1, 5), (1, 6), (1, 7)]);
    assert_eq!(ready(5, 10), [(1, 5)]);
    assert_eq!(ready(4, 1), []);
    assert_eq!(ready(7, 1), [(1, 7)]);
    assert_eq!(pool.next_nonce(sender(1), 5), 8);
    assert_eq!(pool.next_nonce(sender(1), 8), 8);
    assert_eq!(pool.next_nonce(sender(1), 9), 10);
    assert_eq!(pool.next_nonce(sender(2), 3), 3);
    let split = |nonce| {
        (
            places(pool.pending(|_| nonce).cloned()),
            places(pool.queued(|_| nonce).cloned()),
        )
    };
    assert_eq!(split(5), (vec![(1, 5), (1, 6), (1, 7)], vec![(1, 9)]));
    assert_eq!(split(0).0, []);
}

#[test]
fn a_skipped_sender_gives_no_more() {
    let mut pool = Pool::default();
    for nonce in 0..3 {
        pool.insert(transaction(1, nonce, 100, 50), 0).unwrap();
        pool.insert(transaction(2, nonce, 100, 10), 0).unwrap();
    }
    let mut ready = pool.ready(|_| 0, 0, Order::Fees);
    assert_eq!(ready.next().unwrap().sender, sender(1));
    ready.skip_sender(sender(1));
    assert_eq!(places(ready), [(2, 0), (2, 1), (2, 2)]);
}

#[test]
fn what_is_ready_does_not_change_with_the_pool() {
    let mut pool = Pool::default();
    pool.insert(transaction(1, 0, 100, 50), 0).unwrap();
    pool.insert(transaction(1, 1, 100, 50), 0).unwrap();
    let ready = pool.ready(|_| 0, 0, Order::Fees);
    pool.clear();
    assert!(pool.is_empty() && pool.iter().next().is_none());
    assert_eq!(places(ready), [(1, 0), (1, 1)]);
}

#[test]
fn the_last_nonce_of_all_does_not_overflow() {
    let mut pool = Pool::default();
    pool.insert(transaction(1, u64::MAX, 1, 1), 0).unwrap();
    pool.insert(transaction(1, u64::MAX - 1, 1, 1), 0).unwrap();
    assert_eq!(pool.ready(|_| u64::MAX - 1, 0, Order::Fees).count(), 2);
    assert_eq!(pool.next_nonce(sender(1), u64::MAX - 1), u64::MAX);
    assert_eq!(pool.next_nonce(sender(1), u64::MAX), u64::MAX);
}

#[test]
fn the_bytes_of_a_pool_give_it_back() {
    let mut pool = Pool::default();
    pool.insert(transaction(2, 0, 100, 10), 0).unwrap();
    pool.insert(transaction(1, 7, 100, 10), 0).unwrap();
    pool.insert(blob_transaction(3, 0, 100, 10), 0).unwrap();
    let legacy = TxLegacy {
        gas_price: 100,
        value: U256::from(3),
        ..TxLegacy::default()
    };
    let legacy = impersonate(TypedTransaction::Legacy(legacy), sender(4));
    pool.insert(Arc::new(legacy), 0).unwrap();
    let mut copy = Pool::decode(&pool.encode()).unwrap();
    assert_eq!(copy.encode(), pool.encode());
    assert!(copy.iter().eq(pool.iter()));
    assert_eq!(copy.bytes, pool.bytes);
    let fifo = |pool: &Pool| places(pool.ready(|_| 0, 0, Order::Fifo));
    assert_eq!(fifo(&copy), fifo(&pool));
    // A later arrival is later in both.
    copy.insert(transaction(5, 0, 100, 10), 0).unwrap();
    pool.insert(transaction(5, 0, 100, 10), 0).unwrap();
    assert_eq!(copy.encode(), pool.encode());
    assert!(Pool::decode(&[]).is_err());
    assert!(Pool::decode(&[9]).is_err());
    let mut longer = pool.encode();
    longer.push(0);
    assert!(Pool::decode(&longer).is_err());
}

/// One step on a pool.
#[derive(Clone, Debug)]
enum Step {
    Insert {
        from: u8,
        nonce: u64,
        fee_cap: u128,
        tip_cap: u128,
    },
    Remove {
        from: u8,
        nonce: u64,
    },
    RemoveSender {
        from: u8,
    },
    Mine {
        from: u8,
        count: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..4u8, 0..8u64, 0..300u128, 0..60u128).prop_map(|(from, nonce, fee_cap, tip_cap)| {
            Step::Insert { from, nonce, fee_cap, tip_cap: tip_cap.min(fee_cap) }
        }),
        1 => (0..4u8, 0..8u64).prop_map(|(from, nonce)| Step::Remove { from, nonce }),
        1 => (0..4u8).prop_map(|from| Step::RemoveSender { from }),
        1 => (0..4u8, 0..3u64).prop_map(|(from, count)| Step::Mine { from, count }),
    ]
}

/// The same pool, written without thought for speed.
#[derive(Default)]
struct Model {
    waiting: BTreeMap<(u8, u64), (Arc<SignedTransaction>, usize)>,
    nonces: [u64; 4],
    arrivals: usize,
}

impl Model {
    fn apply(&mut self, pool: &mut Pool, step: &Step) {
        match *step {
            Step::Insert {
                from,
                nonce,
                fee_cap,
                tip_cap,
            } => {
                let new = transaction(from, nonce, fee_cap, tip_cap);
                let account_nonce = self.nonces[usize::from(from)];
                let old = self.waiting.get(&(from, nonce)).map(|(old, _)| old.clone());
                let expected = match &old {
                    Some(old) if old == &new => Err(Rejection::AlreadyKnown),
                    _ if nonce < account_nonce => Err(Rejection::NonceTooLow {
                        next: account_nonce,
                        got: nonce,
                    }),
                    Some(old) => {
                        let pays = |new: u128, old: u128| new > old && new >= old * 110 / 100;
                        if pays(fee_cap, old.fee_cap()) && pays(tip_cap, old.tip_cap()) {
                            Ok(Some(*old.hash()))
                        } else {
                            Err(Rejection::ReplacementUnderpriced)
                        }
                    }
                    None => Ok(None),
                };
                assert_eq!(pool.insert(new.clone(), account_nonce), expected);
                if expected.is_ok() {
                    self.waiting.insert((from, nonce), (new, self.arrivals));
                    self.arrivals += 1;
                }
            }
            Step::Remove { from, nonce } => {
                if let Some((transaction, _)) = self.waiting.remove(&(from, nonce)) {
                    assert_eq!(pool.remove(transaction.hash()), Some(transaction.clone()));
                    assert_eq!(pool.remove(transaction.hash()), None);
                }
            }
            Step::RemoveSender { from } => {
                let removed = pool.remove_sender(sender(from));
                let expected = self
                    .waiting
                    .keys()
                    .filter(|(other, _)| *other == from)
                    .count();
                assert_eq!(removed.len(), expected);
                self.waiting.retain(|(other, _), _| *other != from);
            }
            Step::Mine { from, count } => {
                let nonce = self.nonces[usize::from(from)] + count;
                self.nonces[usize::from(from)] = nonce;
                pool.remove_stale(sender(from), nonce);
                self.waiting
                    .retain(|(other, waiting), _| *other != from || *waiting >= nonce);
            }
        }
    }

    /// Takes the best of all senders' next ones, again and again.
    fn ready(&self, base_fee: u64, order: Order) -> Vec<(u8, u64)> {
        let mut nonces = self.nonces;
        let mut taken = Vec::new();
        loop {
            let best = (0..4u8)
                .filter_map(|from| {
                    let nonce = nonces[usize::from(from)];
                    let (transaction, arrival) = self.waiting.get(&(from, nonce))?;
                    let tip = transaction.effective_tip(base_fee)?;
                    let tip = if order == Order::Fees { tip } else { 0 };
                    Some((tip, std::cmp::Reverse(*arrival), from, nonce))
                })
                .max();
            let Some((_, _, from, nonce)) = best else {
                return taken;
            };
            taken.push((from, nonce));
            nonces[usize::from(from)] += 1;
        }
    }
}

proptest! {
    #[test]
    fn the_pool_does_what_the_naive_model_does(
        steps in proptest::collection::vec(step(), 0..60),
        base_fee in 0..200u64,
    ) {
        let (mut pool, mut model) = (Pool::default(), Model::default());
        for step in &steps {
            model.apply(&mut pool, step);
        }
        prop_assert_eq!(pool.len(), model.waiting.len());
        prop_assert_eq!(
            places(pool.iter().cloned()),
            model.waiting.keys().copied().collect::<Vec<_>>()
        );
        prop_assert_eq!(
            pool.bytes,
            model.waiting.values().map(|(transaction, _)| transaction.size()).sum::<usize>()
        );
        let nonce_of = |address: Address| model.nonces[usize::from(address[19])];
        for order in [Order::Fees, Order::Fifo] {
            prop_assert_eq!(
                places(pool.ready(nonce_of, base_fee, order)),
                model.ready(base_fee, order)
            );
        }
        let pending = places(pool.pending(nonce_of).cloned()).into_iter().collect::<BTreeSet<_>>();
        prop_assert_eq!(pending, model.ready(0, Order::Fifo).into_iter().collect());
        prop_assert_eq!(
            pool.pending(nonce_of).count() + pool.queued(nonce_of).count(),
            pool.len()
        );
        let copy = Pool::decode(&pool.encode()).unwrap();
        prop_assert_eq!(copy.encode(), pool.encode());
    }
}
