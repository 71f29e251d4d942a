//! Blocks and headers.

use super::{
    json::{Json, List, Object, write_data},
    transaction::{Place, transaction, transaction_summary},
};
use crate::chain::block::BlockRecord;
use alloy::{consensus::Header, primitives::B256};
use alloy_rlp::{Encodable, length_of_length};

/// How a block's transactions are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlockBody {
    /// Hashes.
    Hashes,
    /// Whole transactions.
    Transactions,
}

/// `eth_getBlockBy…`. A pending block has no hash, nonce and miner (geth).
pub(crate) fn block(record: &BlockRecord, body: BlockBody, pending: bool) -> Json {
    Json::object(|o| block_fields(o, record, body, pending))
}

/// The members of [`block`].
pub(crate) fn block_fields(
    o: &mut Object<'_>,
    record: &BlockRecord,
    body: BlockBody,
    pending: bool,
) {
    header_fields(o, &record.header, (!pending).then_some(&record.hash));
    o.quantity("size", block_size(record));
    o.list("transactions", |list| {
        for (index, tx) in record.transactions.iter().enumerate() {
            match body {
                BlockBody::Hashes => write_data(list.next(), tx.envelope.hash().as_slice()),
                BlockBody::Transactions => {
                    let place = (!pending).then(|| Place::of(record, index));
                    transaction(
                        list.next(),
                        tx,
                        place.as_ref(),
                        record.header.base_fee_per_gas,
                    );
                }
            }
        }
    });
    o.list("uncles", |list| uncles(list, record));
    withdrawals(o, record);
}

fn uncles(list: &mut List<'_>, record: &BlockRecord) {
    for ommer in &record.ommers {
        write_data(list.next(), ommer.hash_slow().as_slice());
    }
}

fn withdrawals(o: &mut Object<'_>, record: &BlockRecord) {
    if let Some(withdrawals) = &record.withdrawals {
        o.list("withdrawals", |list| {
            for withdrawal in withdrawals {
                Object::write(list.next(), |o| {
                    o.quantity("index", withdrawal.index);
                    o.quantity("validatorIndex", withdrawal.validator_index);
                    o.data("address", withdrawal.address);
                    o.quantity("amount", withdrawal.amount);
                });
            }
        });
    }
}

/// Which of a block's transactions are shown.
pub(crate) type TransactionPage = std::ops::Range<usize>;

/// A block as Otterscan wants it: without its bloom, with the number of its transactions, and with a page of them, of
/// whose input the selector alone is shown.
pub(crate) fn slim_block_fields(
    o: &mut Object<'_>,
    record: &BlockRecord,
    page: Option<&TransactionPage>,
) {
    header_fields_with(o, &record.header, Some(&record.hash), Bloom::Left);
    o.quantity("size", block_size(record));
    if let Some(page) = page {
        o.list("transactions", |list| {
            for index in page.clone() {
                let place = Place::of(record, index);
                let base_fee = record.header.base_fee_per_gas;
                let tx = &record.transactions[index];
                transaction_summary(list.next(), tx, &place, base_fee);
            }
        });
    }
    o.list("uncles", |list| uncles(list, record));
    withdrawals(o, record);
    o.number("transactionCount", record.transactions.len());
}

/// A header: `eth_getHeaderBy…`, `newHeads`. Without a hash it is a pending one.
pub(crate) fn header(header: &Header, hash: Option<&B256>) -> Json {
    Json::object(|o| header_fields(o, header, hash))
}

/// Whether a header's bloom is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bloom {
    Shown,
    /// `null` stands in its place.
    Left,
}

fn header_fields(o: &mut Object<'_>, header: &Header, hash: Option<&B256>) {
    header_fields_with(o, header, hash, Bloom::Shown);
}

fn header_fields_with(o: &mut Object<'_>, header: &Header, hash: Option<&B256>, bloom: Bloom) {
    o.quantity("number", header.number);
    o.data_or_null("hash", hash);
    o.data("parentHash", header.parent_hash);
    o.data("mixHash", header.mix_hash);
    o.data("sha3Uncles", header.ommers_hash);
    let bloom = (bloom == Bloom::Shown).then_some(header.logs_bloom);
    o.data_or_null("logsBloom", bloom);
    o.data("stateRoot", header.state_root);
    if hash.is_some() {
        o.data("nonce", header.nonce);
        o.data("miner", header.beneficiary);
    } else {
        o.null("nonce");
        o.null("miner");
    }
    o.quantity("difficulty", header.difficulty);
    o.data("extraData", &header.extra_data);
    o.quantity("gasLimit", header.gas_limit);
    o.quantity("gasUsed", header.gas_used);
    o.quantity("timestamp", header.timestamp);
    o.data("transactionsRoot", header.transactions_root);
    o.data("receiptsRoot", header.receipts_root);
    o.quantity_if("baseFeePerGas", header.base_fee_per_gas);
    if let Some(root) = header.withdrawals_root {
        o.data("withdrawalsRoot", root);
    }
    o.quantity_if("blobGasUsed", header.blob_gas_used);
    o.quantity_if("excessBlobGas", header.excess_blob_gas);
    if let Some(root) = header.parent_beacon_block_root {
        o.data("parentBeaconBlockRoot", root);
    }
    if let Some(hash) = header.requests_hash {
        o.data("requestsHash", hash);
    }
}

/// The length of the block's RLP.
fn block_size(record: &BlockRecord) -> usize {
    fn list(payload: usize) -> usize {
        payload + length_of_length(payload)
    }
    let transactions: usize = record
        .transactions
        .iter()
        .map(|tx| tx.envelope.length())
        .sum();
    let ommers: usize = record.ommers.iter().map(Encodable::length).sum();
    let withdrawals = record
        .withdrawals
        .as_ref()
        .map_or(0, |all| list(all.iter().map(Encodable::length).sum()));
    list(record.header.length() + list(transactions) + list(ommers) + withdrawals)
}
