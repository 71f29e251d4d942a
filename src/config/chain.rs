//! From the sections `[chain]`, `[mining]`, `[accounts]` and `[[account]]` to the rules of the chain.

use super::{
    GenesisTime, SEPARATE_GENESIS_TIMESTAMP, Wallet,
    accounts::{self, Accounts},
    document::Key,
    error::{ConfigError, Problem},
    file::{ChainSection, CodeSizeLimit, File, GenesisTimestamp, MiningSection},
    overrides::Origins,
};
use crate::chain::spec::{ChainSpec, EvmLimits, GenesisSpec, Hardfork, MiningMode};
use alloy::primitives::{Address, Bytes, hex};

/// The phrase behind `ganache --deterministic`.
pub const GANACHE_MNEMONIC: &str =
    "myth like bonus scare over problem client lizard pioneer submit female collect";

const DEFAULT_CHAIN_ID: u64 = 31_337;
const DEFAULT_GAS_LIMIT: u64 = 30_000_000;
const DEFAULT_BASE_FEE: u64 = 1_000_000_000;
/// The longest block interval: a day.
const INTERVAL_MAX_MS: u64 = 86_400_000;
/// `Number.MAX_SAFE_INTEGER`: a greater chain id, and JavaScript clients round it.
const CHAIN_ID_MAX: u64 = (1 << 53) - 1;
/// EIP-1985 and geth: gas fits 63 bits; a block needs room for one transfer.
const GAS_LIMIT_RANGE: (u64, u64) = (21_000, i64::MAX as u64);

/// The rules, the open question of the genesis time, and the phrase.
pub(super) struct Resolved {
    pub(super) spec: ChainSpec,
    pub(super) genesis_time: GenesisTime,
    pub(super) wallet: Option<Wallet>,
}

/// Checks everything that all members must have in common.
pub(super) fn resolve(file: &File, origins: &Origins) -> Result<Resolved, ConfigError> {
    let section = &file.chain;
    let Accounts {
        signers,
        alloc,
        wallet,
    } = accounts::resolve(file.accounts.as_ref(), &file.account, origins)?;
    let number = Numbers {
        origins,
        table: "chain",
    };
    let chain_id = number.in_range(
        "chain_id",
        section.chain_id,
        DEFAULT_CHAIN_ID,
        1,
        CHAIN_ID_MAX,
    )?;
    let genesis_time = match section.genesis_timestamp {
        Some(GenesisTimestamp::At(seconds)) => GenesisTime::Fixed(seconds),
        Some(GenesisTimestamp::Start) | None => GenesisTime::Start,
    };
    let genesis = GenesisSpec {
        number: section.genesis_number.unwrap_or(0),
        timestamp: match genesis_time {
            GenesisTime::Fixed(seconds) => seconds,
            GenesisTime::Start => SEPARATE_GENESIS_TIMESTAMP,
        },
        gas_limit: number.in_range(
            "gas_limit",
            section.gas_limit,
            DEFAULT_GAS_LIMIT,
            GAS_LIMIT_RANGE.0,
            GAS_LIMIT_RANGE.1,
        )?,
        base_fee: section.base_fee.unwrap_or(DEFAULT_BASE_FEE),
        coinbase: coinbase(section, origins)?,
        extra_data: extra_data(section, origins)?,
        alloc,
    };
    let spec = ChainSpec {
        chain_id,
        network_id: section.network_id.unwrap_or(chain_id),
        hardfork: hardfork(section, origins)?,
        genesis,
        accounts: signers,
        mining: mining(&file.mining, origins)?,
        order: file.mining.order.unwrap_or_default(),
        min_gas_price: u128::from(section.min_gas_price.unwrap_or(0)),
        auto_impersonate: section.auto_impersonate.unwrap_or(false),
        limits: limits(section, &file.mining, origins)?,
    };
    Ok(Resolved {
        spec,
        genesis_time,
        wallet,
    })
}

fn hardfork(section: &ChainSection, origins: &Origins) -> Result<Hardfork, ConfigError> {
    let Some(name) = &section.hardfork else {
        return Ok(Hardfork::LATEST);
    };
    name.parse::<Hardfork>().map_err(|error| {
        origins.invalid(
            Key::of("chain", "hardfork"),
            Problem::Hardfork(error.to_string()),
        )
    })
}

fn coinbase(section: &ChainSection, origins: &Origins) -> Result<Address, ConfigError> {
    let Some(text) = &section.coinbase else {
        return Ok(Address::ZERO);
    };
    accounts::parse_address(text)
        .map_err(|problem| origins.invalid(Key::of("chain", "coinbase"), problem))
}

fn extra_data(section: &ChainSection, origins: &Origins) -> Result<Bytes, ConfigError> {
    let Some(text) = &section.extra_data else {
        return Ok(Bytes::new());
    };
    match hex::decode(text) {
        Ok(bytes) if bytes.len() <= 32 => Ok(bytes.into()),
        _ => Err(origins.invalid(
            Key::of("chain", "extra_data"),
            Problem::ExtraData(text.clone()),
        )),
    }
}

fn mining(section: &MiningSection, origins: &Origins) -> Result<MiningMode, ConfigError> {
    let number = Numbers {
        origins,
        table: "mining",
    };
    let interval_ms = number.in_range("interval_ms", section.interval_ms, 0, 0, INTERVAL_MAX_MS)?;
    Ok(MiningMode {
        automine: section.automine.unwrap_or(interval_ms == 0),
        interval_ms,
    })
}

fn limits(
    section: &ChainSection,
    mining: &MiningSection,
    origins: &Origins,
) -> Result<EvmLimits, ConfigError> {
    let number = Numbers {
        origins,
        table: "mining",
    };
    let transactions_per_block = match mining.transactions_per_block {
        None => None,
        Some(limit) => {
            let limit = number.in_range("transactions_per_block", Some(limit), 0, 1, 1_000_000)?;
            Some(limit as usize)
        }
    };
    Ok(EvmLimits {
        code_size: match section.code_size_limit {
            None => None,
            Some(CodeSizeLimit::None) => Some(usize::MAX),
            Some(CodeSizeLimit::Bytes(bytes)) => Some(usize::try_from(bytes).unwrap_or(usize::MAX)),
        },
        transaction_gas_limit: section.enforce_transaction_gas_limit.unwrap_or(false),
        block_gas_limit: section.enforce_block_gas_limit.unwrap_or(true),
        transactions_per_block,
    })
}

/// Checks the range of numbers in one table.
pub(super) struct Numbers<'a> {
    pub(super) origins: &'a Origins,
    pub(super) table: &'static str,
}

impl Numbers<'_> {
    pub(super) fn in_range(
        &self,
        name: &'static str,
        value: Option<u64>,
        default: u64,
        min: u64,
        max: u64,
    ) -> Result<u64, ConfigError> {
        let value = value.unwrap_or(default);
        if (min..=max).contains(&value) {
            Ok(value)
        } else {
            let problem = Problem::Range { value, min, max };
            Err(self.origins.invalid(Key::of(self.table, name), problem))
        }
    }
}
