//! What tests of this module share: blocks made by hand, and servers in front of a cluster without Raft.
#![allow(clippy::unwrap_used)]
#![cfg_attr(not(test), allow(dead_code))] // the fuzz targets need some of it

use super::{Allowed, Limits, Listen, Print, RpcConfig, RpcServer, context::Context};
use crate::{
    chain::{
        block::{BlockRecord, ReceiptRecord},
        spec::Hardfork,
        testing::spec,
        transaction::SignedTransaction,
    },
    replica::{
        api::{Backend as _, ChainEvent},
        testing::TestCluster,
    },
};
use alloy::{
    consensus::{Header, Receipt, ReceiptEnvelope, SignableTransaction as _, TxLegacy, TxType},
    primitives::{Address, Bytes, Log, LogData, Signature, U256},
};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::broadcast,
};

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

/// How long a write waits for a leader: longer than a busy machine needs, and short enough to be waited for.
const TIMEOUT_MS: u64 = 3000;

/// What the methods of a server work on, and the cluster, which must live as long.
pub(crate) fn context(limits: Limits) -> (TestCluster, Arc<Context>) {
    let cluster = TestCluster::new(&spec(Hardfork::LATEST), TIMEOUT_MS);
    let backend = Arc::new(cluster.node(1).clone());
    let events = broadcast::channel(16).0;
    let context = Context::new(backend, events, limits, Arc::new(|_: &str| {}));
    (cluster, Arc::new(context))
}

/// Three nodes of one chain, each with a server, over a log that is a list in memory.
pub(crate) struct Servers {
    /// The nodes behind the servers.
    pub(crate) cluster: TestCluster,
    /// The servers, by node.
    pub(crate) running: Vec<RpcServer>,
    /// The methods that were called, on all nodes.
    pub(crate) requests: Arc<Mutex<Vec<String>>>,
    /// What contracts said, with the node that printed it.
    pub(crate) console: Arc<Mutex<Vec<(usize, String)>>>,
}

impl Servers {
    /// Starts them.
    pub(crate) async fn start() -> Self {
        Self::with(Limits::default(), Allowed::Any).await
    }

    /// Starts them with these limits and origins.
    pub(crate) async fn with(limits: Limits, origins: Allowed) -> Self {
        Self::configured(|config, _| {
            config.limits = limits.clone();
            config.origins = origins.clone();
        })
        .await
    }

    /// Starts them with what `change` makes of each node's config.
    pub(crate) async fn configured(change: impl Fn(&mut RpcConfig, usize)) -> Self {
        let events: Vec<_> = (0..3).map(|_| broadcast::channel(1024).0).collect();
        let senders = events.clone();
        let sink = move |node: u64, event: &ChainEvent| {
            let _ = senders[usize::try_from(node).unwrap() - 1].send(event.clone());
        };
        let cluster = TestCluster::with_sink(&spec(Hardfork::LATEST), TIMEOUT_MS, sink);
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let console: Arc<Mutex<Vec<(usize, String)>>> = Arc::default();
        let mut servers = Vec::new();
        for (index, events) in events.into_iter().enumerate() {
            let seen = Arc::clone(&requests);
            let said = Arc::clone(&console);
            let print = move |line: &str| said.lock().unwrap().push((index + 1, line.to_owned()));
            let mut config = RpcConfig {
                console: Some(Print(Arc::new(print))),
                ..RpcConfig::new(Listen::Address(([127, 0, 0, 1], 0).into()))
            };
            change(&mut config, index + 1);
            let backend = Arc::new(cluster.node(index as u64 + 1).clone());
            let on_request =
                Arc::new(move |method: &str| seen.lock().unwrap().push(method.to_owned()));
            servers.push(
                crate::rpc::serve(config, backend, events, on_request)
                    .await
                    .unwrap(),
            );
        }
        Self {
            cluster,
            running: servers,
            requests,
            console,
        }
    }

    /// A connection to the server of a node (1 to 3).
    pub(crate) async fn connect(&self, node: usize) -> TcpStream {
        TcpStream::connect(self.running[node - 1].local_addr())
            .await
            .unwrap()
    }

    /// What a node answers to an HTTP request: status, head, body.
    pub(crate) async fn http(&self, node: usize, request: &str) -> (u16, String, String) {
        let mut stream = self.connect(node).await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_ascii_lowercase(), body.to_owned())
    }

    /// What a node answers to a body.
    pub(crate) async fn post(&self, node: usize, body: &str) -> String {
        let length = body.len();
        let request = format!(
            "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        let (status, _, body) = self.http(node, &request).await;
        assert_eq!(status, 200);
        body
    }

    /// The whole answer to a call.
    pub(crate) async fn answer(&self, node: usize, method: &str, params: Value) -> Value {
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        serde_json::from_str(&self.post(node, &call.to_string()).await).unwrap()
    }

    /// The result of a call that succeeds.
    pub(crate) async fn call(&self, node: usize, method: &str, params: Value) -> Value {
        let mut answer = self.answer(node, method, params).await;
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].take()
    }

    /// Code and message of a call that fails.
    pub(crate) async fn error(&self, node: usize, method: &str, params: Value) -> (i64, String) {
        let answer = self.answer(node, method, params).await;
        let error = &answer["error"];
        assert!(error.is_object(), "{method}: {answer}");
        (
            error["code"].as_i64().unwrap(),
            error["message"].as_str().unwrap().to_owned(),
        )
    }

    /// A dev account.
    pub(crate) fn account(&self, index: usize) -> String {
        self.cluster.node(1).local().spec().accounts[index]
            .address
            .to_string()
            .to_lowercase()
    }
}
