//! The accounts that are there from the start: of a phrase, and named one by one.

use super::{
    Ether, Wallet,
    chain::Numbers,
    document::Key,
    error::{ConfigError, Problem},
    file::{AccountSection, AccountsSection},
    overrides::Origins,
};
use crate::chain::{
    accounts::{DEFAULT_MNEMONIC, DEFAULT_PATH, DevAccount},
    spec::GenesisAccount,
};
use alloy::primitives::{Address, B256, hex};
use std::collections::BTreeMap;

const DEFAULT_COUNT: u64 = 10;
const COUNT_MAX: u64 = 10_000;
const DEFAULT_BALANCE_ETHER: u64 = 10_000;

/// Keys that every node holds, the balances of the genesis block, and the phrase.
pub(super) struct Accounts {
    pub(super) signers: Vec<DevAccount>,
    pub(super) alloc: BTreeMap<Address, GenesisAccount>,
    pub(super) wallet: Option<Wallet>,
}

/// `[accounts]` (of a phrase) and `[[account]]` (one by one). With neither: the ten accounts that everybody knows.
pub(super) fn resolve(
    phrase: Option<&AccountsSection>,
    named: &[AccountSection],
    origins: &Origins,
) -> Result<Accounts, ConfigError> {
    let mut all = Accounts {
        signers: Vec::new(),
        alloc: BTreeMap::new(),
        wallet: None,
    };
    let default = AccountsSection::default();
    let phrase = phrase.or_else(|| named.is_empty().then_some(&default));
    if let Some(section) = phrase {
        all.add_phrase(section, origins)?;
    }
    for (index, section) in named.iter().enumerate() {
        all.add_named(section).map_err(|(name, problem)| {
            origins.invalid(Key::in_item("account", index, name), problem)
        })?;
    }
    Ok(all)
}

impl Accounts {
    fn add_phrase(
        &mut self,
        section: &AccountsSection,
        origins: &Origins,
    ) -> Result<(), ConfigError> {
        let number = Numbers {
            origins,
            table: "accounts",
        };
        let count = number.in_range("count", section.count, DEFAULT_COUNT, 0, COUNT_MAX)?;
        let wallet = Wallet {
            mnemonic: section
                .mnemonic
                .clone()
                .unwrap_or_else(|| DEFAULT_MNEMONIC.to_owned()),
            derivation_path: section
                .derivation_path
                .clone()
                .unwrap_or_else(|| DEFAULT_PATH.to_owned()),
        };
        let balance = section
            .balance_ether
            .unwrap_or_else(|| Ether::whole(DEFAULT_BALANCE_ETHER))
            .0;
        let accounts =
            DevAccount::from_mnemonic(&wallet.mnemonic, &wallet.derivation_path, count as usize)
                .map_err(|error| {
                    let name = if section.mnemonic.is_some() {
                        "mnemonic"
                    } else {
                        "derivation_path"
                    };
                    origins.invalid(Key::of("accounts", name), Problem::Account(error))
                })?;
        for account in accounts {
            let genesis = GenesisAccount {
                balance,
                ..GenesisAccount::default()
            };
            self.alloc.insert(account.address, genesis);
            self.signers.push(account);
        }
        self.wallet = Some(wallet);
        Ok(())
    }

    fn add_named(&mut self, section: &AccountSection) -> Result<(), (&'static str, Problem)> {
        let (name, address, account) = match (&section.private_key, &section.address) {
            (Some(key), None) => {
                let account = parse_account(key).map_err(|problem| ("private_key", problem))?;
                ("private_key", account.address, Some(account))
            }
            (None, Some(address)) => {
                let address = parse_address(address).map_err(|problem| ("address", problem))?;
                ("address", address, None)
            }
            _ => return Err(("private_key", Problem::AccountIdentity)),
        };
        let balance = section.balance_ether.0;
        let genesis = GenesisAccount {
            balance,
            ..GenesisAccount::default()
        };
        if self.alloc.insert(address, genesis).is_some() {
            return Err((name, Problem::DuplicateAccount(address.to_string())));
        }
        self.signers.extend(account);
        Ok(())
    }
}

fn parse_account(text: &str) -> Result<DevAccount, Problem> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    if digits.chars().count() != 64 {
        return Err(Problem::PrivateKeyLength(digits.chars().count()));
    }
    let mut key = B256::ZERO;
    hex::decode_to_slice(digits, key.as_mut_slice())
        .map_err(|_| Problem::Hex(digits.to_owned()))?;
    Ok(DevAccount::from_key(key)?)
}

/// An address; where it mixes upper and lower case, EIP-55's checksum must fit.
pub(super) fn parse_address(text: &str) -> Result<Address, Problem> {
    let refuse = || Problem::AccountAddress(text.to_owned());
    let address: Address = text.parse().map_err(|_| refuse())?;
    let digits = text.strip_prefix("0x").ok_or_else(refuse)?;
    let is_mixed = digits.chars().any(|c| c.is_ascii_uppercase())
        && digits.chars().any(|c| c.is_ascii_lowercase());
    if is_mixed && Address::parse_checksummed(text, None).is_err() {
        return Err(refuse());
    }
    Ok(address)
}
