//! The environment of an EVM run: configuration from the chain's rules, block fields from a header.

use crate::chain::spec::ChainSpec;
use alloy::consensus::Header;
use alloy_evm::EvmEnv;
use revm::primitives::hardfork::SpecId;

/// How close an execution keeps to Ethereum's rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// The limits of the chain's configuration; EIP-3607 is left to the pool: an impersonated account may be a contract.
    DevChain,
    /// What every client checks in a block that comes from outside.
    Ethereum,
}

/// The environment in which `header`'s transactions run on a dev chain.
pub(crate) fn block_environment(
    spec: &ChainSpec,
    chain_id: u64,
    header: &Header,
) -> EvmEnv<SpecId> {
    let mut environment = strict_environment(spec, chain_id, header);
    let config = &mut environment.cfg_env;
    config.disable_eip3607 = true;
    if let Some(limit) = spec.limits.code_size {
        config.limit_contract_code_size = Some(limit);
        config.limit_contract_initcode_size = Some(limit.saturating_mul(2));
    }
    if let Some(limit) = spec.dev.initcode_size {
        config.limit_contract_initcode_size = Some(limit);
    }
    if let Some(bytes) = spec.dev.memory_bytes {
        config.memory_limit = bytes;
    }
    if !spec.limits.transaction_gas_limit {
        config.tx_gas_limit_cap = Some(u64::MAX);
    }
    if !spec.limits.block_gas_limit {
        config.disable_block_gas_limit = true;
    }
    environment
}

/// The environment in which `header`'s transactions run in every client.
pub(crate) fn strict_environment(
    spec: &ChainSpec,
    chain_id: u64,
    header: &Header,
) -> EvmEnv<SpecId> {
    let rules = spec.rules(header);
    EvmEnv::for_eth_block(header, rules, chain_id, rules.blobs)
}
