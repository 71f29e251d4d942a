//! `praline backup` and `praline restore`: one file, the same from every node, and clusters that start from it.

use crate::{
    damage::assert_refused,
    harness::{Cluster, Ended, Options, Program, free_ports, quantity, run},
};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

/// Blocks with transfers, a contract, a cheat, a revert, two snapshots that live, a note and a waiting transaction.
pub(crate) async fn live(cluster: &Cluster) {
    let node = |number: usize| &cluster.nodes[number % cluster.nodes.len()];
    let accounts = node(0).ask("eth_accounts", json!([])).await;
    let send = async |number: usize, value: u64| {
        let to = format!("0x{:040x}", 0xbac0_0000 + value);
        let transaction = json!([{"from": accounts[0], "to": to, "value": format!("{value:#x}")}]);
        node(number).ask("eth_sendTransaction", transaction).await
    };
    for value in 1..=5 {
        send(value as usize, value).await;
    }
    // PUSH1 42 PUSH1 0 SSTORE, and one byte of code.
    let deploy = json!([{"from": accounts[1], "data": "0x602a60005560016000f3"}]);
    node(1).ask("eth_sendTransaction", deploy).await;
    let cheated = json!(["0x00000000000000000000000000000000000000aa", "0x1234"]);
    node(2).ask("anvil_setBalance", cheated).await;
    node(0).ask("evm_snapshot", json!([])).await;
    let gone = node(1).ask("evm_snapshot", json!([])).await;
    send(2, 6).await;
    node(0).ask("evm_revert", json!([gone])).await;
    send(0, 7).await;
    node(1).ask("evm_snapshot", json!([])).await;
    node(2).ask("cluster_push", json!(["key", {"a": 1}])).await;
    node(0).ask("evm_setAutomine", json!([false])).await;
    send(1, 8).await;
}

/// Two contracts that a revert takes away, and one of them comes again; meanwhile one node is restarted, and knows their
/// codes all along.
async fn half_forgotten(cluster: &mut Cluster) {
    let accounts = cluster.nodes[0].ask("eth_accounts", json!([])).await;
    // The code `00`, by PUSH1 1 PUSH1 0 RETURN.
    let deploy = json!([{"from": accounts[2], "data": "0x60016000f3"}]);
    let snapshot = cluster.nodes[0].ask("evm_snapshot", json!([])).await;
    cluster.nodes[0]
        .ask("eth_sendTransaction", deploy.clone())
        .await;
    // The code `0000`, which does not come again.
    let other = json!([{"from": accounts[2], "data": "0x60026000f3"}]);
    cluster.nodes[1].ask("eth_sendTransaction", other).await;
    cluster.nodes[2].stop().await;
    cluster.nodes[2].restart().await;
    let reverted = cluster.nodes[0].ask("evm_revert", json!([snapshot])).await;
    assert_eq!(reverted, true);
    settle(cluster).await;
    cluster.nodes[0].ask("eth_sendTransaction", deploy).await;
}

/// Waits until all nodes have applied the same entry.
pub(crate) async fn settle(cluster: &Cluster) {
    loop {
        let mut applied = Vec::new();
        for node in cluster.running() {
            let status = node.ask("cluster_status", json!([])).await;
            applied.push((
                status["appliedIndex"].clone(),
                status["commitIndex"].clone(),
            ));
        }
        if applied.iter().all(|one| one == &applied[0]) {
            return;
        }
    }
}

pub(crate) async fn backup(cluster: &Cluster, node: usize, folder: &Path, name: &str) -> Ended {
    let url = format!("http://{}", cluster.nodes[node].rpc);
    run(folder, ["backup", name, "--url", &url]).await
}

/// What a client can ask of a chain, all of it.
pub(crate) async fn answers(cluster: &Cluster, node: usize) -> Value {
    let node = &cluster.nodes[node];
    let mut all = Vec::new();
    let head = quantity(&node.patient("eth_blockNumber", json!([])).await);
    for number in 0..=head {
        let tag = format!("{number:#x}");
        let block = node.ask("eth_getBlockByNumber", json!([tag, true])).await;
        let raw = node.ask("debug_getRawBlock", json!([tag])).await;
        let receipts = node.ask("eth_getBlockReceipts", json!([tag])).await;
        let by_hash = node
            .ask("eth_getBlockByHash", json!([block["hash"], true]))
            .await;
        assert_eq!(by_hash, block);
        for transaction in block["transactions"].as_array().unwrap() {
            let hash = json!([transaction["hash"]]);
            all.push(node.ask("eth_getTransactionReceipt", hash.clone()).await);
            all.push(node.ask("debug_traceTransaction", hash).await);
        }
        for address in [
            "0x00000000000000000000000000000000000000aa",
            "0x00000000000000000000000000000000bac00003",
        ] {
            all.push(node.ask("eth_getBalance", json!([address, tag])).await);
        }
        all.extend([block, raw, receipts]);
    }
    all.push(node.ask("txpool_content", json!([])).await);
    all.push(node.ask("cluster_get", json!(["key"])).await["value"].clone());
    all.push(node.ask("eth_getLogs", json!([{"fromBlock": "0x0"}])).await);
    Value::Array(all)
}

