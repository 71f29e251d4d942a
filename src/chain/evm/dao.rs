//! The DAO fork's irregular state change: balances of the DAO and its children go to a contract that pays them back.
//!
//! Done before the block's first transaction, as in geth. Accounts and beneficiary: alloy-evm's list (EIP-779).

use super::draft_database::DatabaseError;
use crate::chain::state::{AccountInfo, Draft, StateRead};
use alloy::primitives::{Address, KECCAK256_EMPTY, U256};
use alloy_evm::eth::dao_fork::{DAO_HARDFORK_ACCOUNTS, DAO_HARDFORK_BENEFICIARY};

/// Moves the balances.
pub(super) fn apply_dao_fork(draft: &mut Draft) -> Result<(), DatabaseError> {
    let mut drained = U256::ZERO;
    for address in DAO_HARDFORK_ACCOUNTS {
        if let Some(account) = draft.account(address)? {
            drained = drained.saturating_add(account.balance);
            set_balance(draft, address, account, U256::ZERO);
        }
    }
    let beneficiary = draft
        .account(DAO_HARDFORK_BENEFICIARY)?
        .unwrap_or(AccountInfo {
            nonce: 0,
            balance: U256::ZERO,
            code_hash: KECCAK256_EMPTY,
        });
    let balance = beneficiary.balance.saturating_add(drained);
    set_balance(draft, DAO_HARDFORK_BENEFICIARY, beneficiary, balance);
    Ok(())
}

fn set_balance(draft: &mut Draft, address: Address, account: AccountInfo, balance: U256) {
    draft.set_account(address, AccountInfo { balance, ..account });
}
