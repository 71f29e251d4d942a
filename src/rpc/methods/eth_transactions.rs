//! Transactions: sent, looked up, and their receipts.

use super::{Method, eth_blocks, methods};
use crate::{
    chain::{
        Rejection,
        block::BlockRecord,
        command::{Cheat, Outcome, Write},
        keyring::passphrase_hash,
        spec::Hardfork,
        transaction::SignedTransaction,
        view::View,
    },
    replica::api::ChainEvent,
    rpc::{
        context::Context,
        dispatch::{Answer, Call},
        error::{Failures, RpcError},
        format::{self, Json, List, Place},
        params::Argument,
        witness,
    },
};
use alloy::{
    eips::{BlockId, BlockNumberOrTag},
    primitives::{Address, B256, Bytes},
    rpc::types::TransactionRequest,
};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::broadcast::error::RecvError,
    time::{Instant, timeout_at},
};

pub(super) const METHODS: &[Method] = methods![
    Send "eth_sendRawTransaction" => send_raw;
    Send "eth_sendTransaction" => send;
    Change "personal_sendTransaction" => personal_send;
    Send "eth_sendUnsignedTransaction" => send_unsigned;
    Change "eth_sendRawTransactionSync" => send_raw_sync;
    Change "eth_sendTransactionSync" => send_sync;
    Read "eth_getTransactionByHash" => by_hash;
    Read "eth_getTransactionReceipt" => receipt;
    Read "eth_getTransactionByBlockHashAndIndex" => by_block_hash;
    Read "eth_getTransactionByBlockNumberAndIndex" => by_block_number;
    Read "eth_getTransactionBySenderAndNonce" => by_sender_and_nonce;
    Read "eth_getRawTransactionByHash" => raw_by_hash;
    Read "eth_getRawTransactionByBlockHashAndIndex" => raw_by_block_hash;
    Read "eth_getRawTransactionByBlockNumberAndIndex" => raw_by_block_number;
    Read "eth_pendingTransactions" => pending;
];

fn signed(call: &Call<'_>) -> Result<Write, RpcError> {
    let bytes: Bytes = call.params.required(0)?;
    let transaction = SignedTransaction::decode_network(&bytes)?;
    Ok(Write::Transaction(Arc::new(transaction)))
}

/// From Osaka on blobs travel with cell proofs (EIP-7594): those of a client that still makes one proof a blob are
/// replaced, as geth does. That takes a while, so a thread of its own does it.
async fn with_cell_proofs(
    context: &Context,
    transaction: Arc<SignedTransaction>,
) -> Result<Arc<SignedTransaction>, RpcError> {
    // This node may be behind what others have acknowledged, a fork included.
    let chain = context.chain().await?;
    let timestamp = chain.next_timestamp(context.backend.now_ms());
    let has_cells = chain.next_rules(timestamp).is_active(Hardfork::Osaka);
    match (&transaction.sidecar, has_cells) {
        (Some(sidecar), true) if sidecar.is_eip4844() => {
            let convert = move || {
                let transaction = Arc::unwrap_or_clone(transaction);
                let converted = transaction.with_cell_proofs();
                converted.map(Arc::new).map_err(|error| {
                    RpcError::from(Rejection::InvalidTransaction(error.to_string()))
                })
            };
            context.run(convert).await
        }
        (Some(sidecar), false) if sidecar.is_eip7594() => {
            let reason = "cell proof blob sidecar is not supported before Osaka";
            Err(Rejection::InvalidTransaction(reason.to_owned()).into())
        }
        _ => Ok(transaction),
    }
}

fn unsigned(call: &Call<'_>) -> Result<Write, RpcError> {
    let request: TransactionRequest = call.params.required(0)?;
    Ok(Write::Unsigned(Box::new(request)))
}

/// Sends, and gives the hash of what was sent.
pub(super) async fn submit(context: &Arc<Context>, write: Write) -> Result<B256, RpcError> {
    let write = match write {
        Write::Transaction(transaction) if transaction.is_blob() => {
            Write::Transaction(with_cell_proofs(context, transaction).await?)
        }
        write => write,
    };
    match context.write(write).await? {
        Outcome::Transaction(hash) => {
            witness::taken(context, hash);
            Ok(hash)
        }
        outcome => Err(RpcError::internal(format!(
            "a transaction came to {outcome:?}"
        ))),
    }
}

/// Sends, and answers the hash; or an error, where clients want one for a transaction that was mined and failed.
async fn submitted(context: &Arc<Context>, write: Write) -> Answer {
    let hash = submit(context, write).await?;
    if context.failures != Failures::InReceipts
        && let Some(failure) = witness::failure_of(context, hash).await?
    {
        return Err(RpcError::failed_transaction(
            hash,
            &failure,
            context.failures,
        ));
    }
    Ok(Json::data(hash))
}

