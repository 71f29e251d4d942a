#![allow(clippy::unwrap_used)]
mod options;
mod random;

use super::{
    ApplyError, Chain,
    command::{Body, Cheat, Entry, Outcome},
    import::BLOCK_RLP_BYTES_MAX,
    pool::Pool,
    spec::Hardfork,
    state::StateRead,
    testing::{NOW_MS, block, cheat, entry, spec, transaction},
};
use crate::types::LogPosition;
use alloy::{
    consensus::{TxEip1559, TypedTransaction, constants::EMPTY_WITHDRAWALS},
    primitives::{Address, Bytes, TxKind, U256, bytes},
};
use std::sync::Arc;

fn chain() -> Chain {
    Chain::genesis(spec(Hardfork::LATEST)).0
}

/// Stores its input's first word at slot 0: `PUSH0 CALLDATALOAD PUSH0 SSTORE`.
const STORE_CODE: Bytes = bytes!("5f355f5500");

#[test]
fn genesis_carries_its_state_root_and_the_forks_fields() {
    let chain = chain();
    let header = &chain.head().header;
    assert_eq!(header.state_root, chain.state().root());
    assert_ne!(header.state_root, alloy::consensus::EMPTY_ROOT_HASH);
    assert_eq!(header.withdrawals_root, Some(EMPTY_WITHDRAWALS));
    assert!(header.requests_hash.is_some() && header.excess_blob_gas == Some(0));
    let london = Chain::genesis(spec(Hardfork::London)).0;
    assert_eq!(london.head().header.withdrawals_root, None);
    assert_eq!(london.head().header.excess_blob_gas, None);
}

#[test]
fn a_follower_executes_what_the_leader_adopts() {
    let chain = chain();
    let sender = &chain.spec().accounts[0];
    let to = Address::repeat_byte(0xaa);
    let transfer = transaction(sender, 0, TxKind::Call(to), 5, Bytes::new());
    let (entry, digest, built) = block(&chain, &[transfer]);
    let adopted = chain.adopt(&entry, vec![built], digest).chain;
    let decoded = Entry::decode(&entry.encode().unwrap()).unwrap();
    assert_eq!(decoded, entry);
    let executed = chain
        .apply(&decoded, digest, LogPosition::default())
        .unwrap()
        .chain;
    assert_eq!(adopted.position(), executed.position());
    assert_eq!(adopted.head(), executed.head());
    assert_eq!(adopted.state().root(), executed.state().root());
    assert_eq!(
        executed.state().account(to).unwrap().unwrap().balance,
        U256::from(5)
    );
    assert_eq!(executed.nonce(sender.address), 1);
    assert_eq!(executed.head().header.base_fee_per_gas, Some(875_000_000));
}

#[test]
fn an_entry_for_another_chain_is_skipped() {
    let chain = chain();
    let (late, digest, _) = block(&chain, &[]);
    let moved = cheat(&chain, Cheat::IncreaseTime { seconds: 1 }).chain;
    let applied = moved.apply(&late, digest, LogPosition::default()).unwrap();
    assert!(applied.skipped);
    assert_eq!(applied.chain.position(), moved.position());
    assert_eq!(applied.chain.head(), moved.head());
}

#[test]
fn a_block_that_differs_stops_the_node_and_names_the_field() {
    let chain = chain();
    let (mut entry, digest, _) = block(&chain, &[]);
    if let Body::Blocks(blocks) = &mut entry.body {
        blocks[0].header.gas_used = 21;
    }
    let error = chain
        .apply(&entry, digest, LogPosition::default())
        .unwrap_err();
    let ApplyError::Divergence(divergence) = error else {
        panic!("{error}");
    };
    let sentence = divergence.to_string();
    assert!(
        sentence.contains("diverged at block 1: `gasUsed` is 0 here and 21 in the log"),
        "{sentence}"
    );
    // Both headers are kept.
    let report: serde_json::Value = serde_json::from_str(&divergence.report).unwrap();
    let header = |side: &str| {
        let bytes = alloy::hex::decode(report[side]["header"].as_str().unwrap()).unwrap();
        <alloy::consensus::Header as alloy::rlp::Decodable>::decode(&mut &*bytes).unwrap()
    };
    assert_eq!((header("here").gas_used, header("log").gas_used), (0, 21));
    assert_eq!(report["field"], "gasUsed");
}

#[test]
fn a_revert_brings_back_state_pool_and_clock_and_kills_later_ids() {
    let chain = chain();
    let address = Address::repeat_byte(7);
    let before = cheat(
        &chain,
        Cheat::SetBalance {
            address,
            balance: U256::from(1),
        },
    )
    .chain;
    let first = cheat(&before, Cheat::Snapshot);
    assert_eq!(first.chain.head(), before.head());
    let second = cheat(&first.chain, Cheat::Snapshot).chain;
    let (entry, digest, _) = block(&second, &[]);
    let mined = second
        .apply(&entry, digest, LogPosition::default())
        .unwrap()
        .chain;
    let changed = cheat(
        &mined,
        Cheat::SetBalance {
            address,
            balance: U256::from(2),
        },
    )
    .chain;
    let later = cheat(&changed, Cheat::IncreaseTime { seconds: 1000 }).chain;
    let reverted = cheat(&later, Cheat::Revert { id: 1 });
    let point = reverted.effects.revert.unwrap();
    assert_eq!(
        (point.block_number, point.version),
        (0, first.chain.version())
    );
    let reverted = reverted.chain;
    assert_eq!(reverted.head(), before.head());
    assert_eq!(reverted.state().root(), before.state().root());
    assert_eq!(
        reverted.next_timestamp(NOW_MS),
        before.next_timestamp(NOW_MS)
    );
    assert!(reverted.version() > later.version());
    let (dead, digest) = super::testing::entry(&reverted, Body::Cheat(Cheat::Revert { id: 2 }));
    let applied = reverted
        .apply(&dead, digest, LogPosition::default())
        .unwrap();
    assert!(applied.effects.revert.is_none());
    assert_eq!(applied.chain.head(), reverted.head());
}

