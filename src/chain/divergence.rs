//! A block of the log that comes out differently here: what differs first, and both sides for a bug report.
//!
//! *Invariant.* Whoever diverges stops; nothing here puts anything right.

use super::{block::Built, command::ProposedBlock};
use alloy::{consensus::Header, eips::eip2718::Encodable2718 as _, hex, primitives::B256};

/// The first difference between a block of the log and the same block executed here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this node diverged at block {number}: `{field}` is {got} here and {want} in the log{}; \
     stop it, keep its data folder for a bug report and let it be rebuilt from its peers",
    .transaction.map(|hash| format!(" (transaction {hash})")).unwrap_or_default()
)]
pub struct Divergence {
    /// The block.
    pub number: u64,
    /// The transaction, where the difference is in one.
    pub transaction: Option<B256>,
    /// The field.
    pub field: &'static str,
    /// The value here.
    pub got: String,
    /// The value in the log.
    pub want: String,
    /// Both blocks, for a bug report: JSON with the headers as RLP, the transactions and this node's receipts (EIP-2718).
    pub report: String,
}

/// That a block came out here as it is in the log.
pub(super) fn check(built: &Built, proposed: &ProposedBlock) -> Result<(), Box<Divergence>> {
    compare(&built.block.header, &proposed.header).map_err(|mut divergence| {
        divergence.report = report(&divergence, built, proposed);
        divergence
    })
}

/// Both sides of a difference.
fn report(divergence: &Divergence, built: &Built, proposed: &ProposedBlock) -> String {
    let block = &built.block;
    let header = |header: &Header| hex::encode_prefixed(alloy::rlp::encode(header));
    let raw = |bytes: &[u8]| hex::encode_prefixed(bytes);
    let transactions = proposed.transactions.iter();
    let receipts = block.receipts.iter();
    let sides = serde_json::json!({
        "block": divergence.number,
        "field": divergence.field,
        "here": {
            "value": divergence.got,
            "header": header(&block.header),
            "receipts": receipts.map(|it| raw(&it.receipt.encoded_2718())).collect::<Vec<_>>(),
        },
        "log": {"value": divergence.want, "header": header(&proposed.header)},
        "transactions": transactions.map(|it| raw(&it.encode_2718())).collect::<Vec<_>>(),
    });
    format!("{sides:#}")
}

/// The first field in which a header made here differs from the one in the log.
fn compare(got: &Header, want: &Header) -> Result<(), Box<Divergence>> {
    if got == want {
        return Ok(());
    }
    let number = want.number;
    let text = |value: &dyn std::fmt::Debug| format!("{value:?}");
    let fields: [(&'static str, String, String); 17] = [
        (
            "parentHash",
            text(&got.parent_hash),
            text(&want.parent_hash),
        ),
        ("number", text(&got.number), text(&want.number)),
        ("timestamp", text(&got.timestamp), text(&want.timestamp)),
        ("miner", text(&got.beneficiary), text(&want.beneficiary)),
        ("gasLimit", text(&got.gas_limit), text(&want.gas_limit)),
        (
            "baseFeePerGas",
            text(&got.base_fee_per_gas),
            text(&want.base_fee_per_gas),
        ),
        ("mixHash", text(&got.mix_hash), text(&want.mix_hash)),
        (
            "excessBlobGas",
            text(&got.excess_blob_gas),
            text(&want.excess_blob_gas),
        ),
        (
            "transactionsRoot",
            text(&got.transactions_root),
            text(&want.transactions_root),
        ),
        ("gasUsed", text(&got.gas_used), text(&want.gas_used)),
        (
            "receiptsRoot",
            text(&got.receipts_root),
            text(&want.receipts_root),
        ),
        ("logsBloom", text(&got.logs_bloom), text(&want.logs_bloom)),
        (
            "blobGasUsed",
            text(&got.blob_gas_used),
            text(&want.blob_gas_used),
        ),
        (
            "requestsHash",
            text(&got.requests_hash),
            text(&want.requests_hash),
        ),
        (
            "withdrawalsRoot",
            text(&got.withdrawals_root),
            text(&want.withdrawals_root),
        ),
        ("stateRoot", text(&got.state_root), text(&want.state_root)),
        ("header", text(got), text(want)),
    ];
    for (field, got, want) in fields {
        if got != want {
            return Err(Box::new(Divergence {
                number,
                transaction: None,
                field,
                got,
                want,
                report: String::new(),
            }));
        }
    }
    Ok(())
}
