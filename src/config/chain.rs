//! From the sections `[chain]`, `[mining]`, `[accounts]` and `[[account]]` to the rules of the chain.

use super::{
    GenesisTime, SEPARATE_GENESIS_TIMESTAMP, Wallet,
    accounts::{self, Accounts},
    document::Key,
    error::{ConfigError, Problem},
    file::{
        ChainSection, Clock, CodeSizeLimit, File, GasOrEstimate, GenesisTimestamp, MiningSection,
    },
    overrides::Origins,
};
use crate::chain::spec::{
    ChainSpec, DevOptions, EvmLimits, ForkSchedule, GenesisAccount, GenesisFile, GenesisSpec,
    Hardfork, MiningMode, PRICE_BUMP_PERCENT,
};
use alloy::primitives::{Address, B64, B256, Bytes, U256, hex};
use std::collections::BTreeMap;

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
    let from_file = genesis_file(section, origins)?;
    let chain_id = match &from_file {
        Some(file) if section.chain_id.is_none() => file.chain_id,
        _ => number.in_range(
            "chain_id",
            section.chain_id,
            DEFAULT_CHAIN_ID,
            1,
            CHAIN_ID_MAX,
        )?,
    };
    let genesis_time = match section.genesis_timestamp {
        Some(GenesisTimestamp::At(seconds)) => GenesisTime::Fixed(seconds),
        None if let Some(file) = &from_file => GenesisTime::Fixed(file.genesis.timestamp),
        Some(GenesisTimestamp::Start) | None => GenesisTime::Start,
    };
    let hardfork = hardfork(section, origins)?;
    let base = match &from_file {
        Some(file) => file.genesis.clone(),
        None => dev_genesis(hardfork.unwrap_or(Hardfork::LATEST), alloc),
    };
    let genesis = genesis(section, origins, base, genesis_time)?;
    let forks = match (hardfork, from_file) {
        (None, Some(file)) => file.forks,
        (fork, _) => ForkSchedule::at_genesis(fork.unwrap_or(Hardfork::LATEST)),
    };
    let spec = ChainSpec {
        chain_id,
        network_id: section.network_id.unwrap_or(chain_id),
        forks,
        genesis,
        accounts: signers,
        mining: mining(&file.mining, origins)?,
        order: file.mining.order.unwrap_or_default(),
        min_gas_price: u128::from(section.min_gas_price.unwrap_or(0)),
        auto_impersonate: section.auto_impersonate.unwrap_or(false),
        limits: limits(section, &file.mining, origins)?,
        dev: dev_options(section, &file.mining, origins)?,
    };
    Ok(Resolved {
        spec,
        genesis_time,
        wallet,
    })
}

/// The first block with what the config says of it.
fn genesis(
    section: &ChainSection,
    origins: &Origins,
    base: GenesisSpec,
    genesis_time: GenesisTime,
) -> Result<GenesisSpec, ConfigError> {
    let number = Numbers {
        origins,
        table: "chain",
    };
    Ok(GenesisSpec {
        number: section.genesis_number.unwrap_or(base.number),
        timestamp: match genesis_time {
            GenesisTime::Fixed(seconds) => seconds,
            GenesisTime::Start => SEPARATE_GENESIS_TIMESTAMP,
        },
        gas_limit: match section.gas_limit {
            None => base.gas_limit,
            limit => number.in_range(
                "gas_limit",
                limit,
                DEFAULT_GAS_LIMIT,
                GAS_LIMIT_RANGE.0,
                GAS_LIMIT_RANGE.1,
            )?,
        },
        base_fee: section.base_fee.unwrap_or(base.base_fee),
        coinbase: coinbase(section, origins)?.unwrap_or(base.coinbase),
        extra_data: extra_data(section, origins)?.unwrap_or(base.extra_data),
        difficulty: match section.difficulty {
            Some(difficulty) if !base.difficulty.is_zero() => U256::from(difficulty),
            _ => base.difficulty,
        },
        ..base
    })
}

/// The first block where no genesis file describes one.
fn dev_genesis(fork: Hardfork, alloc: BTreeMap<Address, GenesisAccount>) -> GenesisSpec {
    GenesisSpec {
        number: 0,
        timestamp: 0,
        gas_limit: DEFAULT_GAS_LIMIT,
        base_fee: DEFAULT_BASE_FEE,
        coinbase: Address::ZERO,
        extra_data: Bytes::new(),
        difficulty: GenesisSpec::difficulty_at(fork),
        nonce: B64::ZERO,
        mix_hash: B256::ZERO,
        parent_hash: B256::ZERO,
        excess_blob_gas: 0,
        blob_gas_used: 0,
        alloc,
        system_contracts: true,
    }
}

