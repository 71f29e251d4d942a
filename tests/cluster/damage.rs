//! Damaged and full disks, stolen and wrong keys: one clear sentence from the node concerned, nothing lost on the others.

use crate::{
    harness::{Cluster, Ended, Options, config, free_ports, identity},
    load::Load,
};
use serde_json::json;
use std::{
    fs,
    io::{Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    process::Command,
};

/// Asserts that a program ended with an error and said so on stderr in few words, without a backtrace.
pub(crate) fn assert_refused(ended: &Ended, code: i32, words: &[&str]) {
    assert_eq!(
        ended.status.code(),
        Some(code),
        "exit code\n{}\n{}",
        ended.stdout,
        ended.stderr
    );
    let said = ended.stderr.trim();
    assert!(
        !said.contains("panicked") && !said.contains("RUST_BACKTRACE"),
        "a panic: {said}"
    );
    assert!(said.to_lowercase().contains("error"), "{said}");
    assert!(
        said.lines().count() <= 12,
        "a sentence, not a report: {said}"
    );
    for word in words {
        assert!(said.contains(word), "`{word}` is not in: {said}");
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files
}

#[tokio::test]
async fn a_node_with_a_damaged_file_says_so_and_the_others_lose_nothing() {
    let mut cluster = Cluster::three().await;
    let load = Load::start(&cluster, 6).await;
    load.more(100).await;
    let account = load.finish().await;
    let victim = cluster.follower().await;
    cluster.nodes[victim].kill().await;
    let databases: Vec<_> = files_below(&cluster.data(victim))
        .into_iter()
        .filter(|path| fs::metadata(path).unwrap().len() > 4096)
        .collect();
    assert!(
        !databases.is_empty(),
        "a node keeps its data in {}",
        cluster.data(victim).display()
    );
    for path in &databases {
        let mut file = fs::OpenOptions::new().write(true).open(path).unwrap();
        let length = file.metadata().unwrap().len();
        file.seek(SeekFrom::Start(0)).unwrap();
        file.write_all(&vec![0xa5; length as usize / 2]).unwrap();
    }
    cluster.nodes[victim].launch();
    let ended = cluster.nodes[victim].ended().await;
    let folder = cluster.data(victim).display().to_string();
    let shown = folder.rsplit('/').next().unwrap().to_owned();
    assert_refused(&ended, 1, &[&shown]);
    let load = Load::start(&cluster, 6).await;
    load.more(50).await;
    load.finish().await;
    for node in cluster.running() {
        for hash in account.acknowledged.values() {
            assert_eq!(
                node.ask("eth_getTransactionReceipt", json!([hash])).await["status"],
                "0x1"
            );
        }
    }
    cluster.agree().await;
}

/// A small file system of its own, unmounted at the end.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(path: PathBuf, size: &str) -> Option<Self> {
        fs::create_dir_all(&path).unwrap();
        let options = format!("size={size}");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "praline-test"])
            .arg(&path)
            .output();
        mounted
            .is_ok_and(|done| done.status.success())
            .then_some(Self(path))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test]
async fn a_node_whose_disk_is_full_stops_with_a_sentence_and_the_others_go_on() {
    let mut cluster = Cluster::planned(&Options::default());
    let Some(disk) = SmallDisk::mount(cluster.folder().join("small"), "12m") else {
        eprintln!("skipped: this user may not mount a small file system");
        return;
    };
    let small = disk.0.join("node3").display().to_string();
    cluster.nodes[0].launch();
    cluster.nodes[1].launch();
    cluster.nodes[2].launch_with(&["--data-dir", &small]);
    for node in &mut cluster.nodes {
        node.until_listening().await;
    }
    cluster.nodes[0].head().await;
    let accounts = cluster.nodes[0].ask("eth_accounts", json!([])).await;
    let data = format!("0x{}", "5a".repeat(60_000));
    let mut hashes = Vec::new();
    for step in 0..400_usize {
        let request = json!([{"from": accounts[step % 10], "to": accounts[0], "data": data, "gas": "0x700000"}]);
        hashes.push(
            cluster.nodes[step % 2]
                .ask("eth_sendTransaction", request)
                .await,
        );
    }
    let ended = cluster.nodes[2].ended().await;
    assert_refused(&ended, 1, &["node3"]);
    for node in cluster.running() {
        for hash in &hashes {
            assert_eq!(
                node.ask("eth_getTransactionReceipt", json!([hash])).await["status"],
                "0x1"
            );
        }
    }
    cluster.agree().await;
    drop(disk);
}

