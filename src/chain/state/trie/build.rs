//! A trie from sorted leaves: every node is made once.

use super::{
    Kind, Link, Node, Trie,
    path::{NIBBLES, common_nibbles, nibble},
};
use alloy::primitives::B256;
use std::vec;

impl<V> Trie<V> {
    /// A trie of these keys and values. Of equal keys the first counts.
    pub(in super::super) fn from_unsorted(mut leaves: Vec<(B256, V)>) -> Self {
        leaves.sort_by_key(|(key, _)| *key);
        leaves.dedup_by_key(|(key, _)| *key);
        let keys: Vec<B256> = leaves.iter().map(|(key, _)| *key).collect();
        Self {
            root: subtree(&keys, 0, &mut leaves.into_iter()),
        }
    }
}

/// The node at `depth` over `keys`, whose leaves are the next ones of `leaves`.
fn subtree<V>(keys: &[B256], depth: usize, leaves: &mut vec::IntoIter<(B256, V)>) -> Link<V> {
    let (first, last) = (keys.first()?, keys.last()?);
    if keys.len() == 1 {
        return leaves.next().map(|(key, value)| Node::leaf(key, value));
    }
    // Keys are sorted, so what the first and the last share all share.
    let at = common_nibbles(first, last).min(NIBBLES - 1);
    let mut children: [Link<V>; 16] = Default::default();
    let mut rest = keys;
    while let Some(key) = rest.first() {
        let index = nibble(key, at);
        let (same, others) = rest.split_at(rest.partition_point(|key| nibble(key, at) <= index));
        children[index] = subtree(same, at + 1, leaves);
        rest = others;
    }
    let branch = Node::new(Kind::Branch(children));
    Some(if at > depth {
        Node::extension(*first, at, branch)
    } else {
        branch
    })
}
