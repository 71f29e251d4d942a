//! A caller's changes of accounts, made before a block as if by a transaction of it (geth's `StateOverride.Apply`).
//!
//! An account that an override names exists from then on, even if it stays empty (EIP-161 acts on what a transaction
//! touches).

use super::SimulateError;
use crate::chain::state::{AccountInfo, Draft, StateRead as _};
use alloy::{
    primitives::{Address, KECCAK256_EMPTY, U256},
    rpc::types::state::{AccountOverride, StateOverride},
};

/// Changes the accounts of `draft`.
pub(super) fn apply(overrides: &StateOverride, draft: &mut Draft) -> Result<(), SimulateError> {
    for (address, account) in overrides {
        apply_account(*address, account, draft)?;
    }
    Ok(())
}

fn apply_account(
    address: Address,
    account: &AccountOverride,
    draft: &mut Draft,
) -> Result<(), SimulateError> {
    let diff = account.state_diff.iter().flatten();
    let touched = account.nonce.is_some()
        || account.balance.is_some()
        || account.code.is_some()
        || account.state.is_some()
        || diff.clone().next().is_some();
    if !touched {
        return Ok(());
    }
    let mut info = draft.account(address)?.unwrap_or(AccountInfo {
        nonce: 0,
        balance: U256::ZERO,
        code_hash: KECCAK256_EMPTY,
    });
    if let Some(nonce) = account.nonce {
        info.nonce = nonce;
    }
    if let Some(balance) = account.balance {
        info.balance = balance;
    }
    if let Some(code) = &account.code {
        info.code_hash = draft.add_code(code.clone());
    }
    draft.set_account(address, info);
    if account.state.is_some() {
        draft.clear_storage(address);
    }
    for (slot, value) in account.state.iter().flatten().chain(diff) {
        draft.set_storage(address, (*slot).into(), (*value).into());
    }
    Ok(())
}