async fn send_raw(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let write = signed(&call)?;
    submitted(call.context, write).await
}

async fn send(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let write = unsigned(&call)?;
    submitted(call.context, write).await
}

/// With the passphrase of an account that is locked: it is open for this transaction alone.
async fn personal_send(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let write = unsigned(&call)?;
    let passphrase: String = call.params.optional(1)?.unwrap_or_default();
    let Write::Unsigned(request) = &write else {
        return Err(RpcError::internal("an unsigned transaction is expected"));
    };
    let chain = call.context.chain().await?;
    let now_ms = call.context.backend.now_ms();
    let address = match request.from {
        Some(from) if chain.can_send(from, now_ms) == Err(Rejection::AccountLocked(from)) => from,
        _ => return Ok(Json::data(submit(call.context, write).await?)),
    };
    let unlock = Cheat::UnlockAccount {
        address,
        passphrase: passphrase_hash(&passphrase),
        until_ms: now_ms.saturating_add(OPEN_FOR_ONE_MS),
    };
    call.context.cheat(unlock).await?;
    let sent = submit(call.context, write).await;
    call.context.cheat(Cheat::LockAccount { address }).await?;
    Ok(Json::data(sent?))
}

/// How long `personal_sendTransaction` keeps an account open at the most, should it not come to lock it.
const OPEN_FOR_ONE_MS: u64 = 60_000;

/// anvil's name for a transaction of any account, without an impersonation before it.
async fn send_unsigned(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let write = unsigned(&call)?;
    let Write::Unsigned(request) = &write else {
        return Err(RpcError::internal("an unsigned transaction is expected"));
    };
    let chain = call.context.chain().await?;
    let sender = match request.from {
        Some(sender)
            if chain
                .can_send(sender, call.context.backend.now_ms())
                .is_err() =>
        {
            sender
        }
        _ => return submitted(call.context, write).await,
    };
    call.context
        .cheat(Cheat::Impersonate { address: sender })
        .await?;
    let sent = submitted(call.context, write).await;
    let stop = Cheat::StopImpersonating { address: sender };
    call.context.cheat(stop).await?;
    sent
}

async fn send_raw_sync(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let write = signed(&call)?;
    let timeout_ms = sync_timeout_ms(&call)?;
    let hash = submit(call.context, write).await?;
    sync_receipt(&call, hash, timeout_ms).await
}

async fn send_sync(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let write = unsigned(&call)?;
    let timeout_ms = sync_timeout_ms(&call)?;
    let hash = submit(call.context, write).await?;
    sync_receipt(&call, hash, timeout_ms).await
}

/// How long `…Sync` waits for a block if the caller does not say, milliseconds (geth's default).
const SYNC_TIMEOUT_MS: u64 = 20_000;
/// The longest that a caller may ask for, milliseconds (geth's limit).
const MAX_SYNC_TIMEOUT_MS: u64 = 60_000;

/// How long to wait, milliseconds: asked before anything is sent.
fn sync_timeout_ms(call: &Call<'_>) -> Result<u64, RpcError> {
    let timeout_ms: Option<u64> = call.params.optional(1)?;
    Ok(timeout_ms
        .unwrap_or(SYNC_TIMEOUT_MS)
        .min(MAX_SYNC_TIMEOUT_MS))
}

/// EIP-7966: waits for the receipt. With automine it is there.
async fn sync_receipt(call: &Call<'_>, hash: B256, timeout_ms: u64) -> Answer {
    let deadline = Instant::now() + Duration::from_millis(timeout_ms);
    let mut events = call.context.events.subscribe();
    loop {
        if let Some(receipt) = find_receipt(call.context, hash).await? {
            return Ok(receipt);
        }
        loop {
            match timeout_at(deadline, events.recv()).await {
                Ok(Ok(ChainEvent::Block(_)) | Err(RecvError::Lagged(_))) => break,
                Ok(Ok(_)) => {}
                Ok(Err(RecvError::Closed)) | Err(_) => {
                    return Err(RpcError::receipt_timeout(hash, timeout_ms));
                }
            }
        }
    }
}

async fn find_receipt(context: &Context, hash: B256) -> Result<Option<Json>, RpcError> {
    let view = context.view().await?;
    let found = view.transaction(hash)?;
    Ok(found.map(|(block, index)| {
        let blobs = view.chain().spec().rules(&block.header).blobs;
        format::receipt(&block, index, blobs)
    }))
}

async fn receipt(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let hash = call.params.required(0)?;
    let receipt = find_receipt(call.context, hash).await?;
    Ok(receipt.unwrap_or_else(Json::null))
}

/// A transaction of a block; of a pending one without a place.
fn mined(block: &BlockRecord, index: usize, pending: bool) -> Json {
    let Some(tx) = block.transactions.get(index) else {
        return Json::null();
    };
    let place = (!pending).then(|| Place::of(block, index));
    Json::build(|out| {
        format::transaction(out, tx, place.as_ref(), block.header.base_fee_per_gas);
    })
}

