//! What scripts and tools rely on: banner, ready lines, exit codes, streams, slots, `status` and `keys`.

use crate::{
    damage::assert_refused,
    harness::{Cluster, Connection, Options, Program, free_ports, run},
};
use serde_json::{Value, json};
use std::fs;

fn address_of(line: &str) -> &str {
    line.trim_start_matches("Listening on ")
        .split_whitespace()
        .next()
        .unwrap()
}

pub(crate) async fn single(
    extra: &[&str],
    environment: &[(&str, &str)],
) -> (Program, tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let port = free_ports(1).to_string();
    let args = ["--nodes", "1", "--port", &port, "--ephemeral"];
    let mut program = Program::start_with(folder.path(), args.iter().chain(extra), environment);
    program.until_printed("Listening on", 1).await;
    (program, folder, port)
}

#[tokio::test]
async fn the_banner_is_what_tools_parse_and_stderr_is_silent() {
    let (program, _folder, port) = single(&[], &[("NO_COLOR", "1")]).await;
    let stdout = program.stdout();
    assert!(
        !stdout.contains('\u{1b}'),
        "NO_COLOR is honoured: {stdout:?}"
    );
    let lines: Vec<_> = stdout.lines().collect();
    let place = |start: &str| {
        lines
            .iter()
            .position(|line| line.starts_with(start))
            .unwrap_or_else(|| panic!("no {start} in {stdout}"))
    };
    assert!(place("Available Accounts") < place("Private Keys"));
    assert!(place("Private Keys") < place("Chain ID") && place("Chain ID") < place("Listening on"));
    // As alloy's node bindings do: after `Private Keys` every line that starts with `(` holds a key.
    let keys: Vec<_> = lines[place("Private Keys")..]
        .iter()
        .filter(|line| line.starts_with('('))
        .collect();
    assert_eq!(keys.len(), 10);
    for (number, line) in keys.iter().enumerate() {
        let key = line
            .strip_prefix(&format!("({number}) 0x"))
            .unwrap_or_else(|| panic!("{line}"));
        assert!(key.len() == 64 && alloy::hex::decode(key).is_ok(), "{line}");
    }
    let ready = lines[place("Listening on")];
    assert_eq!(
        address_of(ready)
            .parse::<std::net::SocketAddr>()
            .unwrap()
            .to_string(),
        format!("127.0.0.1:{port}")
    );
    program.signal("TERM");
    let ended = program.ended().await;
    assert_eq!(ended.status.code(), Some(0), "SIGTERM");
    assert_eq!(ended.stderr, "", "stderr is silent");
}

/// Issue 4, embedding: nothing is left running where the program that started it is gone, also after SIGKILL.
#[tokio::test]
async fn the_end_of_standard_input_stops_it_where_that_is_asked_for() {
    let (program, _folder, _) = single(&["--exit-with-stdin"], &[]).await;
    let ended = program.ended().await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    let (program, _folder, _) = single(&[], &[("PRALINE_EXIT_WITH_STDIN", "true")]).await;
    assert_eq!(program.ended().await.status.code(), Some(0));
}

#[tokio::test]
async fn signals_end_it_with_0_and_quiet_prints_nothing() {
    for signal in ["INT", "TERM"] {
        let (program, _folder, _) = single(&[], &[]).await;
        program.signal(signal);
        assert_eq!(program.ended().await.status.code(), Some(0), "SIG{signal}");
    }
    let folder = tempfile::tempdir().unwrap();
    let port = free_ports(1);
    let program = Program::start(
        folder.path(),
        [
            "--nodes",
            "1",
            "--port",
            &port.to_string(),
            "--ephemeral",
            "--silent",
        ],
    );
    let mut cluster = Cluster::planned(&Options {
        nodes: 1,
        ..Options::default()
    });
    cluster.nodes[0].reach(([127, 0, 0, 1], port).into());
    while cluster.nodes[0]
        .call("eth_chainId", json!([]))
        .await
        .is_err()
    {
        tokio::task::yield_now().await;
    }
    program.signal("INT");
    let ended = program.ended().await;
    assert_eq!(
        (
            ended.status.code(),
            ended.stdout.as_str(),
            ended.stderr.as_str()
        ),
        (Some(0), "", "")
    );
}

