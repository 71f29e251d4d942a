//! Filters, and subscriptions over WebSocket.

use crate::rpc::{Allowed, Limits, testing::Servers};
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

const LOGGER: &str = "0x602a60005260aa60206000a100";
const CONTRACT: &str = "0x00000000000000000000000000000000000c0de0";

struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    async fn open(servers: &Servers, node: usize) -> Self {
        let stream = servers.connect(node).await;
        let (socket, _) = client_async("ws://localhost/", stream).await.unwrap();
        Self(socket)
    }

    async fn send(&mut self, message: Value) {
        self.0
            .send(Message::text(message.to_string()))
            .await
            .unwrap();
    }

    async fn next(&mut self) -> Value {
        loop {
            let next = tokio::time::timeout(Duration::from_mins(1), self.0.next())
                .await
                .unwrap();
            match next.unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other}"),
            }
        }
    }

    async fn call(&mut self, method: &str, params: Value) -> Value {
        self.send(json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
            .await;
        let mut answer = self.next().await;
        assert_eq!(answer["id"], 1, "{answer}");
        answer["result"].take()
    }

    /// The next event of a subscription.
    async fn event(&mut self, subscription: &Value) -> Value {
        let mut message = self.next().await;
        assert_eq!(message["method"], "eth_subscription", "{message}");
        assert_eq!(&message["params"]["subscription"], subscription);
        message["params"]["result"].take()
    }
}

