//! What `eth_callMany` and `eth_callBundle` take.

use super::{Argument, Fields, json_kind, parse_block_overrides};
use crate::chain::evm::call::CallBundle;
use alloy::{
    eips::{BlockId, BlockNumberOrTag},
    primitives::{Address, Bytes, U256},
};

/// The bundles of `eth_callMany`: a list, or, as anvil takes it too, one.
#[derive(Clone, Debug)]
pub(crate) struct Bundles(pub(crate) Vec<CallBundle>);

impl Argument for Bundles {
    fn read(json: &str) -> Result<Self, String> {
        if json.starts_with('{') {
            return CallBundle::read(json).map(|bundle| Self(vec![bundle]));
        }
        Vec::read(json).map(Self)
    }
}

impl Argument for CallBundle {
    fn read(json: &str) -> Result<Self, String> {
        let fields = Fields::parse(json)?;
        let block = fields.raw(&["blockOverride", "blockOverrides"]);
        Ok(Self {
            calls: fields.need("transactions")?,
            block: block
                .map(parse_block_overrides)
                .transpose()
                .map_err(|problem| format!("blockOverride: {problem}"))?,
        })
    }
}

/// Where `eth_callMany` begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StateContext {
    /// The block.
    pub(crate) block: BlockId,
    /// How many of its transactions ran before; `None`: the block is over.
    pub(crate) transactions: Option<usize>,
}

impl Default for StateContext {
    fn default() -> Self {
        Self {
            block: BlockId::Number(BlockNumberOrTag::Latest),
            transactions: None,
        }
    }
}

impl Argument for StateContext {
    fn read(json: &str) -> Result<Self, String> {
        let fields = Fields::parse(json)?;
        let transactions = match fields.raw(&["transactionIndex"]) {
            None | Some("-1") => None,
            Some(_) => fields.get::<u64>(&["transactionIndex"])?,
        };
        Ok(Self {
            block: fields
                .get(&["blockNumber"])?
                .unwrap_or(Self::default().block),
            transactions: transactions.map(|count| usize::try_from(count).unwrap_or(usize::MAX)),
        })
    }
}

/// What `eth_callBundle` takes.
#[derive(Clone, Debug)]
pub(crate) struct BundleCall {
    /// Signed transactions as they travel.
    pub(crate) transactions: Vec<Bytes>,
    /// The number of the block in which they run.
    pub(crate) block_number: u64,
    /// The block after which they run.
    pub(crate) state_block: BlockNumberOrTag,
    /// Fields of the block, where they are not the usual ones.
    pub(crate) coinbase: Option<Address>,
    pub(crate) timestamp: Option<u64>,
    pub(crate) gas_limit: Option<u64>,
    pub(crate) difficulty: Option<U256>,
    pub(crate) base_fee: Option<u64>,
}

impl Argument for BundleCall {
    fn read(json: &str) -> Result<Self, String> {
        if !json.starts_with('{') {
            return Err(format!("{} where a bundle is expected", json_kind(json)));
        }
        let fields = Fields::parse(json)?;
        Ok(Self {
            transactions: fields.need("txs")?,
            block_number: fields.need("blockNumber")?,
            state_block: fields
                .get(&["stateBlockNumber"])?
                .unwrap_or(BlockNumberOrTag::Latest),
            coinbase: fields.get(&["coinbase"])?,
            timestamp: fields.get(&["timestamp"])?,
            gas_limit: fields.get(&["gasLimit"])?,
            difficulty: fields.get(&["difficulty"])?,
            base_fee: fields.get(&["baseFee"])?,
        })
    }
}