/// A transaction of the pool.
fn waiting(tx: &SignedTransaction) -> Json {
    Json::build(|out| format::transaction(out, tx, None, None))
}

async fn by_hash(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let hash: B256 = call.params.required(0)?;
    let view = call.context.view().await?;
    if let Some((block, index)) = view.transaction(hash)? {
        return Ok(mined(&block, index, false));
    }
    let waiting_one = view.chain().pool().get(&hash);
    Ok(waiting_one.map_or_else(Json::null, |tx| waiting(tx)))
}

/// The block and the index that the two parameters name.
async fn place<T: Argument + Into<BlockId>>(
    call: &Call<'_>,
) -> Result<Option<(Arc<BlockRecord>, usize, bool)>, RpcError> {
    call.params.at_most(2)?;
    let id: BlockId = call.params.required::<T>(0)?.into();
    let index: u64 = call.params.required(1)?;
    let index = usize::try_from(index).unwrap_or(usize::MAX);
    let block = eth_blocks::find(call.context, id).await?;
    Ok(block.map(|block| (block, index, crate::rpc::context::is_pending(id))))
}

async fn by_block_hash(call: Call<'_>) -> Answer {
    let place = place::<B256>(&call).await?;
    Ok(place.map_or_else(Json::null, |(block, index, pending)| {
        mined(&block, index, pending)
    }))
}

async fn by_block_number(call: Call<'_>) -> Answer {
    let place = place::<BlockNumberOrTag>(&call).await?;
    Ok(place.map_or_else(Json::null, |(block, index, pending)| {
        mined(&block, index, pending)
    }))
}

/// A sender's transaction with a nonce, in the pool or in a block: found by searching the number of the block by the
/// account's nonce after it.
async fn by_sender_and_nonce(call: Call<'_>) -> Answer {
    call.params.at_most(2)?;
    let sender: Address = call.params.required(0)?;
    let nonce: u64 = call.params.required(1)?;
    let view = call.context.view().await?;
    let ours = move |tx: &SignedTransaction| tx.sender == sender && tx.nonce() == nonce;
    if let Some(tx) = view.chain().pool().by_nonce(sender, nonce) {
        return Ok(waiting(tx));
    }
    call.context
        .run(move || {
            let Some(block) = block_of_nonce(&view, sender, nonce)? else {
                return Ok(Json::null());
            };
            let index = block.transactions.iter().position(|tx| ours(tx));
            Ok(index.map_or_else(Json::null, |index| mined(&block, index, false)))
        })
        .await
}

/// The first block after which the sender's nonce is above `nonce`.
pub(super) fn block_of_nonce(
    view: &View,
    sender: Address,
    nonce: u64,
) -> Result<Option<Arc<BlockRecord>>, RpcError> {
    let used = |number: u64| -> Result<bool, RpcError> {
        let at = view.block_and_state(BlockId::from(number))?;
        let account = at.state.account(sender)?;
        Ok(account.is_some_and(|account| account.nonce > nonce))
    };
    let mut low = view.chain().spec().genesis.number;
    let mut high = view.chain().head().header.number;
    if !used(high)? {
        return Ok(None);
    }
    while low < high {
        let middle = low + (high - low) / 2;
        if used(middle)? {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(view.block(BlockId::from(low))?)
}

fn raw(tx: &SignedTransaction) -> Json {
    Json::data(tx.encode_2718())
}

pub(super) async fn raw_by_hash(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let hash: B256 = call.params.required(0)?;
    let view = call.context.view().await?;
    if let Some((block, index)) = view.transaction(hash)? {
        return Ok(raw_at(&block, index));
    }
    let waiting = view.chain().pool().get(&hash);
    Ok(waiting.map_or_else(Json::null, |tx| raw(tx)))
}

fn raw_at(block: &BlockRecord, index: usize) -> Json {
    let tx = block.transactions.get(index);
    tx.map_or_else(Json::null, |tx| raw(tx))
}

async fn raw_by_block_hash(call: Call<'_>) -> Answer {
    let place = place::<B256>(&call).await?;
    Ok(place.map_or_else(Json::null, |(block, index, _)| raw_at(&block, index)))
}

async fn raw_by_block_number(call: Call<'_>) -> Answer {
    let place = place::<BlockNumberOrTag>(&call).await?;
    Ok(place.map_or_else(Json::null, |(block, index, _)| raw_at(&block, index)))
}

/// All of the pool (Hardhat).
async fn pending(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    let chain = call.context.chain().await?;
    Ok(Json::build(|out| {
        List::write(out, |list| {
            for tx in chain.pool().iter() {
                format::transaction(list.next(), tx, None, None);
            }
        });
    }))
}
