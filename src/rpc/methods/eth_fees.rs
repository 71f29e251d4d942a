//! Fees: what a transaction should offer, and what earlier ones did (geth's `eth_feeHistory`).

use super::{Method, methods};
use crate::{
    chain::{Chain, block::BlockRecord, view::View},
    rpc::{
        dispatch::{Answer, Call},
        error::RpcError,
        format::{Json, List, Quantity, write_quantity},
        params::json_kind,
    },
};
use alloy::{
    consensus::Transaction as _,
    eips::{BlockId, BlockNumberOrTag, eip1559::BaseFeeParams, eip7840::BlobParams},
};
use std::{cmp::Ordering, sync::Arc};

pub(super) const METHODS: &[Method] = methods![
    Read "eth_gasPrice" => gas_price;
    Read "eth_maxPriorityFeePerGas" => priority_fee;
    Read "eth_baseFee" => base_fee;
    Read "eth_blobBaseFee" => blob_base_fee;
    Read "eth_feeHistory" => fee_history;
];

/// The most percentiles that one question may name (geth's limit).
const MAX_PERCENTILES: usize = 100;

/// What a legacy transaction should offer: the config's default if it can be mined, else the next base fee and the
/// suggested tip; at least what the pool takes.
pub(super) fn suggested_price(chain: &Chain) -> u128 {
    let base_fee = u128::from(chain.next_base_fee());
    let dev = &chain.spec().dev;
    let price = match dev.default_gas_price {
        Some(price) => price.max(base_fee),
        None => base_fee + dev.suggested_tip,
    };
    price.max(chain.settings().min_gas_price)
}

async fn gas_price(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    let chain = call.context.chain().await?;
    Ok(Json::quantity(suggested_price(&chain)))
}

async fn priority_fee(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    let chain = call.context.chain().await?;
    Ok(Json::quantity(chain.spec().dev.suggested_tip))
}

async fn base_fee(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    let chain = call.context.chain().await?;
    Ok(Json::quantity(chain.next_base_fee()))
}

async fn blob_base_fee(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    let chain = call.context.chain().await?;
    Ok(Json::quantity(
        chain.next_blob_base_fee().unwrap_or_default(),
    ))
}

async fn fee_history(call: Call<'_>) -> Answer {
    call.params.at_most(3)?;
    let count: u64 = call.params.required(0)?;
    let newest: BlockNumberOrTag = call.params.required(1)?;
    let percentiles = percentiles(call.params.raw(2))?;
    let count = count.min(call.context.limits.fee_history_blocks);
    if count == 0 {
        return Ok(Json::object(|o| {
            o.quantity("oldestBlock", 0_u64);
            o.null("gasUsedRatio");
        }));
    }
    let view = call.context.view().await?;
    call.context
        .run(move || history(&view, count, newest, percentiles.as_deref()))
        .await
}

/// Ascending numbers from 0 to 100.
fn percentiles(json: Option<&str>) -> Result<Option<Vec<f64>>, RpcError> {
    let Some(json) = json else {
        return Ok(None);
    };
    let values: Vec<f64> = serde_json::from_str(json).map_err(|_| {
        let kind = json_kind(json);
        RpcError::invalid_argument(2, format!("{kind} where an array of numbers is expected"))
    })?;
    if values.len() > MAX_PERCENTILES {
        return Err(RpcError::invalid_params(format!(
            "over the query limit {MAX_PERCENTILES}"
        )));
    }
    let mut previous = 0.0;
    for (index, value) in values.iter().enumerate() {
        if !(0.0..=100.0).contains(value) {
            return Err(RpcError::invalid_params(format!(
                "invalid reward percentile: {value}"
            )));
        }
        if *value < previous {
            return Err(RpcError::invalid_params(format!(
                "invalid reward percentile: #{}:{previous} >= #{index}:{value}",
                index - 1
            )));
        }
        previous = *value;
    }
    Ok((!values.is_empty()).then_some(values))
}

/// One block's line of the history.
struct Line {
    base_fee: u128,
    blob_base_fee: u128,
    gas_used_ratio: f64,
    blob_gas_used_ratio: f64,
    rewards: Vec<u128>,
}

