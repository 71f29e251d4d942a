//! Receipts.
//!
//! There is no `blockTimestamp` beside the logs': execution-apis compares the answer member by member.

use super::{
    json::{Json, List, Object},
    log::{LogPlace, log},
};
use crate::chain::block::{BlockRecord, ReceiptRecord};
use alloy::{
    consensus::{Eip658Value, ReceiptEnvelope, Transaction as _, TxReceipt as _, Typed2718 as _},
    eips::eip7840::BlobParams,
};

/// The receipt of the transaction at `index`; `null` if there is none.
pub(crate) fn receipt(block: &BlockRecord, index: usize, blobs: Option<BlobParams>) -> Json {
    Json::build(|out| write_receipt(out, block, index, blobs))
}

/// The receipts of a block.
pub(crate) fn receipts(block: &BlockRecord, blobs: Option<BlobParams>) -> Json {
    Json::build(|out| {
        List::write(out, |list| {
            for index in 0..block.receipts.len() {
                write_receipt(list.next(), block, index, blobs);
            }
        });
    })
}

/// Appends the receipt without its logs, and with the block's time (Otterscan).
pub(crate) fn slim_receipt(
    out: &mut Vec<u8>,
    block: &BlockRecord,
    index: usize,
    blobs: Option<BlobParams>,
) {
    write_with(out, block, index, blobs, Logs::Left);
}

/// Whether logs are shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Logs {
    Shown,
    /// `null` stands in their place, and the block's time beside it.
    Left,
}

fn write_receipt(out: &mut Vec<u8>, block: &BlockRecord, index: usize, blobs: Option<BlobParams>) {
    write_with(out, block, index, blobs, Logs::Shown);
}

fn write_with(
    out: &mut Vec<u8>,
    block: &BlockRecord,
    index: usize,
    blobs: Option<BlobParams>,
    logs: Logs,
) {
    let (Some(record), Some(tx)) = (block.receipts.get(index), block.transactions.get(index))
    else {
        out.extend_from_slice(b"null");
        return;
    };
    let envelope = &tx.envelope;
    let header = &block.header;
    Object::write(out, |o| {
        o.data("transactionHash", envelope.hash());
        o.quantity("transactionIndex", index);
        o.data("blockHash", block.hash);
        o.quantity("blockNumber", header.number);
        o.data("from", tx.sender);
        o.data_or_null("to", envelope.to());
        o.quantity("type", u64::from(record.receipt.ty()));
        status(o, &record.receipt);
        o.quantity("cumulativeGasUsed", record.receipt.cumulative_gas_used());
        o.quantity("gasUsed", record.gas_used);
        o.quantity(
            "effectiveGasPrice",
            envelope.effective_gas_price(header.base_fee_per_gas),
        );
        o.data_or_null("contractAddress", record.contract_address);
        match logs {
            Logs::Shown => logs_fields(o, block, index, record),
            Logs::Left => {
                o.null("logsBloom");
                o.null("logs");
                o.quantity("timestamp", header.timestamp);
            }
        }
        if let Some(gas) = envelope.blob_gas_used() {
            o.quantity("blobGasUsed", gas);
            if let (Some(params), Some(excess)) = (blobs, header.excess_blob_gas) {
                o.quantity("blobGasPrice", params.calc_blob_fee(excess));
            }
        }
    });
}

fn logs_fields(o: &mut Object<'_>, block: &BlockRecord, index: usize, record: &ReceiptRecord) {
    o.data("logsBloom", record.receipt.logs_bloom());
    o.list("logs", |list| {
        let mut place = LogPlace {
            block,
            transaction_hash: block.transactions[index].envelope.hash(),
            transaction_index: index,
            log_index: record.first_log_index,
            removed: false,
        };
        for entry in record.receipt.logs() {
            log(list.next(), entry, &place);
            place.log_index += 1;
        }
    });
}

/// EIP-658's status, or the state root of before.
fn status(o: &mut Object<'_>, receipt: &ReceiptEnvelope) {
    match receipt.status_or_post_state() {
        Eip658Value::Eip658(success) => o.quantity("status", u64::from(success)),
        Eip658Value::PostState(root) => o.data("root", root),
    }
}
