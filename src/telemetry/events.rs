//! Lines while nodes run: requests as they come, transactions and blocks as they are mined, in anvil's words.

use super::{
    printer::{Format, Printer},
    time::rfc_2822,
};
use crate::{chain::block::BlockRecord, replica::api::ChainEvent};
use futures::future::BoxFuture;
use serde_json::json;
use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};
use tokio::sync::broadcast::{self, error::RecvError};

/// Tells why a transaction of a block failed, in anvil's words; by the block and the transaction's index.
pub type FailureReasons =
    Arc<dyn Fn(Arc<BlockRecord>, usize) -> BoxFuture<'static, Option<String>> + Send + Sync>;

/// Failed transactions of one block whose reasons are looked up; each is executed again.
const REASONS_MAX: usize = 16;

/// Prints what happens to the chain, until the node that tells of it has gone. For one node of a process: the others
/// would say the same.
pub async fn narrate(
    printer: Printer,
    mut events: broadcast::Receiver<ChainEvent>,
    reasons: FailureReasons,
) {
    loop {
        match events.recv().await {
            Ok(ChainEvent::Block(block)) => {
                let failures = failures(&block, &reasons).await;
                printer.block(&block, &failures);
            }
            Ok(ChainEvent::Removed(blocks)) => printer.removed(&blocks),
            // What came too fast to be read is not printed either.
            Ok(ChainEvent::Transaction(_) | ChainEvent::Console(_) | ChainEvent::Diverged(_))
            | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

/// Why transactions failed, by index.
async fn failures(block: &Arc<BlockRecord>, reasons: &FailureReasons) -> BTreeMap<usize, String> {
    let failed = (0..block.receipts.len()).filter(|index| !block.receipts[*index].receipt.status());
    let mut found = BTreeMap::new();
    for index in failed.take(REASONS_MAX) {
        if let Some(reason) = reasons(Arc::clone(block), index).await {
            found.insert(index, reason);
        }
    }
    found
}

impl Printer {
    /// A request that a node answers. `node` is `None` where there is only one, so that the line is anvil's.
    pub fn request(&self, node: Option<&str>, method: &str) {
        match (self.format(), node) {
            (Format::Text, Some(node)) => self.text(format!("{node} {method}")),
            (Format::Text, None) => self.text(method),
            (Format::Json, node) => {
                self.json(&json!({ "event": "request", "node": node, "method": method }));
            }
            (Format::Quiet, _) => {}
        }
    }

    /// A request that failed, as anvil tells of it; on one line each what was asked and what is wrong.
    pub fn failed_request(&self, node: Option<&str>, method: &str, params: &str, sentence: &str) {
        match self.format() {
            Format::Text => {
                let asked = shortened(params);
                self.text(format!(
                    "RPC request failed:\n    Request: {method} {asked}\n    Error: {sentence}\n"
                ));
            }
            Format::Json => self.json(&json!({
                "event": "requestFailed", "node": node, "method": method, "error": sentence,
            })),
            Format::Quiet => {}
        }
    }

    /// Parameters and answer of a request.
    pub fn bodies(&self, node: Option<&str>, method: &str, params: &str, answer: &str) {
        match self.format() {
            Format::Text => self.text(format!(
                "   > {method} {}\n   < {}",
                shortened(params),
                shortened(answer)
            )),
            Format::Json => self.json(&json!({
                "event": "bodies", "node": node, "method": method,
                "params": shortened(params), "answer": shortened(answer),
            })),
            Format::Quiet => {}
        }
    }

    /// The trace of a transaction or a call.
    pub fn trace(&self, node: Option<&str>, text: &str) {
        match self.format() {
            Format::Text => self.text(text),
            Format::Json => {
                self.json(&json!({ "event": "trace", "node": node, "text": text }));
            }
            Format::Quiet => {}
        }
    }

    /// What a contract said (`console.log`), as anvil and Hardhat print it.
    pub fn console(&self, node: Option<&str>, line: &str) {
        match self.format() {
            Format::Text => self.text(line),
            Format::Json => {
                self.json(&json!({ "event": "console", "node": node, "line": line }));
            }
            Format::Quiet => {}
        }
    }

    /// A new block.
    pub fn block(&self, block: &BlockRecord, failures: &BTreeMap<usize, String>) {
        match self.format() {
            Format::Text => self.text(block_text(block, failures)),
            Format::Json => self.json(&json!({
                "event": "block",
                "number": block.header.number,
                "hash": block.hash,
                "timestamp": block.header.timestamp,
                "transactions": block.transactions.iter().map(|t| t.hash()).collect::<Vec<_>>(),
                "failures": failures
                    .iter()
                    .filter_map(|(index, reason)| {
                        let transaction = block.transactions.get(*index)?;
                        Some(json!({ "transaction": transaction.hash(), "reason": reason }))
                    })
                    .collect::<Vec<_>>(),
            })),
            Format::Quiet => {}
        }
    }

    /// Blocks that `evm_revert` took back, highest first.
    pub fn removed(&self, blocks: &[Arc<BlockRecord>]) {
        let (Some(last), Some(first)) = (blocks.first(), blocks.last()) else {
            return;
        };
        let (first, last) = (first.header.number, last.header.number);
        match self.format() {
            Format::Text => self.text(format!("\n    Blocks removed: {first} to {last}\n")),
            Format::Json => {
                self.json(&json!({ "event": "removed", "first": first, "last": last }));
            }
            Format::Quiet => {}
        }
    }
}

/// The longest body that is printed, in characters.
const BODY_MAX: usize = 10_000;

/// A body without control characters, which a terminal would obey, and not longer than a screen or two.
fn shortened(json: &str) -> String {
    let mut shown: String = json
        .chars()
        .take(BODY_MAX)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if shown.len() < json.len() {
        shown.push('…');
    }
    shown
}

/// Transactions, then the block, as anvil prints them.
fn block_text(block: &BlockRecord, failures: &BTreeMap<usize, String>) -> String {
    let mut out = String::new();
    let mined = block.transactions.iter().zip(&block.receipts);
    for (index, (transaction, receipt)) in mined.enumerate() {
        let _ = writeln!(out, "\n    Transaction: {}", transaction.hash());
        if let Some(address) = receipt.contract_address {
            let _ = writeln!(out, "    Contract created: {address}");
        }
        let _ = writeln!(out, "    Gas used: {}", receipt.gas_used);
        if !receipt.receipt.status() {
            let _ = match failures.get(&index) {
                Some(reason) => writeln!(out, "    Error: reverted with: {reason}"),
                None => writeln!(out, "    Status: failed"),
            };
        }
    }
    let (number, hash) = (block.header.number, block.hash);
    let time = rfc_2822(block.header.timestamp);
    let _ = writeln!(out, "\n    Block Number: {number}\n    Block Hash: {hash}");
    let _ = writeln!(out, "    Block Time: \"{time}\"");
    out
}