fn history(
    view: &View,
    count: u64,
    newest: BlockNumberOrTag,
    percentiles: Option<&[f64]>,
) -> Answer {
    let head = view.chain().head().header.number;
    let last = match newest {
        BlockNumberOrTag::Number(number) if number > head => {
            return Err(RpcError::server(format!(
                "request beyond head block: requested {number}, head {head}"
            )));
        }
        tag => view.number_of(tag),
    };
    let genesis = view.chain().spec().genesis.number;
    let oldest = (last + 1).saturating_sub(count).max(genesis);
    let block = |number: u64| -> Result<Arc<BlockRecord>, RpcError> {
        let id = if number > head {
            BlockId::from(BlockNumberOrTag::Pending)
        } else {
            BlockId::from(number)
        };
        let block: Option<Arc<BlockRecord>> = view.block(id)?;
        block.ok_or_else(|| RpcError::server("header not found"))
    };
    let mut lines = Vec::new();
    let mut newest_block = None;
    for number in oldest..=last {
        let block = block(number)?;
        let blobs = view.chain().spec().rules(&block.header).blobs;
        lines.push(line(&block, blobs, percentiles));
        newest_block = Some(block);
    }
    let Some(newest_block) = newest_block else {
        return Err(RpcError::server("header not found"));
    };
    let next = match last.cmp(&head) {
        Ordering::Less => {
            let next = block(last + 1)?;
            let blobs = view.chain().spec().rules(&next.header).blobs;
            let next = line(&next, blobs, None);
            (next.base_fee, next.blob_base_fee)
        }
        Ordering::Equal => {
            let chain = view.chain();
            (
                chain.next_base_fee().into(),
                chain.next_blob_base_fee().unwrap_or_default(),
            )
        }
        Ordering::Greater => {
            let blobs = view.chain().spec().rules(&newest_block.header).blobs;
            fees_after(&newest_block, blobs)
        }
    };
    Ok(write_history(oldest, &lines, next, percentiles.is_some()))
}

/// The fees after a block that is not in the chain yet.
fn fees_after(block: &BlockRecord, blobs: Option<BlobParams>) -> (u128, u128) {
    let base = block.header.next_block_base_fee(BaseFeeParams::ethereum());
    let blob = blobs.and_then(|params| block.header.next_block_blob_fee(params));
    (base.unwrap_or_default().into(), blob.unwrap_or_default())
}

fn line(block: &BlockRecord, blobs: Option<BlobParams>, percentiles: Option<&[f64]>) -> Line {
    let header = &block.header;
    let max_blob_gas = blobs.map_or(0, |params| params.max_blob_gas_per_block());
    Line {
        base_fee: header.base_fee_per_gas.unwrap_or_default().into(),
        blob_base_fee: blobs
            .and_then(|params| header.blob_fee(params))
            .unwrap_or_default(),
        gas_used_ratio: ratio(header.gas_used, header.gas_limit),
        blob_gas_used_ratio: ratio(header.blob_gas_used.unwrap_or_default(), max_blob_gas),
        rewards: percentiles.map_or_else(Vec::new, |percentiles| rewards(block, percentiles)),
    }
}

#[allow(clippy::cast_precision_loss)]
fn ratio(used: u64, limit: u64) -> f64 {
    if limit == 0 {
        return 0.0;
    }
    used as f64 / limit as f64
}

/// The effective tips at the percentiles of the block's gas: a transaction weighs what it used.
fn rewards(block: &BlockRecord, percentiles: &[f64]) -> Vec<u128> {
    let base_fee = block.header.base_fee_per_gas.unwrap_or_default();
    let mut tips: Vec<(u128, u64)> = block
        .transactions
        .iter()
        .zip(&block.receipts)
        .map(|(tx, receipt)| {
            let tip = tx.envelope.effective_tip_per_gas(base_fee).unwrap_or(0);
            (tip, receipt.gas_used)
        })
        .collect();
    tips.sort_by_key(|(tip, _)| *tip);
    let Some((first, rest)) = tips.split_first() else {
        return vec![0; percentiles.len()];
    };
    let mut rest = rest.iter();
    let (mut tip, mut sum) = *first;
    percentiles
        .iter()
        .map(|percentile| {
            #[allow(clippy::cast_precision_loss, clippy::cast_sign_loss)]
            let threshold = (block.header.gas_used as f64 * percentile / 100.0) as u64;
            while sum < threshold
                && let Some((next_tip, gas)) = rest.next()
            {
                tip = *next_tip;
                sum += gas;
            }
            tip
        })
        .collect()
}

fn write_history(oldest: u64, lines: &[Line], next: (u128, u128), with_rewards: bool) -> Json {
    Json::object(|o| {
        o.quantity("oldestBlock", oldest);
        if with_rewards {
            o.list("reward", |list| {
                for line in lines {
                    quantities(list.next(), line.rewards.iter().copied());
                }
            });
        }
        let base_fees = lines.iter().map(|line| line.base_fee);
        quantities(o.key("baseFeePerGas"), base_fees.chain([next.0]));
        let ratios: Vec<f64> = lines.iter().map(|line| line.gas_used_ratio).collect();
        numbers(o.key("gasUsedRatio"), &ratios);
        let blob_fees = lines.iter().map(|line| line.blob_base_fee);
        quantities(o.key("baseFeePerBlobGas"), blob_fees.chain([next.1]));
        let ratios: Vec<f64> = lines.iter().map(|line| line.blob_gas_used_ratio).collect();
        numbers(o.key("blobGasUsedRatio"), &ratios);
    })
}

fn quantities<Q: Quantity>(out: &mut Vec<u8>, values: impl Iterator<Item = Q>) {
    List::write(out, |list| {
        for value in values {
            write_quantity(list.next(), value);
        }
    });
}

/// Shortest decimal forms, whole numbers without a point, as Go writes them.
fn numbers(out: &mut Vec<u8>, values: &[f64]) {
    List::write(out, |list| {
        for value in values {
            list.next().extend_from_slice(value.to_string().as_bytes());
        }
    });
}

#[cfg(test)]
mod tests;