#[tokio::test]
async fn a_port_in_use_is_said_with_exit_code_1_and_a_wrong_flag_with_2() {
    let (_program, folder, port) = single(&[], &[]).await;
    let ended = run(
        folder.path(),
        ["--nodes", "1", "--port", &port, "--ephemeral"],
    )
    .await;
    assert_refused(&ended, 1, &[&port]);
    let ended = run(folder.path(), ["--no-such-flag"]).await;
    assert_eq!(ended.status.code(), Some(2), "{}", ended.stderr);
    let ended = run(folder.path(), ["--nodes", "0"]).await;
    assert_eq!(ended.status.code(), Some(2), "{}", ended.stderr);
}

#[tokio::test]
async fn help_reads_well_and_ends_with_examples() {
    let folder = tempfile::tempdir().unwrap();
    let ended = run(folder.path(), ["--help"]).await;
    assert_eq!(ended.status.code(), Some(0));
    assert!(
        ended.stdout.contains("Examples:") && ended.stdout.contains("--chain-id"),
        "{}",
        ended.stdout
    );
    let ended = run(folder.path(), ["--version"]).await;
    assert_eq!(
        ended.stdout.trim(),
        format!("praline {}", env!("CARGO_PKG_VERSION"))
    );
}

#[tokio::test]
async fn flags_with_anvils_names_do_what_anvils_do() {
    let flags = [
        "--chain-id",
        "4242",
        "--accounts",
        "3",
        "--balance",
        "7",
        "--gas-limit",
        "9000000",
        "--hardfork",
        "cancun",
    ];
    let (program, _folder, port) = single(&flags, &[]).await;
    let mut cluster = Cluster::planned(&Options {
        nodes: 1,
        ..Options::default()
    });
    cluster.nodes[0].reach(format!("127.0.0.1:{port}").parse().unwrap());
    let node = &cluster.nodes[0];
    assert_eq!(node.ask("eth_chainId", json!([])).await, "0x1092");
    let accounts = node.ask("eth_accounts", json!([])).await;
    assert_eq!(accounts.as_array().unwrap().len(), 3);
    assert_eq!(
        node.balance(accounts[2].as_str().unwrap()).await,
        7 * 10_u128.pow(18)
    );
    assert_eq!(node.head().await["gasLimit"], "0x895440");
    assert!(
        node.head().await.get("requestsHash").is_none(),
        "Cancun has no requests"
    );
    program.kill().await;
}

#[tokio::test]
async fn interval_mining_from_the_command_line_makes_blocks_and_no_mining_none() {
    let (program, _folder, port) = single(&["--no-mining"], &[]).await;
    let mut cluster = Cluster::planned(&Options {
        nodes: 1,
        ..Options::default()
    });
    cluster.nodes[0].reach(format!("127.0.0.1:{port}").parse().unwrap());
    let node = &cluster.nodes[0];
    let accounts = node.ask("eth_accounts", json!([])).await;
    let hash = node
        .ask(
            "eth_sendTransaction",
            json!([{"from": accounts[0], "to": accounts[1], "value": "0x1"}]),
        )
        .await;
    assert_eq!(
        node.ask("eth_getTransactionReceipt", json!([hash])).await,
        Value::Null
    );
    node.ask("evm_mine", json!([])).await;
    assert_eq!(
        node.ask("eth_getTransactionReceipt", json!([hash])).await["blockNumber"],
        "0x1"
    );
    program.kill().await;
}

#[tokio::test]
async fn three_in_one_process_are_one_chain_at_three_ports() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_ports(3);
    let args = [
        "--nodes",
        "3",
        "--port",
        &port.to_string(),
        "--data-dir",
        "data",
    ];
    let mut heads = Vec::new();
    for _ in 0..2 {
        let mut program = Program::start(folder.path(), args);
        program.until_printed("Listening on", 3).await;
        let keys = program
            .stdout()
            .lines()
            .filter(|line| line.starts_with("Private Keys"))
            .count();
        assert_eq!(keys, 1, "one banner a cluster");
        let mut cluster = Cluster::planned(&Options {
            nodes: 3,
            ..Options::default()
        });
        for (node, port) in cluster.nodes.iter_mut().zip(port..) {
            node.reach(([127, 0, 0, 1], port).into());
        }
        for node in &cluster.nodes {
            heads.push(node.head().await["hash"].clone());
        }
        if heads.len() == 3 {
            cluster.nodes[1].ask("evm_mine", json!([])).await;
            heads = vec![cluster.nodes[2].head().await["hash"].clone(); 1];
        }
        program.signal("TERM");
        assert_eq!(program.ended().await.status.code(), Some(0));
    }
    assert_eq!(
        heads,
        vec![heads[0].clone(); 4],
        "the chain survives a restart"
    );
}

