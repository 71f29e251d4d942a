//! Logs and filters.

use super::{Method, methods};
use crate::rpc::{
    context::Context,
    dispatch::{Answer, Call},
    filters::FilterKind,
    format::Json,
    logs::{Search, Step},
    params::FilterCriteria,
};

pub(super) const METHODS: &[Method] = methods![
    Read "eth_getLogs" => get_logs;
    Change "eth_newFilter" => new_filter;
    Change "eth_newBlockFilter" => new_block_filter;
    Change "eth_newPendingTransactionFilter" => new_transaction_filter;
    Change "eth_getFilterChanges" => filter_changes;
    Read "eth_getFilterLogs" => filter_logs;
    Change "eth_uninstallFilter" => uninstall_filter;
];

async fn get_logs(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let criteria = call.params.required(0)?;
    find(call.context, criteria).await
}

/// Logs of the chain; those of a long range step by step on a thread of its own.
async fn find(context: &Context, criteria: FilterCriteria) -> Answer {
    let view = context.view().await?;
    let mut search = Search::new(view, criteria, context.limits.response_bytes)?;
    loop {
        let step = if search.is_long() {
            context.run(move || search.step()).await?
        } else {
            search.step()?
        };
        match step {
            Step::Done(logs) => return Ok(logs),
            Step::More(rest) => search = *rest,
        }
    }
}

/// Makes a filter. The read before it is for what follows: events of writes acknowledged earlier are not the filter's.
async fn create(call: &Call<'_>, kind: FilterKind) -> Answer {
    call.context.chain().await?;
    Ok(Json::text(&call.context.filters.create(kind)?))
}

async fn new_filter(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let criteria: FilterCriteria = call.params.optional(0)?.unwrap_or_default();
    create(&call, FilterKind::Logs(criteria)).await
}

async fn new_block_filter(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    create(&call, FilterKind::Blocks).await
}

async fn new_transaction_filter(call: Call<'_>) -> Answer {
    // geth takes a flag for full transactions here, which no client library sends.
    call.params.at_most(1)?;
    create(&call, FilterKind::Transactions).await
}

/// What happened since the last question, up to all that was acknowledged before this one.
async fn filter_changes(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let id: String = call.params.required(0)?;
    call.context.chain().await?;
    call.context.filters.changes(&id)
}

async fn filter_logs(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let id: String = call.params.required(0)?;
    let criteria = call.context.filters.criteria(&id)?;
    find(call.context, criteria).await
}

async fn uninstall_filter(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let id: String = call.params.required(0)?;
    Ok(Json::bool(call.context.filters.remove(&id)))
}
