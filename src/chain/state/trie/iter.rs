//! Walking a trie in the order of its keys.

use super::{Kind, Node};
use alloy::primitives::B256;
use std::slice;

/// Keys and values in the order of the keys.
pub(super) struct Iter<'a, V> {
    next: Option<&'a Node<V>>,
    /// What is left of the branches above, the root's first.
    above: Vec<slice::Iter<'a, super::Link<V>>>,
}

impl<'a, V> Iter<'a, V> {
    pub(super) fn new(root: Option<&'a Node<V>>) -> Self {
        Self {
            next: root,
            above: Vec::new(),
        }
    }

    /// The next node to the right of everything visited.
    fn climb(&mut self) -> Option<&'a Node<V>> {
        while let Some(branch) = self.above.last_mut() {
            if let Some(child) = branch.find_map(|child| child.as_deref()) {
                return Some(child);
            }
            self.above.pop();
        }
        None
    }
}

impl<'a, V> Iterator for Iter<'a, V> {
    type Item = (&'a B256, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let node = match self.next.take() {
                Some(node) => node,
                None => self.climb()?,
            };
            match &node.kind {
                Kind::Leaf { key, value } => return Some((key, value)),
                Kind::Extension { child, .. } => self.next = Some(child),
                Kind::Branch(children) => self.above.push(children.iter()),
            }
        }
    }
}
