//! Reads of old states.

use super::{
    Archive, StoreError,
    encoding::{
        Changed, account_history_key, corrupt, decode_account, decode_value, slot_history_key,
        version_of,
    },
    layer::first_after,
    store::{Order, Table},
};
use crate::chain::state::{AccountInfo, State, StateDiff, StateError, StateRead};
use alloy::primitives::{
    Address, B256, U256,
    map::{HashMap, hash_map::Entry},
};
use revm::bytecode::Bytecode;
use std::{
    ops::{Bound, ControlFlow},
    sync::{Arc, atomic::Ordering},
};

/// The state at an old version, read key by key.
struct OldState {
    archive: Arc<Archive>,
    head: State,
    head_version: u64,
    version: u64,
    /// The epoch in which `head_version` was alive for certain; `None`: it never was.
    epoch: Option<u64>,
}

impl Archive {
    /// The state as it was at a version not above `head_version`, whose newest state is `head`. Reads are exact and
    /// cost O(log n); recent versions cost what the head does. Later appends and flushes change nothing for it; a
    /// revert below `head_version` makes its reads fail with [`StoreError::Stale`].
    pub fn state_at(
        self: &Arc<Self>,
        head: &State,
        head_version: u64,
        version: u64,
    ) -> Arc<dyn StateRead + Send + Sync> {
        if version == head_version {
            return Arc::new(head.clone());
        }
        let epoch = {
            let inner = self.read();
            if let Some(recent) = inner.recent.iter().find(|recent| recent.version == version) {
                return Arc::new(recent.state.clone());
            }
            let alive = version < head_version && !inner.is_dead(head_version);
            alive.then(|| self.epoch.load(Ordering::Acquire))
        };
        Arc::new(OldState {
            archive: Arc::clone(self),
            head: head.clone(),
            head_version,
            version,
            epoch,
        })
    }

    /// The whole state as it was at `version`, by undoing on a clone of `head`, the newest state of `head_version`:
    /// costs what changed since. For proofs and to rebuild snapshots.
    pub fn rewind(
        &self,
        head: &State,
        head_version: u64,
        version: u64,
    ) -> Result<State, StoreError> {
        self.rewind_further(head_version, head, head_version, version)
    }

    /// The same from `state`, which [`Archive::rewind`] from that head gave for version `from`.
    pub fn rewind_further(
        &self,
        head_version: u64,
        state: &State,
        from: u64,
        version: u64,
    ) -> Result<State, StoreError> {
        let (mut state, mut from) = (state.clone(), from);
        {
            let inner = self.read();
            if version > from || inner.is_dead(head_version) {
                return Err(StoreError::Stale);
            }
            // The recent state that is nearest, if it is nearer than the head.
            let mut recent = inner.recent.iter();
            if let Some(recent) = recent.find(|recent| recent.version >= version)
                && recent.version < from
            {
                (state, from) = (recent.state.clone(), recent.version);
            }
        }
        if version < from {
            let diff = self.changes_since(version, from)?;
            if self.read().is_dead(head_version) {
                return Err(StoreError::Stale);
            }
            state.undo(&diff);
        }
        Ok(state)
    }

    /// The values at version `after` of all that changed later, up to version `until`.
    fn changes_since(&self, after: u64, until: u64) -> Result<StateDiff, StoreError> {
        let mut accounts = HashMap::default();
        let mut slots = HashMap::default();
        {
            let inner = self.read();
            for layer in inner.layers() {
                for (_, changed) in layer.changes.range(after + 1..=until) {
                    for address in &changed.accounts {
                        let versions = layer.accounts.get(address);
                        keep_first(&mut accounts, *address, first_after(versions, after, until));
                    }
                    for key in &changed.slots {
                        let versions = layer.slots.get(key);
                        keep_first(&mut slots, *key, first_after(versions, after, until));
                    }
                }
            }
        }
        // The store is asked after the layers: what moved there meanwhile is found in both, never in none.
        for (version, changed) in self.stored_changes(after, until)? {
            for address in changed.accounts {
                if accounts
                    .get(&address)
                    .is_none_or(|(known, _)| version < *known)
                {
                    let key = account_history_key(address, version);
                    let bytes = self.stored_history(Table::AccountHistory, &key)?;
                    let before = decode_account(Table::AccountHistory, &bytes)?;
                    accounts.insert(address, (version, before));
                }
            }
            for key in changed.slots {
                if slots.get(&key).is_none_or(|(known, _)| version < *known) {
                    let history_key = slot_history_key(key.0, key.1, version);
                    let bytes = self.stored_history(Table::SlotHistory, &history_key)?;
                    slots.insert(key, (version, decode_value(Table::SlotHistory, &bytes)?));
                }
            }
        }
        Ok(StateDiff {
            accounts: accounts
                .into_iter()
                .map(|(key, (_, before))| (key, before))
                .collect(),
            storage: slots
                .into_iter()
                .map(|(key, (_, before))| (key, before))
                .collect(),
            ..StateDiff::default()
        })
    }

