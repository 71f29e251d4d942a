#![allow(clippy::unwrap_used)]
//! What is written is read back by alloy's own types, which follow execution-apis, and compared with what it was.
use super::*;
use crate::chain::{
    block::{BlockRecord, ReceiptRecord},
    transaction::{Envelope, SignedTransaction},
};
use alloy::{
    consensus::{
        Eip658Value, Header, Receipt, ReceiptEnvelope, TxEip1559, TxEip2930, TxEip4844, TxEip7702,
        TxLegacy, TxType,
    },
    eips::{
        eip2930::{AccessList, AccessListItem},
        eip4895::{Withdrawal, Withdrawals},
        eip7702::{Authorization, SignedAuthorization},
        eip7840::BlobParams,
    },
    primitives::{Address, B256, Bytes, Log, LogData, Signature, TxKind, U256, bytes},
};
use serde_json::{Value, json};
use std::sync::Arc;

fn value(json: &Json) -> Value {
    serde_json::from_slice(json.as_bytes()).unwrap()
}

fn sign<T>(tx: T) -> Arc<SignedTransaction>
where
    T: alloy::consensus::SignableTransaction<Signature>,
    Envelope: From<alloy::consensus::Signed<T>>,
{
    let signature = Signature::new(U256::from(0x77), U256::from(0x99), true);
    Arc::new(SignedTransaction {
        envelope: tx.into_signed(signature).into(),
        sender: Address::repeat_byte(0xaa),
        sidecar: None,
    })
}

/// One transaction of each type.
#[allow(clippy::too_many_lines)] // A list.
fn transactions() -> Vec<Arc<SignedTransaction>> {
    let to = Address::repeat_byte(0xbb);
    let access_list = AccessList(vec![AccessListItem {
        address: to,
        storage_keys: vec![B256::ZERO, B256::repeat_byte(1)],
    }]);
    let input: Bytes = bytes!("0102");
    vec![
        sign(TxLegacy {
            chain_id: Some(31337),
            nonce: 1,
            gas_price: 9,
            gas_limit: 21000,
            to: to.into(),
            value: U256::from(5),
            input: input.clone(),
        }),
        sign(TxLegacy {
            chain_id: None,
            nonce: 2,
            gas_price: 9,
            gas_limit: 21000,
            to: TxKind::Create,
            value: U256::ZERO,
            input: input.clone(),
        }),
        sign(TxEip2930 {
            chain_id: 31337,
            nonce: 3,
            gas_price: 9,
            gas_limit: 21000,
            to: to.into(),
            value: U256::ZERO,
            access_list: access_list.clone(),
            input: input.clone(),
        }),
        sign(TxEip1559 {
            chain_id: 31337,
            nonce: 4,
            gas_limit: 21000,
            max_fee_per_gas: 100,
            max_priority_fee_per_gas: 2,
            to: to.into(),
            value: U256::ZERO,
            access_list: access_list.clone(),
            input: input.clone(),
        }),
        sign(TxEip4844 {
            chain_id: 31337,
            nonce: 5,
            gas_limit: 21000,
            max_fee_per_gas: 100,
            max_priority_fee_per_gas: 2,
            to,
            value: U256::ZERO,
            access_list: access_list.clone(),
            blob_versioned_hashes: vec![B256::repeat_byte(1)],
            max_fee_per_blob_gas: 3,
            input: input.clone(),
        }),
        sign(TxEip7702 {
            chain_id: 31337,
            nonce: 6,
            gas_limit: 21000,
            max_fee_per_gas: 100,
            max_priority_fee_per_gas: 2,
            to,
            value: U256::ZERO,
            access_list,
            authorization_list: vec![SignedAuthorization::new_unchecked(
                Authorization {
                    chain_id: U256::from(31337),
                    address: to,
                    nonce: 7,
                },
                1,
                U256::from(8),
                U256::from(9),
            )],
            input,
        }),
    ]
}

fn log_of(byte: u8) -> Log {
    Log {
        address: Address::repeat_byte(byte),
        data: LogData::new_unchecked(vec![B256::repeat_byte(byte)], bytes!("ff")),
    }
}