/// The config of the cluster that this project replaces, on six other ports.
fn originals_config(first: u16) -> String {
    let mut text = fs::read_to_string("chain-config/decentralized-ganache.toml").unwrap();
    for (step, port) in (first..first + 3).enumerate() {
        text = text.replace(
            &format!("127.0.0.1:{}\"", 8545 + step),
            &format!("127.0.0.1:{port}\""),
        );
        text = text.replace(
            &format!("127.0.0.1:{}\"", 3000 + step),
            &format!("127.0.0.1:{}\"", port + 3),
        );
    }
    text
}

/// The walk of the cluster that this project replaces: its config, the same command in three terminals.
#[tokio::test]
async fn the_originals_config_in_three_terminals_without_names() {
    let folder = tempfile::tempdir().unwrap();
    let first = free_ports(6);
    fs::write(folder.path().join("ganache.toml"), originals_config(first)).unwrap();
    // All at the same moment: each must take a slot of its own.
    let mut terminals: Vec<_> = (0..3)
        .map(|_| Program::start(folder.path(), ["node", "--config", "ganache.toml"]))
        .collect();
    let mut taken = Vec::new();
    for terminal in &mut terminals {
        terminal.until_printed("Listening on", 1).await;
        let stdout = terminal.stdout();
        let line = stdout
            .lines()
            .find(|line| line.starts_with("Listening on"))
            .unwrap();
        taken.push(address_of(line).to_owned());
    }
    taken.sort();
    assert_eq!(
        taken,
        (first..first + 3)
            .map(|port| format!("127.0.0.1:{port}"))
            .collect::<Vec<_>>()
    );

    let mut cluster = Cluster::planned(&Options::default());
    for (node, address) in cluster.nodes.iter_mut().zip(&taken) {
        node.reach(address.parse().unwrap());
    }
    let genesis = cluster.nodes[0]
        .patient("eth_getBlockByNumber", json!(["earliest", false]))
        .await;
    assert_eq!(genesis["timestamp"], format!("{:#x}", 1_544_572_800));
    let accounts = cluster.nodes[0].ask("eth_accounts", json!([])).await;
    for node in &cluster.nodes {
        assert_eq!(node.ask("net_version", json!([])).await, "86");
        assert_eq!(
            node.patient("eth_getBlockByNumber", json!(["earliest", false]))
                .await,
            genesis
        );
        assert_eq!(
            node.balance(accounts[0].as_str().unwrap()).await,
            10_u128.pow(19)
        );
    }
    let fresh = "0x00000000000000000000000000000000000000f1";
    let sent = json!([{"from": accounts[1], "to": fresh, "value": "0x7"}]);
    cluster.nodes[1].ask("eth_sendTransaction", sent).await;
    cluster.nodes[2]
        .ask("cluster_push", json!(["greeting", "hello"]))
        .await;
    for node in &cluster.nodes {
        assert_eq!(node.balance(fresh).await, 7);
        let got = node.ask("cluster_get", json!(["greeting"])).await;
        assert!(got == "hello" || got["value"] == "hello", "{got}");
    }
    let fourth = run(folder.path(), ["node", "--config", "ganache.toml"]).await;
    assert!(!fourth.status.success(), "there is no fourth slot");
    for terminal in terminals {
        terminal.signal("INT");
        assert_eq!(terminal.ended().await.status.code(), Some(0));
    }
}

#[tokio::test]
async fn a_slot_that_is_given_up_is_taken_by_the_next() {
    let mut cluster = Cluster::three().await;
    let gone = cluster.follower().await;
    cluster.nodes[gone].kill().await;
    let mut next = Program::start(cluster.folder(), ["node", "--config", "cluster.toml"]);
    next.until_printed("Listening on", 1).await;
    assert!(
        next.stdout()
            .contains(&format!("Listening on {}", cluster.nodes[gone].rpc)),
        "{}",
        next.stdout()
    );
    let rpc = cluster.nodes[gone].rpc;
    cluster.nodes[gone].reach(rpc);
    cluster.nodes[gone].head().await;
    next.kill().await;
}

