//! Calls after one another: `eth_callMany` (Erigon, reth), `eth_callBundle` (Flashbots).
//!
//! Limits are those of [`super::debug_trace`].

use super::{
    Method,
    debug_trace::{run_traced, with_block},
    eth_call::with_context,
    methods,
};
use crate::{
    chain::{
        evm::call::{Bundled, call_bundle, call_many},
        transaction::SignedTransaction,
    },
    rpc::{
        dispatch::{Answer, Call},
        error::RpcError,
        format::{Json, List, Object},
        params::{BundleCall, Bundles, StateContext, parse_state_overrides},
    },
};
use alloy::{consensus::Transaction as _, eips::BlockId, primitives::U256};

pub(super) const METHODS: &[Method] = methods![
    Read "eth_callMany" => many;
    Read "eth_callBundle" => bundle;
];

/// The calls of one `eth_callMany`, the transactions of one bundle.
const MAX_CALLS: usize = 1_000;
/// Seconds from the block of a bundle's state to the bundle's own (Flashbots, reth).
const SECONDS_A_BLOCK: u64 = 12;

/// Bundles of calls, where they run, and accounts that look different: for each call `{value}` or `{error}`.
async fn many(call: Call<'_>) -> Answer {
    call.params.at_most(3)?;
    let Bundles(bundles): Bundles = call.params.required(0)?;
    let place: StateContext = call.params.optional(1)?.unwrap_or_default();
    let state = call.params.raw(2).map(parse_state_overrides).transpose();
    let state = state.map_err(|problem| RpcError::invalid_argument(2, problem))?;
    if bundles.is_empty() {
        return Err(RpcError::invalid_params("bundles are empty."));
    }
    let count: usize = bundles.iter().map(|bundle| bundle.calls.len()).sum();
    refuse_too_many(count.max(bundles.len()))?;
    run_traced(&call, None, move |view, limits, server| {
        let at = view.block_and_state(place.block)?;
        let (header, before) = (&at.block.header, at.state.as_ref());
        with_context(view, header, before, server.call_gas, |context| {
            let results = match place.transactions {
                None => call_many(context, &bundles, state.as_ref(), None, limits)?,
                Some(count) => with_block(view, &at.block, |block| {
                    let after = Some((block, count));
                    Ok(call_many(context, &bundles, state.as_ref(), after, limits)?)
                })?,
            };
            Ok(Json::build(|out| {
                List::write(out, |list| {
                    for bundle in &results {
                        List::write(list.next(), |list| {
                            for result in bundle {
                                Object::write(list.next(), |o| match result {
                                    Ok(output) => o.data("value", output),
                                    Err(error) => o.text("error", &error.to_string()),
                                });
                            }
                        });
                    }
                });
            }))
        })
    })
    .await
}

fn refuse_too_many(count: usize) -> Result<(), RpcError> {
    if count > MAX_CALLS {
        return Err(RpcError::invalid_params(format!(
            "{count} calls; at most {MAX_CALLS} are made at once"
        )));
    }
    Ok(())
}

/// Signed transactions in a block that is not there.
async fn bundle(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let asked: BundleCall = call.params.required(0)?;
    if asked.transactions.is_empty() {
        return Err(RpcError::invalid_params("bundle missing txs"));
    }
    if asked.block_number == 0 {
        return Err(RpcError::invalid_params("bundle missing blockNumber"));
    }
    refuse_too_many(asked.transactions.len())?;
    run_traced(&call, None, move |view, limits, server| {
        let transactions = asked.transactions.iter();
        let transactions: Vec<_> = transactions
            .map(|raw| SignedTransaction::decode_network(raw).map_err(RpcError::from))
            .collect::<Result<_, _>>()?;
        let at = view.block_and_state(BlockId::Number(asked.state_block))?;
        let mut header = at.block.header.clone();
        let state_block_number = header.number;
        header.number = asked.block_number;
        let usual_time = header.timestamp.saturating_add(SECONDS_A_BLOCK);
        header.timestamp = asked.timestamp.unwrap_or(usual_time);
        header.gas_limit = asked
            .gas_limit
            .unwrap_or(server.call_gas.cap(header.gas_limit));
        if let Some(coinbase) = asked.coinbase {
            header.beneficiary = coinbase;
        }
        if let Some(difficulty) = asked.difficulty {
            header.difficulty = difficulty;
        }
        if let Some(base_fee) = asked.base_fee {
            header.base_fee_per_gas = Some(base_fee);
        }
        refuse_blobs(view, &header, &transactions)?;
        with_context(
            view,
            &header,
            at.state.as_ref(),
            server.call_gas,
            |context| {
                let bundled = call_bundle(context, &transactions, limits)?;
                Ok(answer(&bundled, state_block_number))
            },
        )
    })
    .await
}

/// Refuses more blobs than a block may have (EIP-4844).
fn refuse_blobs(
    view: &crate::chain::view::View,
    header: &alloy::consensus::Header,
    transactions: &[SignedTransaction],
) -> Result<(), RpcError> {
    let used = transactions
        .iter()
        .filter_map(|tx| tx.envelope.blob_gas_used());
    let used: u64 = used.sum();
    let blobs = view.chain().spec().rules(header).blobs;
    let limit = blobs.map_or(0, |params| params.max_blob_gas_per_block());
    if used > limit {
        return Err(RpcError::invalid_params(format!(
            "blob gas usage exceeds the limit of {limit} gas per block."
        )));
    }
    Ok(())
}

/// Flashbots' form: amounts in decimal text, gas as numbers.
fn answer(bundled: &Bundled, state_block_number: u64) -> Json {
    let results = &bundled.results;
    let gas_used: u64 = results.iter().map(|result| result.gas_used).sum();
    let gain: U256 = results.iter().map(|result| result.author_gain).sum();
    let tips: U256 = results.iter().map(|result| result.tips).sum();
    let amount = |o: &mut Object<'_>, name: &str, value: U256| o.text(name, &value.to_string());
    Json::object(|o| {
        let price = gain.checked_div(U256::from(gas_used)).unwrap_or_default();
        amount(o, "bundleGasPrice", price);
        o.data("bundleHash", bundled.hash);
        amount(o, "coinbaseDiff", gain);
        amount(o, "ethSentToCoinbase", gain.saturating_sub(tips));
        amount(o, "gasFees", tips);
        o.list("results", |list| {
            for result in results {
                Object::write(list.next(), |o| {
                    amount(o, "coinbaseDiff", result.author_gain);
                    let sent = result.author_gain.saturating_sub(result.tips);
                    amount(o, "ethSentToCoinbase", sent);
                    o.data("fromAddress", result.from);
                    amount(o, "gasFees", result.tips);
                    amount(o, "gasPrice", U256::from(result.tip));
                    o.number("gasUsed", result.gas_used);
                    o.data_or_null("toAddress", result.to);
                    o.data("txHash", result.hash);
                    match &result.outcome {
                        Ok(output) => o.data("value", output),
                        Err((reason, data)) => {
                            let reason = reason.as_deref().unwrap_or("execution reverted");
                            o.text("error", reason);
                            o.data("revert", data);
                        }
                    }
                });
            }
        });
        o.number("stateBlockNumber", state_block_number);
        o.number("totalGasUsed", gas_used);
    })
}
