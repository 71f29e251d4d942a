#![allow(clippy::unwrap_used)]
use super::*;
use crate::chain::{
    Built,
    accounts::DevAccount,
    command::{Body, Cheat, Outcome, ProposedBlock},
    past::NoPast,
    spec::Hardfork,
    testing::{Keeper, assert_same, spec, transaction},
    transaction::SignedTransaction,
};
use alloy::primitives::{Address, B256, Bytes, TxKind, bytes};

const TO: Address = Address::repeat_byte(0xbb);
/// Stores BLOCKHASH(number of the block - 1) at slot 0: `PUSH1 1 NUMBER SUB BLOCKHASH PUSH0 SSTORE STOP`.
const HASH_KEEPER: Bytes = bytes!("60014303405f5500");

fn transfer(keeper: &Keeper, value: u64) -> Arc<SignedTransaction> {
    let account = &keeper.chain.spec().accounts[0];
    let nonce = keeper.chain.nonce(account.address);
    transaction(account, nonce, TxKind::Call(TO), value, Bytes::new())
}

/// A chain of `count` blocks, each with a transfer of 1 wei.
fn chain_of(count: u64) -> Keeper {
    let mut keeper = Keeper::new(spec(Hardfork::LATEST));
    for _ in 0..count {
        let transfer = transfer(&keeper, 1);
        keeper.mine(&[transfer]);
    }
    keeper
}

#[test]
fn a_rollback_brings_back_block_state_and_hashes() {
    for flushes in [false, true] {
        let mut keeper = chain_of(3);
        let third = keeper.chain.head().clone();
        keeper.cheat(Cheat::SetBalance {
            address: TO,
            balance: U256::from(77),
        });
        for _ in 0..4 {
            let transfer = transfer(&keeper, 1);
            keeper.mine(&[transfer]);
        }
        if flushes {
            keeper.archive.flush().unwrap();
        }
        let (outcome, removed) = keeper.apply(Body::Cheat(Cheat::Rollback { depth: 4 }));
        assert_eq!(outcome, Outcome::Done);
        let removed: Vec<u64> = removed.iter().map(|block| block.header.number).collect();
        assert_eq!(removed, [7, 6, 5, 4]);
        assert_eq!(keeper.chain.head().hash, third.hash);
        assert_eq!(keeper.chain.head().total_difficulty, third.total_difficulty);
        assert_eq!(keeper.chain.state().root(), third.header.state_root);
        assert_eq!(keeper.balance_at(3, TO), U256::from(3));
        assert_eq!(keeper.balance_at(2, TO), U256::from(2));
        assert_eq!(keeper.chain.recent_hash(4), B256::ZERO);
        assert!(keeper.archive.block_by_number(4).unwrap().is_none());
        assert_same(&keeper.restarted().chain, &keeper.chain);
        let next = transfer(&keeper, 5);
        keeper.mine(&[next]);
        assert_eq!(keeper.balance_at(4, TO), U256::from(8));
        assert_same(&keeper.restarted().chain, &keeper.chain);
    }
}

#[test]
fn a_rollback_of_nothing_changes_nothing() {
    let mut keeper = chain_of(2);
    let address = TO;
    let balance = U256::from(9);
    keeper.cheat(Cheat::SetBalance { address, balance });
    let before = keeper.chain.clone();
    keeper.cheat(Cheat::Rollback { depth: 0 });
    assert_eq!(before.head(), keeper.chain.head());
    assert_eq!(before.state().root(), keeper.chain.state().root());
}

#[test]
fn a_rollback_deeper_than_the_chain_is_refused() {
    let keeper = chain_of(2);
    let refused = keeper
        .chain
        .rollback_target(3, "Rollback", &*keeper.archive);
    assert_eq!(
        refused.unwrap_err().to_string(),
        "Rollback depth must not exceed current chain height: current height 2, depth 3"
    );
    let target = keeper
        .chain
        .rollback_target(2, "Rollback", &*keeper.archive);
    assert_eq!(target.unwrap().hash, keeper.chain.genesis_hash());
    assert!(matches!(
        keeper.chain.rollback_target(1, "Rollback", &NoPast),
        Err(RewindError::Store(_))
    ));
}

