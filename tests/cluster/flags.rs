//! Flags as people type them for anvil and ganache, with what they do on a running node; and praline in the background.

use crate::{
    command_line::single,
    damage::assert_refused,
    harness::{self, Cluster, Node, Options, Program, free_ports, run},
};
use serde_json::{Value, json};
use std::{fs, path::Path, process::Command};

const REVERTER: &str = "0x60006000fd";
const CONTRACT: &str = "0x00000000000000000000000000000000000c0de0";
const NOBODY: &str = "0x00000000000000000000000000000000000000ee";

/// One node that was started elsewhere.
fn node_at(port: &str) -> Node {
    let mut cluster = Cluster::planned(&Options {
        nodes: 1,
        ..Options::default()
    });
    let mut node = cluster.nodes.remove(0);
    node.reach(format!("127.0.0.1:{port}").parse().unwrap());
    node
}

async fn timestamp(node: &Node) -> u64 {
    let head = node.head().await;
    let digits = head["timestamp"]
        .as_str()
        .unwrap()
        .trim_start_matches("0x")
        .to_owned();
    u64::from_str_radix(&digits, 16).unwrap()
}

/// Waits until the file holds the text.
async fn until_written(path: &Path, text: &str) -> String {
    for _ in 0..3_000 {
        let written = fs::read_to_string(path).unwrap_or_default();
        if written.contains(text) {
            return written;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!(
        "{} has no {text}: {:?}",
        path.display(),
        fs::read_to_string(path)
    );
}

#[tokio::test]
async fn a_command_line_of_ganache_works_as_it_is() {
    let words = "--chain.chainId 1337 --chain.networkId 5777 --wallet.deterministic --wallet.totalAccounts 3 \
                 --wallet.defaultBalance 1000 --chain.hardfork shanghai --chain.vmErrorsOnRPCResponse true \
                 --miner.defaultGasPrice 0x77359400 --miner.blockGasLimit 0x1c9c380 --miner.instamine eager \
                 --miner.coinbase 0x00000000000000000000000000000000000000c0 --errors ganache \
                 --wallet.accountKeysPath keys.json --chain.asyncRequestProcessing false";
    let words: Vec<&str> = words.split_whitespace().collect();
    let (program, folder, port) = single(&words, &[]).await;
    let node = node_at(&port);
    assert_eq!(node.ask("eth_chainId", json!([])).await, "0x539");
    assert_eq!(node.ask("net_version", json!([])).await, "5777");
    assert_eq!(node.ask("eth_gasPrice", json!([])).await, "0x77359400");
    let accounts = node.ask("eth_accounts", json!([])).await;
    assert_eq!(accounts[0], "0x90f8bf6a479f320ead074411a4b0e7944ea8c9c1");
    assert_eq!(accounts.as_array().unwrap().len(), 3);
    assert_eq!(
        node.balance(accounts[2].as_str().unwrap()).await,
        10_u128.pow(21)
    );
    let keys: Value =
        serde_json::from_str(&fs::read_to_string(folder.path().join("keys.json")).unwrap())
            .unwrap();
    assert_eq!(
        keys["private_keys"][accounts[0].as_str().unwrap()],
        "0x4f3edf983ac636a65a842ce7c78d9aa706d3b113bce9c46f30d7d21715b23b1d"
    );
    node.ask("anvil_setCode", json!([CONTRACT, REVERTER])).await;
    let send = json!([{"from": accounts[0], "to": CONTRACT, "gas": "0x186a0"}]);
    let refused = node.call("eth_sendTransaction", send).await.unwrap_err();
    assert_eq!(refused.code(), Some(-32000));
    assert!(
        refused
            .to_string()
            .contains("VM Exception while processing transaction: revert"),
        "{refused}"
    );
    let head = node.head().await;
    assert_eq!(
        (&head["number"], &head["miner"]),
        (
            &json!("0x1"),
            &json!("0x00000000000000000000000000000000000000c0")
        )
    );
    // prool takes any other line there for a failed start.
    let said = program.stderr();
    assert!(
        said.lines().all(|line| line.starts_with("Warning: ")) && said.lines().count() == 1,
        "{said}"
    );
    program.kill().await;
}

#[tokio::test]
async fn variables_stand_for_flags_and_foreign_flags_are_refused_in_one_sentence() {
    let variables = [
        ("PRALINE_CHAIN_ID", "99"),
        ("PRALINE_ERRORS", "ganache"),
        ("PRALINE_UNLOCK", NOBODY),
    ];
    let (program, folder, port) = single(&[], &variables).await;
    let node = node_at(&port);
    assert_eq!(node.ask("eth_chainId", json!([])).await, "0x63");
    node.ask("anvil_setBalance", json!([NOBODY, "0xde0b6b3a7640000"]))
        .await;
    let send = json!([{"from": NOBODY, "to": CONTRACT}]);
    node.ask("eth_sendTransaction", send).await;
    program.kill().await;
    for words in [
        &["--fork.url", "http://x"][..],
        &["-f", "http://x"],
        &["--celo"],
        &["-n", "optimism"],
    ] {
        let ended = run(folder.path(), words).await;
        assert_eq!(ended.status.code(), Some(2), "{}", ended.stderr);
        assert!(
            ended.stderr.contains("praline") && !ended.stderr.contains("panicked"),
            "{}",
            ended.stderr
        );
    }
}

#[tokio::test]
async fn time_goes_on_from_the_time_that_is_given_as_in_anvil() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_ports(3);
    let args = [
        "--nodes",
        "3",
        "--port",
        &port.to_string(),
        "--ephemeral",
        "--timestamp",
        "1000",
    ];
    let mut program = Program::start(folder.path(), args);
    program.until_printed("Listening on", 3).await;
    let nodes: Vec<Node> = (port..port + 3)
        .map(|port| node_at(&port.to_string()))
        .collect();
    assert_eq!(timestamp(&nodes[0]).await, 1000);
    nodes[1].ask("evm_mine", json!([])).await;
    let first = timestamp(&nodes[2]).await;
    assert!((1001..1060).contains(&first), "{first}");
    nodes[2].ask("evm_increaseTime", json!([3600])).await;
    nodes[0].ask("evm_mine", json!([])).await;
    for node in &nodes {
        let second = timestamp(node).await;
        assert!((first + 3599..first + 3700).contains(&second), "{second}");
    }
    program.kill().await;
}

#[tokio::test]
async fn every_block_is_so_much_later_where_users_say_so() {
    let (program, _folder, port) = single(
        &["--timestamp-increment", "12", "--extra-data", "0x1234"],
        &[],
    )
    .await;
    let node = node_at(&port);
    let start = timestamp(&node).await;
    node.ask("anvil_mine", json!(["0x3"])).await;
    assert_eq!(timestamp(&node).await, start + 36);
    assert_eq!(node.head().await["extraData"], "0x1234");
    program.kill().await;
}

#[tokio::test]
async fn what_nobody_can_pay_waits_where_the_pool_does_not_look() {
    let (program, _folder, port) = single(
        &[
            "--disable-pool-balance-checks",
            "--auto-impersonate",
            "--price-bump",
            "50",
        ],
        &[],
    )
    .await;
    let node = node_at(&port);
    let fees = json!({"from": NOBODY, "to": CONTRACT, "gas": "0x5208", "nonce": "0x0",
                      "maxFeePerGas": "0x77359400", "maxPriorityFeePerGas": "0x3b9aca00"});
    let hash = node.ask("eth_sendTransaction", json!([fees])).await;
    assert_eq!(
        node.ask("eth_getTransactionReceipt", json!([hash])).await,
        Value::Null
    );
    // 20 % more is not enough here.
    let mut more = fees.clone();
    more["maxFeePerGas"] = json!("0x8f0d1800");
    more["maxPriorityFeePerGas"] = json!("0x47868c00");
    let refused = node
        .call("eth_sendTransaction", json!([more]))
        .await
        .unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("replacement transaction underpriced"),
        "{refused}"
    );
    node.ask("anvil_setBalance", json!([NOBODY, "0xde0b6b3a7640000"]))
        .await;
    node.ask("evm_mine", json!([])).await;
    let receipt = node.ask("eth_getTransactionReceipt", json!([hash])).await;
    assert_eq!(receipt["status"], "0x1");
    program.kill().await;
}

