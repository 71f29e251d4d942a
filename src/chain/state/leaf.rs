//! What stands in the leaves of the state's tries (Yellow Paper 4.1).

use super::{
    AccountInfo,
    trie::{Trie, TrieValue},
};
use alloy::primitives::{Address, B256, U256, keccak256};
use alloy_rlp::Encodable;
use alloy_trie::TrieAccount;

/// An account with its address, which its key, a hash, does not tell, and its storage.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) address: Address,
    pub(super) info: AccountInfo,
    pub(super) storage: Trie<Slot>,
}

impl TrieValue for Account {
    fn encode_value(&self, out: &mut Vec<u8>) {
        TrieAccount {
            nonce: self.info.nonce,
            balance: self.info.balance,
            storage_root: self.storage.root(),
            code_hash: self.info.code_hash,
        }
        .encode(out);
    }
}

/// A slot that is not zero, with its number, which its key, a hash, does not tell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) slot: U256,
    pub(super) value: U256,
}

impl TrieValue for Slot {
    fn encode_value(&self, out: &mut Vec<u8>) {
        self.value.encode(out);
    }
}

/// The key of a slot in a storage trie.
pub(super) fn hashed_slot(slot: U256) -> B256 {
    keccak256(slot.to_be_bytes::<32>())
}
