#![allow(clippy::unwrap_used)]
use super::*;
use crate::chain::{
    command::{Body, Cheat, Outcome},
    spec::Hardfork,
    testing::{Keeper, assert_same, spec},
};

const SOMEBODY: Address = Address::repeat_byte(0xaa);

fn set(nonce: u64, balance: u64, storage: &[(u64, u64)]) -> LoadStep {
    LoadStep::Accounts(vec![AccountChange::Set {
        address: SOMEBODY,
        nonce,
        keeps_higher_nonce: true,
        balance: U256::from(balance),
        code: Some(Bytes::from_static(&[0x60])),
        clears_storage: true,
        storage: storage
            .iter()
            .map(|(slot, value)| (U256::from(*slot), U256::from(*value)))
            .collect(),
    }])
}

fn load(keeper: &mut Keeper, steps: Vec<LoadStep>) {
    let part = LoadPart { steps };
    keeper.chain.check_load(&part).unwrap();
    keeper.apply(Body::Load(Arc::new(part)));
}

#[test]
fn an_account_is_as_in_the_dump_but_its_nonce_does_not_fall() {
    let mut keeper = Keeper::new(spec(Hardfork::LATEST));
    keeper.cheat(Cheat::SetNonce {
        address: SOMEBODY,
        nonce: 7,
    });
    keeper.cheat(Cheat::SetStorageAt {
        address: SOMEBODY,
        slot: U256::from(1),
        value: U256::from(5),
    });
    let Outcome::Snapshot(id) = keeper.cheat(Cheat::Snapshot) else {
        panic!("no snapshot")
    };
    load(&mut keeper, vec![set(3, 100, &[(2, 6)])]);
    let account = keeper.chain.state().account_info(SOMEBODY).unwrap();
    assert_eq!((account.nonce, account.balance), (7, U256::from(100)));
    let slots: Vec<_> = keeper.chain.state().storage_of(SOMEBODY).collect();
    assert_eq!(slots, [(U256::from(2), U256::from(6))]);
    assert_same(&keeper.restarted().chain, &keeper.chain);
    // Without blocks it is a cheat like others: snapshots live on.
    assert_eq!(keeper.cheat(Cheat::Revert { id }), Outcome::Flag(true));
    assert_eq!(
        keeper.chain.state().storage_value(SOMEBODY, U256::from(1)),
        U256::from(5)
    );
}

#[test]
fn blocks_replace_those_of_the_same_number_and_all_above() {
    let mut source = Keeper::new(spec(Hardfork::LATEST));
    source.cheat(Cheat::IncreaseTime { seconds: 5 });
    let hashes: Vec<_> = (0..3).map(|_| source.mine(&[])).collect();
    let mut keeper = Keeper::new(spec(Hardfork::LATEST));
    for _ in 0..5 {
        keeper.mine(&[]);
    }
    keeper.cheat(Cheat::Snapshot);
    let steps = (1..=3)
        .map(|number| LoadStep::Block {
            record: source
                .archive
                .block_by_number(number)
                .unwrap()
                .unwrap()
                .encode()
                .into(),
            has_state: number == 3,
        })
        .collect();
    load(&mut keeper, steps);
    assert_eq!(keeper.chain.head().header.number, 3);
    for (number, hash) in (1..).zip(&hashes) {
        assert_eq!(keeper.chain.recent_hash(number), *hash);
        let block = keeper.archive.block_by_hash(*hash).unwrap().unwrap();
        assert_eq!(block.header.number, number);
    }
    assert!(keeper.archive.block_by_number(4).unwrap().is_none());
    assert_eq!(keeper.chain.live_snapshots().count(), 0);
    let view = keeper.view();
    let at = view.block_and_state(2_u64.into()).unwrap();
    let unknown = at.state.account(SOMEBODY).unwrap_err().to_string();
    assert!(
        unknown.contains("state of block 2 is not known"),
        "{unknown}"
    );
    assert!(keeper.view().block_and_whole_state(2_u64.into()).is_err());
    assert!(
        keeper
            .view()
            .block_and_state(3_u64.into())
            .unwrap()
            .state
            .account(SOMEBODY)
            .is_ok()
    );
    assert_same(&keeper.restarted().chain, &keeper.chain);
    // The chain goes on, and back to what has a state.
    let head = keeper.mine(&[]);
    assert_eq!(keeper.chain.head().header.number, 4);
    assert_ne!(head, hashes[2]);
    let past = &*keeper.archive;
    assert!(keeper.chain.rollback_target(1, "Rollback", past).is_ok());
    let refused = keeper
        .chain
        .rollback_target(2, "Rollback", past)
        .unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("dump without historical states")
    );
    keeper.cheat(Cheat::Rollback { depth: 1 });
    assert_eq!(keeper.chain.head().hash, hashes[2]);
    keeper.cheat(Cheat::Reset);
    assert_eq!(keeper.chain.head().hash, keeper.chain.genesis_hash());
    assert_same(&keeper.restarted().chain, &keeper.chain);
}

#[test]
fn what_cannot_be_loaded_is_refused() {
    let keeper = Keeper::new(spec(Hardfork::LATEST));
    let block = |record: Bytes| LoadStep::Block {
        record,
        has_state: true,
    };
    let genesis = keeper.archive.block_by_number(0).unwrap().unwrap();
    let genesis: Bytes = genesis.encode().into();
    for (steps, sentence) in [
        (vec![block(Bytes::from_static(&[1, 2]))], "the dump holds"),
        (
            vec![block(genesis.clone()), block(genesis)],
            "block 0 of the dump does not follow",
        ),
        (
            vec![block(vec![0; STEP_BYTES_MAX + 1].into())],
            "at most 33554432 are taken",
        ),
    ] {
        let refused = keeper.chain.check_load(&LoadPart { steps }).unwrap_err();
        assert!(refused.to_string().contains(sentence), "{refused}");
    }
}

/// foundry#9562: a large dump is never one value.
#[test]
fn a_large_dump_goes_in_parts() {
    let step = || LoadStep::Block {
        record: vec![7; 1 << 20].into(),
        has_state: false,
    };
    let parts = parts((0..10).map(|_| step())).unwrap();
    let sizes: Vec<_> = parts.iter().map(|part| part.steps.len()).collect();
    assert_eq!(sizes, [4, 4, 2]);
    let huge = LoadStep::Block {
        record: vec![7; STEP_BYTES_MAX + 1].into(),
        has_state: false,
    };
    let refused = super::parts([huge]).unwrap_err().to_string();
    assert!(refused.contains("33554433 bytes"), "{refused}");
}