#[tokio::test]
async fn the_output_is_anvils_and_a_file_gets_it_with_times() {
    let (mut program, folder, port) = single(&["-vvv", "--logging.file", "log.txt"], &[]).await;
    let node = node_at(&port);
    node.ask("anvil_setCode", json!([CONTRACT, REVERTER])).await;
    let from = node.ask("eth_accounts", json!([])).await[0].clone();
    let send = json!([{"from": from, "to": CONTRACT, "gas": "0x186a0", "data": "0xdeadbeef00"}]);
    let hash = node.ask("eth_sendTransaction", send).await;
    program.until_printed("    Block Time:", 1).await;
    program
        .until_printed(
            "  [6] 0x00000000000000000000000000000000000c0De0::deadbeef(00)",
            1,
        )
        .await;
    let _ = node.call("eth_call", json!([{"to": CONTRACT}])).await;
    program.until_printed("RPC request failed:", 1).await;
    let stdout = program.stdout();
    let block = format!(
        "\n    Transaction: {}\n    Gas used: 21170\n    Error: reverted with: EvmError: Revert\n\n    Block Number: 1\n    Block Hash: 0x",
        hash.as_str().unwrap()
    );
    assert!(stdout.contains(&block), "{stdout}");
    assert!(stdout.contains("\neth_sendTransaction\n"), "{stdout}");
    let path = folder.path().join("log.txt");
    let log = until_written(&path, "RPC request failed:").await;
    let line = log
        .lines()
        .find(|line| line.ends_with(" eth_sendTransaction"))
        .unwrap();
    assert!(
        line.starts_with("20") && line.as_bytes()[10] == b'T' && line.contains("Z "),
        "{line}"
    );
    program.kill().await;

    let args = [
        "--nodes",
        "1",
        "--port",
        "0",
        "--ephemeral",
        "--quiet",
        "--log-file",
        "quiet.txt",
    ];
    let program = Program::start(folder.path(), args);
    until_written(&folder.path().join("quiet.txt"), "Listening on").await;
    program.signal("TERM");
    let ended = program.ended().await;
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""));
}

