//! `ots_*`: what Otterscan, a block explorer, asks a node for (its API level 8: `docs/custom-jsonrpc.md`).
//!
//! There is no index of addresses: a search executes blocks again, and looks at no more than
//! [`Limits::trace_filter_blocks`](crate::rpc::Limits) of them at once.

use super::{
    Method,
    debug_trace::{find_transaction, run_traced, with_block},
    eth_blocks,
    eth_transactions::block_of_nonce,
    methods,
};
use crate::{
    chain::{
        block::BlockRecord,
        evm::trace::{TraceLimits, otterscan},
        state::StateRead,
        transaction::SignedTransaction,
        view::View,
    },
    rpc::{
        dispatch::{Answer, Call},
        error::RpcError,
        format::{self, Json, List, Object, Place, TransactionPage},
        limits::Limits,
        params::Cheat,
    },
};
use alloy::{
    consensus::Transaction as _,
    eips::{BlockId, BlockNumberOrTag},
    primitives::{Address, B256, KECCAK256_EMPTY, U256},
};
use alloy_evm::block::calc;
use std::sync::Arc;

pub(super) const METHODS: &[Method] = methods![
    Read "ots_getApiLevel" => api_level;
    Read "ots_hasCode" => has_code;
    Read "ots_getBlockDetails" => block_details;
    Read "ots_getBlockDetailsByHash" => block_details_by_hash;
    Read "ots_getBlockTransactions" => block_transactions;
    Read "ots_getTransactionBySenderAndNonce" => transaction_by_sender_and_nonce;
    Read "ots_getTransactionError" => transaction_error;
    Read "ots_getInternalOperations" => internal_operations;
    Read "ots_traceTransaction" => trace_transaction;
    Read "ots_getContractCreator" => contract_creator;
    Read "ots_searchTransactionsBefore" => search_before;
    Read "ots_searchTransactionsAfter" => search_after;
];

/// The newest level that Otterscan knows.
const API_LEVEL: u64 = 8;

async fn api_level(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    Ok(Json::number(API_LEVEL))
}

async fn has_code(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let address: Address = call.params.required(0)?;
    let id = call.params.block(1)?;
    let read = move |state: &dyn StateRead| has_code_in(state, address);
    Ok(Json::bool(call.context.read_state(id, read).await?))
}

fn has_code_in(state: &dyn StateRead, address: Address) -> Result<bool, RpcError> {
    let account = state.account(address)?;
    Ok(account.is_some_and(|account| account.code_hash != KECCAK256_EMPTY))
}

async fn block(call: &Call<'_>, id: BlockId) -> Result<Arc<BlockRecord>, RpcError> {
    eth_blocks::find(call.context, id)
        .await?
        .ok_or_else(|| RpcError::server("header not found"))
}

/// The block that the first parameter names by number: Otterscan sends JSON numbers.
fn number(call: &Call<'_>) -> Result<BlockId, RpcError> {
    let tag: BlockNumberOrTag = match call.params.optional::<u64>(0) {
        Ok(Some(number)) => number.into(),
        _ => call.params.required(0)?,
    };
    Ok(tag.into())
}

async fn block_details(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let block = block(&call, number(&call)?).await?;
    Ok(details(&call, &block))
}

async fn block_details_by_hash(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let hash: B256 = call.params.required(0)?;
    let block = block(&call, BlockId::from(hash)).await?;
    Ok(details(&call, &block))
}

/// The block without its transactions, what it issued, and all that its senders paid (what is burnt included).
fn details(call: &Call<'_>, block: &BlockRecord) -> Json {
    let (author, ommers) = issued(call, block);
    let fees = block.transactions.iter().zip(&block.receipts);
    let fees = fees.map(|(tx, receipt)| {
        let price = tx
            .envelope
            .effective_gas_price(block.header.base_fee_per_gas);
        U256::from(price) * U256::from(receipt.gas_used)
    });
    let fees: U256 = fees.sum();
    Json::object(|o| {
        o.object("block", |o| format::slim_block_fields(o, block, None));
        o.object("issuance", |o| {
            o.quantity("blockReward", author);
            o.quantity("uncleReward", ommers);
            o.quantity("issuance", author + ommers);
        });
        o.quantity("totalFees", fees);
    })
}

