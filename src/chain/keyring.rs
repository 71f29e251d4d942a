//! The accounts that the chain can send from: those of the config, and what clients changed (`personal_*`,
//! `evm_addAccount`, ganache's "personal namespace").
//!
//! A part of the replicated chain: a key that one node imports signs on every node, also after a restart. An account
//! of the config is open from the start and has no passphrase, an added one is locked until it is unlocked with its passphrase. An account
//! that was added without a key (`evm_addAccount`) is sent from as an impersonated one.
//! *Invariant.* No clock and no randomness: times and new keys come in. Passphrases are kept as their Keccak-256. (The
//! keys are those of a dev chain, public by nature.)

#[cfg(test)]
mod tests;

use super::{Chain, Rejection, accounts::DevAccount};
use alloy::primitives::{Address, B256, keccak256};
use serde::{Deserialize, Serialize};

/// How many accounts clients may add.
pub const ADDED_MAX: usize = 16_384;
/// An account that is unlocked until this time is unlocked for good.
pub const FOREVER: u64 = u64::MAX;

/// What clients changed of the accounts; a persistent value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keyring {
    /// Accounts of the config appear once they were changed.
    #[serde(with = "super::persistent::map")]
    changed: imbl::OrdMap<Address, Entry>,
}

/// An account that was added or changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    /// `None`: sent from without a signature.
    key: Option<B256>,
    /// Keccak-256 of the passphrase; `None`: any will do.
    passphrase: Option<B256>,
    /// Unix milliseconds; 0: locked.
    unlocked_until_ms: u64,
    removed: bool,
}

/// The form in which a passphrase is kept and travels.
pub fn passphrase_hash(passphrase: &str) -> B256 {
    keccak256(passphrase)
}

impl Keyring {
    /// Takes an account, locked. Nothing happens if it is there.
    fn add(&mut self, address: Address, key: Option<B256>, passphrase: B256) {
        let entry = Entry {
            key,
            passphrase: Some(passphrase),
            unlocked_until_ms: 0,
            removed: false,
        };
        self.changed.insert(address, entry);
    }
}

impl Chain {
    /// What is known of an account that was not removed.
    fn keyring_entry(&self, address: Address) -> Option<Entry> {
        if let Some(entry) = self.settings.keyring.changed.get(&address) {
            return (!entry.removed).then(|| entry.clone());
        }
        let mut configured = self.spec.accounts.iter();
        let account = configured.find(|account| account.address == address)?;
        Some(Entry {
            key: Some(account.key),
            passphrase: None,
            unlocked_until_ms: FOREVER,
            removed: false,
        })
    }

    /// The accounts of the chain, locked ones too: first those of the config, then the added ones by address.
    pub fn accounts(&self) -> Vec<Address> {
        let changed = &self.settings.keyring.changed;
        let configured = self.spec.accounts.iter().map(|account| account.address);
        let mut accounts: Vec<Address> = configured
            .filter(|address| changed.get(address).is_none_or(|entry| !entry.removed))
            .collect();
        let known = accounts.len();
        for (address, entry) in changed {
            if !entry.removed && !accounts[..known].contains(address) {
                accounts.push(*address);
            }
        }
        accounts
    }

    /// Whether the account is one of [`Chain::accounts`].
    pub fn has_account(&self, address: Address) -> bool {
        self.keyring_entry(address).is_some()
    }

    /// Whether the chain sends from the account now: it is open, or impersonated.
    pub fn can_send(&self, address: Address, now_ms: u64) -> Result<(), Rejection> {
        if self.settings.is_impersonated(&address) {
            return Ok(());
        }
        match self.keyring_entry(address) {
            None => Err(Rejection::UnknownAccount(address)),
            Some(entry) if entry.unlocked_until_ms <= now_ms => {
                Err(Rejection::AccountLocked(address))
            }
            Some(_) => Ok(()),
        }
    }

    /// The key of an account that is open now; `None`: it is open, but has none.
    pub fn open_key(&self, address: Address, now_ms: u64) -> Result<Option<DevAccount>, Rejection> {
        let entry = self
            .keyring_entry(address)
            .ok_or(Rejection::UnknownAccount(address))?;
        if entry.unlocked_until_ms <= now_ms {
            return Err(Rejection::AccountLocked(address));
        }
        Ok(entry.key.map(|key| DevAccount { address, key }))
    }

    /// Whether this is the account's passphrase.
    pub(super) fn check_passphrase(
        &self,
        address: Address,
        passphrase: B256,
    ) -> Result<(), Rejection> {
        let entry = self
            .keyring_entry(address)
            .ok_or(Rejection::UnknownAccount(address))?;
        if entry.passphrase.is_none_or(|own| own == passphrase) {
            Ok(())
        } else {
            Err(Rejection::WrongPassphrase(address))
        }
    }

    /// Whether one more account can be added.
    pub(super) fn check_room_for_account(&self) -> Result<(), Rejection> {
        if self.settings.keyring.changed.len() < ADDED_MAX {
            return Ok(());
        }
        Err(Rejection::InvalidValue(format!(
            "{ADDED_MAX} accounts were added already; remove one with `evm_removeAccount`"
        )))
    }

    /// Adds an account, locked; `false`: it is there already.
    pub(super) fn add_account(
        &mut self,
        address: Address,
        key: Option<B256>,
        passphrase: B256,
    ) -> bool {
        if self.has_account(address) {
            return false;
        }
        self.settings.keyring.add(address, key, passphrase);
        true
    }

    /// Forgets an account; `false`: there is none.
    pub(super) fn remove_account(&mut self, address: Address) -> bool {
        self.change_account(address, |entry| entry.removed = true)
    }

    /// Opens (until then) or locks (0) an account; `false`: there is none.
    pub(super) fn set_unlocked(&mut self, address: Address, until_ms: u64) -> bool {
        self.change_account(address, |entry| entry.unlocked_until_ms = until_ms)
    }

    fn change_account(&mut self, address: Address, change: impl FnOnce(&mut Entry)) -> bool {
        let Some(mut entry) = self.keyring_entry(address) else {
            return false;
        };
        change(&mut entry);
        let configured = self.spec.accounts.iter().any(|one| one.address == address);
        let changed = &mut self.settings.keyring.changed;
        if entry.removed && !configured {
            changed.remove(&address);
        } else {
            changed.insert(address, entry);
        }
        true
    }
}