/// What flags say of files and display can stand in the config, with paths from there.
#[tokio::test]
async fn a_config_says_what_flags_would_about_files_and_display() {
    const LISTENING: &str = "{\"address\":";
    let folder = tempfile::tempdir().unwrap();
    let port = free_ports(1);
    let options = Options {
        nodes: 1,
        storage: "ephemeral = true\n[files]\nstate = \"chain.json\"\nconfig_out = \"accounts.json\"\n\
                  [display]\njson = true\nlog_file = \"all.log\"\n[process]\nthreads = 1\n",
        ..Options::default()
    };
    let config = harness::config(&options, port);
    let beside = folder.path().join("lab");
    fs::create_dir(&beside).unwrap();
    fs::write(beside.join("one.toml"), config).unwrap();
    let start = async || {
        let mut program = Program::start(folder.path(), ["--config", "lab/one.toml"]);
        program.until_printed(LISTENING, 1).await;
        (program, node_at(&port.to_string()))
    };
    let (program, node) = start().await;
    let rich = json!([NOBODY, "0x7"]);
    node.call("anvil_setBalance", rich).await.unwrap();
    node.call("evm_mine", json!([])).await.unwrap();
    program.signal("INT");
    assert_eq!(program.ended().await.status.code(), Some(0));
    let accounts = fs::read_to_string(beside.join("accounts.json")).unwrap();
    assert!(accounts.contains("available_accounts"), "{accounts}");
    until_written(&beside.join("all.log"), "listening").await;
    let (program, node) = start().await;
    let balance = node.call("eth_getBalance", json!([NOBODY, "latest"])).await;
    assert_eq!(balance.unwrap(), "0x7", "the dump was not loaded");
    program.signal("INT");
    assert_eq!(program.ended().await.status.code(), Some(0));
}

