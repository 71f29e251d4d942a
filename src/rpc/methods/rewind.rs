//! `anvil_reorg`, `anvil_rollback`, `anvil_reset`: the chain goes back, on every node alike.

use super::{Method, methods};
use crate::{
    chain::{
        command::{Cheat, ReorgTransaction, Write},
        transaction::SignedTransaction,
    },
    rpc::{
        dispatch::{Answer, Call},
        error::RpcError,
        format::Json,
        params::{self, Argument, Fields, json_kind},
    },
};
use alloy::{primitives::Bytes, rpc::types::TransactionRequest};
use serde_json::value::RawValue;
use std::sync::Arc;

pub(super) const METHODS: &[Method] = methods![
    Change "anvil_reorg" => reorg;
    Change "anvil_rollback" => rollback;
    Change "anvil_reset" | "hardhat_reset" => reset;
];

/// Transactions of the new branch, each with the index of its block.
#[derive(Debug, Default)]
struct Pairs(Vec<(ReorgTransaction, u64)>);

impl Argument for Pairs {
    fn read(json: &str) -> Result<Self, String> {
        if !json.starts_with('[') {
            return Err(format!(
                "{} where a list of [transaction, index of the block] is expected",
                json_kind(json)
            ));
        }
        let pairs: Vec<(&RawValue, &RawValue)> = serde_json::from_str(json)
            .map_err(|_| "each element must be [transaction, index of the block]".to_owned())?;
        let pair = |(transaction, index): (&RawValue, &RawValue)| {
            let index = params::Cheat::<u64>::read(index.get())?.0;
            Ok((transaction_of(transaction.get())?, index))
        };
        Ok(Self(
            pairs.into_iter().map(pair).collect::<Result<_, String>>()?,
        ))
    }
}

/// Raw bytes, or a request.
fn transaction_of(json: &str) -> Result<ReorgTransaction, String> {
    if json.starts_with('{') {
        let request = TransactionRequest::read(json)?;
        return Ok(ReorgTransaction::Unsigned(Box::new(request)));
    }
    let bytes = Bytes::read(json)?;
    let signed = SignedTransaction::decode_network(&bytes).map_err(|error| error.to_string())?;
    Ok(ReorgTransaction::Signed(Arc::new(signed)))
}

/// The depth, and transactions for the new blocks; or both as one object, as alloy sends them.
async fn reorg(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let (depth, pairs) = match call.params.raw(0) {
        Some(object) if object.starts_with('{') => {
            let read = || -> Result<_, String> {
                let fields = Fields::parse(object)?;
                let depth: params::Cheat<u64> = fields.need("depth")?;
                let pairs: Option<Pairs> = fields.get(&["tx_block_pairs", "txBlockPairs"])?;
                Ok((depth.0, pairs))
            };
            read().map_err(|problem| RpcError::invalid_argument(0, problem))?
        }
        _ => {
            let depth: params::Cheat<u64> = call.params.required(0)?;
            (depth.0, call.params.optional::<Pairs>(1)?)
        }
    };
    let write = Write::Reorg {
        depth,
        transactions: pairs.unwrap_or_default().0,
    };
    call.context.write(write).await?;
    Ok(Json::null())
}

/// Without a depth one block goes.
async fn rollback(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let depth: Option<params::Cheat<u64>> = call.params.optional(0)?;
    let depth = depth.map_or(1, |depth| depth.0);
    call.done(Cheat::Rollback { depth }).await
}

/// Back to the start. What asks for a fork of a live network is refused.
async fn reset(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    if let Some(options) = call.params.raw(0) {
        let fields = Fields::parse(options);
        let fields = fields.map_err(|problem| RpcError::invalid_argument(0, problem))?;
        let wanted = fields.raw(&["forking"]).unwrap_or(options);
        if wanted != "{}" && wanted != "false" {
            return Err(RpcError::invalid_params(
                "this node does not fork live networks; call it without parameters to go back to the genesis block",
            ));
        }
    }
    call.done(Cheat::Reset).await
}