fn backups(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let mut files: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|it| it == "backup"))
        .collect();
    files.sort();
    files
}

/// A cluster with the same keys as another one, on other ports, not started yet.
pub(crate) fn twin() -> Cluster {
    Cluster::planned(&Options::default())
}

#[tokio::test]
async fn all_nodes_give_the_same_file_and_a_cluster_restored_from_it_answers_the_same() {
    let mut cluster = Cluster::three().await;
    half_forgotten(&mut cluster).await;
    live(&cluster).await;
    settle(&cluster).await;
    let folder = tempfile::tempdir().unwrap();
    for node in 0..3 {
        let ended = backup(&cluster, node, folder.path(), ".").await;
        assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
        assert!(ended.stdout.contains("Saving"), "{}", ended.stdout);
    }
    // Named by its hash: three times the same name.
    let files = backups(folder.path());
    assert_eq!(files.len(), 1, "{files:?}");
    let file = files[0].display().to_string();
    let name = files[0].file_stem().unwrap().to_str().unwrap();
    let hash = alloy::hex::encode(&fs::read(&files[0]).unwrap()[..]);
    assert_eq!(name, format!("praline-{}", &hash[hash.len() - 64..][..16]));
    let expected = answers(&cluster, 0).await;
    let certificate = cluster.nodes[0]
        .ask("cluster_getCertificate", json!(["0x3"]))
        .await;

    let mut restored = twin();
    let restore = ["restore", &file, "--config", "cluster.toml"];
    let ended = run(restored.folder(), restore).await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("Restored"), "{}", ended.stdout);
    // A folder that holds a chain is left alone.
    let again = run(restored.folder(), restore).await;
    assert_refused(&again, 1, &["holds a chain already"]);
    // The third member comes later, with nothing.
    fs::remove_dir_all(restored.data(2)).unwrap();
    for node in 0..2 {
        restored.nodes[node].launch();
    }
    for node in 0..2 {
        restored.nodes[node].until_listening().await;
    }
    assert_eq!(answers(&restored, 0).await, expected);
    assert_eq!(answers(&restored, 1).await, expected);
    restored.nodes[2].launch();
    restored.nodes[2].until_listening().await;
    restored.nodes[2].until_it_votes().await;
    assert_eq!(answers(&restored, 2).await, expected);
    // The entries of the log keep their numbers.
    let again = restored.nodes[2]
        .patient("cluster_getCertificate", json!(["0x3"]))
        .await;
    assert_eq!(again["index"], certificate["index"]);

    // The same life goes on in both: the waiting transaction, then back to the first snapshot.
    for cluster in [&cluster, &restored] {
        cluster.nodes[1].ask("evm_setAutomine", json!([true])).await;
        let mine = json!([{"timestamp": 2_000_000_000}]);
        cluster.nodes[1].ask("evm_mine", mine).await;
    }
    assert_eq!(restored.agree().await, cluster.agree().await);
    for cluster in [&cluster, &restored] {
        let id = cluster.nodes[0].ask("evm_snapshot", json!([])).await;
        assert_eq!(id, "0x5", "snapshots keep their numbers");
        let reverted = cluster.nodes[2].ask("evm_revert", json!(["0x2"])).await;
        assert_eq!(reverted, true);
    }
    assert_eq!(restored.agree().await, cluster.agree().await);
    assert_eq!(restored.agree().await["number"], "0x7");
    // And through a restart.
    for cluster in [&mut cluster, &mut restored] {
        cluster.nodes[0].kill().await;
        cluster.nodes[0].restart().await;
    }
    assert_eq!(restored.agree().await, cluster.agree().await);
}

