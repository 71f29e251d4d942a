//! Gas that a transaction costs before its first instruction (Yellow Paper 6.2; EIP-2028, 2930, 3860, 7623, 7702).

use crate::chain::{spec::ChainSpec, transaction::Envelope};
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

/// What the transaction costs at least under the chain's rules.
pub(crate) fn intrinsic_gas(transaction: &Envelope, spec: &ChainSpec) -> IntrinsicGas {
    // All forks of a chain are active from its first block on.
    let params = GasParams::new_spec(spec_by_timestamp_and_block_number(spec, u64::MAX, u64::MAX));
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