#[tokio::test]
async fn the_same_member_cannot_run_twice() {
    let cluster = Cluster::three().await;
    let again = run(
        cluster.folder(),
        ["node", "--config", "cluster.toml", "--node", "node1"],
    )
    .await;
    assert!(!again.status.success());
    assert!(
        !again.stderr.contains("panicked") && !again.stderr.is_empty(),
        "{}",
        again.stderr
    );
    cluster.agree().await;
}

#[tokio::test]
async fn status_tells_who_leads_and_who_is_down() {
    let mut cluster = Cluster::three().await;
    cluster.nodes[0].ask("evm_mine", json!([])).await;
    let leader = cluster.nodes[cluster.leader().await].name.clone();
    let shown = run(cluster.folder(), ["status", "--config", "cluster.toml"]).await;
    assert_eq!(shown.status.code(), Some(0), "{}", shown.stderr);
    for node in &cluster.nodes {
        assert!(shown.stdout.contains(&node.name), "{}", shown.stdout);
    }
    let leads = shown
        .stdout
        .lines()
        .find(|line| line.to_lowercase().contains("leader") && line.contains(&leader));
    assert!(leads.is_some(), "{}", shown.stdout);
    let gone = cluster.follower().await;
    cluster.nodes[gone].kill().await;
    let shown = run(
        cluster.folder(),
        ["status", "--config", "cluster.toml", "--json"],
    )
    .await;
    let parsed: Vec<Value> = match serde_json::from_str::<Value>(&shown.stdout) {
        Ok(one) => one
            .as_array()
            .cloned()
            .or_else(|| one["nodes"].as_array().cloned())
            .unwrap_or_else(|| vec![one]),
        Err(_) => shown
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
    };
    assert!(
        !parsed.is_empty() && shown.stdout.contains(&cluster.nodes[gone].name),
        "{}",
        shown.stdout
    );
}

#[tokio::test]
async fn keys_are_pairs_and_work_in_a_config() {
    let folder = tempfile::tempdir().unwrap();
    let made = run(folder.path(), ["keys", "--count", "3", "--json"]).await;
    assert_eq!(made.status.code(), Some(0), "{}", made.stderr);
    let hex: Vec<&str> = made
        .stdout
        .split(|letter: char| !letter.is_ascii_hexdigit())
        .filter(|word| word.len() == 64 || word.len() == 128)
        .collect();
    let secrets: Vec<_> = hex.iter().filter(|word| word.len() == 128).collect();
    let publics: Vec<_> = hex.iter().filter(|word| word.len() == 64).collect();
    assert_eq!((secrets.len(), publics.len()), (3, 3), "{}", made.stdout);
    for (secret, public) in secrets.iter().zip(&publics) {
        let bytes: [u8; 64] = alloy::hex::decode(secret).unwrap().try_into().unwrap();
        let pair = ed25519_dalek::SigningKey::from_keypair_bytes(&bytes).unwrap();
        assert_eq!(
            alloy::hex::encode(pair.verifying_key().as_bytes()),
            **public
        );
    }
    assert_ne!(secrets[0], secrets[1]);
}

#[tokio::test]
async fn an_unlocked_send_is_of_a_type_that_the_fork_has() {
    for (fork, kind, result) in [
        ("frontier", "0x0", "root"),
        ("byzantium", "0x0", "status"),
        ("london", "0x2", "status"),
        ("amsterdam", "0x2", "status"),
    ] {
        let (program, _folder, port) = single(&["--hardfork", fork], &[]).await;
        let address = format!("127.0.0.1:{port}").parse().unwrap();
        let mut node = Connection::open(address).await.unwrap();
        let accounts = node.call("eth_accounts", json!([])).await.unwrap();
        let send = json!([{ "from": accounts[0], "to": accounts[1], "value": "0x1" }]);
        let hash = node.call("eth_sendTransaction", send).await.unwrap();
        let receipt = node
            .call("eth_getTransactionReceipt", json!([hash]))
            .await
            .unwrap();
        assert_eq!(receipt["type"], kind, "{fork}");
        assert!(receipt.get(result).is_some(), "{fork}: {receipt}");
        let block = node
            .call("eth_getBlockByNumber", json!(["latest", false]))
            .await
            .unwrap();
        assert_eq!(
            block.get("baseFeePerGas").is_some(),
            kind == "0x2",
            "{fork}"
        );
        program.signal("TERM");
        assert_eq!(program.ended().await.status.code(), Some(0));
    }
}