#[test]
fn timestamps_follow_the_policy() {
    let chain = chain();
    let now = NOW_MS / 1000;
    assert_eq!(chain.next_timestamp(NOW_MS), now);
    let (e, digest, _) = block(&chain, &[]);
    let one = chain
        .apply(&e, digest, LogPosition::default())
        .unwrap()
        .chain;
    assert_eq!(
        one.next_timestamp(NOW_MS),
        now + 1,
        "a second block in the same second"
    );
    let ahead = cheat(&one, Cheat::IncreaseTime { seconds: 100 }).chain;
    assert_eq!(ahead.next_timestamp(NOW_MS), now + 100);
    let named = cheat(
        &ahead,
        Cheat::SetNextBlockTimestamp {
            timestamp: now + 5000,
        },
    )
    .chain;
    let (e, digest, _) = block(&named, &[]);
    let mined = named
        .apply(&e, digest, LogPosition::default())
        .unwrap()
        .chain;
    assert_eq!(mined.head().header.timestamp, now + 5000);
    assert_eq!(
        mined.next_timestamp(NOW_MS + 7000),
        now + 5007,
        "time goes on from it"
    );
    let past = mined
        .check_cheat(&Cheat::SetNextBlockTimestamp { timestamp: now })
        .unwrap_err();
    assert!(past.to_string().contains(&now.to_string()));
}

#[test]
fn contracts_store_and_clear_slots() {
    let chain = chain();
    let address = Address::repeat_byte(0x42);
    let coded = cheat(
        &chain,
        Cheat::SetCode {
            address,
            code: STORE_CODE,
        },
    )
    .chain;
    let sender = &chain.spec().accounts[1];
    let store = |nonce, value: u64| {
        let word = U256::from(value).to_be_bytes::<32>();
        transaction(
            sender,
            nonce,
            TxKind::Call(address),
            0,
            word.to_vec().into(),
        )
    };
    let empty_root = coded.state().root();
    let (e, digest, built) = block(&coded, &[store(0, 9), store(1, 0)]);
    assert_eq!(built.block.receipts.len(), 2);
    assert!(
        built
            .block
            .receipts
            .iter()
            .all(|record| record.receipt.is_success())
    );
    let after = coded
        .apply(&e, digest, LogPosition::default())
        .unwrap()
        .chain;
    assert_eq!(
        after.state().storage(address, U256::ZERO).unwrap(),
        U256::ZERO
    );
    let proof = after.state().proof(address, &[U256::ZERO]);
    assert_eq!(
        proof.storage_root,
        alloy::consensus::EMPTY_ROOT_HASH,
        "a zero slot is no leaf"
    );
    assert_ne!(
        after.state().root(),
        empty_root,
        "nonces and balances changed"
    );
}

#[test]
fn a_note_knows_its_entry() {
    let chain = chain();
    let body = Body::Note {
        key: "k".into(),
        value: "\"v\"".into(),
    };
    let (entry, digest) = entry(&chain, body);
    let at = LogPosition { term: 3, index: 12 };
    let applied = chain.apply(&entry, digest, at).unwrap();
    let note = applied.chain.note("k").unwrap();
    assert_eq!((note.entry.index, note.entry.term), (12, 3));
    assert_eq!(note.entry.hash, applied.chain.position());
    assert_eq!(applied.chain.last_entry(), &note.entry);
    assert_eq!(
        Outcome::Note { index: 12 },
        Outcome::Note {
            index: note.entry.index
        }
    );
}

#[test]
fn a_block_stays_below_eip_7934s_size() {
    let mut spec = (*spec(Hardfork::LATEST)).clone();
    spec.genesis.gas_limit = 2_000_000_000;
    let chain = Chain::genesis(Arc::new(spec)).0;
    let account = chain.spec.accounts[0].clone();
    let mut pool = Pool::default();
    for nonce in 0..12 {
        let transaction = TypedTransaction::Eip1559(TxEip1559 {
            chain_id: 31337,
            nonce,
            gas_limit: 60_000_000,
            max_fee_per_gas: 100_000_000_000,
            to: TxKind::Call(Address::ZERO),
            input: vec![1; 1 << 20].into(),
            ..TxEip1559::default()
        });
        let signed = account.sign_transaction(transaction).unwrap();
        pool.insert(Arc::new(signed), 0).unwrap();
    }
    let built = chain
        .build_block(&pool, chain.next_timestamp(NOW_MS))
        .unwrap();
    let bytes = built.block.to_rlp().len();
    assert_eq!(built.block.transactions.len(), 7);
    assert!(bytes < BLOCK_RLP_BYTES_MAX, "{bytes}");
}
