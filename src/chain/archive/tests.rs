//! The archive against a model that keeps everything, in memory and (see `storage::chain`) on disk.
#![allow(clippy::unwrap_used)]

mod concurrency;
pub(crate) mod model;

use super::*;
use crate::chain::state::{AccountInfo, Draft, StateRead};
use alloy::primitives::{Address, Bytes, KECCAK256_EMPTY, U256};
use proptest::prelude::*;

/// A checkpoint of given bytes.
pub(crate) struct Saved(pub(crate) Vec<u8>);

impl Checkpoint for Saved {
    fn encode(&self) -> Vec<u8> {
        self.0.clone()
    }
}

pub(crate) fn info(balance: u64) -> AccountInfo {
    AccountInfo {
        nonce: balance,
        balance: U256::from(balance),
        code_hash: KECCAK256_EMPTY,
    }
}

/// Sets the balance of one account in a version of its own.
pub(crate) fn set(
    archive: &Archive,
    state: &State,
    version: u64,
    address: Address,
    balance: u64,
) -> State {
    let mut draft = Draft::new(state.clone());
    draft.set_account(address, info(balance));
    let (state, diff) = draft.finish();
    let effects = Effects {
        version,
        diffs: vec![(version, diff)],
        ..Effects::default()
    };
    archive
        .append(&effects, &state, Arc::new(Saved(vec![version as u8])))
        .unwrap();
    state
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]
    #[test]
    fn everything_old_is_read_as_it_was(steps in prop::collection::vec(model::step(), 1..60)) {
        model::run(steps, &mut || Arc::new(MemoryStore::default()), &mut |store| store);
    }
}

#[test]
fn a_new_store_holds_nothing() {
    let archive = Archive::new(Arc::new(MemoryStore::default()));
    assert!(archive.load().unwrap().is_none());
    assert!(archive.block_by_number(0).unwrap().is_none());
    archive.flush().unwrap();
    assert!(archive.load().unwrap().is_none());
}

#[test]
fn a_reader_before_a_revert_gets_an_error_and_not_a_mix() {
    let archive = Arc::new(Archive::new(Arc::new(MemoryStore::default())));
    let a = Address::repeat_byte(1);
    let mut states = vec![State::default()];
    // More versions than there are recent states, so that history is asked.
    for version in 1..=100 {
        states.push(set(&archive, states.last().unwrap(), version, a, version));
    }
    let reader = archive.state_at(&states[100], 100, 7);
    let survivor = archive.state_at(&states[40], 40, 7);
    assert_eq!(reader.account(a).unwrap(), Some(info(7)));
    let effects = Effects {
        version: 101,
        revert: Some(RevertPoint {
            block_number: 0,
            version: 50,
        }),
        ..Effects::default()
    };
    archive
        .append(&effects, &states[50], Arc::new(Saved(vec![])))
        .unwrap();
    let stale = |read: &dyn StateRead| {
        matches!(
            read.account(a),
            Err(crate::chain::state::StateError::Store(StoreError::Stale))
        )
    };
    assert!(stale(&*reader));
    assert!(stale(&*archive.state_at(&states[100], 100, 8)));
    assert!(matches!(
        archive.rewind(&states[100], 100, 8),
        Err(StoreError::Stale)
    ));
    assert!(stale(&*archive.state_at(&states[40], 40, 200)));
    for _ in 0..2 {
        assert_eq!(survivor.account(a).unwrap(), Some(info(7)));
        let now = archive.state_at(&states[50], 101, 8);
        assert_eq!(now.account(a).unwrap(), Some(info(8)));
        archive.flush().unwrap();
    }
}

