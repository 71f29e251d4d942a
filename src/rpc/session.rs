//! The subscriptions of one WebSocket connection.

use super::{
    context::Context,
    error::RpcError,
    format::{self, Json},
    jsonrpc, logs,
    params::LogFilter,
};
use crate::{chain::transaction::SignedTransaction, replica::api::ChainEvent};
use alloy::primitives::{B256, hex};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a subscription is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    /// New blocks.
    Heads,
    /// New logs, and those of blocks that left the chain.
    Logs(LogFilter),
    /// Hashes of new transactions.
    TransactionHashes,
    /// New transactions in full.
    Transactions,
    /// Whether the node is syncing. It never is: it answers when it is up to date.
    Syncing,
}

#[derive(Debug)]
struct Subscription {
    id: String,
    topic: Topic,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Session {
    subscriptions: Mutex<Vec<Subscription>>,
    limit: usize,
}

impl Session {
    /// Without subscriptions; at most `limit` of them.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            subscriptions: Mutex::default(),
            limit,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Subscription>> {
        self.subscriptions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a subscription and gives its id.
    pub(crate) fn subscribe(&self, topic: Topic) -> Result<String, RpcError> {
        let id = random_id()?;
        let mut subscriptions = self.lock();
        if subscriptions.len() >= self.limit {
            return Err(RpcError::limit_exceeded(format!(
                "too many subscriptions: at most {} on one connection",
                self.limit
            )));
        }
        subscriptions.push(Subscription {
            id: id.clone(),
            topic,
        });
        Ok(id)
    }

    /// Ends a subscription; `false` if there is none with that id.
    pub(crate) fn unsubscribe(&self, id: &str) -> bool {
        let mut subscriptions = self.lock();
        let before = subscriptions.len();
        subscriptions.retain(|subscription| subscription.id != id);
        subscriptions.len() < before
    }

    /// Whether there is any subscription.
    pub(crate) fn is_subscribed(&self) -> bool {
        !self.lock().is_empty()
    }

    /// The messages that an event gives, in the order of the subscriptions.
    pub(crate) fn notifications(&self, event: &ChainEvent, context: &Context) -> Vec<Vec<u8>> {
        let mut messages = Vec::new();
        for subscription in self.lock().iter() {
            let mut push = |json: &Json| {
                let mut message = Vec::with_capacity(json.as_bytes().len() + 128);
                jsonrpc::write_notification(&mut message, &subscription.id, json);
                messages.push(message);
            };
            match (&subscription.topic, event) {
                (Topic::Heads, ChainEvent::Block(block)) => {
                    push(&format::header(&block.header, Some(&block.hash)));
                }
                (Topic::Logs(filter), ChainEvent::Block(block)) => {
                    logs::for_each(block, filter, false, |json| push(&json));
                }
                (Topic::Logs(filter), ChainEvent::Removed(blocks)) => {
                    for block in blocks {
                        logs::for_each(block, filter, true, |json| push(&json));
                    }
                }
                (Topic::TransactionHashes, ChainEvent::Transaction(hash)) => {
                    push(&Json::data(hash));
                }
                (Topic::Transactions, ChainEvent::Transaction(hash)) => {
                    if let Some(json) = full_transaction(context, *hash) {
                        push(&json);
                    }
                }
                _ => {}
            }
        }
        messages
    }
}

/// A transaction in full as it was when it came in: without a block.
fn full_transaction(context: &Context, hash: B256) -> Option<Json> {
    let pending =
        |tx: &SignedTransaction| Json::build(|out| format::transaction(out, tx, None, None));
    if let Some(tx) = context.backend.local().pool().get(&hash) {
        return Some(pending(tx.as_ref()));
    }
    let archive = context.backend.archive();
    let (number, index) = archive.transaction(hash).ok()??;
    let block = archive.block_by_number(number).ok()??;
    block.transactions.get(index).map(|tx| pending(tx))
}

/// The id of a subscription or filter: 16 random bytes as a quantity, as geth's.
pub(crate) fn random_id() -> Result<String, RpcError> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|_| RpcError::internal("the system gave no random numbers"))?;
    let digits = hex::encode(bytes);
    let digits = digits.trim_start_matches('0');
    Ok(format!(
        "0x{}",
        if digits.is_empty() { "0" } else { digits }
    ))
}

#[cfg(test)]
mod tests;
