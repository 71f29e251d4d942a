//! `web3_*`, `rpc_modules`: who answers.

use super::{Method, all, methods};
use crate::rpc::{
    dispatch::{Answer, Call},
    format::Json,
};
use alloy::primitives::{Bytes, keccak256};
use std::collections::BTreeSet;

pub(super) const METHODS: &[Method] = methods![
    Read "web3_clientVersion" => client_version;
    Read "web3_sha3" => sha3;
    Read "rpc_modules" => modules;
];

/// The node's name and version. It starts with `anvil`, because Hardhat's network helpers run against names that they
/// know and no others.
pub(super) fn version() -> String {
    format!(
        "anvil-compatible/praline/v{}/{}-{}/rust",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH
    )
}

async fn client_version(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    Ok(Json::text(&version()))
}

async fn sha3(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let data: Bytes = call.params.required(0)?;
    Ok(Json::data(keccak256(data)))
}

/// The namespaces, each with the version `1.0`, as geth lists them.
async fn modules(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    let namespaces: BTreeSet<&str> = all()
        .flat_map(|method| method.names)
        .filter_map(|name| name.split('_').next())
        .collect();
    Ok(Json::object(|o| {
        for namespace in namespaces {
            o.text(namespace, "1.0");
        }
    }))
}
