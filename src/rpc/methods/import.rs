//! `cluster_importBlocks`: blocks from outside into a running chain.

use super::{Method, methods};
use crate::{
    chain::import::{BadBlock, RawBlock},
    replica::import::{ImportError, import_blocks},
    rpc::{
        dispatch::{Answer, Call},
        error::RpcError,
        format::Json,
    },
};
use alloy::primitives::Bytes;
use std::sync::Arc;

pub(super) const METHODS: &[Method] = methods![
    Change "cluster_importBlocks" => import;
];

/// Takes RLP blocks, one after the other, as `geth export` writes them. Those that the chain has are left out; the
/// first wrong one ends it, and what came before stays.
async fn import(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let bytes: Bytes = call.params.required(0)?;
    let decode = move || {
        let mut rest = &bytes[..];
        let mut blocks = Vec::new();
        while !rest.is_empty() {
            let block = RawBlock::decode(&mut rest).and_then(RawBlock::recover);
            let block = block.map_err(|error| RpcError::invalid_params(error.to_string()))?;
            blocks.push(Arc::new(block));
        }
        Ok(blocks)
    };
    let blocks = call.context.run(decode).await?;
    let backend = &*call.context.backend;
    let imported = import_blocks(backend, &blocks).await?;
    let chain = backend.local();
    Ok(Json::object(|o| {
        o.number("imported", imported.taken);
        o.number("known", imported.known);
        o.object("head", |o| {
            o.number("number", chain.head().header.number);
            o.data("hash", chain.head().hash);
        });
    }))
}

impl From<ImportError> for RpcError {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Bad(bad) => (*bad).into(),
            ImportError::Write(error) => error.into(),
            ImportError::Store(error) => error.into(),
        }
    }
}

impl From<BadBlock> for RpcError {
    fn from(bad: BadBlock) -> Self {
        Self::bad_block(&bad)
    }
}
