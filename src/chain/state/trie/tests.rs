//! The trie against alloy-trie's `HashBuilder`, which builds every root from nothing.
#![allow(clippy::unwrap_used)]

mod witness;

use super::*;
use alloy::primitives::{U256, keccak256};
use alloy_rlp::Encodable;
use alloy_trie::{Nibbles, proof::verify_proof, root::storage_root};
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq)]
struct Word(U256);

impl TrieValue for Word {
    fn encode_value(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }
}

type Model = BTreeMap<B256, Word>;

fn expected_root(model: &Model) -> B256 {
    storage_root(model.iter().map(|(key, value)| (*key, value.0)))
}

/// Keys that share long prefixes often: few different nibbles, at few places.
fn key() -> impl Strategy<Value = B256> {
    prop_oneof![
        (0_u64..64).prop_map(|n| keccak256(n.to_be_bytes())),
        (0_u8..4, 0_u8..4, 0_u8..3, 0_usize..64).prop_map(|(a, b, c, at)| {
            let mut key = B256::ZERO;
            key.0[0] = a << 4 | b;
            key.0[at / 2] ^= if at % 2 == 0 { c << 4 } else { c };
            key
        }),
    ]
}

/// Short values make nodes that stand inside their parents.
fn value() -> impl Strategy<Value = Word> {
    prop_oneof![
        (1_u64..200).prop_map(|n| Word(U256::from(n))),
        any::<[u8; 32]>().prop_map(|bytes| Word(U256::from_be_bytes(bytes) | U256::ONE)),
    ]
}

#[derive(Clone, Debug)]
enum Step {
    Insert(usize, B256, Word),
    Change(usize, B256, Word),
    Remove(usize, B256),
    Clone(usize),
    Root(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let which = 0_usize..1000;
    prop_oneof![
        5 => (which.clone(), key(), value()).prop_map(|(i, k, v)| Step::Insert(i, k, v)),
        1 => (which.clone(), key(), value()).prop_map(|(i, k, v)| Step::Change(i, k, v)),
        4 => (which.clone(), key()).prop_map(|(i, k)| Step::Remove(i, k)),
        1 => which.clone().prop_map(Step::Clone),
        2 => which.prop_map(Step::Root),
    ]
}

fn run(versions: &mut Vec<(Trie<Word>, Model)>, step: Step) {
    let count = versions.len();
    match step {
        Step::Insert(i, key, value) => {
            let (trie, model) = &mut versions[i % count];
            assert_eq!(trie.insert(key, value.clone()), model.insert(key, value));
        }
        Step::Change(i, key, value) => {
            let (trie, model) = &mut versions[i % count];
            assert_eq!(trie.get_mut(&key), model.get_mut(&key));
            if let Some(old) = trie.get_mut(&key) {
                *old = value.clone();
                model.insert(key, value);
            }
        }
        Step::Remove(i, key) => {
            let (trie, model) = &mut versions[i % count];
            assert_eq!(trie.remove(&key), model.remove(&key));
        }
        Step::Clone(i) if count < 6 => versions.push(versions[i % count].clone()),
        Step::Clone(i) => {
            versions.swap_remove(i % count);
        }
        Step::Root(i) => {
            let (trie, model) = &versions[i % count];
            assert_eq!(trie.root(), expected_root(model));
        }
    }
}

proptest! {
    #[test]
    fn versions_change_independently_and_hash_to_the_reference_root(
        steps in prop::collection::vec(step(), 1..200),
    ) {
        let mut versions = vec![(Trie::default(), Model::new())];
        for step in steps {
            run(&mut versions, step);
        }
        for (trie, model) in &versions {
            prop_assert_eq!(trie.root(), expected_root(model));
            prop_assert!(trie.iter().eq(model.iter()));
            for (key, value) in model {
                prop_assert_eq!(trie.get(key), Some(value));
            }
        }
    }

    #[test]
    fn a_built_trie_is_the_inserted_one(leaves in prop::collection::vec((key(), value()), 0..60)) {
        let model: Model = leaves.iter().rev().cloned().collect();
        let mut built = Trie::from_unsorted(leaves);
        prop_assert_eq!(built.root(), expected_root(&model));
        prop_assert!(built.iter().eq(model.iter()));
        for key in model.keys() {
            prop_assert_eq!(built.remove(key), model.get(key).cloned());
        }
        prop_assert_eq!(built.root(), alloy_trie::EMPTY_ROOT_HASH);
    }

    #[test]
    fn proofs_of_present_and_absent_keys_verify(
        leaves in prop::collection::vec((key(), value()), 0..40),
        asked in prop::collection::vec(key(), 1..20),
    ) {
        let model: Model = leaves.iter().rev().cloned().collect();
        let trie = Trie::from_unsorted(leaves);
        for key in asked.iter().chain(model.keys()) {
            let expected = model.get(key).map(|value| alloy_rlp::encode(value.0));
            let proof = trie.proof(key);
            let verified = verify_proof(trie.root(), Nibbles::unpack(key), expected, &proof);
            prop_assert!(verified.is_ok(), "{key}: {verified:?}");
        }
    }
}

#[test]
fn a_large_trie_is_built_by_threads_and_is_the_same() {
    let mut buckets = Buckets::default();
    let mut model = Model::new();
    for n in 0..40_000_u64 {
        let (key, value) = (keccak256(n.to_be_bytes()), Word(U256::from(n + 1)));
        model.insert(key, value.clone());
        buckets[usize::from(key[0] >> 4)].push((key, value));
    }
    let mut trie = Trie::from_buckets(buckets);
    assert!(trie.iter().eq(model.iter()));
    assert_eq!(trie.root(), expected_root(&model));
    let key = keccak256(7_u64.to_be_bytes());
    assert_eq!(trie.remove(&key), model.remove(&key));
    assert_eq!(trie.root(), expected_root(&model));
}

#[test]
fn an_unshared_path_is_changed_in_place() {
    let mut trie = Trie::default();
    for n in 0..1000_u64 {
        trie.insert(keccak256(n.to_be_bytes()), Word(U256::from(n + 1)));
    }
    let node = |trie: &Trie<Word>| Arc::as_ptr(trie.root.as_ref().unwrap());
    let before = node(&trie);
    trie.insert(keccak256(5_u64.to_be_bytes()), Word(U256::from(9)));
    trie.remove(&keccak256(6_u64.to_be_bytes()));
    assert_eq!(node(&trie), before);
    let clone = trie.clone();
    trie.remove(&keccak256(7_u64.to_be_bytes()));
    assert_eq!(node(&clone), before);
    assert_ne!(node(&trie), before);
}

#[test]
fn looking_for_what_is_not_there_forgets_no_hash() {
    let mut trie = Trie::default();
    trie.insert(B256::repeat_byte(1), Word(U256::ONE));
    trie.insert(B256::repeat_byte(2), Word(U256::ONE));
    trie.root();
    assert_eq!(trie.remove(&B256::repeat_byte(3)), None);
    assert_eq!(trie.get_mut(&B256::repeat_byte(3)), None);
    assert!(trie.root.as_ref().unwrap().reference.get().is_some());
}
