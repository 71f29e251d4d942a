//! A persistent Merkle Patricia trie (Yellow Paper, appendix D) over 32-byte keys.
//!
//! Nodes are shared between versions: a clone of [`Trie`] costs nothing, an insertion or a removal touches only the
//! path to its key, and changes it in place where no other version holds it. Leaves hold the *values* themselves; the
//! bytes that are hashed are made from them when a root is asked for, and every node keeps its hash, so that only
//! what changed is hashed again.
//!
//! Leaves and extensions hold a whole key instead of the rest of the path: which nibbles of it belong to the node
//! follows from the depth at which it stands. So a split or a merge moves nodes without rewriting keys.
//! *Invariants.* A branch has at least two children; the child of an extension is a branch; a node whose depth or
//! content changed has forgotten its hash; versions share a leaf or an extension only at one depth. All keys have the same length, so a branch never holds a value.

mod build;
mod encode;
mod iter;
mod path;
#[cfg(test)]
mod tests;
mod witness;

pub(super) use build::Buckets;

use alloy::primitives::B256;
use alloy_trie::nodes::RlpNode;
use path::{NIBBLES, common_nibbles, nibble, with_nibble};
use std::{
    fmt, mem,
    sync::{Arc, OnceLock},
};

/// What stands in a leaf.
pub(super) trait TrieValue: Clone {
    /// Appends the RLP bytes that the trie commits to.
    fn encode_value(&self, out: &mut Vec<u8>);
}

/// A persistent trie; see the module.
#[derive(Clone)]
pub(super) struct Trie<V> {
    root: Link<V>,
}

type Link<V> = Option<Arc<Node<V>>>;

#[derive(Clone)]
struct Node<V> {
    /// The node as its parent holds it: its RLP if that is shorter than 32 bytes, else its hash.
    reference: OnceLock<RlpNode>,
    kind: Kind<V>,
}

#[derive(Clone)]
enum Kind<V> {
    Leaf {
        key: B256,
        value: V,
    },
    Extension {
        /// A key below this node.
        key: B256,
        /// The depth at which the child stands.
        end: u8,
        child: Arc<Node<V>>,
    },
    Branch([Link<V>; 16]),
}

impl<V> Node<V> {
    fn new(kind: Kind<V>) -> Arc<Self> {
        Arc::new(Self {
            reference: OnceLock::new(),
            kind,
        })
    }
    fn leaf(key: B256, value: V) -> Arc<Self> {
        Self::new(Kind::Leaf { key, value })
    }
    fn extension(key: B256, end: usize, child: Arc<Self>) -> Arc<Self> {
        Self::new(Kind::Extension {
            key,
            end: end as u8,
            child,
        })
    }
}

impl<V> Default for Trie<V> {
    fn default() -> Self {
        Self { root: None }
    }
}

impl<V> fmt::Debug for Trie<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.root.as_deref().map(|node| node.reference.get()) {
            None => f.write_str("Trie(empty)"),
            Some(None) => f.write_str("Trie(not hashed)"),
            Some(Some(reference)) => write!(f, "Trie({reference:?})"),
        }
    }
}

impl<V> Trie<V> {
    /// The value of a key.
    pub(super) fn get(&self, key: &B256) -> Option<&V> {
        let mut node = self.root.as_deref()?;
        let mut depth = 0;
        loop {
            match &node.kind {
                Kind::Leaf { key: own, value } => return (own == key).then_some(value),
                // Whether the skipped nibbles agree is decided by the leaf, which knows its whole key.
                Kind::Extension { end, child, .. } => {
                    depth = usize::from(*end);
                    node = child;
                }
                Kind::Branch(children) => {
                    node = children[nibble(key, depth)].as_deref()?;
                    depth += 1;
                }
            }
        }
    }

    /// All keys and values, in the order of the keys.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&B256, &V)> {
        iter::Iter::new(self.root.as_deref())
    }
}

impl<V: TrieValue> Trie<V> {
    /// The value of a key, to be changed. The path to it is hashed again with the next root.
    pub(super) fn get_mut(&mut self, key: &B256) -> Option<&mut V> {
        // Nothing may be touched if the key is not there.
        self.get(key)?;
        let mut link = self.root.as_mut()?;
        let mut depth = 0;
        loop {
            let node = Arc::make_mut(link);
            node.reference.take();
            match &mut node.kind {
                Kind::Leaf { value, .. } => return Some(value),
                Kind::Extension { end, child, .. } => {
                    depth = usize::from(*end);
                    link = child;
                }
                Kind::Branch(children) => {
                    link = children[nibble(key, depth)].as_mut()?;
                    depth += 1;
                }
            }
        }
    }

