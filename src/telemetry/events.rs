//! Lines while nodes run: requests as they come, transactions and blocks as they are mined, in anvil's words.

use super::printer::{Format, Printer};
use alloy::primitives::{Address, B256};
use serde_json::json;

/// A transaction in a new block.
#[derive(Clone, Copy, Debug)]
pub struct MinedTransaction {
    /// Its hash.
    pub hash: B256,
    /// Gas used by it alone.
    pub gas_used: u64,
    /// The contract that it created.
    pub created: Option<Address>,
    /// Whether it succeeded.
    pub succeeded: bool,
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

    /// A new block, said once a process.
    pub fn block(
        &self,
        number: u64,
        hash: B256,
        timestamp: u64,
        transactions: &[MinedTransaction],
    ) {
        match self.format() {
            Format::Text => self.text(block_text(number, hash, timestamp, transactions)),
            Format::Json => self.json(&json!({
                "event": "block", "number": number, "hash": hash, "timestamp": timestamp,
                "transactions": transactions.iter().map(|t| t.hash).collect::<Vec<_>>(),
            })),
            Format::Quiet => {}
        }
    }
}

fn block_text(
    number: u64,
    hash: B256,
    timestamp: u64,
    transactions: &[MinedTransaction],
) -> String {
    let mut out = String::new();
    for transaction in transactions {
        out += &format!("\n    Transaction: {}\n", transaction.hash);
        if let Some(address) = transaction.created {
            out += &format!("    Contract created: {address}\n");
        }
        out += &format!("    Gas used: {}\n", transaction.gas_used);
        if !transaction.succeeded {
            out += "    Status: failed\n";
        }
    }
    out += &format!(
        "\n    Block Number: {number}\n    Block Hash: {hash}\n    Block Time: {timestamp}\n"
    );
    out
}
