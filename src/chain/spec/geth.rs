//! geth's `genesis.json`: forks, first block and first state of a chain from one file.
//!
//! The whole state comes from the file, and nothing else: no dev account, no system contract is added, so that the
//! genesis hash is geth's. Format: geth's `core/genesis.go` and `params/config.go`.

use super::{BlobSchedule, ForkOrderError, ForkSchedule, GenesisAccount, GenesisSpec, Hardfork};
use alloy::{
    genesis::{ChainConfig, Genesis},
    primitives::{B64, U256},
};

/// A chain that a genesis file describes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenesisFile {
    /// EIP-155.
    pub chain_id: u64,
    /// The forks.
    pub forks: ForkSchedule,
    /// The first block and state.
    pub genesis: GenesisSpec,
}

/// A genesis file that does not describe a chain.
#[derive(Debug, thiserror::Error)]
pub enum GenesisFileError {
    /// Not JSON, or not of geth's shape.
    #[error("it is not a genesis file as geth reads it: {0}")]
    Json(#[from] serde_json::Error),
    /// Forks out of order.
    #[error(transparent)]
    Order(#[from] ForkOrderError),
    /// A blob schedule for a fork that nobody knows.
    #[error("`config.blobSchedule` names `{0}`, which is not a fork with blobs")]
    BlobFork(String),
    /// A number beyond what a field can hold.
    #[error("`{0}` is too large")]
    TooLarge(&'static str),
    /// The rules of another consensus.
    #[error(
        "`config.{0}` is not supported: blocks are sealed by proof of work or by a beacon chain"
    )]
    Consensus(&'static str),
}

/// What geth gives a genesis block without a gas limit.
const DEFAULT_GAS_LIMIT: u64 = 4_712_388;
/// EIP-1559: the base fee of the first London block, wei.
const INITIAL_BASE_FEE: u64 = 1_000_000_000;

impl GenesisFile {
    /// Reads the text of a file.
    pub fn parse(text: &str) -> Result<Self, GenesisFileError> {
        let file: Genesis = serde_json::from_str(text)?;
        let forks = forks(&file.config)?;
        let base_fee = match file.base_fee_per_gas {
            None => INITIAL_BASE_FEE,
            Some(fee) => {
                u64::try_from(fee).map_err(|_| GenesisFileError::TooLarge("baseFeePerGas"))?
            }
        };
        let alloc = file.alloc.into_iter().map(|(address, account)| {
            let storage = account.storage.unwrap_or_default();
            let account = GenesisAccount {
                balance: account.balance,
                nonce: account.nonce.unwrap_or_default(),
                code: account.code.unwrap_or_default(),
                storage: storage.into_iter().collect(),
            };
            (address, account)
        });
        Ok(Self {
            chain_id: file.config.chain_id,
            forks,
            genesis: GenesisSpec {
                number: file.number.unwrap_or_default(),
                timestamp: file.timestamp,
                gas_limit: match file.gas_limit {
                    0 => DEFAULT_GAS_LIMIT,
                    limit => limit,
                },
                base_fee,
                coinbase: file.coinbase,
                extra_data: file.extra_data,
                difficulty: file.difficulty,
                nonce: B64::from(file.nonce),
                mix_hash: file.mix_hash,
                parent_hash: file.parent_hash.unwrap_or_default(),
                excess_blob_gas: file.excess_blob_gas.unwrap_or_default(),
                blob_gas_used: file.blob_gas_used.unwrap_or_default(),
                alloc: alloc.collect(),
                system_contracts: false,
            },
        })
    }
}

fn forks(config: &ChainConfig) -> Result<ForkSchedule, GenesisFileError> {
    if config.clique.is_some() && config.terminal_total_difficulty != Some(U256::ZERO) {
        return Err(GenesisFileError::Consensus("clique"));
    }
    let mut forks = ForkSchedule::default();
    forks.terminal_total_difficulty = config.terminal_total_difficulty;
    forks.dao_fork_block = config.dao_fork_block.filter(|_| config.dao_fork_support);
    forks.merge_netsplit_block = config.merge_netsplit_block;
    forks.deposit_contract = config.deposit_contract_address;
    // EIP-155 and EIP-158 are two fields of one fork (Spurious Dragon).
    let spurious_dragon = config.eip158_block.or(config.eip155_block);
    let activations = [
        (Hardfork::Homestead, config.homestead_block),
        (Hardfork::Tangerine, config.eip150_block),
        (Hardfork::SpuriousDragon, spurious_dragon),
        (Hardfork::Byzantium, config.byzantium_block),
        (Hardfork::Constantinople, config.constantinople_block),
        (Hardfork::Petersburg, config.petersburg_block),
        (Hardfork::Istanbul, config.istanbul_block),
        (Hardfork::MuirGlacier, config.muir_glacier_block),
        (Hardfork::Berlin, config.berlin_block),
        (Hardfork::London, config.london_block),
        (Hardfork::ArrowGlacier, config.arrow_glacier_block),
        (Hardfork::GrayGlacier, config.gray_glacier_block),
        (Hardfork::Shanghai, config.shanghai_time),
        (Hardfork::Cancun, config.cancun_time),
        (Hardfork::Prague, config.prague_time),
        (Hardfork::Osaka, config.osaka_time),
        (Hardfork::Bpo1, config.bpo1_time),
        (Hardfork::Bpo2, config.bpo2_time),
        (Hardfork::Bpo3, config.bpo3_time),
        (Hardfork::Bpo4, config.bpo4_time),
        (Hardfork::Bpo5, config.bpo5_time),
        (Hardfork::Amsterdam, config.amsterdam_time),
    ];
    for (fork, at) in activations {
        if let Some(at) = at {
            forks.activate(fork, at);
        }
    }
    for (name, params) in &config.blob_schedule {
        let fork = name.parse::<Hardfork>().ok();
        let fork = fork.filter(|fork| *fork >= Hardfork::Cancun);
        let schedule = BlobSchedule {
            target: params.target_blob_count,
            max: params.max_blob_count,
            base_fee_update_fraction: u64::try_from(params.update_fraction)
                .map_err(|_| GenesisFileError::TooLarge("baseFeeUpdateFraction"))?,
        };
        match fork {
            Some(fork) => forks.set_blobs(fork, schedule),
            // A fork that is only planned has an entry in many files.
            None if name == "bogota" => {}
            None => return Err(GenesisFileError::BlobFork(name.clone())),
        }
    }
    forks.check()?;
    Ok(forks)
}
