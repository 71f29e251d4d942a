//! Blocks of every kind come back as they were written.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::chain::transaction::Envelope;
use alloy::{
    consensus::{Signed, TxEip1559, TxLegacy},
    primitives::{LogData, Signature, U256},
};

fn transaction(nonce: u64) -> Arc<SignedTransaction> {
    let signature = Signature::new(U256::from(7), U256::ONE, nonce.is_multiple_of(2));
    let envelope = if nonce.is_multiple_of(2) {
        let tx = TxLegacy {
            nonce,
            input: Bytes::from_static(b"input"),
            ..Default::default()
        };
        Envelope::Legacy(Signed::new_unhashed(tx, signature))
    } else {
        let tx = TxEip1559 {
            nonce,
            chain_id: 1,
            ..Default::default()
        };
        Envelope::Eip1559(Signed::new_unhashed(tx, signature))
    };
    Arc::new(SignedTransaction {
        envelope,
        sender: Address::repeat_byte(3),
        sidecar: None,
    })
}

fn receipt(nonce: u64, logs: usize) -> ReceiptRecord {
    let log = Log {
        address: Address::repeat_byte(9),
        data: LogData::new_unchecked(vec![B256::repeat_byte(8)], Bytes::from_static(b"data")),
    };
    let tx_type = if nonce.is_multiple_of(2) {
        TxType::Legacy
    } else {
        TxType::Eip1559
    };
    let receipt = Receipt {
        status: Eip658Value::Eip658(nonce > 0),
        cumulative_gas_used: 21_000 * (nonce + 1),
        logs: vec![log; logs],
    };
    ReceiptRecord {
        receipt: ReceiptEnvelope::from_typed(tx_type, receipt),
        gas_used: 21_000,
        contract_address: (logs > 0).then_some(Address::repeat_byte(4)),
        first_log_index: nonce,
    }
}

fn block() -> BlockRecord {
    let header = Header {
        number: 7,
        extra_data: Bytes::from_static(b"x"),
        ..Default::default()
    };
    BlockRecord {
        hash: header.hash_slow(),
        header,
        transactions: (0..3).map(transaction).collect(),
        ommers: vec![Header {
            number: 6,
            ..Default::default()
        }],
        withdrawals: Some(Withdrawals::new(vec![Withdrawal {
            index: 1,
            ..Default::default()
        }])),
        receipts: (0..3).map(|nonce| receipt(nonce, nonce as usize)).collect(),
        version: 12,
    }
}

#[test]
fn a_block_comes_back_as_it_was() {
    let full = block();
    let none = BlockRecord {
        withdrawals: None,
        ..full.clone()
    };
    let empty = BlockRecord {
        withdrawals: Some(Withdrawals::default()),
        ..full.clone()
    };
    for block in [
        full,
        none,
        empty,
        BlockRecord {
            transactions: vec![],
            receipts: vec![],
            ..block()
        },
    ] {
        assert_eq!(BlockRecord::decode(&block.encode()).unwrap(), block);
    }
}

#[test]
fn a_receipt_before_byzantium_keeps_its_state_root() {
    let mut record = receipt(0, 1);
    let state = Eip658Value::PostState(B256::repeat_byte(5));
    let inner = Receipt {
        status: state,
        cumulative_gas_used: 5,
        logs: vec![],
    };
    record.receipt = ReceiptEnvelope::from_typed(TxType::Legacy, inner);
    let decoded = ReceiptRecord::decode(&mut &alloy_rlp::encode(&record)[..]).unwrap();
    assert_eq!(decoded, record);
}

#[test]
fn damaged_bytes_are_refused() {
    let bytes = block().encode();
    assert_eq!(BlockRecord::decode(&[]), Err(BlockCodecError::Format(None)));
    assert_eq!(
        BlockRecord::decode(&[9, 0xc0]),
        Err(BlockCodecError::Format(Some(9)))
    );
    for length in 1..bytes.len() {
        assert!(BlockRecord::decode(&bytes[..length]).is_err());
    }
    assert!(BlockRecord::decode(&[&bytes[..], &[0]].concat()).is_err());
}
