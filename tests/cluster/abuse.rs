//! Clients and strangers who behave badly: whatever they do at one node, honest clients are served on, there and at the
//! others.

use crate::harness::{Cluster, Connection, PATIENCE, quantity};
use serde_json::{Value, json};
use std::{io::Write as _, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// Connections that say nothing, or only begin to; fewer where the system gives no more handles for files.
const SILENT_MAX: u64 = 10_000;
/// Handles that the test, and a node, need for other things.
const SPARE_HANDLES: u64 = 1_000;
/// `JUMPDEST PUSH0 JUMP`: it runs until its gas is gone.
const ENDLESS: &str = "0x5b5f56";
const CONTRACT: &str = "0x00000000000000000000000000000000000e4d1e";
const SOMEBODY: &str = "0x000000000000000000000000000000000000beef";

/// A new client at each node sends a transfer, and sees it at the next one.
async fn honest_clients_are_served(cluster: &Cluster) {
    for (place, node) in cluster.nodes.iter().enumerate() {
        let mut here = Connection::open(node.rpc).await.unwrap();
        let next = cluster.nodes[(place + 1) % cluster.nodes.len()].rpc;
        let mut there = Connection::open(next).await.unwrap();
        let served = async {
            let before = balance(&mut there).await;
            let accounts = here.call("eth_accounts", json!([])).await.unwrap();
            let send = json!([{"from": accounts[place], "to": SOMEBODY, "value": "0x1"}]);
            let hash = here.call("eth_sendTransaction", send).await.unwrap();
            let receipt = json!([hash]);
            let receipt = here.call("eth_getTransactionReceipt", receipt).await;
            assert_eq!(receipt.unwrap()["status"], "0x1");
            assert_eq!(balance(&mut there).await, before + 1);
        };
        timeout(PATIENCE, served).await.unwrap();
    }
}

async fn balance(connection: &mut Connection) -> u128 {
    let params = json!([SOMEBODY, "latest"]);
    quantity(&connection.call("eth_getBalance", params).await.unwrap())
}

/// Connections that send this and no more.
async fn silent(address: SocketAddr, count: u64, begun: &[u8]) -> Vec<std::net::TcpStream> {
    let begun = begun.to_vec();
    let open = move || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.write_all(&begun).unwrap();
        stream
    };
    let opening = move || (0..count).map(|_| open()).collect();
    tokio::task::spawn_blocking(opening).await.unwrap()
}

/// What comes back for these bytes, up to the end of the head.
async fn answer_to(address: SocketAddr, head: &str, body: &[u8], times: usize) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..times {
        // It may have hung up already.
        if stream.write_all(body).await.is_err() {
            break;
        }
    }
    let mut answer = [0; 512];
    let read = timeout(PATIENCE, stream.read(&mut answer)).await.unwrap();
    String::from_utf8_lossy(&answer[..read.unwrap_or(0)]).into_owned()
}

#[tokio::test]
async fn ten_thousand_silent_connections_keep_nobody_out() {
    let limit = rlimit::increase_nofile_limit(rlimit::INFINITY).unwrap_or(1_024);
    let count = SILENT_MAX.min(limit.saturating_sub(SPARE_HANDLES) / 2);
    if count < SILENT_MAX {
        eprintln!("only {count} connections: the system gives {limit} handles");
    }
    let mut cluster = Cluster::three().await;
    let rpc = cluster.nodes[0].rpc;
    let peers = SocketAddr::new(rpc.ip(), rpc.port() + 3);
    let one = silent(rpc, count / 2, b"").await;
    let other = silent(
        rpc,
        count / 2 + 1,
        b"POST / HTTP/1.1\r\nHost: localhost\r\n",
    )
    .await;
    let strangers = silent(peers, 300, b"PRA").await;
    honest_clients_are_served(&cluster).await;
    // A member that comes back gets past the strangers, too.
    cluster.nodes[1].kill().await;
    cluster.nodes[1].restart().await;
    honest_clients_are_served(&cluster).await;
    drop((one, other, strangers));
}

#[tokio::test]
async fn what_is_too_large_is_refused_and_the_others_are_served() {
    let cluster = Cluster::three().await;
    let rpc = cluster.nodes[0].rpc;
    let head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1073741824\r\n\r\n";
    // Before a byte of it has come.
    let answer = answer_to(rpc, head, b"", 0).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    let piece = format!("{:x}\r\n{}\r\n", 1 << 20, " ".repeat(1 << 20));
    let head = "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    let answer = answer_to(rpc, head, piece.as_bytes(), 51).await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 413 "),
        "{answer}"
    );
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"eth_mining","params":[]}"#;
    let batch = format!("[{}]", vec![call; 100_000].join(","));
    let mut client = Connection::open(rpc).await.unwrap();
    let answer = client.post(&batch).await.unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(answer["error"]["code"], -32600, "{answer}");
    honest_clients_are_served(&cluster).await;
}

#[tokio::test]
async fn who_does_not_read_and_who_never_stops_asking_keep_nobody_waiting() {
    let cluster = Cluster::three().await;
    let node = &cluster.nodes[0];
    node.ask("anvil_setCode", json!([CONTRACT, ENDLESS])).await;
    node.ask(
        "anvil_setCode",
        json!([SOMEBODY, format!("0x{}", "00".repeat(20_000))]),
    )
    .await;
    let call = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"eth_getCode","params":["{SOMEBODY}","latest"]}}"#
    );
    let batch = format!("[{}]", vec![call; 1_000].join(","));
    let request = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{batch}",
        batch.len()
    );
    // 40 MB of answer each, of which nobody reads a byte.
    let unread = silent(node.rpc, 4, request.as_bytes()).await;
    let endless = json!([{"to": CONTRACT, "gas": "0x2faf080"}, "latest"]);
    let flood: Vec<_> = (0..32)
        .map(|_| {
            let (rpc, endless) = (node.rpc, endless.clone());
            tokio::spawn(async move {
                let mut connection = Connection::open(rpc).await.unwrap();
                loop {
                    // It runs out of gas each time.
                    let answer = connection.call("eth_call", endless.clone()).await;
                    assert!(answer.is_err(), "{answer:?}");
                }
            })
        })
        .collect();
    honest_clients_are_served(&cluster).await;
    honest_clients_are_served(&cluster).await;
    for one in &flood {
        assert!(!one.is_finished());
        one.abort();
    }
    drop(unread);
    timeout(Duration::from_mins(1), cluster.agree())
        .await
        .unwrap();
}
