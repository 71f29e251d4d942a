//! What a caller overrides for one call: fields of the block, accounts, storage, places of precompiles
//! (geth's `internal/ethapi/override`).

use super::{super::database::StateDatabase, CallError};
use alloy::{
    primitives::{Address, U256},
    rpc::types::{
        BlockOverrides,
        state::{AccountOverride, StateOverride},
    },
};
use alloy_evm::{EvmEnv, precompiles::PrecompilesMap};
use revm::{
    Database as _,
    bytecode::Bytecode,
    context_interface::block::BlobExcessGasAndPrice,
    precompile::{PrecompileSpecId, Precompiles},
    primitives::hardfork::SpecId,
    state::AccountInfo as RevmAccountInfo,
};
use std::collections::BTreeMap;

/// Where precompiles are moved to; `None`: an override takes their place.
pub(in crate::chain::evm) type MovedPrecompiles = BTreeMap<Address, Option<Address>>;

/// Overrides fields of the block. The parent's beacon root is ignored: it acts in `eth_simulateV1` alone.
pub(super) fn apply_block(
    overrides: &BlockOverrides,
    environment: &mut EvmEnv<SpecId>,
    database: &mut StateDatabase<'_>,
) {
    let block = &mut environment.block_env;
    if let Some(number) = overrides.number {
        block.number = number;
    }
    if let Some(difficulty) = overrides.difficulty {
        block.difficulty = difficulty;
    }
    if let Some(time) = overrides.time {
        block.timestamp = U256::from(time);
    }
    if let Some(gas_limit) = overrides.gas_limit {
        block.gas_limit = gas_limit;
    }
    if let Some(coinbase) = overrides.coinbase {
        block.beneficiary = coinbase;
    }
    if let Some(random) = overrides.random {
        block.prevrandao = Some(random);
    }
    if let Some(base_fee) = overrides.base_fee {
        block.basefee = base_fee.saturating_to();
    }
    if let Some(blob_base_fee) = overrides.blob_base_fee
        && let Some(BlobExcessGasAndPrice { blob_gasprice, .. }) =
            &mut block.blob_excess_gas_and_price
    {
        *blob_gasprice = blob_base_fee.saturating_to();
    }
    for (number, hash) in overrides.block_hash.iter().flatten() {
        database.override_block_hash(*number, *hash);
    }
}

/// Overrides accounts; gives the precompiles that are elsewhere from now on.
pub(super) fn apply_state(
    overrides: &StateOverride,
    spec: SpecId,
    database: &mut StateDatabase<'_>,
) -> Result<MovedPrecompiles, CallError> {
    let moved = moved_precompiles(overrides, spec).map_err(CallError::InvalidOverride)?;
    // In order of their addresses, so that of several mistakes the same one is told.
    for (address, account) in overrides.iter().collect::<BTreeMap<_, _>>() {
        apply_account(*address, account, database)?;
    }
    Ok(moved)
}

/// The precompiles that overrides move or take the places of. Two may go to one place: the later address wins.
/// Says what is wrong in geth's words.
pub(in crate::chain::evm) fn moved_precompiles(
    overrides: &StateOverride,
    spec: SpecId,
) -> Result<MovedPrecompiles, String> {
    let precompiles = Precompiles::new(PrecompileSpecId::from_spec_id(spec));
    let mut moved = MovedPrecompiles::new();
    for (address, account) in overrides.iter().collect::<BTreeMap<_, _>>() {
        let is_precompile = precompiles.contains(address);
        if let Some(target) = account.move_precompile_to {
            if !is_precompile {
                return Err(format!("account {address} is not a precompile"));
            }
            if overrides.contains_key(&target) {
                return Err(format!("account {target} is already overridden"));
            }
        }
        if account.state.is_some() && account.state_diff.is_some() {
            return Err(format!(
                "account {address} has both 'state' and 'stateDiff'"
            ));
        }
        if is_precompile {
            moved.insert(*address, account.move_precompile_to);
        }
    }
    Ok(moved)
}

fn apply_account(
    address: Address,
    account: &AccountOverride,
    database: &mut StateDatabase<'_>,
) -> Result<(), CallError> {
    let mut info: RevmAccountInfo = database
        .basic(address)
        .map_err(|error| error.0)?
        .unwrap_or_default();
    if let Some(nonce) = account.nonce {
        info.nonce = nonce;
    }
    if let Some(balance) = account.balance {
        info.balance = balance;
    }
    if let Some(code) = &account.code {
        // What begins like a delegation (EIP-7702) and is none is code like any other.
        let code = Bytecode::new_raw_checked(code.clone())
            .unwrap_or_else(|_| Bytecode::new_legacy(code.clone()));
        info.code_hash = code.hash_slow();
        info.code = Some(code);
    }
    database.override_account(address, info);
    if account.state.is_some() {
        database.empty_storage(address);
    }
    for (slot, value) in account.state.iter().chain(&account.state_diff).flatten() {
        database.override_slot(address, (*slot).into(), (*value).into());
    }
    Ok(())
}

/// The fork's precompiles where a caller wants them.
pub(in crate::chain::evm) fn precompiles(spec: SpecId, moved: &MovedPrecompiles) -> PrecompilesMap {
    let fork = Precompiles::new(PrecompileSpecId::from_spec_id(spec));
    let mut map = PrecompilesMap::from_static(fork);
    let mut placed = Vec::new();
    for (from, to) in moved {
        map.apply_precompile(from, |precompile| {
            placed.extend(to.zip(precompile));
            None
        });
    }
    map.extend_precompiles(placed);
    map
}