fn record() -> BlockRecord {
    let header = Header {
        number: 5,
        timestamp: 1000,
        gas_limit: 30_000_000,
        gas_used: 126_000,
        base_fee_per_gas: Some(7),
        extra_data: bytes!("dead"),
        withdrawals_root: Some(B256::repeat_byte(1)),
        blob_gas_used: Some(131_072),
        excess_blob_gas: Some(0),
        parent_beacon_block_root: Some(B256::ZERO),
        requests_hash: Some(B256::repeat_byte(2)),
        ..Header::default()
    };
    let transactions = transactions();
    let receipts = transactions
        .iter()
        .enumerate()
        .map(|(index, tx)| {
            let receipt = Receipt {
                status: Eip658Value::Eip658(index != 2),
                cumulative_gas_used: 21000 * (index as u64 + 1),
                logs: vec![log_of(index as u8), log_of(0xcc)],
            };
            ReceiptRecord {
                receipt: ReceiptEnvelope::from_typed(tx.envelope.tx_type(), receipt),
                gas_used: 21000,
                contract_address: (index == 1).then_some(Address::repeat_byte(0xdd)),
                first_log_index: 2 * index as u64,
            }
        })
        .collect();
    BlockRecord {
        hash: header.hash_slow(),
        header,
        transactions,
        ommers: Vec::new(),
        withdrawals: Some(Withdrawals::new(vec![Withdrawal {
            index: 1,
            validator_index: 2,
            address: Address::repeat_byte(3),
            amount: 4,
        }])),
        receipts,
        version: 9,
    }
}

#[test]
fn a_block_reads_back_as_it_was() {
    let record = record();
    let json = block(&record, BlockBody::Transactions, false);
    let read: alloy::rpc::types::Block = serde_json::from_slice(json.as_bytes()).unwrap();
    assert_eq!(read.header.inner, record.header);
    assert_eq!(read.header.hash, record.hash);
    assert_eq!(read.withdrawals, record.withdrawals);
    let consensus = alloy::consensus::Block {
        header: record.header.clone(),
        body: alloy::consensus::BlockBody {
            transactions: record
                .transactions
                .iter()
                .map(|tx| tx.envelope.clone())
                .collect(),
            ommers: Vec::new(),
            withdrawals: record.withdrawals.clone(),
        },
    };
    assert_eq!(
        read.header.size,
        Some(U256::from(alloy_rlp::Encodable::length(&consensus)))
    );
    for (index, (tx, original)) in read
        .transactions
        .txns()
        .zip(&record.transactions)
        .enumerate()
    {
        assert_eq!(tx.inner.tx_hash(), original.hash());
        assert_eq!(tx.inner.signer(), original.sender);
        let envelope: Envelope = tx.inner.inner().clone().into();
        assert_eq!(envelope, original.envelope);
        assert_eq!(tx.transaction_index, Some(index as u64));
        assert_eq!(
            (tx.block_hash, tx.block_number),
            (Some(record.hash), Some(5))
        );
    }
    assert_eq!(read.transactions.len(), 6);
}

#[test]
fn what_a_block_does_not_have_is_not_there() {
    let mut record = record();
    record.header.withdrawals_root = None;
    record.header.requests_hash = None;
    record.withdrawals = None;
    let json = value(&block(&record, BlockBody::Hashes, false));
    for absent in [
        "withdrawals",
        "withdrawalsRoot",
        "requestsHash",
        "totalDifficulty",
    ] {
        assert!(json.get(absent).is_none(), "{absent}");
    }
    assert_eq!(
        json["transactions"][0],
        json!(record.transactions[0].hash())
    );
    assert_eq!(json["uncles"], json!([]));
    let pending = value(&block(&record, BlockBody::Transactions, true));
    for null in ["hash", "nonce", "miner"] {
        assert!(pending[null].is_null(), "{null}");
    }
    assert_eq!(pending["number"], json!("0x5"));
    assert!(pending["transactions"][0]["blockHash"].is_null());
    assert!(pending["transactions"][0].get("blockTimestamp").is_none());
}

