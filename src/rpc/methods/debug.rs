//! `debug_getRaw*`: consensus encodings (RLP, EIP-2718).

use super::{Method, eth_blocks, methods};
use crate::{
    chain::block::BlockRecord,
    rpc::{
        dispatch::{Answer, Call},
        error::RpcError,
        format::Json,
    },
};
use alloy::{
    eips::{BlockId, eip2718::Encodable2718 as _},
    primitives::B256,
};
use std::sync::Arc;

pub(super) const METHODS: &[Method] = methods![
    Read "debug_getRawBlock" => raw_block;
    Read "debug_getRawHeader" => raw_header;
    Read "debug_getRawReceipts" => raw_receipts;
    Read "debug_getRawTransaction" => raw_transaction;
    Read "debug_getRawTransactions" => raw_transactions;
    Read "debug_getBadBlocks" => bad_blocks;
];

async fn block(call: &Call<'_>) -> Result<Arc<BlockRecord>, RpcError> {
    call.params.at_most(1)?;
    let id: BlockId = call.params.required(0)?;
    eth_blocks::find(call.context, id)
        .await?
        .ok_or_else(|| RpcError::server("header not found"))
}

async fn raw_block(call: Call<'_>) -> Answer {
    let block = block(&call).await?;
    Ok(Json::data(block.to_rlp()))
}

async fn raw_header(call: Call<'_>) -> Answer {
    let block = block(&call).await?;
    Ok(Json::data(alloy_rlp::encode(&block.header)))
}

async fn raw_receipts(call: Call<'_>) -> Answer {
    let block = block(&call).await?;
    let receipts = block.receipts.iter();
    Ok(Json::data_list(receipts.map(|r| r.receipt.encoded_2718())))
}

/// Unlike `eth_getRawTransactionByHash`, no bytes where there is no such transaction (geth).
async fn raw_transaction(call: Call<'_>) -> Answer {
    let transaction = super::eth_transactions::raw_by_hash(call).await?;
    Ok(if transaction == Json::null() {
        Json::data([])
    } else {
        transaction
    })
}

/// Those of a block, in order.
async fn raw_transactions(call: Call<'_>) -> Answer {
    let block = block(&call).await?;
    let transactions = block.transactions.iter();
    Ok(Json::data_list(transactions.map(|tx| tx.encode_2718())))
}

/// A block that the node found wrong never enters the chain: the node stops instead.
async fn bad_blocks(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    Ok(Json::data_list::<B256>([]))
}