#[tokio::test]
async fn a_stranger_with_the_wrong_key_gets_nothing() {
    let options = Options::default();
    let mut cluster = Cluster::planned(&options);
    cluster.nodes[0].launch();
    cluster.nodes[1].launch();
    // The third member's place, taken by somebody who changed its keys in a config of his own.
    let honest = fs::read_to_string(cluster.folder().join("cluster.toml")).unwrap();
    let ((secret, public), (false_secret, false_public)) = (identity(2), identity(77));
    let stolen = honest
        .replace(&secret, &false_secret)
        .replace(&public, &false_public);
    fs::write(cluster.folder().join("stolen.toml"), stolen).unwrap();
    for node in &mut cluster.nodes[..2] {
        node.until_listening().await;
    }
    cluster.nodes[0].ask("evm_mine", json!([])).await;
    let mut stranger = crate::harness::Program::start(
        cluster.folder(),
        [
            "node",
            "--config",
            "stolen.toml",
            "--node",
            "node3",
            "--data-dir",
            "stolen-data",
        ],
    );
    stranger.until_printed("Listening on", 1).await;
    cluster.nodes[0].ask("evm_mine", json!([])).await;
    let error = cluster.nodes[2]
        .call("eth_blockNumber", json!([]))
        .await
        .expect_err("it is no member");
    assert_eq!(error.code(), Some(-32005), "{error}");
    let status = cluster.nodes[0].ask("cluster_status", json!([])).await;
    let third = status["members"]
        .as_array()
        .unwrap()
        .iter()
        .find(|member| member["name"] == "node3")
        .unwrap();
    assert_eq!(third["reachable"], false, "{status}");
    stranger.kill().await;
    cluster.nodes[2].restart().await;
    cluster.agree().await;
}

#[tokio::test]
async fn configs_that_contradict_each_other_do_not_meet() {
    let mut cluster = Cluster::planned(&Options::default());
    cluster.nodes[0].launch();
    cluster.nodes[1].launch();
    let honest = fs::read_to_string(cluster.folder().join("cluster.toml")).unwrap();
    fs::write(
        cluster.folder().join("other.toml"),
        honest.replace("chain_id = 31337", "chain_id = 1"),
    )
    .unwrap();
    for node in &mut cluster.nodes[..2] {
        node.until_listening().await;
    }
    cluster.nodes[0].ask("evm_mine", json!([])).await;
    let other = crate::harness::Program::start(
        cluster.folder(),
        ["node", "--config", "other.toml", "--node", "node3"],
    );
    // Whether it ends by itself or waits for a cluster of its own kind, it must not be part of this one.
    let _ = cluster.nodes[2].call("eth_blockNumber", json!([])).await;
    cluster.nodes[0].ask("evm_mine", json!([])).await;
    let status = cluster.nodes[0].ask("cluster_status", json!([])).await;
    let third = status["members"]
        .as_array()
        .unwrap()
        .iter()
        .find(|member| member["name"] == "node3")
        .unwrap();
    assert_eq!(third["reachable"], false, "{status}");
    other.kill().await;
}

#[tokio::test]
async fn wrong_configs_name_file_line_and_key() {
    let options = Options::default();
    let good = config(&options, free_ports(6));
    let (secret, _) = identity(0);
    let (_, second) = identity(1);
    let cases: [(&str, String, &[&str]); 7] = [
        (
            "an unknown key",
            good.replace("chain_id = 31337", "chian_id = 1"),
            &["wrong.toml:4", "chian_id"],
        ),
        (
            "broken TOML",
            good.replace("[chain]", "[chain"),
            &["wrong.toml:3"],
        ),
        (
            "a value of the wrong type",
            good.replace("chain_id = 31337", "chain_id = \"one\""),
            &["wrong.toml:4", "chain_id"],
        ),
        (
            "a broken key",
            good.replace(&secret, "00ff"),
            &["wrong.toml", "secret_key"],
        ),
        (
            "keys that are no pair",
            good.replacen(&second, &identity(9).1, 1),
            &["wrong.toml"],
        ),
        (
            "two members of one name",
            good.replace("\"node2\"", "\"node1\""),
            &["wrong.toml", "node1"],
        ),
        (
            "no members",
            good.split("\n[[member]]").next().unwrap().to_owned(),
            &["wrong.toml", "member"],
        ),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (what, text, words) in cases {
        fs::write(folder.path().join("wrong.toml"), text).unwrap();
        let ended = crate::harness::run(
            folder.path(),
            ["node", "--config", "wrong.toml", "--node", "node1"],
        )
        .await;
        assert!(!ended.status.success(), "{what}");
        assert_refused(&ended, ended.status.code().unwrap_or_default(), words);
    }
    let ended = crate::harness::run(folder.path(), ["node", "--config", "absent.toml"]).await;
    assert!(!ended.status.success());
    assert!(ended.stderr.contains("absent.toml"), "{}", ended.stderr);
    fs::write(folder.path().join("good.toml"), &good).unwrap();
    let ended = crate::harness::run(
        folder.path(),
        ["node", "--config", "good.toml", "--node", "node9"],
    )
    .await;
    assert!(!ended.status.success());
    assert!(ended.stderr.contains("node9"), "{}", ended.stderr);
}
