//! `eth_subscribe` and `eth_unsubscribe`: over WebSocket alone.

use super::{Method, methods};
use crate::rpc::{
    dispatch::{Answer, Call},
    error::RpcError,
    format::Json,
    params::{Bool, FilterCriteria, FilterRange},
    session::Topic,
};

pub(super) const METHODS: &[Method] = methods![
    Change "eth_subscribe" => subscribe;
    Change "eth_unsubscribe" => unsubscribe;
];

async fn subscribe(call: Call<'_>) -> Answer {
    let Some(session) = call.session else {
        return Err(RpcError::notifications_not_supported());
    };
    call.params.at_most(2)?;
    let name: String = call.params.required(0)?;
    let topic = match name.as_str() {
        "newHeads" => Topic::Heads,
        "logs" => logs(&call)?,
        "newPendingTransactions" => match call.params.optional(1)? {
            Some(Bool(true)) => Topic::Transactions,
            _ => Topic::TransactionHashes,
        },
        "syncing" => Topic::Syncing,
        _ => {
            return Err(RpcError::method_not_found_in(
                &format!("\"{name}\" subscription"),
                "eth",
            ));
        }
    };
    Ok(Json::text(&session.subscribe(topic)?))
}

/// A range of blocks says nothing about what is to come: only that of one block is refused.
fn logs(call: &Call<'_>) -> Result<Topic, RpcError> {
    let criteria: FilterCriteria = call.params.optional(1)?.unwrap_or_default();
    if let FilterRange::Hash(_) = criteria.range {
        return Err(RpcError::invalid_argument(
            1,
            "blockHash: a subscription is about blocks to come",
        ));
    }
    Ok(Topic::Logs(criteria.filter))
}

async fn unsubscribe(call: Call<'_>) -> Answer {
    let Some(session) = call.session else {
        return Err(RpcError::notifications_not_supported());
    };
    call.params.at_most(1)?;
    let id: String = call.params.required(0)?;
    Ok(Json::bool(session.unsubscribe(&id)))
}