#[tokio::test]
async fn a_cut_or_changed_file_and_a_wrong_config_are_refused_and_nothing_is_made() {
    let cluster = Cluster::three().await;
    live(&cluster).await;
    let folder = tempfile::tempdir().unwrap();
    let ended = backup(&cluster, 1, folder.path(), "seed.backup").await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    let ended = backup(&cluster, 1, folder.path(), "seed.backup").await;
    assert_refused(&ended, 1, &["`seed.backup` is there already"]);
    let whole = fs::read(folder.path().join("seed.backup")).unwrap();
    let target = twin();
    let restore = async |bytes: &[u8]| {
        fs::write(target.folder().join("bad.backup"), bytes).unwrap();
        let restore = ["restore", "bad.backup", "--config", "cluster.toml"];
        let ended = run(target.folder(), restore).await;
        assert!(!target.data(0).join("chain.redb").exists());
        ended
    };
    for length in [10, whole.len() / 2, whole.len() - 1] {
        let ended = restore(&whole[..length]).await;
        assert_refused(&ended, 1, &["`bad.backup`"]);
    }
    for at in [30, whole.len() / 2, whole.len() - 5] {
        let mut changed = whole.clone();
        changed[at] ^= 4;
        let ended = restore(&changed).await;
        assert_refused(&ended, 1, &["was changed after it had been made"]);
    }
    let config = target.folder().join("cluster.toml");
    let text = fs::read_to_string(&config).unwrap();
    let other = text.replace("balance_ether = 10000", "balance_ether = 10001");
    assert_ne!(other, text);
    fs::write(&config, other).unwrap();
    let words = [
        "begins with block",
        "restore it with the config it was made with",
    ];
    assert_refused(&restore(&whole).await, 1, &words);
}

#[tokio::test]
async fn twenty_clusters_start_from_one_file() {
    const CLUSTERS: usize = 20;
    let cluster = Cluster::three().await;
    live(&cluster).await;
    let folder = tempfile::tempdir().unwrap();
    let ended = backup(&cluster, 0, folder.path(), "seed.backup").await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    fs::copy(
        cluster.folder().join("cluster.toml"),
        folder.path().join("cluster.toml"),
    )
    .unwrap();
    let head = cluster.agree().await;
    let timestamp = cluster.nodes[0]
        .ask("eth_getBlockByNumber", json!(["0x0", false]))
        .await["timestamp"]
        .clone();
    assert_ne!(timestamp, "0x0");
    let port = free_ports(CLUSTERS as u16);
    let mut programs = Vec::new();
    let mut restored_ms = Vec::new();
    for number in 0..CLUSTERS {
        let data = format!("c{number}");
        let start = Instant::now();
        // The last ones do both in one command.
        if number >= CLUSTERS / 2 {
            let port = (port + number as u16).to_string();
            let args = ["--nodes", "1", "--restore", "seed.backup", "--port", &port];
            programs.push(Program::start(folder.path(), args));
            continue;
        }
        let restore = [
            "restore",
            "seed.backup",
            "--nodes",
            "1",
            "--data-dir",
            &data,
        ];
        let ended = run(folder.path(), restore).await;
        restored_ms.push(start.elapsed().as_millis());
        assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
        let port = (port + number as u16).to_string();
        let args = ["--nodes", "1", "--data-dir", &data, "--port", &port];
        programs.push(Program::start(folder.path(), args));
    }
    restored_ms.sort_unstable();
    eprintln!(
        "restored in {} ms (median), {} ms (max)",
        restored_ms[restored_ms.len() / 2],
        restored_ms[restored_ms.len() - 1]
    );
    for (number, program) in programs.iter_mut().enumerate() {
        program.until_printed("Listening on", 1).await;
        let address = format!("127.0.0.1:{}", port + number as u16)
            .parse()
            .unwrap();
        let mut connection = crate::harness::Connection::open(address).await.unwrap();
        let block = connection
            .call("eth_getBlockByNumber", json!(["latest", true]))
            .await
            .unwrap();
        assert_eq!(block, head);
        connection.call("evm_mine", json!([])).await.unwrap();
    }
    for program in programs {
        program.kill().await;
    }
}

#[tokio::test]
async fn web_pages_get_no_backup_and_programs_do() {
    let cluster = Cluster::three().await;
    let address = cluster.nodes[0].rpc;
    let get = async |headers: &str| {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!("GET /backup HTTP/1.1\r\nConnection: close\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    };
    let own = format!("Host: {address}\r\n");
    let from_page = format!("{own}Origin: http://localhost:3000\r\n");
    let rebound = "Host: rebound.example:8545\r\n";
    for headers in [&*from_page, rebound] {
        let refused = get(headers).await;
        assert!(refused.starts_with("HTTP/1.1 403"), "{refused}");
    }
    for headers in [&*own, "Host: localhost\r\n"] {
        let given = get(headers).await;
        assert!(given.starts_with("HTTP/1.1 200"), "{given}");
        assert!(given.contains("PRALINE BACKUP 1"), "{given}");
    }
}
