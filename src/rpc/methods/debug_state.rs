//! `debug_*` of the state: accounts and slots inside a block, codes by their hash, what changed between two blocks, and
//! what a stateless client needs of a block.

use super::{
    Method,
    debug_trace::{find_block, run_traced, with_block},
    eth_call::block_hash_in,
    methods,
};
use crate::{
    chain::{
        block::BlockRecord,
        evm::{
            execute::ExecutionError,
            trace::{TraceError, position},
            witness::witness,
        },
        view::View,
    },
    rpc::{
        dispatch::{Answer, Call},
        error::RpcError,
        format::{Json, Object, write_data},
        params::Cheat,
    },
};
use alloy::{
    eips::{BlockId, BlockNumberOrTag},
    primitives::{Address, B256, Bytes, hex},
};
use std::sync::Arc;

pub(super) const METHODS: &[Method] = methods![
    Read "debug_accountInfoAt" => account_info_at;
    Read "debug_storageRangeAt" => storage_range_at;
    Read "debug_codeByHash" => code_by_hash;
    Read "debug_dbGet" => db_get;
    Read "debug_getModifiedAccountsByNumber" => modified_by_number;
    Read "debug_getModifiedAccountsByHash" => modified_by_hash;
    Read "debug_executionWitness" => execution_witness;
    Read "debug_freeOSMemory" => free_memory;
];

/// Slots in one answer of `debug_storageRangeAt` at the most.
const MAX_SLOTS: u64 = 100_000;

/// reth's: balance, nonce and code after the transaction of that index; `null` where there is no account.
async fn account_info_at(call: Call<'_>) -> Answer {
    call.params.at_most(3)?;
    let id: BlockId = call.params.required(0)?;
    let index: u64 = call.params.required(1)?;
    let address: Address = call.params.required(2)?;
    run_traced(&call, None, move |view, limits, _| {
        let block = find_block(view, id)?;
        let account = with_block(view, &block, |block| {
            Ok(position::account_after(block, index, address, limits)?)
        })?;
        Ok(account.map_or_else(Json::null, |(account, code)| {
            Json::object(|o| {
                o.quantity("balance", account.balance);
                o.quantity("nonce", account.nonce);
                o.data("code", code);
            })
        }))
    })
    .await
}

/// geth's: slots before the transaction of that index, by the hash of the slot.
async fn storage_range_at(call: Call<'_>) -> Answer {
    call.params.at_most(5)?;
    let id: BlockId = call.params.required(0)?;
    let index: u64 = call.params.required(1)?;
    let address: Address = call.params.required(2)?;
    let first: Bytes = call.params.required(3)?;
    let limit: Cheat<u64> = call.params.required(4)?;
    if first.len() > 32 {
        let problem = format!("{} bytes, a key has 32 at the most", first.len());
        return Err(RpcError::invalid_argument(3, problem));
    }
    let first = B256::right_padding_from(&first);
    let limit = usize::try_from(limit.0.min(MAX_SLOTS)).unwrap_or(usize::MAX);
    run_traced(&call, None, move |view, limits, _| {
        let block = find_block(view, id)?;
        let Some(before) = view.whole_state_before(&block)? else {
            return Err(TraceError::Genesis.into());
        };
        let range = with_block(view, &block, |block| {
            let stored = before.storage_of(address);
            let page = (first, limit);
            Ok(position::storage_before(
                block, index, address, stored, page, limits,
            )?)
        })?;
        Ok(Json::object(|o| {
            o.object("storage", |o| {
                for (hash, slot, value) in &range.slots {
                    o.object(&hash.to_string(), |o| {
                        o.data("key", B256::from(*slot));
                        o.data("value", B256::from(*value));
                    });
                }
            });
            o.data_or_null("nextKey", range.next);
        }))
    })
    .await
}

/// The code of that hash, `null` if no account ever had it. Codes are the same in every block that has them.
async fn code_by_hash(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let hash: B256 = call.params.required(0)?;
    call.params.block(1)?;
    code(&call, hash).await
}

async fn code(call: &Call<'_>, hash: B256) -> Answer {
    let chain = call.context.chain().await?;
    let state = chain.state();
    if !state.has_code(&hash) {
        return Ok(Json::null());
    }
    let code = crate::chain::state::StateRead::code(state, hash)?;
    Ok(Json::data(code.original_bytes()))
}