async fn log_something(servers: &Servers, node: usize) -> Value {
    let from = servers.account(0);
    servers
        .call(node, "anvil_setCode", json!([CONTRACT, LOGGER]))
        .await;
    servers
        .call(
            node,
            "eth_sendTransaction",
            json!([{"from": from, "to": CONTRACT}]),
        )
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_hold_what_was_acknowledged() {
    let servers = Servers::start().await;
    let blocks = servers.call(2, "eth_newBlockFilter", json!([])).await;
    let logs = servers
        .call(2, "eth_newFilter", json!([{"address": CONTRACT}]))
        .await;
    let pending = servers
        .call(2, "eth_newPendingTransactionFilter", json!([]))
        .await;
    let snapshot = servers.call(1, "evm_snapshot", json!([])).await;
    let hash = log_something(&servers, 2).await;
    assert_eq!(
        servers
            .call(2, "eth_getFilterChanges", json!([pending]))
            .await,
        json!([hash])
    );
    let head = servers
        .call(2, "eth_getBlockByNumber", json!(["latest", false]))
        .await;
    assert_eq!(
        servers
            .call(2, "eth_getFilterChanges", json!([blocks]))
            .await,
        json!([head["hash"]])
    );
    let found = servers.call(2, "eth_getFilterChanges", json!([logs])).await;
    let receipt = servers
        .call(2, "eth_getTransactionReceipt", json!([hash]))
        .await;
    assert_eq!(found, receipt["logs"]);
    assert_eq!(
        servers.call(2, "eth_getFilterLogs", json!([logs])).await,
        receipt["logs"]
    );
    assert_eq!(
        servers.call(2, "eth_getFilterChanges", json!([logs])).await,
        json!([])
    );
    servers.call(2, "evm_revert", json!([snapshot])).await;
    let removed = servers.call(2, "eth_getFilterChanges", json!([logs])).await;
    assert_eq!(
        (&removed[0]["removed"], &removed[0]["transactionHash"]),
        (&json!(true), &hash)
    );
    assert_eq!(
        servers.call(2, "eth_uninstallFilter", json!([logs])).await,
        true
    );
    assert_eq!(
        servers
            .error(2, "eth_getFilterChanges", json!([logs]))
            .await,
        (-32000, "filter not found".to_owned())
    );
    assert_eq!(
        servers
            .error(1, "eth_getFilterChanges", json!([blocks]))
            .await
            .0,
        -32000,
        "another node's"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn events_follow_the_answer_to_eth_subscribe() {
    let servers = Servers::start().await;
    let mut socket = Socket::open(&servers, 3).await;
    let heads = socket.call("eth_subscribe", json!(["newHeads"])).await;
    servers.call(1, "evm_mine", json!([])).await;
    let head = socket.event(&heads).await;
    let block = servers
        .call(3, "eth_getBlockByNumber", json!(["0x1", false]))
        .await;
    for member in [
        "hash",
        "number",
        "parentHash",
        "timestamp",
        "logsBloom",
        "miner",
        "baseFeePerGas",
    ] {
        assert_eq!(head[member], block[member], "{member}");
    }
    assert_eq!(socket.call("eth_unsubscribe", json!([heads])).await, true);
    assert_eq!(socket.call("eth_unsubscribe", json!([heads])).await, false);
    let logs = socket
        .call("eth_subscribe", json!(["logs", {"address": CONTRACT}]))
        .await;
    let snapshot = servers.call(1, "evm_snapshot", json!([])).await;
    let hash = log_something(&servers, 2).await;
    let log = socket.event(&logs).await;
    assert_eq!(
        (&log["transactionHash"], &log["removed"]),
        (&hash, &json!(false))
    );
    servers.call(2, "evm_revert", json!([snapshot])).await;
    assert_eq!(socket.event(&logs).await["removed"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn pending_transactions_as_hashes_and_in_full() {
    let servers = Servers::start().await;
    let mut hashes = Socket::open(&servers, 1).await;
    let mut whole = Socket::open(&servers, 2).await;
    let by_hash = hashes
        .call("eth_subscribe", json!(["newPendingTransactions"]))
        .await;
    let in_full = whole
        .call("eth_subscribe", json!(["newPendingTransactions", true]))
        .await;
    let hash = log_something(&servers, 3).await;
    assert_eq!(hashes.event(&by_hash).await, hash);
    let tx = whole.event(&in_full).await;
    assert_eq!((&tx["hash"], &tx["blockHash"]), (&hash, &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batched_eth_subscribe_is_answered_once() {
    let servers = Servers::start().await;
    let mut socket = Socket::open(&servers, 1).await;
    socket
        .send(json!([
            {"jsonrpc": "2.0", "id": 7, "method": "eth_subscribe", "params": ["newHeads"]},
            {"jsonrpc": "2.0", "id": 8, "method": "eth_chainId"}
        ]))
        .await;
    let answer = socket.next().await;
    assert_eq!(
        (&answer[0]["id"], &answer[1]["result"]),
        (&json!(7), &json!("0x7a69"))
    );
    servers.call(1, "evm_mine", json!([])).await;
    assert_eq!(socket.event(&answer[0]["result"]).await["number"], "0x1");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_one_socket_run_side_by_side() {
    let servers = Servers::start().await;
    let mut socket = Socket::open(&servers, 1).await;
    let (from, calls) = (servers.account(0), 40);
    for id in 0..calls {
        let params = json!([{"from": from, "to": CONTRACT, "value": "0x1", "gas": "0x5208"}]);
        socket.send(json!({"jsonrpc": "2.0", "id": id, "method": "eth_sendTransaction", "params": params})).await;
    }
    let mut seen = Vec::new();
    for _ in 0..calls {
        let answer = socket.next().await;
        assert!(answer["result"].is_string(), "{answer}");
        seen.push(answer["id"].as_u64().unwrap());
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..calls).collect::<Vec<_>>());
    assert_eq!(
        servers
            .call(2, "eth_getTransactionCount", json!([from]))
            .await,
        "0x28"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_large_ends_the_connection() {
    let limits = Limits {
        request_bytes: 1000,
        ..Limits::default()
    };
    let servers = Servers::with(limits, Allowed::Any).await;
    let mut socket = Socket::open(&servers, 1).await;
    assert_eq!(socket.call("eth_chainId", json!([])).await, "0x7a69");
    socket
        .0
        .send(Message::text(" ".repeat(1001)))
        .await
        .unwrap();
    let end = socket.0.next().await;
    assert!(
        matches!(end, Some(Ok(Message::Close(_)) | Err(_)) | None),
        "{end:?}"
    );
}
