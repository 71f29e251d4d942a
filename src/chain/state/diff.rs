//! The previous values of what one step changed.

use super::AccountInfo;
use alloy::primitives::{Address, B256, Bytes, U256};
use std::collections::BTreeMap;

/// The previous values of what one step changed: its undo record, and its line in the history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateDiff {
    /// Accounts before the step; `None`: there was none.
    pub accounts: BTreeMap<Address, Option<AccountInfo>>,
    /// Slots before the step, those of destroyed accounts included.
    pub storage: BTreeMap<(Address, U256), U256>,
    /// Code that was not there before.
    pub codes: BTreeMap<B256, Bytes>,
}