#[test]
fn a_damaged_copy_changes_nothing() {
    let source = Archive::new(Arc::new(MemoryStore::default()));
    let (a, b) = (Address::repeat_byte(1), Address::repeat_byte(2));
    set(&source, &State::default(), 1, a, 5);
    source.flush().unwrap();
    let whole: Vec<_> = source
        .snapshot()
        .unwrap()
        .chunks()
        .unwrap()
        .map(Result::unwrap)
        .collect();

    let target = Archive::new(Arc::new(MemoryStore::default()));
    let old = set(&target, &State::default(), 3, b, 6);
    target.flush().unwrap();
    let mut flipped = whole.clone();
    flipped[0][20] ^= 1;
    let mut short = whole.clone();
    short[0].truncate(30);
    for damaged in [vec![], flipped, short, [&whole[..], &whole[..]].concat()] {
        let result = target.install(damaged.into_iter().map(Ok));
        assert!(
            matches!(result, Err(StoreError::DamagedCopy(_))),
            "{result:?}"
        );
        assert_eq!(target.load().unwrap().unwrap().0.root(), old.root());
    }
    let broken = whole
        .iter()
        .cloned()
        .map(Ok)
        .take(0)
        .chain([Err(io::Error::other("gone"))]);
    assert!(matches!(target.install(broken), Err(StoreError::Copy(_))));
    target.install(whole.into_iter().map(Ok)).unwrap();
    let (state, checkpoint) = target.load().unwrap().unwrap();
    assert_eq!(
        (state.account_info(a), state.account_info(b)),
        (Some(info(5)), None)
    );
    assert_eq!(checkpoint, [1]);
}

#[test]
fn a_store_that_contradicts_itself_is_not_loaded() {
    let store = Arc::new(MemoryStore::default());
    let archive = Archive::new(store.clone());
    set(&archive, &State::default(), 1, Address::repeat_byte(1), 5);
    archive.flush().unwrap();
    let mut batch = Batch::default();
    batch.delete(Table::Accounts, &Address::repeat_byte(1)[..]);
    store.write(&batch).unwrap();
    let error = archive.load().unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::Corrupt {
                table: "accounts",
                ..
            }
        ),
        "{error}"
    );
    batch.put(Table::Slots, &[0; 52], vec![1]);
    store.write(&batch).unwrap();
    assert!(matches!(
        archive.load(),
        Err(StoreError::Corrupt { table: "slots", .. })
    ));
}

#[test]
fn what_waits_is_counted_announced_and_bounded() {
    let archive = Archive::new(Arc::new(MemoryStore::default()));
    let seen = Arc::new(AtomicU64::new(0));
    let told = Arc::clone(&seen);
    archive.set_on_pending(Box::new(move |bytes| {
        told.store(bytes as u64, Ordering::Relaxed);
    }));
    let state = set(&archive, &State::default(), 1, Address::repeat_byte(1), 5);
    assert!(archive.pending_bytes() > 0);
    assert_eq!(seen.load(Ordering::Relaxed), archive.pending_bytes() as u64);
    archive.flush().unwrap();
    assert_eq!(archive.pending_bytes(), 0);

    let mut draft = Draft::new(state);
    draft.add_code(Bytes::from(vec![0; MAX_PENDING_BYTES + 1]));
    let (state, diff) = draft.finish();
    let effects = Effects {
        version: 2,
        diffs: vec![(2, diff)],
        ..Effects::default()
    };
    archive
        .append(&effects, &state, Arc::new(Saved(vec![9])))
        .unwrap();
    assert_eq!(archive.pending_bytes(), 0);
    assert_eq!(archive.stored_version().unwrap(), Some(2));
}

#[test]
fn recent_states_are_bounded_by_number_and_by_difference() {
    let archive = Archive::new(Arc::new(MemoryStore::default()));
    let mut state = State::default();
    for version in 1..=100 {
        state = set(&archive, &state, version, Address::repeat_byte(1), version);
    }
    assert_eq!(archive.read().recent.len(), MAX_RECENT_STATES);
    let mut draft = Draft::new(state);
    for n in 0..=MAX_RECENT_CHANGES as u64 {
        draft.set_account(Address::left_padding_from(&n.to_be_bytes()), info(1));
    }
    let (state, diff) = draft.finish();
    let effects = Effects {
        version: 101,
        diffs: vec![(101, diff)],
        ..Effects::default()
    };
    archive
        .append(&effects, &state, Arc::new(Saved(vec![])))
        .unwrap();
    assert_eq!(archive.read().recent.len(), 1);
}
