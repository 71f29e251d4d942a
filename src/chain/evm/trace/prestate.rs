//! `prestateTracer`: what the accounts were before a transaction, or what it changed; with geth's newest options.
//!
//! Hashes of code are shown where they tell something new: to who leaves the code out (`disableCode`), and to who asks for
//! what only geth's newest releases have (`includeEmpty`). Otherwise the answer is what anvil and all of geth's releases
//! agree on.

use super::{
    super::{database::StateDatabase, draft_database::DatabaseError},
    TraceError,
};
use alloy::{
    primitives::{Address, B256, KECCAK256_EMPTY, map::AddressMap},
    rpc::types::trace::geth::{AccountState, DiffMode, PreStateConfig, PreStateFrame},
};
use revm::{
    DatabaseRef as _,
    context::result::ResultAndState,
    state::{Account, AccountInfo},
};
use revm_inspectors::tracing::GethTraceBuilder;
use serde::Serialize;
use std::collections::BTreeMap;

/// What `prestateTracer` shows.
#[allow(clippy::struct_excessive_bools)] // they are independent
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PrestateTracerOptions {
    /// What changed instead of what was there before.
    pub diff_mode: bool,
    /// No code; its hash takes its place.
    pub disable_code: bool,
    /// No storage.
    pub disable_storage: bool,
    /// Accounts that were not there, too; not together with `diff_mode`.
    pub include_empty: bool,
}

impl PrestateTracerOptions {
    fn shows_hashes(self) -> bool {
        self.disable_code || self.include_empty
    }
}

/// An account as geth shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    #[serde(flatten)]
    account: AccountState,
    #[serde(skip_serializing_if = "Option::is_none")]
    code_hash: Option<B256>,
}

#[derive(Serialize)]
struct Difference {
    post: BTreeMap<Address, Shown>,
    pre: BTreeMap<Address, Shown>,
}

/// The answer as JSON: known from the run's outcome and the state before it.
pub(super) fn json(
    outcome: &ResultAndState,
    options: PrestateTracerOptions,
    database: &StateDatabase<'_>,
) -> Result<String, TraceError> {
    let config = PreStateConfig {
        diff_mode: Some(options.diff_mode),
        disable_code: Some(options.disable_code),
        disable_storage: Some(options.disable_storage),
    };
    let failed = |DatabaseError(error)| TraceError::State(error);
    let frame = GethTraceBuilder::new(Vec::new())
        .geth_prestate_traces(outcome, &config, database)
        .map_err(failed)?;
    let before = |address: Address| -> Result<AccountInfo, TraceError> {
        let account = database.basic_ref(address).map_err(failed)?;
        Ok(account.unwrap_or_default())
    };
    match frame {
        PreStateFrame::Default(mut accounts) => {
            if options.include_empty {
                for (address, account) in &outcome.state {
                    let empty = || empty(account, options);
                    accounts.0.entry(*address).or_insert_with(empty);
                }
            }
            let shown = with_hashes(accounts.0, |address| {
                Ok(code_hash(&before(address)?).filter(|_| options.shows_hashes()))
            })?;
            Ok(serde_json::to_string(&shown)?)
        }
        PreStateFrame::Diff(DiffMode { pre, post }) => {
            let changed = |address| {
                let changed = changed_code_hash(&outcome.state, address, &before(address)?);
                Ok(changed.filter(|_| options.shows_hashes()))
            };
            let shown = Difference {
                pre: with_hashes(pre, |address| {
                    Ok(code_hash(&before(address)?).filter(|_| options.shows_hashes()))
                })?,
                post: with_hashes(post, changed)?,
            };
            Ok(serde_json::to_string(&shown)?)
        }
    }
}

/// An account that was not there. Its slots were read all the same.
fn empty(account: &Account, options: PrestateTracerOptions) -> AccountState {
    let mut state = AccountState::from_account_info(0, alloy::primitives::U256::ZERO, None);
    if !options.disable_storage {
        let slots = account.storage.iter();
        state.storage = slots
            .map(|(slot, value)| ((*slot).into(), value.original_value.into()))
            .collect();
    }
    state
}

fn with_hashes(
    accounts: BTreeMap<Address, AccountState>,
    hash: impl Fn(Address) -> Result<Option<B256>, TraceError>,
) -> Result<BTreeMap<Address, Shown>, TraceError> {
    let shown = accounts.into_iter().map(|(address, account)| {
        let code_hash = hash(address)?;
        Ok((address, Shown { account, code_hash }))
    });
    shown.collect()
}

/// The hash of the account's code; `None` without code.
fn code_hash(account: &AccountInfo) -> Option<B256> {
    let hash = account.code_hash;
    (hash != KECCAK256_EMPTY && !hash.is_zero()).then_some(hash)
}

/// The hash of the code after the transaction, if it is another one.
fn changed_code_hash(
    after: &AddressMap<Account>,
    address: Address,
    before: &AccountInfo,
) -> Option<B256> {
    let now = after.get(&address).map(|account| account.info.code_hash);
    now.filter(|now| *now != before.code_hash)
}
