//! What of a state an execution looked at, and the nodes that prove it.

use super::{State, leaf::hashed_slot, trie::Trie};
use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use std::collections::{BTreeMap, BTreeSet};

/// The accounts and slots that an execution read or wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched(BTreeMap<Address, BTreeSet<U256>>);

impl Touched {
    /// Adds an account.
    pub fn account(&mut self, address: Address) {
        self.0.entry(address).or_default();
    }

    /// Adds a slot of an account.
    pub fn slot(&mut self, address: Address, slot: U256) {
        self.0.entry(address).or_default().insert(slot);
    }

    /// The accounts with their slots, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (&Address, &BTreeSet<U256>)> {
        self.0.iter()
    }
}

impl State {
    /// The RLP of the trie nodes that are needed to read what was touched and to come from this state to the root of
    /// `after`; each once.
    pub fn witness(&self, touched: &Touched, after: &Self) -> BTreeSet<Bytes> {
        let mut nodes = BTreeSet::new();
        let mut keys: Vec<B256> = touched
            .iter()
            .map(|(address, _)| keccak256(address))
            .collect();
        keys.sort_unstable();
        let is_gone = |key: &B256| after.accounts.get(key).is_none();
        self.accounts.witness(&keys, &is_gone, &mut nodes);
        let empty = Trie::default();
        for (address, slots) in touched.iter() {
            let key = keccak256(address);
            let Some(account) = self.accounts.get(&key) else {
                continue;
            };
            let later = after.accounts.get(&key);
            let later = later.map_or(&empty, |account| &account.storage);
            let mut keys: Vec<B256> = slots.iter().map(|slot| hashed_slot(*slot)).collect();
            keys.sort_unstable();
            let is_gone = |key: &B256| later.get(key).is_none();
            account.storage.witness(&keys, &is_gone, &mut nodes);
        }
        nodes
    }
}
