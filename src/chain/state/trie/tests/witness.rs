//! Whoever has a witness alone can read its keys and take out those that go, in any order.

use super::{Model, Word, key, value};
use crate::chain::state::trie::Trie;
use alloy::primitives::{B256, Bytes, keccak256};
use alloy_rlp::Decodable as _;
use alloy_trie::{
    Nibbles,
    nodes::{RlpNode, TrieNode},
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// A trie of which some nodes are known.
#[derive(Debug)]
enum Known {
    Leaf(Nibbles, Vec<u8>),
    Extension(Nibbles, Box<Known>),
    Branch([Option<Box<Known>>; 16]),
    /// Its hash alone.
    Unknown,
}

type Nodes = BTreeMap<B256, Bytes>;

fn load(node: &RlpNode, nodes: &Nodes) -> Known {
    match node.as_hash() {
        Some(hash) => nodes
            .get(&hash)
            .map_or(Known::Unknown, |rlp| decode(rlp, nodes)),
        None => decode(node.as_slice(), nodes),
    }
}

fn decode(mut rlp: &[u8], nodes: &Nodes) -> Known {
    match TrieNode::decode(&mut rlp).unwrap() {
        TrieNode::Leaf(leaf) => Known::Leaf(leaf.key, leaf.value),
        TrieNode::Extension(extension) => {
            Known::Extension(extension.key, Box::new(load(&extension.child, nodes)))
        }
        TrieNode::Branch(branch) => {
            let mut known: [Option<Box<Known>>; 16] = Default::default();
            for (index, child) in branch.as_ref().children() {
                known[usize::from(index)] = child.map(|child| Box::new(load(child, nodes)));
            }
            Known::Branch(known)
        }
        TrieNode::EmptyRoot => panic!("an empty root is no node"),
    }
}

impl Known {
    /// The value below this node.
    fn get(&self, path: &Nibbles) -> Option<&[u8]> {
        match self {
            Self::Leaf(rest, value) => (rest == path).then_some(value),
            Self::Extension(prefix, child) => {
                let is_here = path.starts_with(prefix);
                is_here.then(|| child.get(&path.slice(prefix.len()..)))?
            }
            Self::Branch(children) => {
                let index = usize::from(path.get(0).unwrap());
                children[index].as_ref()?.get(&path.slice(1..))
            }
            Self::Unknown => panic!("a node is missing on the way to a key"),
        }
    }

    /// Takes out a key that is there.
    fn remove(self, path: &Nibbles) -> Option<Self> {
        match self {
            Self::Leaf(..) => None,
            Self::Extension(prefix, child) => {
                let child = child.remove(&path.slice(prefix.len()..))?;
                Some(child.below(&prefix))
            }
            Self::Branch(mut children) => {
                let index = usize::from(path.get(0).unwrap());
                let child = children[index].take().unwrap();
                children[index] = child.remove(&path.slice(1..)).map(Box::new);
                let mut left = (0_u8..)
                    .zip(&mut children)
                    .filter(|(_, child)| child.is_some());
                match (left.next(), left.next()) {
                    (None, _) => None,
                    (Some((index, only)), None) => {
                        let only = *only.take().unwrap();
                        Some(only.below(&Nibbles::from_nibbles([index])))
                    }
                    _ => Some(Self::Branch(children)),
                }
            }
            Self::Unknown => panic!("a node is missing on the way to a key that goes"),
        }
    }

    /// This node at the end of a path on which there is nothing else.
    fn below(self, prefix: &Nibbles) -> Self {
        match self {
            Self::Leaf(rest, value) => Self::Leaf(prefix.join(&rest), value),
            Self::Extension(rest, child) => Self::Extension(prefix.join(&rest), child),
            branch @ Self::Branch(_) => Self::Extension(*prefix, Box::new(branch)),
            Self::Unknown => panic!("a node is missing that takes its parent's place"),
        }
    }
}

proptest! {
    #[test]
    fn it_is_enough(
        all in proptest::collection::btree_map(key(), value(), 1..60),
        more in proptest::collection::vec(key(), 0..10),
        chosen in proptest::collection::vec(any::<(proptest::sample::Index, bool)>(), 1..30),
    ) {
        let all: Model = all;
        let mut trie = Trie::default();
        for (key, value) in &all {
            trie.insert(*key, value.clone());
        }
        // Some that are there, of which some go, and some that may not be there.
        let present: Vec<B256> = all.keys().copied().collect();
        let chosen = chosen.iter().map(|(index, goes)| (*index.get(&present), *goes));
        let chosen: BTreeMap<B256, bool> = chosen.collect();
        let mut order: Vec<B256> = chosen.iter().filter(|(_, goes)| **goes).map(|(key, _)| *key).collect();
        let mut keys: Vec<B256> = chosen.keys().copied().chain(more).collect();
        keys.sort_unstable();
        keys.dedup();
        let mut nodes = BTreeSet::new();
        trie.witness(&keys, &|key| chosen.get(key) == Some(&true), &mut nodes);
        let nodes: Nodes = nodes.into_iter().map(|node| (keccak256(&node), node)).collect();
        let root = trie.root();
        let mut known = Some(decode(&nodes[&root], &nodes));
        let path = |key: &B256| Nibbles::unpack(key);
        for key in &keys {
            let value = all.get(key).map(|Word(value)| alloy_rlp::encode(value));
            prop_assert_eq!(known.as_ref().unwrap().get(&path(key)), value.as_deref());
        }
        order.sort_by_key(|key| keccak256(key));
        for key in &order {
            known = known.unwrap().remove(&path(key));
        }
        for key in keys.iter().filter(|key| !order.contains(key)) {
            let value = all.get(key).map(|Word(value)| alloy_rlp::encode(value));
            let found = known.as_ref().and_then(|known| known.get(&path(key)));
            prop_assert_eq!(found, value.as_deref());
        }
    }
}
