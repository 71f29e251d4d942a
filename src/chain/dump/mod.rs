//! A whole chain as JSON in anvil's format (`anvil_dumpState`, `--dump-state`), both ways.
//!
//! What lives here: writing a chain with its archive (`write`), and reading a dump as steps to load
//! ([`Dump::steps`]). What a load does to the chain is in [`super::load`]; compression and files are the edge's.
//! The format is the serialization of anvil 1.7.1's `SerializableState`; older forms of transactions and numbers are
//! read, too. A dump that is written is canonical: accounts by address, slots by number, blocks ascending, so that all
//! nodes write the same bytes.
//! *Limits of the format.* A mined transaction carries no call traces. An impersonated account's transaction keeps its
//! bytes, so here it has the hash that EIP-2718 gives them; anvil makes one up.

mod bytecode;
mod read;
#[cfg(test)]
mod tests;
mod write;

use super::archive::StoreError;
use alloy::{
    consensus::{Header, ReceiptEnvelope},
    eips::eip4895::Withdrawals,
    primitives::{Address, B256, Bytes, U256},
};
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;
use std::{collections::BTreeMap, io};

pub use write::write;

/// A dump that cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// Not a dump.
    #[error("the dump cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// A part that contradicts itself.
    #[error("the dump cannot be read: {0}")]
    Malformed(String),
    /// The archive failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bytes could not be written.
    #[error("the dump could not be written: {0}")]
    Write(#[from] io::Error),
    /// The chain went back while it was dumped.
    #[error("the chain was reverted during the dump; ask again")]
    Changed,
}

/// A dump as it is read.
#[derive(Clone, Debug, Deserialize)]
pub struct Dump {
    #[serde(default)]
    block: Option<BlockEnv>,
    accounts: BTreeMap<Address, DumpedAccount>,
    #[serde(default, deserialize_with = "optional_number")]
    best_block_number: Option<u64>,
    #[serde(default)]
    blocks: Vec<DumpedBlock>,
    #[serde(default)]
    transactions: Vec<MinedTransaction>,
    #[serde(default)]
    historical_states: Option<Vec<(B256, HistoricalState)>>,
}

/// The environment of the newest block. More is in it than a load needs.
#[derive(Clone, Debug, Deserialize)]
struct BlockEnv {
    #[serde(default, deserialize_with = "optional_number")]
    number: Option<u64>,
    #[serde(default, alias = "coinbase")]
    beneficiary: Option<Address>,
    #[serde(default, deserialize_with = "optional_number")]
    gas_limit: Option<u64>,
}

#[derive(Clone, Debug, Deserialize)]
struct DumpedAccount {
    #[serde(deserialize_with = "number")]
    nonce: u64,
    balance: U256,
    #[serde(default)]
    code: Bytes,
    #[serde(default)]
    storage: BTreeMap<U256, U256>,
}

#[derive(Clone, Debug, Deserialize)]
struct DumpedBlock {
    header: Header,
    #[serde(default)]
    transactions: Vec<Value>,
    #[serde(default)]
    ommers: Vec<Header>,
    #[serde(default)]
    withdrawals: Option<Withdrawals>,
}

#[derive(Clone, Debug, Deserialize)]
struct MinedTransaction {
    info: TransactionInfo,
    receipt: ReceiptEnvelope,
    block_hash: B256,
}

#[derive(Clone, Debug, Deserialize)]
struct TransactionInfo {
    #[serde(deserialize_with = "number")]
    transaction_index: u64,
    from: Address,
    #[serde(default)]
    contract_address: Option<Address>,
    #[serde(deserialize_with = "number")]
    gas_used: u64,
}

/// The whole state after a block.
#[derive(Clone, Debug, Default, Deserialize)]
struct HistoricalState {
    accounts: BTreeMap<Address, HistoricalAccount>,
    #[serde(default)]
    storage: BTreeMap<Address, BTreeMap<U256, U256>>,
}

#[derive(Clone, Debug, Deserialize)]
struct HistoricalAccount {
    balance: U256,
    #[serde(deserialize_with = "number")]
    nonce: u64,
    #[serde(default)]
    code: Option<Value>,
}

impl Dump {
    /// Reads a dump from JSON text.
    pub fn parse(json: &[u8]) -> Result<Self, DumpError> {
        Ok(serde_json::from_slice(json)?)
    }

    /// Reads a dump from a stream of JSON text.
    pub fn read(json: impl io::Read) -> Result<Self, DumpError> {
        Ok(serde_json::from_reader(json)?)
    }
}

/// A number: JSON's own, or hex text.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    optional_number(deserializer)?.ok_or_else(|| de::Error::custom("a number is missing"))
}

fn optional_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let value = Option::<Value>::deserialize(deserializer)?;
    let Some(value) = value else { return Ok(None) };
    if let Some(number) = value.as_u64() {
        return Ok(Some(number));
    }
    let wide: U256 = serde_json::from_value(value).map_err(de::Error::custom)?;
    u64::try_from(wide)
        .map(Some)
        .map_err(|_| de::Error::custom(format!("{wide} is too large a number")))
}
