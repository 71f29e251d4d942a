//! `evm_*` and `miner_*`: ganache's cheats, and those that anvil and Hardhat took over from it.

use super::{Method, anvil, methods};
use crate::{
    chain::command::{Cheat, Outcome, Write},
    rpc::{
        dispatch::{Answer, Call},
        error::RpcError,
        format::{self, BlockBody},
        format::{Json, List},
        params::{self, Argument, Bool, Fields},
    },
};
use alloy::{eips::BlockId, primitives::Bytes};

pub(super) const METHODS: &[Method] = methods![
    Change "evm_mine" => mine;
    Change "evm_mine_detailed" | "anvil_mine_detailed" => mine_detailed;
    Change "evm_snapshot" | "anvil_snapshot" => snapshot;
    Change "evm_revert" | "anvil_revert" => revert;
    Change "evm_increaseTime" | "anvil_increaseTime" => increase_time;
    Change "evm_setTime" | "anvil_setTime" => set_time;
    Change "evm_setNextBlockTimestamp" | "anvil_setNextBlockTimestamp" => set_next_timestamp;
    Change "evm_setAutomine" | "anvil_setAutomine" => set_automine;
    Change "evm_setIntervalMining" | "anvil_setIntervalMining" => set_interval_mining;
    Change "evm_setBlockGasLimit" | "anvil_setBlockGasLimit" => set_block_gas_limit;
    Change "evm_setAccountBalance" => anvil::set_balance;
    Change "evm_setAccountCode" => anvil::set_code;
    Change "evm_setAccountNonce" => anvil::set_nonce;
    Change "evm_setAccountStorageAt" => anvil::set_storage_at;
    Change "miner_start" => miner_start;
    Change "miner_stop" => miner_stop;
    Change "miner_setGasPrice" => miner_set_gas_price;
    Change "miner_setEtherbase" => miner_set_etherbase;
    Change "miner_setExtra" | "miner_setExtraData" => miner_set_extra;
];

/// What came out of the cheat must be of another kind: a fault of the node.
pub(super) fn unexpected(outcome: &Outcome) -> RpcError {
    RpcError::internal(format!("the cheat came to {outcome:?}"))
}

/// The parameter of `evm_mine`: nothing, a timestamp, or ganache's and anvil's options.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct MineOptions {
    timestamp: Option<u64>,
    blocks: Option<u64>,
}

impl Argument for MineOptions {
    fn read(json: &str) -> Result<Self, String> {
        if !json.starts_with('{') {
            let timestamp = Some(params::Cheat::<u64>::read(json)?.0);
            return Ok(Self {
                timestamp,
                blocks: None,
            });
        }
        let fields = Fields::parse(json)?;
        let number = |name: &str| -> Result<Option<u64>, String> {
            let value: Option<params::Cheat<u64>> = fields.get(&[name])?;
            Ok(value.map(|value| value.0))
        };
        Ok(Self {
            timestamp: number("timestamp")?,
            blocks: number("blocks")?,
        })
    }
}

/// Mines; the outcome is `None` where no blocks are asked for.
async fn mine_blocks(call: &Call<'_>) -> Result<Option<Outcome>, RpcError> {
    call.params.at_most(1)?;
    let options: MineOptions = call.params.optional(0)?.unwrap_or_default();
    let count = options.blocks.unwrap_or(1);
    if count == 0 {
        return Ok(None);
    }
    let write = Write::Mine {
        count,
        interval_seconds: None,
        timestamp: options.timestamp,
    };
    call.context.write(write).await.map(Some)
}

/// ganache and anvil answer `"0x0"`, whatever was mined.
async fn mine(call: Call<'_>) -> Answer {
    mine_blocks(&call).await?;
    Ok(Json::text("0x0"))
}

/// The blocks that were mined, in full.
async fn mine_detailed(call: Call<'_>) -> Answer {
    let (first, last) = match mine_blocks(&call).await? {
        Some(Outcome::Mined { first, last }) => (first, last),
        Some(outcome) => return Err(unexpected(&outcome)),
        None => return Ok(Json::data_list::<[u8; 0]>([])),
    };
    let view = call.context.view().await?;
    let limit = call.context.limits.response_bytes;
    call.context
        .run(move || {
            let mut blocks = Vec::new();
            let mut size = 0;
            for number in first..=last {
                if let Some(block) = view.block(BlockId::from(number))? {
                    let json = format::block(&block, BlockBody::Transactions, false);
                    size += json.as_bytes().len();
                    if size > limit {
                        return Err(crate::rpc::dispatch::too_large(limit));
                    }
                    blocks.push(json);
                }
            }
            Ok(Json::build(|out| {
                List::write(out, |list| {
                    for block in &blocks {
                        list.next().extend_from_slice(block.as_bytes());
                    }
                });
            }))
        })
        .await
}