    fn stored_history(&self, table: Table, key: &[u8]) -> Result<Vec<u8>, StoreError> {
        let epoch = self.epoch.load(Ordering::Acquire);
        match self.store.get(table, key)? {
            Some(bytes) => Ok(bytes),
            // Deleted by a revert, or it should be there.
            None if self.epoch.load(Ordering::Acquire) != epoch => Err(StoreError::Stale),
            None => Err(corrupt(
                table,
                "a value is missing that the changes of its version list",
            )),
        }
    }

    fn stored_changes(&self, after: u64, until: u64) -> Result<Vec<(u64, Changed)>, StoreError> {
        let (first, last) = (after.to_be_bytes(), until.to_be_bytes());
        let range = (Bound::Excluded(&first[..]), Bound::Included(&last[..]));
        let mut changes = Vec::new();
        self.store.each(Table::Changes, range, |key, value| {
            changes.push((version_of(Table::Changes, key)?, Changed::decode(value)?));
            Ok(())
        })?;
        Ok(changes)
    }

    /// The first stored entry with a history key from `first` to `last`.
    fn first_stored(
        &self,
        table: Table,
        first: &[u8],
        last: &[u8],
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let range = (Bound::Included(first), Bound::Included(last));
        let mut found = None;
        self.store
            .scan(table, range, Order::Ascending, &mut |_, value| {
                found = Some(value.to_vec());
                ControlFlow::Break(())
            })?;
        Ok(found)
    }

    /// An account at version `after`: as it was before its first change up to version `until`, or as in `head`, the
    /// state of that version.
    fn account_at(
        &self,
        address: Address,
        after: u64,
        until: u64,
        head: &State,
    ) -> Result<Option<AccountInfo>, StoreError> {
        let in_memory = {
            let inner = self.read();
            let mut layers = inner.layers();
            layers.find_map(|layer| first_after(layer.accounts.get(&address), after, until))
        };
        // The store has the lower versions. It is asked after the layers: what moved there meanwhile is found twice.
        let first = account_history_key(address, after + 1);
        let last = account_history_key(address, until);
        match (
            self.first_stored(Table::AccountHistory, &first, &last)?,
            in_memory,
        ) {
            (Some(bytes), _) => decode_account(Table::AccountHistory, &bytes),
            (None, Some((_, before))) => Ok(before),
            (None, None) => Ok(head.account_info(address)),
        }
    }

    /// A slot at version `after`, likewise.
    fn slot_at(
        &self,
        key: (Address, U256),
        after: u64,
        until: u64,
        head: &State,
    ) -> Result<U256, StoreError> {
        let in_memory = {
            let inner = self.read();
            let mut layers = inner.layers();
            layers.find_map(|layer| first_after(layer.slots.get(&key), after, until))
        };
        let first = slot_history_key(key.0, key.1, after + 1);
        let last = slot_history_key(key.0, key.1, until);
        match (
            self.first_stored(Table::SlotHistory, &first, &last)?,
            in_memory,
        ) {
            (Some(bytes), _) => decode_value(Table::SlotHistory, &bytes),
            (None, Some((_, before))) => Ok(before),
            (None, None) => Ok(head.storage_value(key.0, key.1)),
        }
    }
}

fn keep_first<K: Eq + std::hash::Hash, T>(
    map: &mut HashMap<K, (u64, T)>,
    key: K,
    found: Option<(u64, T)>,
) {
    let Some(found) = found else { return };
    match map.entry(key) {
        Entry::Vacant(entry) => {
            entry.insert(found);
        }
        Entry::Occupied(mut entry) if found.0 < entry.get().0 => {
            entry.insert(found);
        }
        Entry::Occupied(_) => {}
    }
}

impl OldState {
    /// Fails if what was just read, or will be, may belong to another history than the head does.
    fn check(&self) -> Result<(), StoreError> {
        let Some(epoch) = self.epoch else {
            return Err(StoreError::Stale);
        };
        if self.archive.epoch.load(Ordering::Acquire) == epoch {
            return Ok(());
        }
        let inner = self.archive.read();
        if inner.installed > epoch || inner.is_dead(self.head_version) {
            return Err(StoreError::Stale);
        }
        Ok(())
    }
}

impl StateRead for OldState {
    fn account(&self, address: Address) -> Result<Option<AccountInfo>, StateError> {
        self.check()?;
        let (version, head_version) = (self.version, self.head_version);
        let account = self
            .archive
            .account_at(address, version, head_version, &self.head)?;
        self.check()?;
        Ok(account)
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        self.check()?;
        let (version, head_version) = (self.version, self.head_version);
        let value = self
            .archive
            .slot_at((address, slot), version, head_version, &self.head)?;
        self.check()?;
        Ok(value)
    }

    /// Codes are never lost on the way to a newer version, so the head knows them all.
    fn code(&self, code_hash: B256) -> Result<Bytecode, StateError> {
        self.head.code(code_hash)
    }
}