#[tokio::test]
async fn each_node_has_its_socket_file_and_takes_it_away() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_ports(3).to_string();
    let args = [
        "--nodes",
        "3",
        "--port",
        &port,
        "--ephemeral",
        "--ipc",
        "praline.ipc",
    ];
    let mut program = Program::start(folder.path(), args);
    program.until_printed("Listening on", 3).await;
    for name in ["praline.ipc", "praline-2.ipc", "praline-3.ipc"] {
        let path = folder.path().join(name);
        let mut stream = tokio::net::UnixStream::connect(&path).await.unwrap();
        let call = br#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}"#;
        tokio::io::AsyncWriteExt::write_all(&mut stream, call)
            .await
            .unwrap();
        let mut lines = tokio::io::AsyncBufReadExt::lines(tokio::io::BufReader::new(stream));
        let answer: Value =
            serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
        assert_eq!(answer["result"], "0x7a69", "{name}");
    }
    program.signal("TERM");
    assert_eq!(program.ended().await.status.code(), Some(0));
    assert!(!folder.path().join("praline-2.ipc").exists());
    fs::write(folder.path().join("praline.ipc"), "precious").unwrap();
    let ended = run(folder.path(), args).await;
    assert_refused(&ended, 1, &["praline.ipc"]);
}

#[tokio::test]
async fn an_instance_in_the_background_is_listed_and_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("state");
    let variables = [("XDG_STATE_HOME", home.to_str().unwrap())];
    let started =
        |words: &[&str]| Program::start_with(folder.path(), words.to_vec(), &variables).ended();
    let port = free_ports(1).to_string();
    let detached = started(&["--nodes", "1", "--port", &port, "--ephemeral", "-D"]).await;
    assert_eq!(detached.status.code(), Some(0), "{}", detached.stderr);
    let name = detached.stdout.trim().to_owned();
    assert!(
        !name.is_empty() && !name.contains(char::is_whitespace),
        "{name}"
    );
    // It is ready, and lives on.
    assert_eq!(node_at(&port).ask("eth_chainId", json!([])).await, "0x7a69");
    let listed = started(&["instances", "list"]).await;
    assert!(
        listed.stdout.contains(&name) && listed.stdout.contains(&port),
        "{}",
        listed.stdout
    );
    let stopped = started(&["instances", "stop", &name]).await;
    assert_eq!(stopped.status.code(), Some(0), "{}", stopped.stderr);
    assert!(node_at(&port).call("eth_chainId", json!([])).await.is_err());
    let again = started(&["instances", "stop", &name]).await;
    assert_refused(&again, 1, &[&name]);

    // A crash leaves its file; nobody is taken in by it.
    let detached = started(&["--nodes", "1", "--port", &port, "--ephemeral", "--detach"]).await;
    let name = detached.stdout.trim().to_owned();
    let record = home.join("praline/instances").join(format!("{name}.json"));
    let told: Value = serde_json::from_str(&fs::read_to_string(&record).unwrap()).unwrap();
    let killed = Command::new("kill")
        .args(["-KILL", &told["pid"].to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    while node_at(&port).call("eth_chainId", json!([])).await.is_ok() {}
    let listed = started(&["instances", "list"]).await;
    assert!(!listed.stdout.contains(&name), "{}", listed.stdout);
    assert!(!record.exists());

    // One that cannot start says why.
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let refused = started(&["--nodes", "1", "--port", &port, "--ephemeral", "--detach"]).await;
    assert_refused(&refused, 1, &[&port]);
}
