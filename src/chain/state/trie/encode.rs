//! Roots and proofs: the trie's nodes as RLP (Yellow Paper, appendix D; EIP-1186 for proofs).

use super::{Kind, Node, Trie, TrieValue, path::nibble};
use alloy::primitives::{B256, Bytes, keccak256};
use alloy_rlp::Encodable;
use alloy_trie::{
    EMPTY_ROOT_HASH, Nibbles, TrieMask,
    nodes::{BranchNodeRef, ExtensionNodeRef, LeafNodeRef, RlpNode},
};

/// A node shorter than a hash stands in its parent itself.
const HASH_LENGTH: usize = 32;
/// The RLP of a full branch: 16 hashes, an empty value, the list's header.
const LONGEST_BRANCH: usize = 16 * 33 + 1 + 3;

/// Buffers that all nodes of one call share.
pub(super) struct Scratch {
    node: Vec<u8>,
    value: Vec<u8>,
}

impl Scratch {
    pub(super) fn new() -> Self {
        Self {
            node: Vec::with_capacity(LONGEST_BRANCH),
            value: Vec::with_capacity(128),
        }
    }
}

impl<V: TrieValue> Trie<V> {
    /// The root hash. Hashes only what changed since it was last asked for, on this or an older version.
    pub(in super::super) fn root(&self) -> B256 {
        let Some(root) = self.root.as_deref() else {
            return EMPTY_ROOT_HASH;
        };
        let reference = match root.reference.get() {
            Some(reference) => reference,
            None => root.reference(0, &mut Scratch::new()),
        };
        reference
            .as_hash()
            .unwrap_or_else(|| keccak256(reference.as_slice()))
    }

    /// Hashes what is below the root, from the last child to the first: a second thread's part of [`Trie::root`], which
    /// begins at the first. Whoever comes to a node first hashes it, for both.
    pub(in super::super) fn hash_from_the_end(&self) {
        if let Some(Kind::Branch(children)) = self.root.as_deref().map(|root| &root.kind) {
            for child in children.iter().rev().flatten() {
                child.hash(1);
            }
        }
    }

    /// The nodes on the way to a key, from the root: they prove its value, or that it has none (EIP-1186). Nodes that
    /// stand inside their parent are not listed; an empty trie has none.
    pub(in super::super) fn proof(&self, key: &B256) -> Vec<Bytes> {
        let mut proof = Vec::new();
        let mut scratch = Scratch::new();
        let mut next = self.root.as_deref();
        let mut depth = 0;
        while let Some(node) = next {
            node.encode(depth, &mut scratch);
            if proof.is_empty() || scratch.node.len() >= HASH_LENGTH {
                proof.push(Bytes::copy_from_slice(&scratch.node));
            }
            next = match &node.kind {
                Kind::Leaf { .. } => None,
                Kind::Extension {
                    key: own,
                    end,
                    child,
                } => {
                    depth = usize::from(*end);
                    (super::common_nibbles(own, key) >= depth).then_some(&**child)
                }
                Kind::Branch(children) => {
                    let child = children[nibble(key, depth)].as_deref();
                    depth += 1;
                    child
                }
            };
        }
        proof
    }
}

impl<V: TrieValue> Node<V> {
    /// Hashes the node, standing at `depth`, and all below it.
    pub(super) fn hash(&self, depth: usize) {
        self.reference(depth, &mut Scratch::new());
    }

    /// The node, standing at `depth`, as its parent holds it.
    fn reference(&self, depth: usize, scratch: &mut Scratch) -> &RlpNode {
        self.reference.get_or_init(|| {
            self.encode(depth, scratch);
            RlpNode::from_rlp(&scratch.node)
        })
    }

    /// The RLP of the node, standing at `depth`.
    pub(super) fn rlp<'s>(&self, depth: usize, scratch: &'s mut Scratch) -> &'s [u8] {
        self.encode(depth, scratch);
        &scratch.node
    }

    /// Leaves the node's RLP in `scratch.node`.
    fn encode(&self, depth: usize, scratch: &mut Scratch) {
        match &self.kind {
            Kind::Leaf { key, value } => {
                scratch.value.clear();
                value.encode_value(&mut scratch.value);
                let path = Nibbles::unpack_array(&key.0).slice(depth..);
                scratch.node.clear();
                LeafNodeRef::new(&path, &scratch.value).encode(&mut scratch.node);
            }
            Kind::Extension { key, end, child } => {
                let end = usize::from(*end);
                let path = Nibbles::unpack_array(&key.0).slice(depth..end);
                let child = child.reference(end, scratch);
                scratch.node.clear();
                ExtensionNodeRef::new(&path, child).encode(&mut scratch.node);
            }
            Kind::Branch(children) => {
                let mut references: [RlpNode; 16] = Default::default();
                let (mut count, mut mask) = (0, 0_u16);
                for (index, child) in children.iter().enumerate() {
                    if let Some(child) = child {
                        references[count] = child.reference(depth + 1, scratch).clone();
                        count += 1;
                        mask |= 1 << index;
                    }
                }
                scratch.node.clear();
                BranchNodeRef::new(&references[..count], TrieMask::new(mask))
                    .encode(&mut scratch.node);
            }
        }
    }
}
