//! The precompiled contracts of a fork, for those who want to know of them.

use crate::chain::spec::ForkRules;
use alloy::primitives::Address;
use alloy_evm::spec_by_timestamp_and_block_number;
use revm::precompile::{PrecompileSpecId, Precompiles};
use std::collections::BTreeMap;

/// The fork's precompiles by the names of EIP-7910.
pub(crate) fn active_precompiles(rules: &ForkRules) -> BTreeMap<String, Address> {
    // The rules of a block have been there from the start.
    let spec = spec_by_timestamp_and_block_number(rules, u64::MAX, u64::MAX);
    Precompiles::new(PrecompileSpecId::from_spec_id(spec))
        .inner()
        .iter()
        .map(|(address, precompile)| (precompile.id().name().to_owned(), *address))
        .collect()
}
