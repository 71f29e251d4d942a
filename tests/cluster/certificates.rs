//! Commit certificates: `cluster_getCertificate` and `praline verify`.

use crate::{
    damage::assert_refused,
    harness::{Cluster, identity, run},
};
use serde_json::{Value, json};
use std::{fs, path::Path};

async fn transfer(cluster: &Cluster, node: usize, value: u64) {
    let accounts = cluster.nodes[node].ask("eth_accounts", json!([])).await;
    let to = format!("0x{:040x}", 0xce47_0000 + value);
    let transaction = json!([{"from": accounts[0], "to": to, "value": format!("{value:#x}")}]);
    cluster.nodes[node]
        .ask("eth_sendTransaction", transaction)
        .await;
}

fn save(folder: &Path, certificate: &Value) {
    fs::write(folder.join("certificate.json"), certificate.to_string()).unwrap();
}

/// The statement of a certificate without its signatures.
fn statement(certificate: &Value) -> Vec<Value> {
    let fields = [
        "clusterId",
        "index",
        "blockNumber",
        "blockHash",
        "stateRoot",
    ];
    fields.map(|field| certificate[field].clone()).to_vec()
}

#[tokio::test]
async fn every_node_gives_a_certificate_of_every_block_and_it_is_checked_offline() {
    let cluster = Cluster::three().await;
    for value in 1..=5 {
        transfer(&cluster, value as usize % 3, value).await;
    }
    let mut indexes = Vec::new();
    for number in 0..=5 {
        let tag = format!("{number:#x}");
        let block = cluster.nodes[0]
            .ask("eth_getBlockByNumber", json!([tag, false]))
            .await;
        let mut first = None;
        for node in &cluster.nodes {
            for id in [json!(tag), block["hash"].clone()] {
                let certificate = node.ask("cluster_getCertificate", json!([id])).await;
                assert_eq!(certificate["blockHash"], block["hash"]);
                assert_eq!(certificate["stateRoot"], block["stateRoot"]);
                assert_eq!(certificate["quorum"], 2);
                assert!(certificate["signatures"].as_array().unwrap().len() >= 2);
                let said = statement(&certificate);
                assert_eq!(first.get_or_insert_with(|| said.clone()), &said);
                save(cluster.folder(), &certificate);
            }
        }
        let verify = ["verify", "certificate.json", "--config", "cluster.toml"];
        let ended = run(cluster.folder(), verify).await;
        assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
        let sentence = format!("Block {number} ({})", block["hash"].as_str().unwrap());
        assert!(ended.stdout.contains(&sentence), "{}", ended.stdout);
        indexes.push(first.unwrap()[1].as_u64().unwrap());
    }
    assert_eq!(indexes[0], 0, "no entry made the genesis block");
    assert!(indexes.is_sorted_by(|a, b| a < b), "{indexes:?}");
    let unknown = json!(["0x99"]);
    let answer = cluster.nodes[1]
        .ask("cluster_getCertificate", unknown)
        .await;
    assert_eq!(answer, Value::Null);
}

#[tokio::test]
async fn a_changed_or_foreign_certificate_is_refused_with_a_sentence() {
    let cluster = Cluster::three().await;
    transfer(&cluster, 0, 1).await;
    let certificate = cluster.nodes[2]
        .ask("cluster_getCertificate", json!(["latest"]))
        .await;
    let folder = cluster.folder();
    let verify = ["verify", "certificate.json", "--config", "cluster.toml"];

    let mut changed = certificate.clone();
    changed["index"] = json!(certificate["index"].as_u64().unwrap() + 1);
    save(folder, &changed);
    let words = ["certificate of block 1 proves nothing", "was changed"];
    assert_refused(&run(folder, verify).await, 1, &words);

    let mut alone = certificate.clone();
    alone["signatures"].as_array_mut().unwrap().truncate(1);
    save(folder, &alone);
    let words = ["1 of 3 members have signed, and 2 must"];
    assert_refused(&run(folder, verify).await, 1, &words);

    // Keys of others, and the right ones.
    save(folder, &certificate);
    let keys = |numbers: [u8; 3]| numbers.map(|number| identity(number).1).join(",");
    let strangers = keys([7, 8, 9]);
    let verify = ["verify", "certificate.json", "--public-keys", &strangers];
    assert_refused(&run(folder, verify).await, 1, &["is no member"]);
    let own = keys([0, 1, 2]);
    let verify = ["verify", "certificate.json", "--public-keys", &own];
    let ended = run(folder, verify).await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);

    fs::write(folder.join("certificate.json"), "{}").unwrap();
    let words = ["is no certificate", "clusterId"];
    assert_refused(&run(folder, verify).await, 1, &words);
}

#[tokio::test]
async fn a_certificate_needs_a_quorum_and_survives_restarts() {
    let mut cluster = Cluster::three().await;
    transfer(&cluster, 0, 1).await;
    let leader = cluster.leader().await;
    let others: Vec<_> = (0..3).filter(|node| *node != leader).collect();
    let before = cluster.nodes[leader]
        .ask("cluster_getCertificate", json!(["0x1"]))
        .await;
    // All memory of it goes; the index of the block's entry stays.
    for node in 0..3 {
        cluster.nodes[node].stop().await;
    }
    for node in 0..3 {
        cluster.nodes[node].launch();
    }
    for node in 0..3 {
        cluster.nodes[node].until_listening().await;
    }
    let after = cluster.nodes[others[0]]
        .patient("cluster_getCertificate", json!(["0x1"]))
        .await;
    assert_eq!(statement(&after), statement(&before));
    // One of three is down: the certificate is there all the same.
    cluster.nodes[others[0]].kill().await;
    transfer(&cluster, leader, 2).await;
    let two = cluster.nodes[leader]
        .ask("cluster_getCertificate", json!(["0x2"]))
        .await;
    assert_eq!(two["signatures"].as_array().unwrap().len(), 2);
}
