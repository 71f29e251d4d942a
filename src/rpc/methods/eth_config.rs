//! What the chain and this node are able to do: EIP-7910's `eth_config`, `eth_capabilities`.

use super::{Method, methods};
use crate::{
    chain::ForkConfig,
    rpc::{
        dispatch::{Answer, Call},
        format::{Json, Object},
    },
};

pub(super) const METHODS: &[Method] = methods![
    Read "eth_config" => config;
    Read "eth_capabilities" => capabilities;
];

async fn config(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    let configs = call.context.chain().await?.fork_configs();
    Ok(Json::object(|o| {
        o.object("current", |o| fork(o, &configs.current));
        for (name, config) in [("next", &configs.next), ("last", &configs.last)] {
            match config {
                Some(config) => o.object(name, |o| fork(o, config)),
                None => o.null(name),
            }
        }
    }))
}

fn fork(o: &mut Object<'_>, config: &ForkConfig) {
    o.number("activationTime", config.activation_time);
    match &config.blobs {
        Some(blobs) => o.object("blobSchedule", |o| {
            o.number("baseFeeUpdateFraction", blobs.update_fraction);
            o.number("max", blobs.max_blob_count);
            o.number("target", blobs.target_blob_count);
        }),
        None => o.null("blobSchedule"),
    }
    o.quantity("chainId", config.chain_id);
    o.data("forkId", config.fork_id);
    o.object("precompiles", |o| {
        for (name, address) in &config.precompiles {
            o.data(name, address);
        }
    });
    o.object("systemContracts", |o| {
        for (name, address) in &config.system_contracts {
            o.data(name, address);
        }
    });
}

/// Everything from the first block on, for good.
async fn capabilities(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    let chain = call.context.chain().await?;
    let oldest = chain.spec().genesis.number;
    Ok(Json::object(|o| {
        o.object("head", |o| {
            o.quantity("number", chain.head().header.number);
            o.data("hash", chain.head().hash);
        });
        for resource in ["state", "tx", "logs", "receipts", "blocks", "stateproofs"] {
            o.object(resource, |o| {
                o.bool("disabled", false);
                o.quantity("oldestBlock", oldest);
            });
        }
    }))
}
