//! A persistent Merkle Patricia trie.