/// What the block's author and those of its ommers got (Yellow Paper 11.3); nothing after the merge.
fn issued(call: &Call<'_>, block: &BlockRecord) -> (U256, U256) {
    let header = &block.header;
    if header.difficulty.is_zero() || block.version == 0 {
        return (U256::ZERO, U256::ZERO);
    }
    let chain = call.context.backend.local();
    let base = calc::base_block_reward_pre_merge(chain.spec().rules(header), header.number);
    let ommers = block.ommers.iter();
    let ommers =
        ommers.map(|ommer| U256::from(calc::ommer_reward(base, header.number, ommer.number)));
    (
        U256::from(calc::block_reward(base, block.ommers.len())),
        ommers.sum(),
    )
}

/// A page of a block's transactions, the last page first; inside a page they stand in their order.
async fn block_transactions(call: Call<'_>) -> Answer {
    call.params.at_most(3)?;
    let tag = number(&call)?;
    let page: Cheat<u64> = call.params.required(1)?;
    let size: Cheat<u64> = call.params.required(2)?;
    let block = block(&call, tag).await?;
    let count = block.transactions.len() as u64;
    let end = count.saturating_sub(page.0.saturating_mul(size.0));
    let start = end.saturating_sub(size.0);
    let bound = |index: u64| usize::try_from(index).unwrap_or(usize::MAX);
    let page: TransactionPage = bound(start)..bound(end);
    let chain = call.context.backend.local();
    let blobs = chain.spec().rules(&block.header).blobs;
    Ok(Json::object(|o| {
        o.object("fullblock", |o| {
            format::slim_block_fields(o, &block, Some(&page));
        });
        o.list("receipts", |list| {
            for index in page {
                format::slim_receipt(list.next(), &block, index, blobs);
            }
        });
    }))
}

/// The hash of the mined one.
async fn transaction_by_sender_and_nonce(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let sender: Address = call.params.required(0)?;
    let nonce: Cheat<u64> = call.params.required(1)?;
    let view = call.context.view().await?;
    call.context
        .run(move || {
            let ours = |tx: &&Arc<SignedTransaction>| tx.sender == sender && tx.nonce() == nonce.0;
            let block = block_of_nonce(&view, sender, nonce.0)?;
            let transactions = block.as_ref().map_or(&[][..], |block| &block.transactions);
            let found = transactions.iter().find(ours);
            Ok(found.map_or_else(Json::null, |tx| Json::data(tx.hash())))
        })
        .await
}

async fn transaction_error(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let hash: B256 = call.params.required(0)?;
    run_traced(&call, None, move |view, limits, _| {
        let (block, index) = find_transaction(view, hash)?;
        with_block(view, &block, |traced| {
            Ok(Json::data(otterscan::error(traced, index, limits)?))
        })
    })
    .await
}

