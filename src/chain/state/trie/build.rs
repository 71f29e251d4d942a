//! A trie from its leaves: every node is made once. A large one is made and hashed by all cores.

use super::{
    Kind, Link, Node, Trie, TrieValue,
    path::{NIBBLES, common_nibbles, nibble},
};
use alloy::primitives::B256;
use std::{
    sync::{Mutex, PoisonError},
    thread, vec,
};

/// Leaves by the first nibble of their keys.
pub(in super::super) type Buckets<V> = [Vec<(B256, V)>; 16];

/// Below this number of leaves, threads cost more than they bring.
const MANY_LEAVES: usize = 16_384;

impl<V> Trie<V> {
    /// A trie of these keys and values. Of equal keys the first counts.
    pub(in super::super) fn from_unsorted(leaves: Vec<(B256, V)>) -> Self {
        Self {
            root: unsorted_subtree(leaves, 0),
        }
    }
}

impl<V: TrieValue + Send + Sync> Trie<V> {
    /// The same from leaves that lie in the bucket of their first nibble.
    pub(in super::super) fn from_buckets(mut buckets: Buckets<V>) -> Self {
        let used = buckets.iter().filter(|bucket| !bucket.is_empty()).count();
        let leaves: usize = buckets.iter().map(Vec::len).sum();
        if used < 2 || leaves < MANY_LEAVES {
            return Self::from_unsorted(buckets.iter_mut().flat_map(std::mem::take).collect());
        }
        let waiting = Mutex::new(buckets.into_iter().enumerate());
        let children: Mutex<[Link<V>; 16]> = Mutex::default();
        let work = || {
            loop {
                let next = waiting
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .next();
                let Some((index, bucket)) = next else { return };
                let child = unsorted_subtree(bucket, 1);
                if let Some(child) = &child {
                    child.hash(1);
                }
                children.lock().unwrap_or_else(PoisonError::into_inner)[index] = child;
            }
        };
        // A browser has one thread and says so by an error.
        let threads = thread::available_parallelism()
            .map_or(1, usize::from)
            .min(16);
        thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(work);
            }
            work();
        });
        let children = children
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        Self {
            root: Some(Node::new(Kind::Branch(children))),
        }
    }
}

/// The node at `depth` over these leaves.
fn unsorted_subtree<V>(mut leaves: Vec<(B256, V)>, depth: usize) -> Link<V> {
    leaves.sort_by_key(|(key, _)| *key);
    leaves.dedup_by_key(|(key, _)| *key);
    let keys: Vec<B256> = leaves.iter().map(|(key, _)| *key).collect();
    subtree(&keys, depth, &mut leaves.into_iter())
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
