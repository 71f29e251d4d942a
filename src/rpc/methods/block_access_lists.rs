//! Block-level access lists (EIP-7928). They come with Amsterdam, which no chain of this node can be at: no block has
//! one, so that the answers are those which clients give of older blocks.

use super::{Method, eth_blocks, methods};
use crate::rpc::{
    dispatch::{Answer, Call},
    error::RpcError,
    format::Json,
};
use alloy::{
    eips::{BlockId, BlockNumberOrTag},
    primitives::B256,
};

pub(super) const METHODS: &[Method] = methods![
    Read "eth_getBlockAccessList" | "eth_getBlockAccessListRaw" => list;
    Read "eth_getBlockAccessListByBlockNumber" => list_by_number;
    Read "eth_getBlockAccessListByBlockHash" => list_by_hash;
    Read "debug_getRawBlockAccessList" => raw_list;
];

/// Refuses a block that is not there.
async fn exists(call: &Call<'_>, id: BlockId) -> Result<(), RpcError> {
    call.params.at_most(1)?;
    eth_blocks::find(call.context, id)
        .await?
        .map(|_| ())
        .ok_or_else(|| RpcError::server("header not found"))
}

/// `null`, as anvil says of a block before Amsterdam.
async fn list(call: Call<'_>) -> Answer {
    exists(&call, call.params.required(0)?).await?;
    Ok(Json::null())
}

async fn list_by_number(call: Call<'_>) -> Answer {
    let tag: BlockNumberOrTag = call.params.required(0)?;
    exists(&call, tag.into()).await?;
    Ok(Json::null())
}

async fn list_by_hash(call: Call<'_>) -> Answer {
    let hash: B256 = call.params.required(0)?;
    exists(&call, hash.into()).await?;
    Ok(Json::null())
}

async fn raw_list(call: Call<'_>) -> Answer {
    exists(&call, call.params.required(0)?).await?;
    Err(RpcError::server(
        "block access list not available for pre-Amsterdam blocks",
    ))
}