async fn internal_operations(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let hash: B256 = call.params.required(0)?;
    run_traced(&call, None, move |view, limits, _| {
        let (block, index) = find_transaction(view, hash)?;
        let operations = with_block(view, &block, |traced| {
            Ok(otterscan::internal_operations(traced, index, limits)?)
        })?;
        Ok(Json::build(|out| {
            List::write(out, |list| {
                for operation in &operations {
                    Object::write(list.next(), |o| {
                        o.number("type", operation.r#type as u8);
                        o.data("from", operation.from);
                        o.data("to", operation.to);
                        o.quantity("value", operation.value);
                    });
                }
            });
        }))
    })
    .await
}

async fn trace_transaction(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let hash: B256 = call.params.required(0)?;
    run_traced(&call, None, move |view, limits, _| {
        let (block, index) = find_transaction(view, hash)?;
        with_block(view, &block, |traced| {
            Ok(Json::raw(otterscan::frames(traced, index, limits)?))
        })
    })
    .await
}

/// Who created a contract that is there now, and in which transaction; `null` where no transaction did: it is no
/// contract, or a cheat or the genesis put it there.
async fn contract_creator(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let address: Address = call.params.required(0)?;
    run_traced(&call, None, move |view, limits, _| {
        let Some(block) = block_of_code(view, address)? else {
            return Ok(Json::null());
        };
        let creator = with_block(view, &block, |traced| {
            Ok(otterscan::creator(traced, address, limits)?)
        })?;
        Ok(creator.map_or_else(Json::null, |creator| {
            Json::object(|o| {
                o.data("hash", creator.hash);
                o.data("creator", creator.creator);
            })
        }))
    })
    .await
}

/// A block after which the account has code, and before which it has none.
fn block_of_code(view: &View, address: Address) -> Result<Option<Arc<BlockRecord>>, RpcError> {
    let has_code_at = |number: u64| -> Result<bool, RpcError> {
        let at = view.block_and_state(BlockId::from(number))?;
        has_code_in(at.state.as_ref(), address)
    };
    let mut without = view.chain().spec().genesis.number;
    let mut with = view.chain().head().header.number;
    if !has_code_at(with)? || has_code_at(without)? {
        return Ok(None);
    }
    while with - without > 1 {
        let middle = without + (with - without) / 2;
        if has_code_at(middle)? {
            with = middle;
        } else {
            without = middle;
        }
    }
    Ok(view.block(BlockId::from(with))?)
}

/// The parameters of a search.
struct Search {
    address: Address,
    /// 0: from the end of the chain where the search begins.
    from: u64,
    page_size: usize,
}

impl Search {
    fn read(call: &Call<'_>) -> Result<Self, RpcError> {
        call.params.at_most(3)?;
        let address = call.params.required(0)?;
        let from: Cheat<u64> = call.params.required(1)?;
        let size: Cheat<u64> = call.params.required(2)?;
        Ok(Self {
            address,
            from: from.0,
            page_size: usize::try_from(size.0).unwrap_or(usize::MAX),
        })
    }

    /// What of the blocks, in the order of their numbers, is a page: their transactions with the address until there
    /// are enough, whole blocks at a time; and whether there are more behind them.
    fn run(
        &self,
        view: &View,
        numbers: impl Iterator<Item = u64>,
        limits: TraceLimits<'_>,
        server: &Limits,
    ) -> Result<(Vec<Found>, bool), RpcError> {
        let (mut found, mut count, mut executed) = (Vec::new(), 0, 0);
        for number in numbers {
            let Some(block) = view.block(BlockId::from(number))? else {
                continue;
            };
            if block.transactions.is_empty() {
                continue;
            }
            executed += 1;
            if executed > server.trace_filter_blocks {
                return Err(RpcError::server(format!(
                    "the search looked at {} blocks with transactions and is not done; begin nearer to what you look for",
                    server.trace_filter_blocks
                )));
            }
            let indexes = with_block(view, &block, |traced| {
                Ok(otterscan::transactions_with(traced, self.address, limits)?)
            })?;
            if indexes.is_empty() {
                continue;
            }
            if count >= self.page_size {
                return Ok((found, true));
            }
            count += indexes.len();
            found.push((block, indexes));
        }
        Ok((found, false))
    }
}

/// A block, and which of its transactions.
type Found = (Arc<BlockRecord>, Vec<usize>);

/// A page as Otterscan wants it: the newest transaction first.
fn page(view: &View, mut found: Vec<Found>, is_first: bool, is_last: bool) -> Json {
    found.sort_by_key(|(block, _)| std::cmp::Reverse(block.header.number));
    let all = || {
        let blocks = found.iter();
        blocks.flat_map(|(block, indexes)| indexes.iter().rev().map(move |index| (block, *index)))
    };
    Json::object(|o| {
        o.list("txs", |list| {
            for (block, index) in all() {
                let place = Place::of(block, index);
                let base_fee = block.header.base_fee_per_gas;
                let tx = &block.transactions[index];
                format::transaction(list.next(), tx, Some(&place), base_fee);
            }
        });
        o.list("receipts", |list| {
            for (block, index) in all() {
                let blobs = view.chain().spec().rules(&block.header).blobs;
                format::slim_receipt(list.next(), block, index, blobs);
            }
        });
        o.bool("firstPage", is_first);
        o.bool("lastPage", is_last);
    })
}

/// Older than a block; with 0 the newest.
async fn search_before(call: Call<'_>) -> Answer {
    let search = Search::read(&call)?;
    run_traced(&call, None, move |view, limits, server| {
        let head = view.chain().head().header.number;
        let first = view.chain().spec().genesis.number + 1;
        let is_first = search.from == 0;
        let end = if is_first {
            head + 1
        } else {
            search.from.min(head + 1)
        };
        let (found, has_more) = search.run(view, (first..end).rev(), limits, server)?;
        Ok(page(view, found, is_first, !has_more))
    })
    .await
}

/// Newer than a block; with 0 the oldest.
async fn search_after(call: Call<'_>) -> Answer {
    let search = Search::read(&call)?;
    run_traced(&call, None, move |view, limits, server| {
        let head = view.chain().head().header.number;
        let first = view.chain().spec().genesis.number + 1;
        let start = first.max(search.from.saturating_add(1));
        let (found, has_more) = search.run(view, start..=head, limits, server)?;
        Ok(page(view, found, !has_more, search.from == 0))
    })
    .await
}