#[test]
fn blockhash_sees_256_blocks_after_a_deep_rollback() {
    let mut keeper = chain_of(0);
    let mut hashes = vec![keeper.chain.head().hash];
    for _ in 0..400 {
        hashes.push(keeper.mine(&[]));
    }
    keeper.cheat(Cheat::Rollback { depth: 100 });
    for (number, hash) in (0_u64..).zip(hashes) {
        let seen = keeper.chain.recent_hash(number);
        let wanted = (45..=300).contains(&number).then_some(hash);
        assert_eq!(seen, wanted.unwrap_or_default(), "{number}");
    }
}

/// foundry#13165's kin: what a revert kills stays dead, and a dead id changes nothing.
#[test]
fn snapshots_taken_after_the_block_die_with_a_rollback() {
    let mut keeper = chain_of(2);
    let Outcome::Snapshot(early) = keeper.cheat(Cheat::Snapshot) else {
        panic!("no snapshot")
    };
    keeper.mine(&[]);
    keeper.mine(&[]);
    let Outcome::Snapshot(late) = keeper.cheat(Cheat::Snapshot) else {
        panic!("no snapshot")
    };
    keeper.mine(&[]);
    keeper.cheat(Cheat::Rollback { depth: 2 });
    let before = keeper.chain.clone();
    assert_eq!(
        keeper.cheat(Cheat::Revert { id: late }),
        Outcome::Flag(false)
    );
    assert_eq!(before.head(), keeper.chain.head());
    assert_eq!(before.state().root(), keeper.chain.state().root());
    // The early one was taken after block 2 and before block 3, to which the chain went back.
    let revert = keeper.cheat(Cheat::Revert { id: early });
    assert_eq!(revert, Outcome::Flag(true));
    assert_eq!(keeper.chain.head().header.number, 2);
    assert_same(&keeper.restarted().chain, &keeper.chain);
}

/// The blocks of a new branch with these transactions in its first block.
fn branch(keeper: &Keeper, depth: u64, first: &[Arc<SignedTransaction>]) -> Vec<ProposedBlock> {
    let past = &*keeper.archive;
    let mut branch = keeper.chain.rolled_back(depth, past).unwrap();
    let mut blocks = Vec::new();
    for index in 0..depth {
        let number = branch.head().header.number + 1;
        let replaced = past.block_by_number(number).unwrap().unwrap();
        let transactions = if index == 0 { first } else { &[] };
        let built = branch
            .follow_block(transactions, replaced.header.timestamp + 1)
            .unwrap();
        branch.stack(&built, 0);
        blocks.push(Built::proposal(&built));
    }
    blocks
}

/// foundry#10809: hashes stay the same; foundry#13165: BLOCKHASH sees the old ones.
#[test]
fn a_reorg_gives_new_hashes_and_blockhash_sees_them() {
    for fork in [Hardfork::LATEST, Hardfork::Berlin] {
        let mut keeper = Keeper::new(spec(fork));
        let keeps = Address::repeat_byte(0xcc);
        keeper.cheat(Cheat::SetCode {
            address: keeps,
            code: HASH_KEEPER,
        });
        for _ in 0..5 {
            keeper.mine(&[]);
        }
        let old: Vec<B256> = (0..=5)
            .map(|number| keeper.chain.recent_hash(number))
            .collect();
        let blocks = branch(&keeper, 3, &[]);
        let (_, removed) = keeper.apply(Body::Reorg { depth: 3, blocks });
        assert_eq!(removed.len(), 3);
        assert_eq!(keeper.chain.head().header.number, 5);
        for number in 0..=5_u64 {
            let hash = keeper.chain.recent_hash(number);
            let at = usize::try_from(number).unwrap();
            assert_eq!(hash == old[at], number <= 2, "block {number}");
            let stored = keeper.archive.block_by_number(number).unwrap().unwrap();
            assert_eq!(stored.hash, hash);
        }
        assert!(keeper.archive.block_by_hash(old[4]).unwrap().is_none());
        let account: DevAccount = keeper.chain.spec().accounts[0].clone();
        let call = if fork == Hardfork::LATEST {
            transaction(&account, 0, TxKind::Call(keeps), 0, Bytes::new())
        } else {
            crate::chain::testing::legacy_transaction(
                &account,
                0,
                TxKind::Call(keeps),
                0,
                Bytes::new(),
            )
        };
        let parent = keeper.chain.head().hash;
        keeper.mine(&[call]);
        if fork == Hardfork::LATEST {
            let kept = keeper.chain.state().storage_value(keeps, U256::ZERO);
            assert_eq!(B256::from(kept), parent);
        }
        assert_same(&keeper.restarted().chain, &keeper.chain);
    }
}

