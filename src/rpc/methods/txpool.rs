//! `txpool_*`: what waits.

use super::{Method, methods};
use crate::{
    chain::{Chain, transaction::SignedTransaction},
    rpc::{
        dispatch::{Answer, Call},
        format::{self, Json, Object},
    },
};
use alloy::{
    consensus::Transaction as _,
    primitives::{Address, hex},
};
use std::sync::Arc;

pub(super) const METHODS: &[Method] = methods![
    Read "txpool_status" => status;
    Read "txpool_content" => content;
    Read "txpool_contentFrom" => content_from;
    Read "txpool_inspect" => inspect;
];

fn pending(chain: &Chain) -> impl Iterator<Item = &Arc<SignedTransaction>> {
    chain.pool().pending(|address| chain.nonce(address))
}

fn queued(chain: &Chain) -> impl Iterator<Item = &Arc<SignedTransaction>> {
    chain.pool().queued(|address| chain.nonce(address))
}

async fn status(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    let chain = call.context.chain().await?;
    Ok(Json::object(|o| {
        o.quantity("pending", pending(&chain).count());
        o.quantity("queued", queued(&chain).count());
    }))
}

/// Writes a member for each sender, and in it one for each nonce.
fn by_sender<'t>(
    o: &mut Object<'_>,
    transactions: impl Iterator<Item = &'t Arc<SignedTransaction>>,
    show: impl Fn(&mut Vec<u8>, &SignedTransaction),
) {
    let mut transactions = transactions.peekable();
    while let Some(first) = transactions.next() {
        let sender = first.sender;
        o.object(&hex::encode_prefixed(sender), |o| {
            show(o.key(&first.nonce().to_string()), first);
            while let Some(next) = transactions.next_if(|next| next.sender == sender) {
                show(o.key(&next.nonce().to_string()), next);
            }
        });
    }
}

fn in_full(out: &mut Vec<u8>, transaction: &SignedTransaction) {
    format::transaction(out, transaction, None, None);
}

async fn content(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    let chain = call.context.chain().await?;
    Ok(Json::object(|o| {
        o.object("pending", |o| by_sender(o, pending(&chain), in_full));
        o.object("queued", |o| by_sender(o, queued(&chain), in_full));
    }))
}

async fn content_from(call: Call<'_>) -> Answer {
    call.params.at_most(1)?;
    let sender: Address = call.params.required(0)?;
    let chain = call.context.chain().await?;
    let next = chain.pool().next_nonce(sender, chain.nonce(sender));
    let of_sender = |waits: bool| {
        let pool = chain.pool().of_sender(sender);
        pool.filter(move |tx| (tx.nonce() >= next) == waits)
    };
    Ok(Json::object(|o| {
        for (name, waits) in [("pending", false), ("queued", true)] {
            o.object(name, |o| {
                for tx in of_sender(waits) {
                    in_full(o.key(&tx.nonce().to_string()), tx);
                }
            });
        }
    }))
}

/// geth's one-line form.
fn summary(out: &mut Vec<u8>, transaction: &SignedTransaction) {
    let tx = &transaction.envelope;
    let to = tx
        .to()
        .map_or_else(|| "contract creation".to_owned(), hex::encode_prefixed);
    let text = format!(
        "{to}: {} wei + {} gas × {} wei",
        tx.value(),
        tx.gas_limit(),
        tx.max_fee_per_gas()
    );
    format::write_text(out, &text);
}

async fn inspect(call: Call<'_>) -> Answer {
    call.params.at_most(0)?;
    let chain = call.context.chain().await?;
    Ok(Json::object(|o| {
        o.object("pending", |o| by_sender(o, pending(&chain), summary));
        o.object("queued", |o| by_sender(o, queued(&chain), summary));
    }))
}
