//! A state being changed.
//!
//! A draft writes through to its own clone of the state, so that its root can be asked for at any time, and remembers
//! for everything it touched the value before, the value now and the hashed key: touching it again, and reading it,
//! costs no hashing.

use super::{AccountInfo, State, StateDiff, StateError, StateRead, leaf::hashed_slot};
use alloy::primitives::{
    Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256,
    map::{AddressMap, HashMap},
};
use revm::bytecode::Bytecode;

/// A state being changed: a clone of a [`State`] that remembers the previous value of everything it touches.
#[derive(Clone, Debug)]
pub struct Draft {
    state: State,
    accounts: AddressMap<Touched<Option<AccountInfo>>>,
    slots: HashMap<(Address, U256), Touched<U256>>,
    codes: Vec<(B256, Bytes)>,
}

/// A touched account or slot.
#[derive(Clone, Copy, Debug)]
struct Touched<T> {
    /// Its key in the trie.
    key: B256,
    before: T,
    now: T,
}

impl Draft {
    /// Starts from `state`.
    pub fn new(state: State) -> Self {
        Self {
            state,
            accounts: AddressMap::default(),
            slots: HashMap::default(),
            codes: Vec::new(),
        }
    }

    /// The state with the changes so far.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Writes nonce, balance and code hash; the storage stays.
    pub fn set_account(&mut self, address: Address, info: AccountInfo) {
        self.write_account(address, Some(info));
    }

    /// Removes an account with its storage.
    pub fn remove_account(&mut self, address: Address) {
        self.clear_storage(address);
        self.write_account(address, None);
    }

    /// Removes an account's storage (a contract created anew).
    pub fn clear_storage(&mut self, address: Address) {
        let slots: Vec<U256> = self
            .state
            .storage_of(address)
            .map(|(slot, _)| slot)
            .collect();
        for slot in slots {
            self.set_storage(address, slot, U256::ZERO);
        }
    }

    /// Writes a slot; zero removes it. The account must exist: without it nothing happens.
    pub fn set_storage(&mut self, address: Address, slot: U256, value: U256) {
        let account = self.touch_account(address);
        if account.now.is_none() {
            return;
        }
        let key = account.key;
        let touched = self.touch_slot(key, address, slot);
        if touched.now != value {
            touched.now = value;
            let slot_key = touched.key;
            self.state.write_slot(&key, &slot_key, slot, value);
        }
    }

    /// The account, as [`StateRead::account`], for an execution: what it reads it often writes, so its key is kept.
    pub(crate) fn read_account(&mut self, address: Address) -> Option<AccountInfo> {
        self.touch_account(address).now
    }

    /// The value of a slot, in the same way.
    pub(crate) fn read_storage(&mut self, address: Address, slot: U256) -> U256 {
        let key = self.touch_account(address).key;
        self.touch_slot(key, address, slot).now
    }

    /// Keeps a code and gives its hash.
    pub fn add_code(&mut self, code: Bytes) -> B256 {
        let hash = keccak256(&code);
        self.keep_code(hash, || code);
        hash
    }

    /// Keeps a code whose hash is known, if it is new and not empty.
    pub fn keep_code(&mut self, hash: B256, code: impl FnOnce() -> Bytes) {
        if hash != KECCAK256_EMPTY && !self.state.has_code(&hash) {
            let code = code();
            self.state.write_code(hash, code.clone());
            self.codes.push((hash, code));
        }
    }

    /// The changed state and the previous values of what really changed.
    pub fn finish(self) -> (State, StateDiff) {
        fn changed<K, T: PartialEq>((key, touched): (K, Touched<T>)) -> Option<(K, T)> {
            (touched.before != touched.now).then_some((key, touched.before))
        }
        let diff = StateDiff {
            accounts: self.accounts.into_iter().filter_map(changed).collect(),
            storage: self.slots.into_iter().filter_map(changed).collect(),
            codes: self.codes.into_iter().collect(),
        };
        (self.state, diff)
    }

    fn touch_account(&mut self, address: Address) -> &mut Touched<Option<AccountInfo>> {
        self.accounts.entry(address).or_insert_with(|| {
            let key = keccak256(address);
            let before = self.state.accounts.get(&key).map(|account| account.info);
            Touched {
                key,
                before,
                now: before,
            }
        })
    }

    /// `key` is the account's.
    fn touch_slot(&mut self, key: B256, address: Address, slot: U256) -> &mut Touched<U256> {
        self.slots.entry((address, slot)).or_insert_with(|| {
            let slot_key = hashed_slot(slot);
            let before = self.state.slot_at(&key, &slot_key);
            Touched {
                key: slot_key,
                before,
                now: before,
            }
        })
    }

    fn write_account(&mut self, address: Address, info: Option<AccountInfo>) {
        let touched = self.touch_account(address);
        if touched.now != info {
            touched.now = info;
            let key = touched.key;
            self.state.write_account(&key, address, info);
        }
    }
}

impl StateRead for Draft {
    fn account(&self, address: Address) -> Result<Option<AccountInfo>, StateError> {
        Ok(match self.accounts.get(&address) {
            Some(touched) => touched.now,
            None => self.state.account_info(address),
        })
    }
    fn storage(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        Ok(
            match (
                self.slots.get(&(address, slot)),
                self.accounts.get(&address),
            ) {
                (Some(touched), _) => touched.now,
                (None, Some(account)) => self.state.slot_at(&account.key, &hashed_slot(slot)),
                (None, None) => self.state.storage_value(address, slot),
            },
        )
    }
    fn code(&self, code_hash: B256) -> Result<Bytecode, StateError> {
        self.state.code(code_hash)
    }
}