    /// Sets the value of a key and gives the one before.
    pub(super) fn insert(&mut self, key: B256, value: V) -> Option<V> {
        let Some(mut link) = self.root.as_mut() else {
            self.root = Some(Node::leaf(key, value));
            return None;
        };
        let mut depth = 0;
        loop {
            let diverging = match &link.kind {
                Kind::Leaf { key: own, .. } => {
                    let at = common_nibbles(own, &key);
                    (at < NIBBLES).then_some((*own, at))
                }
                Kind::Extension { key: own, end, .. } => {
                    let at = common_nibbles(own, &key);
                    (at < usize::from(*end)).then_some((*own, at))
                }
                Kind::Branch(_) => None,
            };
            if let Some((own, at)) = diverging {
                split(link, depth, at, &own, key, value);
                return None;
            }
            let node = Arc::make_mut(link);
            node.reference.take();
            match &mut node.kind {
                Kind::Leaf { value: own, .. } => return Some(mem::replace(own, value)),
                Kind::Extension { end, child, .. } => {
                    depth = usize::from(*end);
                    link = child;
                }
                Kind::Branch(children) => match &mut children[nibble(&key, depth)] {
                    Some(child) => {
                        depth += 1;
                        link = child;
                    }
                    empty => {
                        *empty = Some(Node::leaf(key, value));
                        return None;
                    }
                },
            }
        }
    }

    /// Takes a key out and gives its value.
    pub(super) fn remove(&mut self, key: &B256) -> Option<V> {
        // Nothing may be touched if the key is not there.
        self.get(key)?;
        remove_at(&mut self.root, 0, key)
    }
}

/// Puts a branch at depth `at` between `link`, which stands at `depth` and continues along `own`, and a new leaf
/// whose key leaves that path there.
fn split<V: Clone>(
    link: &mut Arc<Node<V>>,
    depth: usize,
    at: usize,
    own: &B256,
    key: B256,
    value: V,
) {
    let mut children: [Link<V>; 16] = Default::default();
    children[nibble(&key, at)] = Some(Node::leaf(key, value));
    let branch = Node::new(Kind::Branch(children));
    let old = mem::replace(link, branch);
    let old = match &old.kind {
        Kind::Extension { end, child, .. } if usize::from(*end) == at + 1 => Arc::clone(child),
        _ => moved(old),
    };
    if let Kind::Branch(children) = &mut Arc::make_mut(link).kind {
        children[nibble(own, at)] = Some(old);
    }
    if at > depth {
        *link = Node::extension(key, at, Arc::clone(link));
    }
}

/// A leaf or an extension that goes to another depth, where it stands for another part of its key and has another
/// hash. Another version may still hold the node at the old depth, so that one is not touched, hashed or not.
fn moved<V: Clone>(mut node: Arc<Node<V>>) -> Arc<Node<V>> {
    Arc::make_mut(&mut node).reference.take();
    node
}

/// Takes `key`, which is there, out of what stands at `depth`.
fn remove_at<V: TrieValue>(link: &mut Link<V>, depth: usize, key: &B256) -> Option<V> {
    if let Some(Kind::Leaf { .. }) = link.as_deref().map(|node| &node.kind) {
        return match Arc::unwrap_or_clone(link.take()?).kind {
            Kind::Leaf { value, .. } => Some(value),
            _ => None,
        };
    }
    let node = Arc::make_mut(link.as_mut()?);
    node.reference.take();
    match &mut node.kind {
        Kind::Leaf { .. } => None,
        Kind::Extension { end, child, .. } => {
            let mut below = Some(Arc::clone(child));
            let end = usize::from(*end);
            // Give up this node's hold on the child, so that the child is changed in place.
            *link = None;
            let value = remove_at(&mut below, end, key);
            *link = below.map(|child| match &child.kind {
                Kind::Branch(_) => Node::extension(*key, end, child),
                _ => moved(child),
            });
            value
        }
        Kind::Branch(children) => {
            let value = remove_at(&mut children[nibble(key, depth)], depth + 1, key);
            let mut left = children
                .iter_mut()
                .enumerate()
                .filter(|(_, child)| child.is_some());
            if let (Some((index, only)), None) = (left.next(), left.next()) {
                *link = only.take().map(|child| match &child.kind {
                    Kind::Branch(_) => {
                        Node::extension(with_nibble(key, depth, index), depth + 1, child)
                    }
                    _ => moved(child),
                });
            }
            value
        }
    }
}
