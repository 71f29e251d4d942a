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

/// The network id, as decimal text.
async fn version(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    let chain = call.context.backend.local();
    Ok(Json::text(&chain.spec().network_id.to_string()))
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
