//! `praline replay` and `praline verify DIR`: a stopped node's folder, read on another machine, and never changed.

use crate::{
    backup::{answers, backup, live, settle, twin},
    damage::assert_refused,
    harness::{Cluster, Options, Program, run},
};
use serde_json::json;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// All files below a folder, with what is in them.
fn content(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(content(&path));
        } else {
            let bytes = fs::read(&path).unwrap();
            all.insert(path, bytes);
        }
    }
    all
}

fn copy(from: &Path, to: &Path) {
    for (path, bytes) in content(from) {
        let target = to.join(path.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::write(target, bytes).unwrap();
    }
}

/// What a replay of `path` answers to everything that a client can ask.
async fn replayed_answers(folder: &Path, path: &str) -> serde_json::Value {
    let mut program = Program::start(folder, ["replay", path, "--serve", "0"]);
    program.until_printed("Listening on", 1).await;
    let out = program.stdout();
    let line = out.lines().find(|line| line.starts_with("Listening on"));
    let address = line.unwrap().rsplit(' ').next().unwrap();
    let mut reader = twin();
    reader.nodes[0].reach(address.parse().unwrap());
    let answers = answers(&reader, 0).await;
    let refused = reader.nodes[0].call("evm_mine", json!([])).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("only read"), "{refused}");
    program.kill().await;
    answers
}

/// What `praline verify` says of a folder or file that is whole.
async fn verify(folder: &Path, path: &str) -> String {
    let ended = run(folder, ["verify", path]).await;
    assert_eq!(ended.status.code(), Some(0), "{path}: {}", ended.stderr);
    assert!(ended.stdout.contains("is whole"), "{}", ended.stdout);
    ended.stdout
}

/// The blocks that a replay prints.
async fn printed_blocks(folder: &Path, path: &str) -> Vec<String> {
    let ended = run(folder, ["replay", path]).await;
    assert_eq!(ended.status.code(), Some(0), "{path}: {}", ended.stderr);
    let from = if path.starts_with('n') {
        "from the genesis block"
    } else {
        "a backup, which holds no log"
    };
    assert!(ended.stdout.contains(from), "{}", ended.stdout);
    let lines = ended.stdout.lines();
    let blocks = lines.filter(|line| line.starts_with("block "));
    blocks.map(str::to_owned).collect()
}

#[tokio::test]
async fn a_log_replayed_elsewhere_answers_byte_for_byte_and_is_never_changed() {
    let mut cluster = Cluster::three().await;
    live(&cluster).await;
    settle(&cluster).await;
    let expected = answers(&cluster, 1).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let ended = backup(&cluster, 0, elsewhere.path(), "seed.backup").await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    let certificate = cluster.nodes[0]
        .ask("cluster_getCertificate", json!(["0x4"]))
        .await;
    let live_folder = cluster.data(0).display().to_string();
    let ended = run(cluster.folder(), ["verify", &live_folder]).await;
    assert_refused(&ended, 1, &["a node works on", "stop it first"]);
    // One is stopped, one is killed, one is killed while it sleeps.
    cluster.nodes[0].stop().await;
    cluster.nodes[1].kill().await;
    cluster.nodes[2].program().signal("STOP");
    cluster.nodes[2].kill().await;

    for node in 0..3 {
        let folder = elsewhere.path().join(format!("n{node}"));
        copy(&cluster.data(node), &folder);
    }
    let before = content(elsewhere.path());
    let mut printed = Vec::new();
    for path in ["n0", "n1", "n2", "seed.backup"] {
        let whole = verify(elsewhere.path(), path).await;
        assert!(whole.contains("state roots recomputed"), "{whole}");
        printed.push(printed_blocks(elsewhere.path(), path).await);
    }
    assert_eq!(printed[0].len(), 8);
    // A killed node may not have heard of the last commits.
    for lines in &printed[1..3] {
        assert!(printed[0].starts_with(lines), "{printed:?}");
    }
    assert_eq!(printed[3], printed[0]);
    assert_eq!(replayed_answers(elsewhere.path(), "n0").await, expected);
    assert_eq!(
        replayed_answers(elsewhere.path(), "seed.backup").await,
        expected
    );

    let index = certificate["index"].to_string();
    let ended = run(elsewhere.path(), ["replay", "n1", "--to", &index]).await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    let last = ended
        .stdout
        .lines()
        .rfind(|line| line.starts_with("block "));
    assert_eq!(last, Some(&*printed[0][4]));
    let ended = run(elsewhere.path(), ["replay", "n1", "--to", "100000"]).await;
    assert_refused(&ended, 1, &["cannot stop at entry 100000"]);

    assert!(content(elsewhere.path()) == before, "files were changed");
}

