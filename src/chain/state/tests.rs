//! States and drafts against plain maps, with roots from alloy-trie's `HashBuilder`.
#![allow(clippy::unwrap_used)]

use super::*;
use alloy::primitives::KECCAK256_EMPTY;
use alloy_rlp::Encodable;
use alloy_trie::{
    Nibbles, TrieAccount,
    proof::verify_proof,
    root::{state_root_unhashed, storage_root_unhashed},
};
use proptest::prelude::*;
use std::collections::BTreeMap;

type Slots = BTreeMap<U256, U256>;
type Model = BTreeMap<Address, (AccountInfo, Slots)>;

fn slots_root(slots: &Slots) -> B256 {
    storage_root_unhashed(
        slots
            .iter()
            .map(|(slot, value)| (B256::from(*slot), *value)),
    )
}

fn trie_account((info, slots): &(AccountInfo, Slots)) -> TrieAccount {
    TrieAccount {
        nonce: info.nonce,
        balance: info.balance,
        storage_root: slots_root(slots),
        code_hash: info.code_hash,
    }
}

fn expected_root(model: &Model) -> B256 {
    state_root_unhashed(
        model
            .iter()
            .map(|(address, account)| (*address, trie_account(account))),
    )
}

fn address() -> impl Strategy<Value = Address> {
    (0_u8..12).prop_map(Address::repeat_byte)
}

fn slot() -> impl Strategy<Value = U256> {
    (0_u64..10).prop_map(U256::from)
}

#[derive(Clone, Debug)]
enum Step {
    SetAccount(Address, u64, u64),
    RemoveAccount(Address),
    ClearStorage(Address),
    SetStorage(Address, U256, U256),
    SetCode(Address, u8),
    Finish,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (address(), 0_u64..3, 0_u64..3).prop_map(|(a, n, b)| Step::SetAccount(a, n, b)),
        1 => address().prop_map(Step::RemoveAccount),
        1 => address().prop_map(Step::ClearStorage),
        6 => (address(), slot(), 0_u64..3)
            .prop_map(|(a, s, v)| Step::SetStorage(a, s, U256::from(v))),
        1 => (address(), 0_u8..4).prop_map(|(a, c)| Step::SetCode(a, c)),
        2 => Just(Step::Finish),
    ]
}

fn info(nonce: u64, balance: u64) -> AccountInfo {
    AccountInfo {
        nonce,
        balance: U256::from(balance),
        code_hash: KECCAK256_EMPTY,
    }
}

fn run(draft: &mut Draft, model: &mut Model, step: &Step) {
    match step {
        Step::SetAccount(address, nonce, balance) => {
            draft.set_account(*address, info(*nonce, *balance));
            model
                .entry(*address)
                .or_insert((info(0, 0), Slots::new()))
                .0 = info(*nonce, *balance);
        }
        Step::RemoveAccount(address) => {
            draft.remove_account(*address);
            model.remove(address);
        }
        Step::ClearStorage(address) => {
            draft.clear_storage(*address);
            if let Some((_, slots)) = model.get_mut(address) {
                slots.clear();
            }
        }
        Step::SetStorage(address, slot, value) => {
            draft.set_storage(*address, *slot, *value);
            if let Some((_, slots)) = model.get_mut(address) {
                if value.is_zero() {
                    slots.remove(slot)
                } else {
                    slots.insert(*slot, *value)
                };
            }
        }
        Step::SetCode(address, code) => {
            let code = Bytes::from(vec![0x60, *code]);
            let code_hash = draft.add_code(code.clone());
            assert_eq!(draft.code(code_hash).unwrap().original_bytes(), code);
            draft.set_account(
                *address,
                AccountInfo {
                    code_hash,
                    ..info(1, 1)
                },
            );
            let account = model.entry(*address).or_insert((info(0, 0), Slots::new()));
            account.0 = AccountInfo {
                code_hash,
                ..info(1, 1)
            };
        }
        Step::Finish => {}
    }
}

fn check(state: &State, model: &Model) {
    assert_eq!(state.root(), expected_root(model));
    let accounts: BTreeMap<_, _> = state.accounts().collect();
    assert!(
        accounts
            .iter()
            .eq(model.iter().map(|(address, (info, _))| (address, info)))
    );
    for (address, (_, slots)) in model {
        assert_eq!(&state.storage_of(*address).collect::<Slots>(), slots);
        assert_eq!(state.storage_root(*address), slots_root(slots));
    }
}

fn check_reads(draft: &Draft, model: &Model) {
    for address in (0..12).map(Address::repeat_byte) {
        let expected = model.get(&address);
        assert_eq!(
            draft.account(address).unwrap(),
            expected.map(|(info, _)| *info)
        );
        for slot in (0..10).map(U256::from) {
            let value = expected.and_then(|(_, slots)| slots.get(&slot).copied());
            assert_eq!(
                draft.storage(address, slot).unwrap(),
                value.unwrap_or_default()
            );
        }
    }
}

