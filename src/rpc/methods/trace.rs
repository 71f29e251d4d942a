//! `trace_*`: the traces of Parity, as Erigon and reth give them.
//!
//! Limits are those of [`super::debug_trace`]; `trace_filter` looks at no more than
//! [`Limits::trace_filter_blocks`](crate::rpc::Limits) blocks. What is not there is an error, never an empty success.

use super::{
    Method,
    debug_trace::{find_block, find_transaction, run_traced, with_block},
    eth_call::with_context,
    methods,
};
use crate::{
    chain::{
        evm::trace::{TraceLimits, TracedCall, opcode_gas, parity},
        transaction::SignedTransaction,
        view::View,
    },
    rpc::{
        dispatch::{Answer, Call},
        error::RpcError,
        format::Json,
        limits::Limits,
        params::{
            CallAndTypes, TraceCriteria, Types, parse_block_overrides, parse_state_overrides,
        },
    },
};
use alloy::{
    consensus::Transaction as _,
    eips::{BlockId, BlockNumberOrTag},
    primitives::{B256, Bytes},
    rpc::types::{
        TransactionRequest,
        trace::{opcode::BlockOpcodeGas, parity::LocalizedTransactionTrace},
    },
};
use serde::Serialize;

pub(super) const METHODS: &[Method] = methods![
    Read "trace_block" => block;
    Read "trace_transaction" => transaction;
    Read "trace_get" => get;
    Read "trace_filter" => filter;
    Read "trace_call" => call;
    Read "trace_callMany" => call_many;
    Read "trace_rawTransaction" => raw_transaction;
    Read "trace_replayTransaction" => replay_transaction;
    Read "trace_replayBlockTransactions" => replay_block;
    Read "trace_transactionOpcodeGas" => transaction_opcode_gas;
    Read "trace_blockOpcodeGas" => block_opcode_gas;
];

/// The calls of one `trace_callMany`.
const MAX_CALLS: usize = 1_000;

/// A result as JSON, no longer than an answer may be.
fn answer(result: &impl Serialize, limits: &Limits) -> Answer {
    let text = serde_json::to_string(result)
        .map_err(|problem| RpcError::internal(format!("a trace is no JSON: {problem}")))?;
    if text.len() > limits.response_bytes {
        return Err(crate::rpc::dispatch::too_large(limits.response_bytes));
    }
    Ok(Json::raw(text))
}

fn frames_of_block(
    view: &View,
    id: BlockId,
    limits: TraceLimits<'_>,
) -> Result<Vec<LocalizedTransactionTrace>, RpcError> {
    let block = find_block(view, id)?;
    if view.state_before(&block).is_none() {
        // Nothing was executed in the first block.
        return Ok(Vec::new());
    }
    with_block(view, &block, |traced| {
        Ok(parity::block_traces(traced, &block.ommers, limits)?)
    })
}

fn frames_of_transaction(
    view: &View,
    hash: B256,
    limits: TraceLimits<'_>,
) -> Result<Vec<LocalizedTransactionTrace>, RpcError> {
    let (block, index) = find_transaction(view, hash)?;
    with_block(view, &block, |traced| {
        Ok(parity::transaction_traces(traced, index, limits)?)
    })
}

async fn block(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let id: BlockId = call.params.required(0)?;
    run_traced(&call, None, move |view, limits, server| {
        answer(&frames_of_block(view, id, limits)?, server)
    })
    .await
}

async fn transaction(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let hash: B256 = call.params.required(0)?;
    run_traced(&call, None, move |view, limits, server| {
        answer(&frames_of_transaction(view, hash, limits)?, server)
    })
    .await
}

/// The frame of that index in the transaction's list; as in Erigon and reth, `null` for more than one index.
async fn get(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let hash: B256 = call.params.required(0)?;
    let indexes: Vec<u64> = call.params.required(1)?;
    run_traced(&call, None, move |view, limits, server| {
        let frames = frames_of_transaction(view, hash, limits)?;
        let frame = match indexes.as_slice() {
            [index] => usize::try_from(*index).ok().and_then(|i| frames.get(i)),
            _ => None,
        };
        answer(&frame, server)
    })
    .await
}

async fn filter(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let criteria: TraceCriteria = call.params.required(0)?;
    run_traced(&call, None, move |view, limits, server| {
        let tag = |tag: Option<BlockNumberOrTag>, or| view.number_of(tag.unwrap_or(or));
        let first = tag(criteria.from, BlockNumberOrTag::Earliest);
        let head = view.number_of(BlockNumberOrTag::Latest);
        let last = tag(criteria.to, BlockNumberOrTag::Latest).min(head);
        if first > last && criteria.to.is_some() && first <= head {
            return Err(RpcError::invalid_params(
                "invalid parameters: fromBlock cannot be greater than toBlock",
            ));
        }
        let most = server.trace_filter_blocks;
        if last.saturating_sub(first) >= most {
            return Err(RpcError::invalid_params(format!(
                "block range is too large: {} blocks, at most {most} are searched at once",
                last - first + 1
            )));
        }
        let matcher = criteria.filter.matcher();
        let mut skip = criteria.filter.after.unwrap_or_default();
        let count = criteria.filter.count.unwrap_or(u64::MAX);
        let mut found = Vec::new();
        for number in first..=last {
            for frame in frames_of_block(view, BlockId::from(number), limits)? {
                if found.len() as u64 >= count {
                    return answer(&found, server);
                }
                if matcher.matches(&frame.trace) {
                    if skip == 0 {
                        found.push(frame);
                    } else {
                        skip -= 1;
                    }
                }
            }
        }
        answer(&found, server)
    })
    .await
}

