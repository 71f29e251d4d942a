//! JSON of what the chain holds, to the byte as geth and execution-apis have it.
//!
//! Written straight into a buffer: a full block of 100 transactions is formatted in some ten microseconds, and
//! nothing is computed again that the chain keeps (senders, hashes).
//! *Never here:* which block or transaction is asked for.

mod block;
mod json;
mod log;
mod receipt;
mod transaction;

pub(crate) use block::{
    BlockBody, TransactionPage, block, block_fields, header, slim_block_fields,
};
pub(crate) use json::{Json, List, Object, Quantity, write_data, write_quantity, write_text};
pub(crate) use log::{LogPlace, log};
pub(crate) use receipt::{receipt, receipts, slim_receipt};
pub(crate) use transaction::{Place, access_list, transaction, typed_transaction};

#[cfg(test)]
mod tests;