#[tokio::test]
async fn a_purged_log_begins_at_its_checkpoint_and_says_so() {
    let options = Options {
        storage: "snapshot_interval_entries = 20",
        ..Options::default()
    };
    let mut cluster = Cluster::start(&options).await;
    // The engine purges in batches of 64.
    for _ in 0..200 {
        let cheated = json!(["0x00000000000000000000000000000000000000bb", "0x1"]);
        cluster.nodes[0].ask("anvil_setBalance", cheated).await;
    }
    live(&cluster).await;
    settle(&cluster).await;
    let expected = answers(&cluster, 2).await;
    for node in 0..3 {
        cluster.nodes[node].stop().await;
    }
    let folder = cluster.data(2).display().to_string();
    let ended = run(cluster.folder(), ["replay", &folder]).await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    let said = "(the log before it was purged)";
    assert!(ended.stdout.contains(said), "{}", ended.stdout);
    assert_eq!(replayed_answers(cluster.folder(), &folder).await, expected);
    let ended = run(cluster.folder(), ["replay", &folder, "--to", "5"]).await;
    assert_refused(&ended, 1, &["cannot stop at entry 5", "was purged"]);
    // All members at once, in the folder of folders.
    let all = cluster.folder().join(".praline").display().to_string();
    let whole = verify(cluster.folder(), &all).await;
    assert_eq!(whole.matches("is whole").count(), 3, "{whole}");
    assert!(whole.contains("checkpoint"), "{whole}");
}

#[tokio::test]
async fn verify_names_the_first_bad_block_and_its_field() {
    let mut cluster = Cluster::three().await;
    live(&cluster).await;
    settle(&cluster).await;
    let block = cluster.nodes[1]
        .ask("eth_getBlockByNumber", json!(["0x4", false]))
        .await;
    for node in 0..3 {
        cluster.nodes[node].stop().await;
    }
    let flip = |path: &Path, needle: &[u8]| {
        let mut bytes = fs::read(path).unwrap();
        let places: Vec<_> = (0..bytes.len() - needle.len())
            .filter(|at| bytes[*at..].starts_with(needle))
            .collect();
        assert!(!places.is_empty(), "{}", path.display());
        for at in places {
            bytes[at] ^= 1;
        }
        fs::write(path, bytes).unwrap();
    };
    let root = alloy::hex::decode(block["stateRoot"].as_str().unwrap()).unwrap();
    let data = cluster.data(1);
    flip(&data.join("chain.redb"), &root);
    let folder = data.display().to_string();
    let ended = run(cluster.folder(), ["verify", &folder]).await;
    assert_refused(&ended, 1, &["block 4 is wrong", "`hash`"]);

    let data = cluster.data(2);
    let hash = alloy::hex::decode(block["hash"].as_str().unwrap()).unwrap();
    flip(&data.join("log").join("0000000000000000.segment"), &hash);
    let folder = data.display().to_string();
    let ended = run(cluster.folder(), ["verify", &folder]).await;
    assert_refused(&ended, 1, &["the log", "is damaged"]);
    let ended = run(cluster.folder(), ["verify", "."]).await;
    assert_refused(&ended, 1, &["`.` is no data folder of a node"]);
}