/// The chain of `genesis_file`, which names its whole first state: the dev accounts keep their keys and have what the
/// file gives them.
fn genesis_file(
    section: &ChainSection,
    origins: &Origins,
) -> Result<Option<GenesisFile>, ConfigError> {
    let Some(path) = &section.genesis_file else {
        return Ok(None);
    };
    let refuse = |reason: String| {
        let path = path.clone();
        let key = Key::of("chain", "genesis_file");
        origins.invalid(key, Problem::GenesisFile { path, reason })
    };
    let text = std::fs::read_to_string(path).map_err(|error| refuse(error.to_string()))?;
    let file = GenesisFile::parse(&text).map_err(|error| refuse(error.to_string()))?;
    Ok(Some(file))
}

fn hardfork(section: &ChainSection, origins: &Origins) -> Result<Option<Hardfork>, ConfigError> {
    let fork = section.hardfork.as_deref().map(str::parse::<Hardfork>);
    fork.transpose().map_err(|error| {
        origins.invalid(
            Key::of("chain", "hardfork"),
            Problem::Hardfork(error.to_string()),
        )
    })
}

fn coinbase(section: &ChainSection, origins: &Origins) -> Result<Option<Address>, ConfigError> {
    let Some(text) = &section.coinbase else {
        return Ok(None);
    };
    accounts::parse_address(text)
        .map(Some)
        .map_err(|problem| origins.invalid(Key::of("chain", "coinbase"), problem))
}

fn extra_data(section: &ChainSection, origins: &Origins) -> Result<Option<Bytes>, ConfigError> {
    let Some(text) = &section.extra_data else {
        return Ok(None);
    };
    match hex::decode(text) {
        Ok(bytes) if bytes.len() <= 32 => Ok(Some(bytes.into())),
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
        instamine: section.instamine.unwrap_or_default(),
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
        code_size: section.code_size_limit.map(bytes),
        transaction_gas_limit: section.enforce_transaction_gas_limit.unwrap_or(false),
        block_gas_limit: section.enforce_block_gas_limit.unwrap_or(true),
        transactions_per_block,
    })
}

fn bytes(limit: CodeSizeLimit) -> usize {
    match limit {
        CodeSizeLimit::None => usize::MAX,
        CodeSizeLimit::Bytes(bytes) => usize::try_from(bytes).unwrap_or(usize::MAX),
    }
}

fn dev_options(
    section: &ChainSection,
    mining: &MiningSection,
    origins: &Origins,
) -> Result<DevOptions, ConfigError> {
    let chain = Numbers {
        origins,
        table: "chain",
    };
    let table = Numbers {
        origins,
        table: "mining",
    };
    let default = DevOptions::default();
    // ganache takes indexes of the dev accounts, too; those can be sent from anyway.
    let unlocked = section.unlocked.iter().flatten();
    let unlocked = unlocked.filter(|text| text.parse::<u32>().is_err());
    let unlocked: Result<Vec<Address>, Problem> =
        unlocked.map(|text| accounts::parse_address(text)).collect();
    Ok(DevOptions {
        default_gas_price: section.default_gas_price.map(u128::from),
        default_transaction_gas: match section.default_transaction_gas {
            Some(GasOrEstimate::Gas(gas)) => {
                let (min, max) = GAS_LIMIT_RANGE;
                let gas = chain.in_range("default_transaction_gas", Some(gas), min, min, max)?;
                Some(gas)
            }
            Some(GasOrEstimate::Estimate) | None => None,
        },
        suggested_tip: section
            .suggested_tip
            .map_or(default.suggested_tip, u128::from),
        price_bump_percent: table.in_range(
            "price_bump_percent",
            mining.price_bump_percent,
            PRICE_BUMP_PERCENT,
            0,
            1_000,
        )?,
        pool_balance_checks: section.pool_balance_checks.unwrap_or(true),
        timestamp_increment: mining
            .timestamp_increment_seconds
            .map(|seconds| {
                let name = "timestamp_increment_seconds";
                table.in_range(name, Some(seconds), 0, 0, INTERVAL_MAX_MS / 1000)
            })
            .transpose()?,
        clock_from_genesis: section.clock == Some(Clock::Genesis),
        extra_data: extra_data(section, origins)?.unwrap_or_default(),
        create2_deployer: section.create2_deployer.unwrap_or(true),
        initcode_size: section.initcode_size_limit.map(bytes),
        memory_bytes: section.memory_limit_bytes,
        unlocked: unlocked
            .map_err(|problem| origins.invalid(Key::of("chain", "unlocked"), problem))?,
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
