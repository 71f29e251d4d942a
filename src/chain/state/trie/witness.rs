//! The nodes that another must have to read some keys and to change them: what a stateless execution needs.
//!
//! A key that is taken out may leave a branch with one child, which then takes the branch's place: that child's node is
//! needed too, though no key leads there. Whoever works on the witness may take keys out before it puts others in, so
//! that only those which stay count.

use super::{Kind, Node, Trie, TrieValue, common_nibbles, encode::Scratch, path::nibble};
use alloy::primitives::{B256, Bytes};
use std::collections::BTreeSet;

/// A node shorter than a hash stands in its parent itself.
const HASH_LENGTH: usize = 32;

struct Walk<'a> {
    is_removed: &'a dyn Fn(&B256) -> bool,
    scratch: Scratch,
    nodes: &'a mut BTreeSet<Bytes>,
}

impl<V: TrieValue> Trie<V> {
    /// Adds the RLP of the nodes that reading `keys` needs, ascending and each once, and taking out those of them for
    /// which `is_removed` says so.
    pub(in super::super) fn witness(
        &self,
        keys: &[B256],
        is_removed: &dyn Fn(&B256) -> bool,
        nodes: &mut BTreeSet<Bytes>,
    ) {
        let Some(root) = self.root.as_deref() else {
            return;
        };
        let mut walk = Walk {
            is_removed,
            scratch: Scratch::new(),
            nodes,
        };
        walk.keep(root, 0, true);
        walk.visit(root, 0, keys);
    }
}

impl Walk<'_> {
    /// Adds a node.
    fn keep<V: TrieValue>(&mut self, node: &Node<V>, depth: usize, is_root: bool) {
        let rlp = node.rlp(depth, &mut self.scratch);
        if is_root || rlp.len() >= HASH_LENGTH {
            self.nodes.insert(Bytes::copy_from_slice(rlp));
        }
    }

    /// Adds what lies below a node that was added itself; whether anything of it stays. All `keys` lead to the node.
    fn visit<V: TrieValue>(&mut self, node: &Node<V>, depth: usize, keys: &[B256]) -> bool {
        match &node.kind {
            Kind::Leaf { key, .. } => keys.binary_search(key).is_err() || !(self.is_removed)(key),
            Kind::Extension { key, end, child } => {
                let end = usize::from(*end);
                let first = keys.partition_point(|k| k < key && common_nibbles(k, key) < end);
                let count = keys[first..].partition_point(|k| common_nibbles(k, key) >= end);
                let keys = &keys[first..first + count];
                if keys.is_empty() {
                    return true;
                }
                self.keep(child, end, false);
                self.visit(child, end, keys)
            }
            Kind::Branch(children) => {
                let (mut rest, mut staying, mut lost) = (keys, Vec::new(), false);
                for (index, child) in children.iter().enumerate() {
                    let count = rest.partition_point(|key| nibble(key, depth) == index);
                    let (here, others) = rest.split_at(count);
                    rest = others;
                    let Some(child) = child.as_deref() else {
                        continue;
                    };
                    if here.is_empty() {
                        staying.push(child);
                        continue;
                    }
                    self.keep(child, depth + 1, false);
                    if self.visit(child, depth + 1, here) {
                        staying.push(child);
                    } else {
                        lost = true;
                    }
                }
                if let ([only], true) = (staying.as_slice(), lost) {
                    self.keep(only, depth + 1, false);
                }
                !staying.is_empty()
            }
        }
    }
}
