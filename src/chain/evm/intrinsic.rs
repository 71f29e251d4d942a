//! Gas that a transaction costs before its first instruction (Yellow Paper 6.2; EIP-2028, 2930, 3860, 7623, 7702).

use crate::chain::{spec::ForkRules, transaction::Envelope};
use alloy::consensus::Transaction as _;
use alloy_evm::spec_by_timestamp_and_block_number;
use revm::context_interface::cfg::GasParams;

/// What a transaction costs at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IntrinsicGas {
    /// Before the first instruction.
    pub(crate) initial: u64,
    /// EIP-7623: in all, whatever it does; 0 before Prague.
    pub(crate) floor: u64,
}

/// What the transaction costs at least under these rules.
pub(crate) fn intrinsic_gas(transaction: &Envelope, rules: &ForkRules) -> IntrinsicGas {
    // The rules are those of one block, so any number and time will do.
    let params = GasParams::new_spec(spec_by_timestamp_and_block_number(rules, 0, 0));
    let (accounts, slots) = transaction.access_list().map_or((0, 0), |list| {
        (
            list.len() as u64,
            list.iter().map(|item| item.storage_keys.len() as u64).sum(),
        )
    });
    let authorizations = transaction.authorization_list().map_or(0, <[_]>::len) as u64;
    let gas = params.initial_tx_gas(
        transaction.input(),
        transaction.is_create(),
        accounts,
        slots,
        authorizations,
        None,
    );
    IntrinsicGas {
        initial: gas.initial_total_gas(),
        floor: gas.floor_gas(),
    }
}
