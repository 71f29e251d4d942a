//! Blocks between chains: `praline export`, `praline import`, `--import-chain`.

use crate::harness::{Cluster, Connection, Program, free_ports, run};
use serde_json::{Value, json};
use std::{fs, path::Path};

async fn transfers(cluster: &Cluster, count: u64) {
    let accounts = cluster.nodes[0].ask("eth_accounts", json!([])).await;
    for value in 1..=count {
        let to = format!("0x{:040x}", 0xabcd_0000 + value);
        let transaction = json!([{"from": accounts[0], "to": to, "value": format!("{value:#x}")}]);
        cluster.nodes[0]
            .ask("eth_sendTransaction", transaction)
            .await;
    }
}

async fn export(cluster: &Cluster, folder: &Path) {
    let url = format!("http://{}", cluster.nodes[1].rpc);
    let ended = run(folder, ["export", "chain.rlp", "--url", &url]).await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("Exporting"), "{}", ended.stdout);
}

#[tokio::test]
async fn what_one_cluster_exports_another_imports() {
    let (from, into) = (Cluster::three().await, Cluster::three().await);
    transfers(&from, 20).await;
    let folder = tempfile::tempdir().unwrap();
    export(&from, folder.path()).await;
    let url = format!("http://{}", into.nodes[into.follower().await].rpc);
    let import = ["import", "chain.rlp", "--url", &url];
    let ended = run(folder.path(), import).await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert_eq!(into.agree().await, from.agree().await);
    // What is there already is left out.
    let ended = run(folder.path(), import).await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    // The chain goes on.
    transfers(&into, 1).await;
    assert_eq!(into.agree().await["number"], "0x15");
}

#[tokio::test]
async fn a_wrong_block_stops_the_import_and_what_came_before_stays() {
    let (from, into) = (Cluster::three().await, Cluster::three().await);
    transfers(&from, 8).await;
    let folder = tempfile::tempdir().unwrap();
    export(&from, folder.path()).await;
    let block = from.nodes[0]
        .ask("eth_getBlockByNumber", json!(["0x6", false]))
        .await;
    let root = alloy::hex::decode(block["stateRoot"].as_str().unwrap()).unwrap();
    let path = folder.path().join("chain.rlp");
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.windows(32).position(|window| window == root).unwrap();
    bytes[at] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let url = format!("http://{}", into.nodes[2].rpc);
    let ended = run(folder.path(), ["import", "chain.rlp", "--url", &url]).await;
    assert_eq!(ended.status.code(), Some(1));
    let sentence = format!(
        "block 6 is wrong: `stateRoot` is {}, but must be {}",
        alloy::hex::encode_prefixed(&bytes[at..at + 32]),
        block["stateRoot"].as_str().unwrap()
    );
    assert!(ended.stderr.contains(&sentence), "{}", ended.stderr);
    assert_eq!(into.agree().await["number"], "0x5");
}

async fn heads(port: u16, nodes: u16) -> Vec<Value> {
    let mut heads = Vec::new();
    for node in 0..nodes {
        let address = format!("127.0.0.1:{}", port + node).parse().unwrap();
        let mut connection = Connection::open(address).await.unwrap();
        let block = connection
            .call("eth_getBlockByNumber", json!(["latest", false]))
            .await
            .unwrap();
        heads.push(block["hash"].clone());
    }
    heads
}

#[tokio::test]
async fn a_cluster_starts_with_the_blocks_of_a_file() {
    let from = Cluster::three().await;
    transfers(&from, 5).await;
    let folder = tempfile::tempdir().unwrap();
    export(&from, folder.path()).await;
    let genesis = from.nodes[0]
        .ask("eth_getBlockByNumber", json!(["0x0", false]))
        .await;
    let timestamp = u64::from_str_radix(
        genesis["timestamp"]
            .as_str()
            .unwrap()
            .trim_start_matches("0x"),
        16,
    );
    let timestamp = timestamp.unwrap().to_string();
    let port = free_ports(3);
    let text = port.to_string();
    let args = [
        "--nodes",
        "3",
        "--port",
        &text,
        "--ephemeral",
        "--timestamp",
        &timestamp,
    ];
    let import = ["--import-chain", "chain.rlp"];
    let mut program = Program::start(folder.path(), args.iter().chain(&import));
    program.until_printed("Listening on", 1).await;
    assert!(
        program.stdout().contains("5 blocks"),
        "{}",
        program.stdout()
    );
    let head = from.agree().await["hash"].clone();
    assert_eq!(heads(port, 3).await, vec![head; 3]);
    program.kill().await;
}
