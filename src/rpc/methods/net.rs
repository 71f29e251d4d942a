//! `net_*`: the network, which is the cluster.

use super::{Method, methods};
use crate::rpc::{
    dispatch::{Answer, Call},
    format::Json,
};

pub(super) const METHODS: &[Method] = methods![
    Read "net_version" | "eth_networkId" => version;
    Read "net_listening" => listening;
    Read "net_peerCount" => peer_count;
];

/// The network id, as decimal text. Where it is the chain id, `anvil_setChainId` changes it, too.
async fn version(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    let chain = call.context.chain().await?;
    let spec = chain.spec();
    let id = if spec.network_id == spec.chain_id {
        chain.settings().chain_id
    } else {
        spec.network_id
    };
    Ok(Json::text(&id.to_string()))
}

async fn listening(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    Ok(Json::bool(true))
}

/// The members that this node has a connection to, itself not counted.
async fn peer_count(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    let status = call.context.backend.status();
    let peers = status
        .members
        .iter()
        .filter(|member| member.reachable && member.id != status.node)
        .count();
    Ok(Json::quantity(peers))
}
