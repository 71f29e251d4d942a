//! Accounts and signed transfers.

use crate::{http::Connection, server::Server};
use alloy::{
    consensus::{SignableTransaction as _, TxEip1559, TxEnvelope},
    eips::eip2718::Encodable2718 as _,
    hex,
    primitives::{Address, TxKind, U256, keccak256},
    signers::{SignerSync as _, local::PrivateKeySigner},
};
use serde_json::{Value, json};

const CHAIN_ID: u64 = 31_337;

/// An account of the benchmark, with its next nonce.
#[derive(Debug)]
pub(crate) struct Sender {
    key: PrivateKeySigner,
    nonce: u64,
}

impl Sender {
    /// The `number`th account, funded by a cheat that anvil has too.
    pub(crate) async fn funded(number: usize, connection: &mut Connection) -> Self {
        let key =
            PrivateKeySigner::from_bytes(&keccak256(format!("praline bench {number}"))).unwrap();
        let balance = U256::from(10).pow(U256::from(22));
        connection
            .call("anvil_setBalance", json!([key.address(), balance]))
            .await
            .unwrap();
        Self { key, nonce: 0 }
    }

    /// Its address.
    pub(crate) fn address(&self) -> Address {
        self.key.address()
    }

    /// The next transfer of 1 wei, signed, as JSON-RPC wants it.
    pub(crate) fn transfer(&mut self) -> Value {
        let transaction = TxEip1559 {
            chain_id: CHAIN_ID,
            nonce: self.nonce,
            gas_limit: 21_000,
            max_fee_per_gas: 100_000_000_000,
            max_priority_fee_per_gas: 1_000_000_000,
            to: TxKind::Call(Address::repeat_byte(0x77)),
            value: U256::from(1),
            ..TxEip1559::default()
        };
        self.nonce += 1;
        let signature = self
            .key
            .sign_hash_sync(&transaction.signature_hash())
            .unwrap();
        let envelope = TxEnvelope::from(transaction.into_signed(signature));
        json!(format!("0x{}", hex::encode(envelope.encoded_2718())))
    }

    /// The next `count` transfers.
    pub(crate) fn transfers(&mut self, count: usize) -> Vec<Value> {
        (0..count).map(|_| self.transfer()).collect()
    }
}

/// Funded accounts.
pub(crate) async fn senders(server: &Server, count: usize) -> Vec<Sender> {
    let mut connection = server.connect(0).await;
    let mut senders = Vec::with_capacity(count);
    for number in 0..count {
        senders.push(Sender::funded(number, &mut connection).await);
    }
    senders
}

/// Sends a signed transaction and waits for its receipt, which must say that it succeeded.
pub(crate) async fn confirm(connection: &mut Connection, raw: &Value) {
    let hash = connection
        .call("eth_sendRawTransaction", json!([raw]))
        .await
        .unwrap();
    let receipt = receipt(connection, &hash).await;
    assert_eq!(receipt["status"], "0x1", "{receipt}");
    assert_eq!(receipt["transactionHash"], hash);
}

/// The receipt of a transaction, asked for until it is there.
pub(crate) async fn receipt(connection: &mut Connection, hash: &Value) -> Value {
    loop {
        let receipt = connection
            .call("eth_getTransactionReceipt", json!([hash]))
            .await
            .unwrap();
        if !receipt.is_null() {
            return receipt;
        }
    }
}