/// geth's prefix of the keys of codes.
const CODE_PREFIX: u8 = b'c';

/// The only raw keys that mean something here are, as in anvil, those of codes: `c` and the code's hash, in hex or as
/// they are.
async fn db_get(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let key: String = call.params.required(0)?;
    let bytes = match key.strip_prefix("0x") {
        Some(digits) => hex::decode(digits)
            .map_err(|_| RpcError::invalid_argument(0, "not an even number of hex digits"))?,
        None => key.into_bytes(),
    };
    match bytes.split_first() {
        Some((&CODE_PREFIX, hash)) if hash.len() == 32 => code(&call, B256::from_slice(hash)).await,
        _ => Err(RpcError::server(
            "not found: this node has raw keys for code alone, the byte 0x63 before the code's hash",
        )),
    }
}

/// One block: what it changed. Two: what changed after the first, up to the second.
async fn modified_by_number(call: Call<'_>) -> Answer {
    let first: BlockNumberOrTag = call.params.required(0)?;
    let second: Option<BlockNumberOrTag> = call.params.optional(1)?;
    modified(&call, first.into(), second.map(BlockId::from)).await
}

async fn modified_by_hash(call: Call<'_>) -> Answer {
    let first: B256 = call.params.required(0)?;
    let second: Option<B256> = call.params.optional(1)?;
    modified(&call, first.into(), second.map(BlockId::from)).await
}

async fn modified(call: &Call<'_>, first: BlockId, second: Option<BlockId>) -> Answer {
    call.params.at_most(2)?;
    let view = call.context.view().await?;
    call.context
        .run(move || {
            let first = mined(&view, first)?;
            let (from, to) = if let Some(second) = second {
                (first, mined(&view, second)?)
            } else {
                let parent = first.header.parent_hash;
                let parent = view.block(BlockId::from(parent))?;
                let parent = parent.ok_or_else(|| {
                    RpcError::server(format!("block {:#x} has no parent", first.hash))
                })?;
                (parent, first)
            };
            let (low, high) = (from.header.number, to.header.number);
            if low >= high {
                return Err(RpcError::server(format!(
                    "start block height ({low}) must be less than end block height ({high})"
                )));
            }
            Ok(Json::data_list(view.modified_accounts(&from, &to)?))
        })
        .await
}

/// A block of the chain; the pending one is none.
fn mined(view: &View, id: BlockId) -> Result<Arc<BlockRecord>, RpcError> {
    if id == BlockId::Number(BlockNumberOrTag::Pending) {
        return Err(RpcError::server("block #pending not found"));
    }
    find_block(view, id)
}

/// Trie nodes, codes, keys and headers with which a block can be executed again without a state.
async fn execution_witness(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let id: BlockId = call.params.required(0)?;
    let view = call.context.view().await?;
    call.context
        .run(move || {
            let block = mined(&view, id)?;
            let Some(before) = view.whole_state_before(&block)? else {
                return Err(TraceError::Genesis.into());
            };
            let chain = view.chain();
            let hash_of = |number| block_hash_in(&view, number);
            let chain_id = chain.settings().chain_id;
            let witness = witness(
                chain.spec(),
                chain_id,
                &chain.settings().signatures,
                &block,
                &before,
                &hash_of,
            )
            .map_err(|error: ExecutionError| RpcError::internal(error.to_string()))?;
            let mut headers = Vec::new();
            for number in witness.oldest_block..block.header.number {
                if let Some(ancestor) = view.block(BlockId::from(number))? {
                    headers.push(Bytes::from(alloy_rlp::encode(&ancestor.header)));
                }
            }
            Ok(Json::object(|o| {
                list(o, "state", &witness.nodes);
                list(o, "codes", &witness.codes);
                list(o, "keys", &witness.keys);
                list(o, "headers", &headers);
            }))
        })
        .await
}

fn list(o: &mut Object<'_>, name: &str, values: &[Bytes]) {
    o.list(name, |list| {
        for value in values {
            write_data(list.next(), value);
        }
    });
}

/// The allocator decides by itself: there is nothing to do.
async fn free_memory(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    Ok(Json::null())
}
