//! A state being changed.

use super::{AccountInfo, State, StateDiff};
use alloy::primitives::{Address, B256, Bytes, U256};

/// A state being changed: a clone of a [`State`] that remembers the previous value of everything it touches.
#[derive(Clone, Debug)]
pub struct Draft {
    state: State,
    diff: StateDiff,
}

impl Draft {
    /// Starts from `state`.
    pub fn new(state: State) -> Self {
        Self {
            state,
            diff: StateDiff::default(),
        }
    }
    /// The state with the changes so far.
    pub fn state(&self) -> &State {
        &self.state
    }
    /// Writes nonce, balance and code hash; the storage stays.
    pub fn set_account(&mut self, _address: Address, _info: AccountInfo) {
        todo!()
    }
    /// Removes an account with its storage.
    pub fn remove_account(&mut self, _address: Address) {
        todo!()
    }
    /// Removes an account's storage (a contract created anew).
    pub fn clear_storage(&mut self, _address: Address) {
        todo!()
    }
    /// Writes a slot; zero removes it. The account must exist.
    pub fn set_storage(&mut self, _address: Address, _slot: U256, _value: U256) {
        todo!()
    }
    /// Keeps a code and gives its hash.
    pub fn add_code(&mut self, _code: Bytes) -> B256 {
        todo!()
    }
    /// The changed state and the previous values of what really changed.
    pub fn finish(self) -> (State, StateDiff) {
        todo!()
    }
}