async fn snapshot(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    match call.context.cheat(Cheat::Snapshot).await? {
        Outcome::Snapshot(id) => Ok(Json::quantity(id)),
        outcome => Err(unexpected(&outcome)),
    }
}

/// An id that is not alive is no error: the answer is `false`.
async fn revert(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let id: params::Cheat<u64> = call.params.required(0)?;
    flag(call.context.cheat(Cheat::Revert { id: id.0 }).await?)
}

pub(super) fn flag(outcome: Outcome) -> Answer {
    match outcome {
        Outcome::Flag(flag) => Ok(Json::bool(flag)),
        outcome => Err(unexpected(&outcome)),
    }
}

fn seconds(outcome: Outcome) -> Answer {
    match outcome {
        Outcome::Seconds(seconds) => Ok(Json::number(seconds)),
        outcome => Err(unexpected(&outcome)),
    }
}

/// The whole offset of the chain's clock, a JSON number.
async fn increase_time(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let seconds_more = call.params.required(0)?;
    let cheat = Cheat::IncreaseTime {
        seconds: seconds_more,
    };
    seconds(call.context.cheat(cheat).await?)
}

/// Above this a time is one in milliseconds, as ganache takes it: in seconds it would lie in the year 5138.
const MILLISECONDS_FROM: u64 = 100_000_000_000;

async fn set_time(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let params::Cheat(time): params::Cheat<u64> = call.params.required(0)?;
    let timestamp = if time >= MILLISECONDS_FROM {
        time / 1000
    } else {
        time
    };
    let cheat = Cheat::SetTime {
        timestamp,
        now_ms: call.context.backend.now_ms(),
    };
    seconds(call.context.cheat(cheat).await?)
}

async fn set_next_timestamp(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let timestamp: params::Cheat<u64> = call.params.required(0)?;
    let cheat = Cheat::SetNextBlockTimestamp {
        timestamp: timestamp.0,
    };
    call.done(cheat).await
}

async fn set_automine(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let Bool(enabled) = call.params.required(0)?;
    call.done(Cheat::SetAutomine { enabled }).await
}

/// Seconds, as anvil takes them; a fraction of one may be asked for, down to a millisecond. (Hardhat's number is in milliseconds, under the same name; its range of two numbers
/// is told apart, and the lower one counts.)
async fn set_interval_mining(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let interval_ms = if call.params.raw(0).is_some_and(|json| json.starts_with('[')) {
        let range: Vec<params::Cheat<u64>> = call.params.required(0)?;
        let [lower, _] = range.as_slice() else {
            let problem = format!("{} numbers where two are a range", range.len());
            return Err(RpcError::invalid_argument(0, problem));
        };
        lower.0
    } else {
        let params::Seconds(milliseconds) = call.params.required(0)?;
        milliseconds
    };
    call.done(Cheat::SetIntervalMining { interval_ms }).await
}

/// anvil and Hardhat both answer `true`.
async fn set_block_gas_limit(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let limit: params::Cheat<u64> = call.params.required(0)?;
    let cheat = Cheat::SetBlockGasLimit { gas_limit: limit.0 };
    call.context.cheat(cheat).await?;
    Ok(Json::bool(true))
}

/// ganache's switch: mining goes on as automine. A number of threads may be given and means nothing.
async fn miner_start(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let cheat = Cheat::SetAutomine { enabled: true };
    call.context.cheat(cheat).await?;
    Ok(Json::bool(true))
}

/// Neither automine nor interval mining until `miner_start`.
async fn miner_stop(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    let automine = Cheat::SetAutomine { enabled: false };
    call.context.cheat(automine).await?;
    let interval = Cheat::SetIntervalMining { interval_ms: 0 };
    call.context.cheat(interval).await?;
    Ok(Json::bool(true))
}

async fn miner_set_gas_price(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let price: params::Cheat<u128> = call.params.required(0)?;
    let cheat = Cheat::SetMinGasPrice { price: price.0 };
    call.context.cheat(cheat).await?;
    Ok(Json::bool(true))
}

/// The extra data of blocks from now on.
async fn miner_set_extra(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let data: Bytes = call.params.required(0)?;
    call.context.cheat(Cheat::SetExtraData { data }).await?;
    Ok(Json::bool(true))
}

async fn miner_set_etherbase(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let address = call.params.required(0)?;
    call.context.cheat(Cheat::SetCoinbase { address }).await?;
    Ok(Json::bool(true))
}

#[cfg(test)]
mod tests;
