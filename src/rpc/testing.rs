//! What tests of this module share: a member of a cluster that is one chain in memory, and blocks made by hand.
#![allow(clippy::unwrap_used)]

use crate::chain::block::{BlockRecord, ReceiptRecord};
use crate::chain::transaction::SignedTransaction;
use alloy::{
    consensus::{Header, Receipt, ReceiptEnvelope, SignableTransaction as _, TxLegacy, TxType},
    primitives::{Address, Bytes, Log, LogData, Signature, U256},
};
use std::sync::Arc;

/// A block with one transaction that wrote a log of each address.
pub(crate) fn block_with_logs(number: u64, addresses: &[Address]) -> BlockRecord {
    let logs: Vec<Log> = addresses
        .iter()
        .map(|address| Log {
            address: *address,
            data: LogData::new_unchecked(Vec::new(), Bytes::new()),
        })
        .collect();
    let header = Header {
        number,
        logs_bloom: logs.iter().collect(),
        ..Header::default()
    };
    let signature = Signature::new(U256::ONE, U256::ONE, false);
    BlockRecord {
        hash: header.hash_slow(),
        header,
        transactions: vec![Arc::new(SignedTransaction {
            envelope: TxLegacy::default().into_signed(signature).into(),
            sender: Address::ZERO,
            sidecar: None,
        })],
        ommers: Vec::new(),
        withdrawals: None,
        receipts: vec![ReceiptRecord {
            receipt: ReceiptEnvelope::from_typed(
                TxType::Legacy,
                Receipt {
                    status: true.into(),
                    cumulative_gas_used: 21_000,
                    logs,
                },
            ),
            gas_used: 21_000,
            contract_address: None,
            first_log_index: 0,
        }],
        version: number,
    }
}

/// A block with a base fee, and with transactions that paid a tip and used gas.
pub(crate) fn block_with_fees(base_fee: u64, paid: &[(u128, u64)]) -> BlockRecord {
    let mut block = block_with_logs(1, &[]);
    block.header.base_fee_per_gas = Some(base_fee);
    block.header.gas_used = paid.iter().map(|(_, gas)| gas).sum();
    let receipt = block.receipts.remove(0);
    block.transactions.clear();
    for (tip, gas_used) in paid {
        let transaction = TxLegacy {
            gas_price: u128::from(base_fee) + tip,
            ..TxLegacy::default()
        };
        let signature = Signature::new(U256::ONE, U256::ONE, false);
        block.transactions.push(Arc::new(SignedTransaction {
            envelope: transaction.into_signed(signature).into(),
            sender: Address::ZERO,
            sidecar: None,
        }));
        block.receipts.push(ReceiptRecord {
            gas_used: *gas_used,
            ..receipt.clone()
        });
    }
    block
}