#[test]
fn a_reorg_drops_transactions_and_takes_others() {
    let mut keeper = chain_of(4);
    assert_eq!(keeper.balance_at(4, TO), U256::from(4));
    let account = keeper.chain.spec().accounts[0].clone();
    let other = transaction(&account, 2, TxKind::Call(TO), 50, Bytes::new());
    let lost = keeper.archive.block_by_number(4).unwrap().unwrap();
    let lost = *lost.transactions[0].hash();
    let blocks = branch(&keeper, 2, std::slice::from_ref(&other));
    keeper.apply(Body::Reorg { depth: 2, blocks });
    assert_eq!(keeper.balance_at(3, TO), U256::from(52));
    assert_eq!(keeper.balance_at(2, TO), U256::from(2));
    let archive = &keeper.archive;
    assert_eq!(archive.transaction(*other.hash()).unwrap(), Some((3, 0)));
    assert_eq!(archive.transaction(lost).unwrap(), None);
    assert_same(&keeper.restarted().chain, &keeper.chain);
}

#[test]
fn a_reset_gives_the_start_back() {
    let fresh = Keeper::new(spec(Hardfork::LATEST));
    let mut keeper = chain_of(3);
    let Outcome::Snapshot(id) = keeper.cheat(Cheat::Snapshot) else {
        panic!("no snapshot")
    };
    keeper.cheat(Cheat::Impersonate { address: TO });
    keeper.cheat(Cheat::IncreaseTime { seconds: 1000 });
    let (_, removed) = keeper.apply(Body::Cheat(Cheat::Reset));
    assert_eq!(removed.len(), 3);
    assert_eq!(keeper.chain.head(), fresh.chain.head());
    assert_eq!(keeper.chain.state().root(), fresh.chain.state().root());
    assert_eq!(keeper.chain.settings(), fresh.chain.settings());
    assert_eq!(keeper.cheat(Cheat::Revert { id }), Outcome::Flag(false));
    assert!(keeper.archive.block_by_number(1).unwrap().is_none());
    assert_same(&keeper.restarted().chain, &keeper.chain);
    let transfer = transfer(&keeper, 2);
    keeper.mine(&[transfer]);
    assert_eq!(keeper.balance_at(1, TO), U256::from(2));
    assert_eq!(keeper.balance_at(0, TO), U256::ZERO);
    assert_same(&keeper.restarted().chain, &keeper.chain);
}

/// A copy with two snapshots stopped the node that installed it.
#[test]
fn a_copy_brings_all_snapshots_and_can_go_back() {
    let mut keeper = chain_of(2);
    let mut ids = Vec::new();
    for _ in 0..3 {
        let Outcome::Snapshot(id) = keeper.cheat(Cheat::Snapshot) else {
            panic!("no snapshot")
        };
        ids.push(id);
        let transfer = transfer(&keeper, 1);
        keeper.mine(&[transfer]);
    }
    let mut copy = keeper.copied();
    assert_same(&copy.chain, &keeper.chain);
    for keeper in [&mut keeper, &mut copy] {
        keeper.cheat(Cheat::Rollback { depth: 1 });
        assert_eq!(keeper.balance_at(4, TO), U256::from(4));
        for (id, number) in [(ids[1], 3), (ids[0], 2)] {
            assert_eq!(keeper.cheat(Cheat::Revert { id }), Outcome::Flag(true));
            assert_eq!(keeper.chain.head().header.number, number);
            assert_eq!(
                keeper.chain.state().root(),
                keeper.chain.head().header.state_root
            );
        }
        assert_eq!(
            keeper.cheat(Cheat::Revert { id: ids[2] }),
            Outcome::Flag(false)
        );
    }
    assert_same(&copy.chain, &keeper.chain);
}
