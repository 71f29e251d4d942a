//! Logs.

use super::json::{Object, write_data};
use crate::chain::block::BlockRecord;
use alloy::primitives::{B256, Log};

/// Where a log stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogPlace<'a> {
    /// The block.
    pub(crate) block: &'a BlockRecord,
    /// The transaction's hash.
    pub(crate) transaction_hash: &'a B256,
    /// The transaction's place in the block.
    pub(crate) transaction_index: usize,
    /// The log's place in the block.
    pub(crate) log_index: u64,
    /// Whether the block left the chain.
    pub(crate) removed: bool,
}

/// Appends a log.
pub(crate) fn log(out: &mut Vec<u8>, log: &Log, place: &LogPlace<'_>) {
    Object::write(out, |o| {
        o.data("address", log.address);
        o.list("topics", |list| {
            for topic in log.topics() {
                write_data(list.next(), topic.as_slice());
            }
        });
        o.data("data", &log.data.data);
        o.quantity("blockNumber", place.block.header.number);
        o.data("transactionHash", place.transaction_hash);
        o.quantity("transactionIndex", place.transaction_index);
        o.data("blockHash", place.block.hash);
        o.quantity("blockTimestamp", place.block.header.timestamp);
        o.quantity("logIndex", place.log_index);
        o.bool("removed", place.removed);
    });
}