/// What a diff from one model to the next must say.
fn expected_diff(before: &Model, after: &Model) -> StateDiff {
    let mut diff = StateDiff::default();
    let none = Slots::new();
    for address in before.keys().chain(after.keys()) {
        let (old, new) = (before.get(address), after.get(address));
        if old.map(|a| a.0) != new.map(|a| a.0) {
            diff.accounts.insert(*address, old.map(|a| a.0));
        }
        let (old, new) = (old.map_or(&none, |a| &a.1), new.map_or(&none, |a| &a.1));
        for slot in old
            .keys()
            .chain(new.keys())
            .filter(|slot| old.get(*slot) != new.get(*slot))
        {
            diff.storage.insert(
                (*address, *slot),
                old.get(slot).copied().unwrap_or_default(),
            );
        }
    }
    diff
}

proptest! {
    #[test]
    fn drafts_change_states_as_maps_change_and_diffs_undo_them(
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut history = vec![(State::default(), Model::new(), StateDiff::default())];
        let (mut draft, mut model) = (Draft::new(State::default()), Model::new());
        for step in steps.into_iter().chain([Step::Finish]) {
            run(&mut draft, &mut model, &step);
            if matches!(step, Step::Finish) {
                check_reads(&draft, &model);
                let (state, diff) = draft.finish();
                check(&state, &model);
                let mut expected = expected_diff(&history.last().unwrap().1, &model);
                expected.codes.clone_from(&diff.codes);
                prop_assert_eq!(&diff, &expected);
                history.push((state.clone(), model.clone(), diff));
                draft = Draft::new(state);
            }
        }
        for (state, model, _) in &history {
            check(state, model);
        }
        let mut state = draft.finish().0;
        while let Some((_, model, diff)) = history.pop() {
            check(&state, &model);
            state.undo(&diff);
        }
    }

    #[test]
    fn a_built_state_is_the_drafted_one(steps in prop::collection::vec(step(), 1..80)) {
        let (mut draft, mut model) = (Draft::new(State::default()), Model::new());
        for step in &steps {
            run(&mut draft, &mut model, step);
        }
        let mut builder = StateBuilder::default();
        for (address, (info, slots)) in &model {
            builder.add_account(*address, *info, slots.clone());
        }
        check(&builder.finish(), &model);
    }

    #[test]
    fn account_proofs_verify(steps in prop::collection::vec(step(), 1..60)) {
        let (mut draft, mut model) = (Draft::new(State::default()), Model::new());
        for step in &steps {
            run(&mut draft, &mut model, step);
        }
        let state = draft.finish().0;
        let slots: Vec<U256> = (0..12).map(U256::from).collect();
        for address in (0..14).map(Address::repeat_byte) {
            let proof = state.proof(address, &slots);
            let expected = model.get(&address);
            let encoded = expected.map(|account| alloy_rlp::encode(trie_account(account)));
            let path = Nibbles::unpack(keccak256(address));
            prop_assert!(verify_proof(state.root(), path, encoded, &proof.proof).is_ok());
            prop_assert_eq!(proof.account, expected.map(|(info, _)| *info));
            for (slot, value, nodes) in &proof.storage {
                let known = expected.and_then(|(_, slots)| slots.get(slot).copied());
                prop_assert_eq!(*value, known.unwrap_or_default());
                let mut encoded = Vec::new();
                value.encode(&mut encoded);
                let encoded = known.map(|_| encoded);
                let path = Nibbles::unpack(keccak256(B256::from(*slot)));
                prop_assert!(verify_proof(proof.storage_root, path, encoded, nodes).is_ok());
            }
        }
    }
}

#[test]
fn a_code_is_kept_once_and_a_malformed_delegation_is_plain_code() {
    let mut draft = Draft::new(State::default());
    let code = Bytes::from_static(&[0xef, 0x01, 0x00, 0x01]);
    let hash = draft.add_code(code.clone());
    assert_eq!(draft.add_code(code.clone()), hash);
    assert_eq!(draft.add_code(Bytes::new()), KECCAK256_EMPTY);
    let (state, diff) = draft.finish();
    assert_eq!(diff.codes, BTreeMap::from([(hash, code.clone())]));
    assert_eq!(state.code(hash).unwrap().original_bytes(), code);
    assert!(state.code(B256::ZERO).unwrap().original_bytes().is_empty());
    let mut draft = Draft::new(state);
    draft.add_code(code);
    assert!(draft.finish().1.codes.is_empty());
}
