//! `anvil_getBlob*`: the blobs of mined transactions (EIP-4844), which the chain keeps for good.

use super::{Method, methods};
use crate::rpc::{
    dispatch::{Answer, Call},
    format::Json,
};
use alloy::primitives::B256;

pub(super) const METHODS: &[Method] = methods![
    Read "anvil_getBlobByHash" => by_hash;
    Read "anvil_getBlobsByTransactionHash" => by_transaction;
];

/// A blob by its versioned hash; `null` if no mined transaction brought it.
async fn by_hash(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let hash: B256 = call.params.required(0)?;
    call.context.chain().await?;
    let carrier = call.context.backend.archive().blob_carrier(hash)?;
    let sidecar = carrier.and_then(|transaction| transaction.sidecar.clone());
    let blob = sidecar
        .as_ref()
        .and_then(|sidecar| sidecar.blob_by_versioned_hash(&hash));
    Ok(blob.map_or_else(Json::null, Json::data))
}

/// The blobs of a transaction; `null` if it is not mined or has none.
async fn by_transaction(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let hash = call.params.required(0)?;
    let found = call.context.view().await?.transaction(hash)?;
    let transaction = found.and_then(|(block, index)| block.transactions.get(index).cloned());
    let Some(sidecar) = transaction.and_then(|transaction| transaction.sidecar.clone()) else {
        return Ok(Json::null());
    };
    Ok(Json::data_list(sidecar.blobs()))
}
