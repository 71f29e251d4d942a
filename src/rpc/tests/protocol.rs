//! HTTP and JSON-RPC: what a client sees before any method is at work.

use crate::rpc::{Allowed, Limits, testing::Servers};
use serde_json::{Value, json};

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}"#;
const CHAIN_ID: &str = r#"{"jsonrpc":"2.0","id":1,"result":"0x7a69"}"#;

fn request(method: &str, path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn http_is_lenient_as_that_of_anvil() {
    let servers = Servers::start().await;
    for (text, status, body) in [
        (request("POST", "/", "", CALL), 200, CHAIN_ID),
        (
            request("POST", "/v1/key", "content-type: text/plain\r\n", CALL),
            200,
            CHAIN_ID,
        ),
        (request("GET", "/healthz", "", ""), 200, "ok"),
        (request("GET", "/", "", ""), 400, "JSON-RPC"),
        (request("PUT", "/", "", CALL), 405, "POST"),
        (request("POST", "/", "", ""), 200, "-32700"),
        (request("OPTIONS", "/", "origin: http://a\r\n", ""), 200, ""),
    ] {
        let (got, head, answer) = servers.http(2, &text).await;
        assert_eq!(got, status, "{text}");
        assert!(answer.contains(body), "{text}: {answer}");
        assert!(head.contains("access-control-allow-origin: *"), "{head}");
    }
    let preflight = "origin: http://a\r\naccess-control-request-headers: x-y\r\n";
    let (_, head, _) = servers
        .http(1, &request("OPTIONS", "/", preflight, ""))
        .await;
    assert!(head.contains("access-control-allow-headers: x-y"), "{head}");
    assert!(
        head.contains("access-control-allow-methods: post"),
        "{head}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_and_sizes_are_limited_where_the_config_says_so() {
    let limits = Limits {
        request_bytes: 100,
        ..Limits::default()
    };
    let origins = Allowed::Only(vec!["http://good".to_owned()]);
    let servers = Servers::with(limits, origins).await;
    for (headers, allowed) in [
        ("origin: http://good\r\n", true),
        ("origin: http://bad\r\n", false),
        ("", false),
    ] {
        let (status, head, _) = servers.http(1, &request("POST", "/", headers, CALL)).await;
        assert_eq!(status, 200);
        assert_eq!(
            head.contains("access-control-allow-origin: http://good"),
            allowed
        );
    }
    let (status, ..) = servers
        .http(1, &request("POST", "/", "", &" ".repeat(101)))
        .await;
    assert_eq!(status, 413);
}

#[tokio::test(flavor = "multi_thread")]
async fn envelopes() {
    let servers = Servers::start().await;
    for (body, answer) in [
        (
            r#"{"jsonrpc":"2.0","id":-1.5,"method":"net_listening","params":null}"#,
            r#"{"jsonrpc":"2.0","id":-1.5,"result":true}"#,
        ),
        (
            r#"{"jsonrpc":"2.0","id":"a","method":"eth_fooBar","params":[]}"#,
            r#"{"jsonrpc":"2.0","id":"a","error":{"code":-32601,"message":"the method eth_fooBar does not exist/is not available"}}"#,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]}"#,
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"notifications not supported"}}"#,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"eth_getBalance","params":{"address":"0x1"}}"#,
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"the parameters must be an array, not an object"}}"#,
        ),
        (r#"{"jsonrpc":"2.0","method":"eth_chainId"}"#, ""),
        (r#"[{"jsonrpc":"2.0","method":"eth_chainId"}]"#, ""),
        (
            "[]",
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"empty batch"}}"#,
        ),
        (
            r#"[{"id":1,"method":"eth_chainId"},7,{"id":2,"method":"net_version"}]"#,
            r#"[{"jsonrpc":"2.0","id":1,"result":"0x7a69"},{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"invalid request"}},{"jsonrpc":"2.0","id":2,"result":"31337"}]"#,
        ),
    ] {
        assert_eq!(servers.post(1, body).await, answer, "{body}");
    }
    let broken: Value = serde_json::from_str(&servers.post(1, r#"{"id":1,"#).await).unwrap();
    assert_eq!(broken["error"]["code"], -32700);
}

/// A batch is what its calls are one after the other: each timestamp is that of its block.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_keeps_its_order() {
    let servers = Servers::start().await;
    let mut batch = Vec::new();
    for step in 0..5_u64 {
        let call = |id: u64, method: &str, params: Value| json!({"id": id, "method": method, "params": params});
        batch.push(call(
            step,
            "evm_setNextBlockTimestamp",
            json!([2_000_000_000 + 10 * step]),
        ));
        batch.push(call(step, "evm_mine", json!([])));
        batch.push(call(step, "eth_getBlockByNumber", json!(["latest", false])));
        batch.push(call(step, "eth_blockNumber", json!([])));
    }
    let answers: Vec<Value> =
        serde_json::from_str(&servers.post(2, &Value::from(batch).to_string()).await).unwrap();
    for step in 0..5_usize {
        let block = &answers[4 * step + 2]["result"];
        assert_eq!(
            block["timestamp"],
            format!("0x{:x}", 2_000_000_000 + 10 * step)
        );
        assert_eq!(answers[4 * step + 3]["result"], format!("0x{:x}", step + 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_too_large_are_refused_one_by_one() {
    let limits = Limits {
        response_bytes: 2000,
        ..Limits::default()
    };
    let servers = Servers::with(limits, Allowed::Any).await;
    let call = r#"{"id":1,"method":"eth_getBlockByNumber","params":["0x0",false]}"#;
    let answer = servers.post(1, &format!("[{call},{call},{call}]")).await;
    let answers: Vec<Value> = serde_json::from_str(&answer).unwrap();
    assert!(answers[0]["result"].is_object());
    assert_eq!(answers[2]["error"]["code"], -32000);
    assert_eq!(answers[2]["id"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_kept_and_a_stopped_server_refuses() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut servers = Servers::start().await;
    let mut stream = servers.connect(1).await;
    let call = format!(
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{CALL}",
        CALL.len()
    );
    for _ in 0..3 {
        stream.write_all(call.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(CHAIN_ID.as_bytes()) {
            assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0);
        }
    }
    assert_eq!(*servers.requests.lock().unwrap(), ["eth_chainId"; 3]);
    let server = servers.running.remove(0);
    let address = server.local_addr();
    server.stop().await;
    assert_eq!(stream.read(&mut [0; 16]).await.unwrap(), 0);
    // Refused; or somebody else's by now, who has the port next.
    if let Ok(mut other) = tokio::net::TcpStream::connect(address).await {
        let _ = other.write_all(call.as_bytes()).await;
        let _ = other.read(&mut [0; 16]).await;
    }
    assert_eq!(servers.requests.lock().unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_without_a_leader_says_so() {
    let servers = Servers::start().await;
    servers.cluster.move_leader(None);
    let answer = servers.answer(2, "evm_mine", json!([])).await;
    assert_eq!(answer["error"]["code"], -32005, "{answer}");
    assert_eq!(answer["error"]["message"], "no leader is currently elected");
    assert_eq!(answer["error"]["data"]["knownLeader"], Value::Null);
    assert!(answer["error"]["data"]["retryAfterMs"].is_u64());
    let (code, _) = servers.error(2, "eth_blockNumber", json!([])).await;
    assert_eq!(code, -32005);
    let status = servers.call(2, "cluster_status", json!([])).await;
    assert_eq!(
        (&status["leader"], &status["node"]),
        (&Value::Null, &json!("node2"))
    );
}
