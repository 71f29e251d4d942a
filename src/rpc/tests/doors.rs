//! By which ways clients come in: names of hosts, paths, socket files; and what the node prints of what they ask.

use crate::{
    chain::evm::trace::tree::TreeStyle,
    rpc::{Allowed, Limits, Print, Traces, Trees, testing::Servers},
};
use serde_json::{Value, json};
use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::UnixStream,
};

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}"#;
const NOBODY: &str = "0x00000000000000000000000000000000000000ee";

fn post(host: &str, path: &str) -> String {
    let length = CALL.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{CALL}"
    )
}

/// A page whose name was made to point here (DNS rebinding) calls by that name.
#[tokio::test(flavor = "multi_thread")]
async fn a_rebound_name_is_refused() {
    let servers = Servers::configured(|config, _| {
        config.hosts = Allowed::Only(vec!["localhost".to_owned(), "dev.example".to_owned()]);
    })
    .await;
    for (host, status) in [
        ("localhost:8545", 200),
        ("LocalHost", 200),
        ("127.0.0.1:8545", 200),
        ("[::1]:8545", 200),
        ("192.168.0.7", 200),
        ("dev.example:1", 200),
        ("evil.example", 403),
        ("localhost.evil.example:8545", 403),
        ("127.0.0.1.evil.example", 403),
    ] {
        let (got, _, body) = servers.http(1, &post(host, "/")).await;
        assert_eq!(got, status, "{host}");
        assert_eq!(got == 403, body.contains("--allowed-hosts"), "{body}");
    }
    let upgrade = "GET / HTTP/1.1\r\nhost: evil.example\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                   sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n";
    let mut stream = servers.connect(1).await;
    stream.write_all(upgrade.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 403");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_of_its_own_is_the_only_one_and_websockets_can_be_off() {
    let servers = Servers::configured(|config, _| {
        config.endpoint = Some("/rpc".to_owned());
        config.websockets = false;
    })
    .await;
    assert_eq!(servers.http(1, &post("x", "/rpc")).await.0, 200);
    assert_eq!(servers.http(1, &post("x", "/rpc?key=1")).await.0, 200);
    assert_eq!(servers.http(1, &post("x", "/")).await.0, 404);
    let health = "GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    assert_eq!(servers.http(1, health).await.0, 200);
    let stream = servers.connect(1).await;
    let opened = tokio_tungstenite::client_async("ws://localhost/rpc", stream).await;
    assert!(opened.is_err());
}

struct Ipc {
    lines: tokio::io::Lines<BufReader<tokio::net::unix::OwnedReadHalf>>,
    to: tokio::net::unix::OwnedWriteHalf,
}

impl Ipc {
    async fn open(path: &PathBuf) -> Self {
        let (from, to) = UnixStream::connect(path).await.unwrap().into_split();
        Self {
            lines: BufReader::new(from).lines(),
            to,
        }
    }

    async fn send(&mut self, text: &str) {
        self.to.write_all(text.as_bytes()).await.unwrap();
    }

    async fn next(&mut self) -> Value {
        let line = tokio::time::timeout(Duration::from_mins(1), self.lines.next_line());
        let line = line.await.unwrap().unwrap().unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_file_serves_values_without_framing_and_subscriptions() {
    let folder = tempfile::tempdir().unwrap();
    let path = |node: usize| folder.path().join(format!("{node}.ipc"));
    let servers = Servers::configured(|config, node| config.ipc = Some(path(node))).await;
    let mut ipc = Ipc::open(&path(2)).await;
    // Two at once, one in pieces, no line breaks.
    ipc.send(&format!("{CALL}{}", CALL.replace(":1,", ":2,")))
        .await;
    let (first, second) = (ipc.next().await, ipc.next().await);
    assert_eq!(first["result"], "0x7a69");
    let ids: Vec<_> = [&first, &second].map(|answer| answer["id"].as_u64()).into();
    assert!(ids.contains(&Some(1)) && ids.contains(&Some(2)));
    let (begin, end) = CALL.split_at(20);
    ipc.send(begin).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    ipc.send(end).await;
    assert_eq!(ipc.next().await, first);
    ipc.send(&format!("[{CALL},{CALL}]")).await;
    assert_eq!(ipc.next().await, json!([first, first]));
    ipc.send("nonsense\n").await;
    assert_eq!(ipc.next().await["error"]["code"], -32700);
    let subscribe =
        json!({"jsonrpc": "2.0", "id": 7, "method": "eth_subscribe", "params": ["newHeads"]});
    ipc.send(&subscribe.to_string()).await;
    let subscription = ipc.next().await["result"].clone();
    servers.call(3, "evm_mine", json!([])).await;
    let event = ipc.next().await;
    assert_eq!(event["params"]["subscription"], subscription);
    assert_eq!(event["params"]["result"]["number"], "0x1");
    for server in servers.running {
        server.stop().await;
    }
    assert!(!path(2).exists(), "the file goes with the server");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_beyond_the_limit_ends_the_connection_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("one.ipc");
    let servers = Servers::configured(|config, node| {
        config.limits = Limits {
            request_bytes: 1000,
            ..Limits::default()
        };
        config.ipc = (node == 1).then(|| path.clone());
    })
    .await;
    let mut ipc = Ipc::open(&path).await;
    ipc.send(&format!("[{}", " ".repeat(100_000))).await;
    let ended = tokio::time::timeout(Duration::from_mins(1), ipc.lines.next_line());
    assert!(!matches!(ended.await.unwrap(), Ok(Some(_))));
    let mut again = Ipc::open(&path).await;
    again.send(CALL).await;
    assert_eq!(again.next().await["result"], "0x7a69");
    drop(servers);
}

/// What nodes print of executions, with the node.
type Printed = Arc<Mutex<Vec<(usize, String)>>>;

async fn printing(trees: Option<Trees>, opcodes: bool) -> (Servers, Printed) {
    let printed = Printed::default();
    let seen = Arc::clone(&printed);
    let servers = Servers::configured(move |config, node| {
        let seen = Arc::clone(&seen);
        let print = move |text: &str| seen.lock().unwrap().push((node, text.to_owned()));
        config.traces = Some(Traces {
            print: Print(Arc::new(print)),
            trees,
            opcodes,
        });
    })
    .await;
    (servers, printed)
}

async fn taken(printed: &Printed, count: usize) -> Vec<(usize, String)> {
    for _ in 0..500 {
        if printed.lock().unwrap().len() >= count {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    std::mem::take(&mut *printed.lock().unwrap())
}

/// The trees are those that anvil 1.7.1 prints for the same code.
#[tokio::test(flavor = "multi_thread")]
async fn trees_are_anvils_and_printed_by_the_node_that_was_asked() {
    let trees = Trees {
        failed_only: false,
        style: TreeStyle::default(),
    };
    let (servers, printed) = printing(Some(trees), false).await;
    let code = "0x60206000600060006000620c0de05af1600052602060006020600060025afa50602060006000a060aa60206000a160206000f3";
    for (address, code) in [("0c0de1", code), ("0c0de0", "0x60006000fd")] {
        let params = json!([format!("0x{address:0>40}"), code]);
        servers.call(1, "anvil_setCode", params).await;
    }
    let call = json!([{"to": format!("0x{:0>40}", "0c0de0"), "data": "0xdeadbeef00"}]);
    servers.error(3, "eth_call", call).await;
    assert_eq!(
        taken(&printed, 1).await,
        [(
            3,
            "Traces:\n  [6] 0x00000000000000000000000000000000000c0De0::deadbeef(00)\n    └─ ← [Revert] EvmError: Revert\n"
                .to_owned()
        )]
    );
    let from = servers.account(0);
    let send = json!([{"from": from, "to": format!("0x{:0>40}", "0c0de1"), "gas": "0x186a0"}]);
    servers.call(2, "eth_sendTransaction", send).await;
    let tree = "Traces:
  [4231] 0x00000000000000000000000000000000000c0dE1::fallback()
    ├─ [6] 0x00000000000000000000000000000000000c0De0::fallback()
    │   └─ ← [Revert] EvmError: Revert
    ├─ [72] PRECOMPILES::sha256(0x0000000000000000000000000000000000000000000000000000000000000000) [staticcall]
    │   └─ ← [Return] 0x66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925
    ├─           data: 0x
    ├─  emit topic 0: 0x00000000000000000000000000000000000000000000000000000000000000aa
    │           data: 0x66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925
    └─ ← [Return] 0x66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925
";
    assert_eq!(taken(&printed, 1).await, [(2, tree.to_owned())]);
    let pay = json!([{"from": from, "to": NOBODY, "value": "0x1", "gas": "0x5208"}]);
    servers.call(1, "eth_sendTransaction", pay).await;
    let paid = taken(&printed, 1).await;
    assert!(
        paid[0]
            .1
            .contains("::fallback{value: 1}()\n    └─ ← [Stop]"),
        "{paid:?}"
    );
    let create = json!([{"from": from, "gas": "0x186a0", "data": "0x6001600c60003960016000f300"}]);
    servers.call(1, "eth_sendTransaction", create).await;
    let created = taken(&printed, 1).await;
    assert!(created[0].1.contains("→ new <unknown>@0x"), "{created:?}");
    assert!(
        created[0].1.contains("← [Return] 1 bytes of code"),
        "{created:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_third_v_shows_failures_alone_and_opcodes_are_lines() {
    let trees = Trees {
        failed_only: true,
        style: TreeStyle::default(),
    };
    let (servers, printed) = printing(Some(trees), false).await;
    servers.call(1, "eth_call", json!([{"to": NOBODY}])).await;
    let from = servers.account(0);
    let pay = json!([{"from": from, "to": NOBODY, "gas": "0x5208"}]);
    servers.call(1, "eth_sendTransaction", pay).await;
    let fails = json!([NOBODY, "0xfe"]);
    servers.call(1, "anvil_setCode", fails).await;
    let send = json!([{"from": from, "to": NOBODY, "gas": "0x186a0"}]);
    servers.call(2, "eth_sendTransaction", send).await;
    let shown = taken(&printed, 1).await;
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert!(
        shown[0].0 == 2
            && shown[0]
                .1
                .contains("← [InvalidFEOpcode] EvmError: InvalidFEOpcode"),
        "{shown:?}"
    );

    let (servers, printed) = printing(None, true).await;
    let code = json!([NOBODY, "0x6001600201"]);
    servers.call(1, "anvil_setCode", code).await;
    let send = json!([{"from": servers.account(0), "to": NOBODY, "gas": "0x186a0"}]);
    servers.call(2, "eth_sendTransaction", send).await;
    let shown = taken(&printed, 1).await;
    let names: Vec<_> = shown[0]
        .1
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().nth(1))
        .collect();
    assert_eq!(names, ["PUSH1", "PUSH1", "ADD", "STOP"]);
}
