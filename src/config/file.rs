//! The config file as it is written: every key, none checked. `chain-config/cluster.toml` explains them to users.

use super::{
    Ether,
    process::{DisplayConfig, FilesConfig, ProcessConfig},
};
use crate::{
    chain::{pool::Order, spec::Instamine},
    replica::Reads,
    rpc::ErrorProfile,
    telemetry::ColorChoice,
};
use serde::{Deserialize, Deserializer, de};
use std::{fmt, path::PathBuf};

/// A whole file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    pub(super) cluster: ClusterSection,
    pub(super) chain: ChainSection,
    pub(super) mining: MiningSection,
    pub(super) accounts: Option<AccountsSection>,
    pub(super) account: Vec<AccountSection>,
    pub(super) server: ServerSection,
    pub(super) peers: PeersSection,
    pub(super) storage: StorageSection,
    pub(super) files: FilesConfig,
    pub(super) display: DisplayConfig,
    pub(super) process: ProcessConfig,
    pub(super) member: Vec<MemberSection>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ClusterSection {
    pub(super) heartbeat_interval_ms: Option<u64>,
    pub(super) election_timeout_min_ms: Option<u64>,
    pub(super) election_timeout_max_ms: Option<u64>,
    pub(super) write_timeout_ms: Option<u64>,
    #[serde(deserialize_with = "reads")]
    pub(super) reads: Option<Reads>,
    pub(super) founders: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ChainSection {
    pub(super) chain_id: Option<u64>,
    pub(super) network_id: Option<u64>,
    pub(super) hardfork: Option<String>,
    pub(super) genesis_file: Option<PathBuf>,
    pub(super) gas_limit: Option<u64>,
    pub(super) base_fee: Option<u64>,
    pub(super) min_gas_price: Option<u64>,
    pub(super) genesis_timestamp: Option<GenesisTimestamp>,
    pub(super) genesis_number: Option<u64>,
    pub(super) coinbase: Option<String>,
    pub(super) extra_data: Option<String>,
    pub(super) auto_impersonate: Option<bool>,
    pub(super) code_size_limit: Option<CodeSizeLimit>,
    pub(super) enforce_transaction_gas_limit: Option<bool>,
    pub(super) enforce_block_gas_limit: Option<bool>,
    pub(super) initcode_size_limit: Option<CodeSizeLimit>,
    pub(super) memory_limit_bytes: Option<u64>,
    pub(super) difficulty: Option<u64>,
    pub(super) create2_deployer: Option<bool>,
    pub(super) default_gas_price: Option<u64>,
    pub(super) default_transaction_gas: Option<GasOrEstimate>,
    pub(super) suggested_tip: Option<u64>,
    pub(super) pool_balance_checks: Option<bool>,
    pub(super) unlocked: Option<Vec<String>>,
    #[serde(deserialize_with = "clock")]
    pub(super) clock: Option<Clock>,
}

impl ChainSection {
    /// Forgets what a genesis file says itself: it beats the config, and a flag beats both.
    pub(super) fn leave_to_genesis_file(&mut self) {
        self.chain_id = None;
        self.network_id = None;
        self.hardfork = None;
        self.gas_limit = None;
        self.base_fee = None;
        self.genesis_timestamp = None;
        self.genesis_number = None;
        self.coinbase = None;
        self.extra_data = None;
        self.difficulty = None;
        self.create2_deployer = None;
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct MiningSection {
    pub(super) automine: Option<bool>,
    pub(super) interval_ms: Option<u64>,
    #[serde(deserialize_with = "order")]
    pub(super) order: Option<Order>,
    pub(super) transactions_per_block: Option<u64>,
    #[serde(deserialize_with = "instamine")]
    pub(super) instamine: Option<Instamine>,
    pub(super) timestamp_increment_seconds: Option<u64>,
    pub(super) price_bump_percent: Option<u64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AccountsSection {
    pub(super) mnemonic: Option<String>,
    pub(super) derivation_path: Option<String>,
    pub(super) count: Option<u64>,
    pub(super) balance_ether: Option<Ether>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountSection {
    pub(super) private_key: Option<String>,
    pub(super) address: Option<String>,
    pub(super) balance_ether: Ether,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ServerSection {
    pub(super) host: Option<String>,
    pub(super) cors: Option<bool>,
    pub(super) allow_origin: Option<String>,
    pub(super) request_bytes_max: Option<u64>,
    pub(super) response_bytes_max: Option<u64>,
    pub(super) connections_max: Option<u64>,
    pub(super) cheats: Option<bool>,
    pub(super) allow_faults: Option<bool>,
    pub(super) batch_calls_max: Option<u64>,
    pub(super) calls_per_connection_max: Option<u64>,
    pub(super) subscriptions_per_connection_max: Option<u64>,
    pub(super) filters_max: Option<u64>,
    pub(super) filter_changes_max: Option<u64>,
    pub(super) filter_idle_seconds: Option<u64>,
    pub(super) call_gas_limit: Option<u64>,
    pub(super) allowed_hosts: Option<Vec<String>>,
    pub(super) rpc_endpoint: Option<String>,
    pub(super) websockets: Option<bool>,
    pub(super) ipc: Option<PathBuf>,
    #[serde(deserialize_with = "errors")]
    pub(super) errors: Option<ErrorProfile>,
    pub(super) vm_errors_on_rpc_response: Option<bool>,
    pub(super) throw_on_transaction_failures: Option<bool>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PeersSection {
    pub(super) host: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct StorageSection {
    pub(super) data_dir: Option<PathBuf>,
    pub(super) ephemeral: Option<bool>,
    pub(super) snapshot_interval_entries: Option<u64>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MemberSection {
    pub(super) name: String,
    pub(super) peer: String,
    pub(super) rpc: String,
    pub(super) public_key: String,
    pub(super) secret_key: Option<String>,
    pub(super) key_file: Option<PathBuf>,
    pub(super) id: Option<u64>,
}

/// Unix seconds, or the word "start".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GenesisTimestamp {
    At(u64),
    Start,
}

/// Bytes, or the word "none".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CodeSizeLimit {
    Bytes(u64),
    None,
}

/// What the chain's clock shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clock {
    Real,
    Genesis,
}

/// Gas, or the word "estimate".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GasOrEstimate {
    Gas(u64),
    Estimate,
}

/// A number or one word.
struct NumberOr {
    word: &'static str,
    what: &'static str,
}

impl de::Visitor<'_> for NumberOr {
    type Value = Option<u64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} or \"{}\"", self.what, self.word)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
        u64::try_from(value)
            .map(Some)
            .map_err(|_| E::invalid_value(de::Unexpected::Signed(value), &self))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Some(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Self::Value, E> {
        if value == self.word {
            Ok(None)
        } else {
            Err(E::invalid_value(de::Unexpected::Str(value), &self))
        }
    }
}

/// Reads a number or one word into an enum of the two.
macro_rules! number_or_word {
    ($type:ty, $what:literal, $word:literal => $nothing:expr, $some:expr) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let visitor = NumberOr {
                    word: $word,
                    what: $what,
                };
                Ok(deserializer
                    .deserialize_any(visitor)?
                    .map_or($nothing, $some))
            }
        }
    };
}

number_or_word!(GenesisTimestamp, "Unix seconds", "start" => Self::Start, Self::At);
number_or_word!(CodeSizeLimit, "a number of bytes", "none" => Self::None, Self::Bytes);
number_or_word!(GasOrEstimate, "an amount of gas", "estimate" => Self::Estimate, Self::Gas);

/// A reader of words, for types of other modules, which know no files.
macro_rules! words {
    ($reader:ident: $type:ty, $word:ident { $($name:ident),+ }) => {
        #[derive(Deserialize)]
        #[serde(rename_all = "lowercase")]
        enum $word {
            $($name),+
        }

        pub(super) fn $reader<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<$type>, D::Error> {
            Ok(Some(match $word::deserialize(deserializer)? {
                $($word::$name => <$type>::$name),+
            }))
        }
    };
}

words!(reads: Reads, ReadsWord { Linearizable, Local });
words!(order: Order, OrderWord { Fees, Fifo });
words!(instamine: Instamine, InstamineWord { Eager, Strict });
words!(clock: Clock, ClockWord { Real, Genesis });
words!(errors: ErrorProfile, ErrorsWord { Geth, Ganache });
words!(color: ColorChoice, ColorWord { Auto, Always, Never });
