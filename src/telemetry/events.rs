//! Lines while nodes run: requests as they come, transactions and blocks as they are mined, in anvil's words.

use super::printer::{Format, Printer};
use alloy::primitives::{Address, B256};
use serde_json::json;
use std::fmt::Write as _;

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
        let _ = writeln!(out, "\n    Transaction: {}", transaction.hash);
        if let Some(address) = transaction.created {
            let _ = writeln!(out, "    Contract created: {address}");
        }
        let _ = writeln!(out, "    Gas used: {}", transaction.gas_used);
        if !transaction.succeeded {
            let _ = writeln!(out, "    Status: failed");
        }
    }
    let time = rfc_2822(timestamp);
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