/// Traces calls on the state after a block, each on that of the one before.
async fn traced_calls(
    call: &Call<'_>,
    id: BlockId,
    calls: Vec<(TracedCall, parity::TraceTypes)>,
    single: bool,
) -> Answer {
    let (traced, console) = run_traced(call, None, move |view, limits, server| {
        let at = view.block_and_state(id)?;
        let (header, state) = (&at.block.header, at.state.as_ref());
        with_context(view, header, state, server.call_gas, |context| {
            let parity::HeardResults { results, console } = parity::calls(context, &calls, limits)?;
            let traced = match results.first() {
                Some(result) if single => answer(result, server),
                _ => answer(&results, server),
            };
            Ok((traced?, console))
        })
    })
    .await?;
    call.context.witness.print_console(&console);
    Ok(traced)
}

async fn call(call: Call<'_>) -> Answer {
    call.params.at_most(5)?;
    let request: TransactionRequest = call.params.required(0)?;
    let types: Types = call.params.required(1)?;
    let id = call.params.block(2)?;
    let state = call.params.raw(3).map(parse_state_overrides).transpose();
    let block = call.params.raw(4).map(parse_block_overrides).transpose();
    let asked = TracedCall {
        request,
        state: state.map_err(|problem| RpcError::invalid_argument(3, problem))?,
        block: block.map_err(|problem| RpcError::invalid_argument(4, problem))?,
    };
    traced_calls(&call, id, vec![(asked, types.0)], true).await
}

async fn call_many(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let calls: Vec<CallAndTypes> = call.params.required(0)?;
    if calls.len() > MAX_CALLS {
        return Err(RpcError::invalid_params(format!(
            "{} calls; at most {MAX_CALLS} are traced at once",
            calls.len()
        )));
    }
    let id = call.params.block(1)?;
    let calls = calls.into_iter().map(|CallAndTypes(request, types)| {
        let asked = TracedCall {
            request,
            ..TracedCall::default()
        };
        (asked, types.0)
    });
    let calls = calls.collect();
    traced_calls(&call, id, calls, false).await
}

/// As if the transaction were sent now; it is not.
async fn raw_transaction(call: Call<'_>) -> Answer {
    call.params.at_most(3)?;
    let bytes: Bytes = call.params.required(0)?;
    let types: Types = call.params.required(1)?;
    let id = call.params.block(2)?;
    let transaction = SignedTransaction::decode_network(&bytes)?;
    let asked = TracedCall {
        request: request_of(&transaction),
        ..TracedCall::default()
    };
    traced_calls(&call, id, vec![(asked, types.0)], true).await
}

fn request_of(transaction: &SignedTransaction) -> TransactionRequest {
    let mut request = TransactionRequest::from_transaction(transaction.envelope.clone());
    request.from = Some(transaction.sender);
    request.gas = Some(transaction.envelope.gas_limit());
    request
}

async fn replay_transaction(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let hash: B256 = call.params.required(0)?;
    let types: Types = call.params.required(1)?;
    run_traced(&call, None, move |view, limits, server| {
        let (block, index) = find_transaction(view, hash)?;
        let results = with_block(view, &block, |traced| {
            Ok(parity::replay_transaction(traced, index, &types.0, limits)?)
        })?;
        answer(&results, server)
    })
    .await
}

async fn replay_block(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let id: BlockId = call.params.required(0)?;
    let types: Types = call.params.required(1)?;
    run_traced(&call, None, move |view, limits, server| {
        let block = find_block(view, id)?;
        let results = with_block(view, &block, |traced| {
            Ok(parity::replay_block(traced, &types.0, limits)?)
        })?;
        answer(&results, server)
    })
    .await
}

/// reth's: gas by instruction.
async fn transaction_opcode_gas(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let hash: B256 = call.params.required(0)?;
    run_traced(&call, None, move |view, limits, server| {
        let (block, index) = find_transaction(view, hash)?;
        let gas = with_block(view, &block, |traced| {
            Ok(opcode_gas::transaction(traced, index, limits)?)
        })?;
        answer(&gas, server)
    })
    .await
}

/// The same of all transactions of a block.
async fn block_opcode_gas(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let id: BlockId = call.params.required(0)?;
    run_traced(&call, None, move |view, limits, server| {
        let block = find_block(view, id)?;
        let transactions = match view.state_before(&block) {
            None => Vec::new(),
            Some(_) => with_block(view, &block, |traced| {
                Ok(opcode_gas::block(traced, limits)?)
            })?,
        };
        let gas = BlockOpcodeGas {
            block_hash: block.hash,
            block_number: block.header.number,
            transactions,
        };
        answer(&gas, server)
    })
    .await
}