#[test]
fn signatures_and_prices_of_each_type() {
    let record = record();
    let json = value(&block(&record, BlockBody::Transactions, false));
    let txs = json["transactions"].as_array().unwrap();
    // EIP-155 with parity 1, and the form of before.
    assert_eq!(txs[0]["v"], json!(format!("0x{:x}", 31337 * 2 + 36)));
    assert_eq!(txs[1]["v"], json!("0x1c"));
    assert!(txs[1].get("chainId").is_none() && txs[1]["to"].is_null());
    assert!(txs[0].get("yParity").is_none() && txs[0].get("accessList").is_none());
    for typed in &txs[2..] {
        assert_eq!(
            (&typed["v"], &typed["yParity"]),
            (&json!("0x1"), &json!("0x1"))
        );
    }
    assert_eq!(txs[0]["gasPrice"], json!("0x9"));
    assert_eq!(txs[3]["gasPrice"], json!("0x9"), "base fee 7 and tip 2");
    let pending = value(&Json::build(|out| {
        transaction(out, &record.transactions[3], None, Some(7));
    }));
    assert_eq!(pending["gasPrice"], json!("0x64"), "the cap while it waits");
    assert_eq!(txs[4]["maxFeePerBlobGas"], json!("0x3"));
    assert_eq!(
        txs[5]["authorizationList"],
        json!([{"chainId":"0x7a69","address":Address::repeat_byte(0xbb),"nonce":"0x7","yParity":"0x1","r":"0x8","s":"0x9"}])
    );
}

#[test]
fn receipts_read_back_as_they_were() {
    let record = record();
    let json = receipts(&record, Some(BlobParams::prague()));
    let read: Vec<alloy::rpc::types::TransactionReceipt> =
        serde_json::from_slice(json.as_bytes()).unwrap();
    for (index, (read, original)) in read.iter().zip(&record.receipts).enumerate() {
        assert_eq!(
            read.inner.clone().into_primitives_receipt(),
            original.receipt,
            "{index}"
        );
        assert_eq!(read.gas_used, 21000);
        assert_eq!(read.contract_address, original.contract_address);
        assert_eq!(read.inner.logs()[1].log_index, Some(2 * index as u64 + 1));
        assert_eq!(read.inner.logs()[1].block_timestamp, Some(1000));
    }
    let json = value(&json);
    for (index, receipt) in json.as_array().unwrap().iter().enumerate() {
        let is_blob = index == 4;
        assert_eq!(receipt.get("blobGasPrice").is_some(), is_blob, "{index}");
        assert_eq!(receipt.get("blobGasUsed").is_some(), is_blob, "{index}");
        assert!(receipt.get("blockTimestamp").is_none());
        assert_eq!(receipt["logs"][0]["blockTimestamp"], json!("0x3e8"));
    }
    assert_eq!(
        (&json[2]["status"], &json[3]["status"]),
        (&json!("0x0"), &json!("0x1"))
    );
    assert_eq!(json[3]["effectiveGasPrice"], json!("0x9"));
    assert_eq!(value(&receipt(&record, 99, None)), Value::Null);
}

#[test]
fn a_receipt_of_before_byzantium_has_a_root() {
    let mut record = record();
    let root = B256::repeat_byte(0xee);
    record.receipts[0].receipt = ReceiptEnvelope::from_typed(
        TxType::Legacy,
        Receipt {
            status: Eip658Value::PostState(root),
            cumulative_gas_used: 1,
            logs: vec![],
        },
    );
    let json = value(&receipt(&record, 0, None));
    assert_eq!(json["root"], json!(root));
    assert!(json.get("status").is_none());
}

#[test]
fn values() {
    assert_eq!(Json::quantity(0_u64).as_bytes(), br#""0x0""#);
    assert_eq!(Json::quantity(U256::from(0x0a0b)).as_bytes(), br#""0xa0b""#);
    assert_eq!(Json::data([]).as_bytes(), br#""0x""#);
    assert_eq!(Json::data([0, 255]).as_bytes(), br#""0x00ff""#);
    assert_eq!(Json::text("a\"\u{0}b").as_bytes(), br#""a\"\u0000b""#);
    let object = Json::object(|o| {
        o.number("a", 1);
        o.null("b");
        o.list("c", |list| {
            list.next().extend_from_slice(b"1");
            list.next().extend_from_slice(b"2");
        });
        o.object("d", |_| {});
    });
    assert_eq!(object.as_bytes(), br#"{"a":1,"b":null,"c":[1,2],"d":{}}"#);
}
