//! Blocks, their receipts and their uncles, and what the chain is.

use super::{Method, methods};
use crate::{
    chain::block::BlockRecord,
    rpc::{
        context::{Context, is_pending},
        dispatch::{Answer, Call},
        error::RpcError,
        format::{self, BlockBody, Json},
        params::Bool,
    },
};
use alloy::{
    eips::{BlockId, BlockNumberOrTag},
    primitives::{B256, Bytes, U256},
};
use std::sync::Arc;

pub(super) const METHODS: &[Method] = methods![
    Read "eth_chainId" => chain_id;
    Read "eth_blockNumber" => block_number;
    Read "eth_coinbase" => coinbase;
    Read "eth_syncing" | "eth_mining" => never;
    Read "eth_hashrate" => hashrate;
    Read "eth_getWork" => work;
    Read "eth_submitWork" => submit_work;
    Read "eth_submitHashrate" => submit_hashrate;
    Read "eth_protocolVersion" => protocol_version;
    Read "eth_getBlockByNumber" => block_by_number;
    Read "eth_getBlockByHash" => block_by_hash;
    Read "eth_getHeaderByNumber" | "erigon_getHeaderByNumber" => header_by_number;
    Read "eth_getHeaderByHash" => header_by_hash;
    Read "eth_getBlockTransactionCountByNumber" => transaction_count_by_number;
    Read "eth_getBlockTransactionCountByHash" => transaction_count_by_hash;
    Read "eth_getBlockReceipts" => block_receipts;
    Read "eth_getUncleCountByBlockNumber" => uncle_count_by_number;
    Read "eth_getUncleCountByBlockHash" => uncle_count_by_hash;
    Read "eth_getUncleByBlockNumberAndIndex" => uncle_by_number;
    Read "eth_getUncleByBlockHashAndIndex" => uncle_by_hash;
];

async fn chain_id(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    let chain = call.context.chain().await?;
    Ok(Json::quantity(chain.settings().chain_id))
}

async fn block_number(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    let chain = call.context.chain().await?;
    Ok(Json::quantity(chain.head().header.number))
}

async fn coinbase(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    let chain = call.context.chain().await?;
    Ok(Json::data(chain.settings().coinbase))
}

/// The node answers when it is up to date, and it does no proof of work.
async fn never(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    Ok(Json::bool(false))
}

async fn hashrate(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    Ok(Json::quantity(0_u64))
}

/// There is no proof of work to do (ganache's answer).
async fn work(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    Ok(Json::data_list::<B256>([]))
}

/// Nonce, the hash to be sealed, mix hash: of no use (ganache's answer).
async fn submit_work(call: Call<'_>) -> Answer {
    call.params.at_most(3)?;
    for index in 0..3 {
        call.params.required::<Bytes>(index)?;
    }
    Ok(Json::bool(false))
}

/// A rate and whose it is: of no use (ganache's answer).
async fn submit_hashrate(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    call.params.required::<U256>(0)?;
    call.params.required::<Bytes>(1)?;
    Ok(Json::bool(false))
}

/// eth/68, the newest protocol with pooled blob transactions.
async fn protocol_version(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    Ok(Json::quantity(68_u64))
}

/// A block; the pending one is built on a thread of its own.
pub(super) async fn find(
    context: &Context,
    id: BlockId,
) -> Result<Option<Arc<BlockRecord>>, RpcError> {
    let view = context.view().await?;
    if is_pending(id) {
        context.run(move || Ok(view.block(id)?)).await
    } else {
        Ok(view.block(id)?)
    }
}

/// The block that the first parameter names by number or tag.
async fn by_number(call: &Call<'_>) -> Result<(BlockId, Option<Arc<BlockRecord>>), RpcError> {
    let tag: BlockNumberOrTag = call.params.required(0)?;
    let id = BlockId::Number(tag);
    Ok((id, find(call.context, id).await?))
}

/// The block that the first parameter names by hash.
async fn by_hash(call: &Call<'_>) -> Result<Option<Arc<BlockRecord>>, RpcError> {
    let hash: B256 = call.params.required(0)?;
    find(call.context, BlockId::from(hash)).await
}

fn body(call: &Call<'_>) -> Result<BlockBody, RpcError> {
    let full: Option<Bool> = call.params.optional(1)?;
    Ok(match full {
        Some(Bool(true)) => BlockBody::Transactions,
        _ => BlockBody::Hashes,
    })
}

fn or_null(block: Option<Arc<BlockRecord>>, show: impl FnOnce(&BlockRecord) -> Json) -> Json {
    block.map_or_else(Json::null, |block| show(&block))
}

async fn block_by_number(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let body = body(&call)?;
    let (id, block) = by_number(&call).await?;
    Ok(or_null(block, |b| format::block(b, body, is_pending(id))))
}

async fn block_by_hash(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let body = body(&call)?;
    let block = by_hash(&call).await?;
    Ok(or_null(block, |b| format::block(b, body, false)))
}

async fn header_by_number(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let (id, block) = by_number(&call).await?;
    Ok(or_null(block, |b| {
        format::header(&b.header, (!is_pending(id)).then_some(&b.hash))
    }))
}

async fn header_by_hash(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let block = by_hash(&call).await?;
    Ok(or_null(block, |b| format::header(&b.header, Some(&b.hash))))
}

async fn transaction_count_by_number(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let (_, block) = by_number(&call).await?;
    Ok(or_null(block, |b| Json::quantity(b.transactions.len())))
}

async fn transaction_count_by_hash(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let block = by_hash(&call).await?;
    Ok(or_null(block, |b| Json::quantity(b.transactions.len())))
}

async fn block_receipts(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let id: BlockId = call.params.required(0)?;
    let block = find(call.context, id).await?;
    let chain = call.context.backend.local();
    Ok(or_null(block, |b| {
        format::receipts(b, chain.spec().rules(&b.header).blobs)
    }))
}

async fn uncle_count_by_number(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let (_, block) = by_number(&call).await?;
    Ok(or_null(block, |b| Json::quantity(b.ommers.len())))
}

async fn uncle_count_by_hash(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let block = by_hash(&call).await?;
    Ok(or_null(block, |b| Json::quantity(b.ommers.len())))
}

/// An ommer as a block without transactions.
fn uncle(block: &BlockRecord, index: u64) -> Json {
    let index = usize::try_from(index).unwrap_or(usize::MAX);
    let Some(header) = block.ommers.get(index) else {
        return Json::null();
    };
    let record = BlockRecord {
        header: header.clone(),
        hash: header.hash_slow(),
        transactions: Vec::new(),
        ommers: Vec::new(),
        withdrawals: None,
        receipts: Vec::new(),
        version: block.version,
    };
    format::block(&record, BlockBody::Hashes, false)
}

async fn uncle_by_number(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let index = call.params.required(1)?;
    let (_, block) = by_number(&call).await?;
    Ok(or_null(block, |b| uncle(b, index)))
}

async fn uncle_by_hash(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let index = call.params.required(1)?;
    let block = by_hash(&call).await?;
    Ok(or_null(block, |b| uncle(b, index)))
}
