//! Lines while nodes run: requests as they come, transactions and blocks as they are mined, in anvil's words.

use super::printer::{Format, Printer};
use crate::{chain::block::BlockRecord, replica::api::ChainEvent};
use serde_json::json;
use std::{fmt::Write as _, sync::Arc};
use tokio::sync::broadcast::{self, error::RecvError};

/// Prints what happens to the chain, until the node that tells of it has gone. For one node of a process: the others
/// would say the same.
pub async fn narrate(printer: Printer, mut events: broadcast::Receiver<ChainEvent>) {
    loop {
        match events.recv().await {
            Ok(ChainEvent::Block(block)) => printer.block(&block),
            Ok(ChainEvent::Removed(blocks)) => printer.removed(&blocks),
            // What came too fast to be read is not printed either.
            Ok(ChainEvent::Transaction(_) | ChainEvent::Console(_)) | Err(RecvError::Lagged(_)) => {
            }
            Err(RecvError::Closed) => return,
        }
    }
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
    pub fn block(&self, block: &BlockRecord) {
        match self.format() {
            Format::Text => self.text(block_text(block)),
            Format::Json => self.json(&json!({
                "event": "block",
                "number": block.header.number,
                "hash": block.hash,
                "timestamp": block.header.timestamp,
                "transactions": block.transactions.iter().map(|t| t.hash()).collect::<Vec<_>>(),
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

/// Transactions, then the block, as anvil prints them.
fn block_text(block: &BlockRecord) -> String {
    let mut out = String::new();
    for (transaction, receipt) in block.transactions.iter().zip(&block.receipts) {
        let _ = writeln!(out, "\n    Transaction: {}", transaction.hash());
        if let Some(address) = receipt.contract_address {
            let _ = writeln!(out, "    Contract created: {address}");
        }
        let _ = writeln!(out, "    Gas used: {}", receipt.gas_used);
        if !receipt.receipt.status() {
            let _ = writeln!(out, "    Status: failed");
        }
    }
    let (number, hash) = (block.header.number, block.hash);
    let time = rfc_2822(block.header.timestamp);
    let _ = writeln!(out, "\n    Block Number: {number}\n    Block Hash: {hash}");
    let _ = writeln!(out, "    Block Time: \"{time}\"");
    out
}

/// A Unix time as RFC 2822 writes it, in UTC: `Sat, 21 Nov 2026 23:45:08 +0000`.
fn rfc_2822(timestamp: u64) -> String {
    const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (days, seconds) = (timestamp / 86_400, timestamp % 86_400);
    // Years are counted from March on, in eras of 400 years, so that leap days come last
    // (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12;
    let year = era * 400 + year_of_era + u64::from(month < 2);
    format!(
        "{}, {day:02} {} {year} {:02}:{:02}:{:02} +0000",
        WEEKDAYS[(days % 7) as usize],
        MONTHS[month as usize],
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
    )
}
