//! Every cheat, through a follower, and all that can be seen of the chain on all nodes: at once, after the loss of the
//! leader, after a restart from disk, after a snapshot that a wiped node gets.

use crate::harness::{Cluster, Node, Options};
use serde_json::{Value, json};
use std::fs;

const SOMEBODY: &str = "0x00000000000000000000000000000000000000aa";
const OTHER: &str = "0x00000000000000000000000000000000000000ab";
const CONTRACT: &str = "0x00000000000000000000000000000000000c0de0";
const TOKEN: &str = "0x00000000000000000000000000000000000c0de1";
/// A log with topic 0xaa.
const LOGGER: &str = "0x602a60005260aa60206000a100";
/// Answers any call with the slot of a mapping at slot 0, with the first argument as its key.
const TOKEN_CODE: &str = "0x6004355f525f60205260405f20545f5260205ff3";
const FIRST: &str = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";

fn word(value: u64) -> String {
    format!("{value:#066x}")
}

/// Method and parameters of each cheat, in an order in which all of them leave something behind.
#[allow(clippy::too_many_lines)] // One line a cheat.
fn cheats() -> Vec<(&'static str, Value)> {
    let send = |to: &str, nonce: u64| json!([{"from": FIRST, "to": to, "value": "0x1", "gas": "0x186a0", "nonce": format!("{nonce:#x}")}]);
    let from_other = json!([{"from": OTHER, "to": SOMEBODY, "value": "0x2"}]);
    let signature = format!("0x{}{}1b", "11".repeat(32), "22".repeat(32));
    let key = format!("0x{}", "42".repeat(32));
    let mut cheats = vec![
        ("anvil_setBalance", json!([SOMEBODY, "0x64"])),
        ("hardhat_setBalance", json!([OTHER, "0xde0b6b3a7640000"])),
        ("evm_setAccountBalance", json!([SOMEBODY, "0x65"])),
        ("tenderly_addBalance", json!([SOMEBODY, "0x1"])),
        ("anvil_setCode", json!([CONTRACT, LOGGER])),
        ("evm_setAccountCode", json!([TOKEN, TOKEN_CODE])),
        ("anvil_setNonce", json!([SOMEBODY, "0x7"])),
        ("evm_setAccountNonce", json!([SOMEBODY, "0x8"])),
        ("anvil_setStorageAt", json!([CONTRACT, "0x3", word(9)])),
        (
            "evm_setAccountStorageAt",
            json!([CONTRACT, "0x4", word(10)]),
        ),
        ("anvil_dealERC20", json!([SOMEBODY, TOKEN, "0x64"])),
        (
            "anvil_setERC20Allowance",
            json!([OTHER, SOMEBODY, TOKEN, "0x7"]),
        ),
        ("anvil_impersonateAccount", json!([OTHER])),
        ("eth_sendTransaction", from_other),
        ("hardhat_stopImpersonatingAccount", json!([OTHER])),
        ("anvil_impersonateAccount", json!([SOMEBODY])),
        ("anvil_impersonateSignature", json!([signature, SOMEBODY])),
        ("personal_importRawKey", json!([key, "pass"])),
        ("personal_newAccount", json!(["pass"])),
        ("evm_addAccount", json!([OTHER, "pass"])),
        ("personal_unlockAccount", json!([OTHER, "pass", 0])),
        ("personal_lockAccount", json!([FIRST])),
        ("personal_unlockAccount", json!([FIRST, "", 0])),
        ("evm_addAccount", json!([CONTRACT, ""])),
        ("evm_removeAccount", json!([CONTRACT, ""])),
        ("eth_sendTransaction", send(CONTRACT, 0)),
        ("evm_increaseTime", json!([12345])),
        ("evm_mine", json!([])),
        ("anvil_mine", json!(["0x3", "0x10"])),
        ("hardhat_mine", json!(["0x2"])),
        ("evm_mine", json!([{"blocks": 2}])),
        ("evm_snapshot", json!([])),
        ("anvil_snapshot", json!([])),
        ("evm_mine", json!([])),
        ("evm_revert", json!(["0x2"])),
        ("anvil_setCoinbase", json!([SOMEBODY])),
        ("miner_setEtherbase", json!([OTHER])),
        ("miner_setExtra", json!(["0x1234"])),
        ("anvil_setNextBlockBaseFeePerGas", json!(["0x3b9aca00"])),
        ("hardhat_setPrevRandao", json!([word(77)])),
        ("evm_setNextBlockTimestamp", json!([4_000_000_000_u64])),
        ("evm_mine", json!([])),
        ("evm_setTime", json!([4_000_100_000_u64])),
        ("anvil_setBlockTimestampInterval", json!([7])),
        ("anvil_mine", json!([2])),
        ("anvil_removeBlockTimestampInterval", json!([])),
        ("anvil_setBlockTimestampInterval", json!([8])),
        ("eth_sendTransaction", send(CONTRACT, 1)),
        ("eth_sendTransaction", send(SOMEBODY, 2)),
        (
            "anvil_reorg",
            json!([2, [[{"from": FIRST, "to": CONTRACT}, 0]]]),
        ),
        ("anvil_rollback", json!([1])),
        ("evm_setBlockGasLimit", json!(["0x1c9c381"])),
        ("anvil_setMinGasPrice", json!(["0x1"])),
        ("miner_setGasPrice", json!(["0x2"])),
        ("evm_setAutomine", json!([false])),
    ];
    // The pool: what is dropped, what stays, what waits behind a gap.
    cheats.extend([
        ("eth_sendTransaction", send(SOMEBODY, 2)),
        ("anvil_dropAllTransactions", json!([])),
        ("eth_sendTransaction", send(SOMEBODY, 2)),
        ("anvil_removePoolTransactions", json!([FIRST])),
        ("eth_sendTransaction", send(SOMEBODY, 2)),
        ("eth_sendTransaction", send(CONTRACT, 4)),
        ("miner_stop", json!([])),
        ("cluster_push", json!(["key", {"a": 1}])),
        ("anvil_autoImpersonateAccount", json!([true])),
        ("anvil_setChainId", json!([31338])),
        ("evm_setNextBlockTimestamp", json!([4_100_000_000_u64])),
        ("hardhat_setNextBlockBaseFeePerGas", json!(["0x77359400"])),
        ("anvil_setNextBlockPrevRandao", json!([word(78)])),
        ("evm_snapshot", json!([])),
    ]);
    cheats
}

/// What changes most: looked at after each cheat.
async fn glance(node: &Node) -> Value {
    let mut seen = Vec::new();
    for (method, params) in [
        ("eth_getBlockByNumber", json!(["latest", true])),
        ("txpool_content", json!([])),
        ("cluster_settings", json!([])),
        ("hardhat_metadata", json!([])),
    ] {
        seen.push(node.patient(method, params).await);
    }
    Value::Array(seen)
}

/// All that can be seen: settings, pool, snapshots, every block and receipt, and with the dump every account, slot
/// and code, now and after each block.
async fn observe(node: &Node) -> Value {
    let mut seen = vec![glance(node).await];
    let recover = format!(
        "0x{}{:0>64}{}{}",
        "33".repeat(32),
        "1b",
        "11".repeat(32),
        "22".repeat(32)
    );
    for (method, params) in [
        ("anvil_dumpState", json!([true])),
        ("anvil_nodeInfo", json!([])),
        ("eth_accounts", json!([])),
        ("eth_chainId", json!([])),
        ("eth_coinbase", json!([])),
        ("eth_gasPrice", json!([])),
        ("eth_baseFee", json!([])),
        ("eth_pendingTransactions", json!([])),
        ("eth_feeHistory", json!(["0x10", "latest", [50]])),
        ("anvil_getAutomine", json!([])),
        ("anvil_getIntervalMining", json!([])),
        ("anvil_getLastBlockWallTime", json!([])),
        ("eth_getLogs", json!([{"fromBlock": "earliest"}])),
        ("eth_getProof", json!([CONTRACT, ["0x3"], "latest"])),
        ("eth_getTransactionCount", json!([FIRST, "pending"])),
        ("eth_getBlockByNumber", json!(["pending", true])),
        (
            "eth_call",
            json!([{"to": format!("{:#042x}", 1), "data": recover}, "latest"]),
        ),
    ] {
        seen.push(node.patient(method, params).await);
    }
    let note = node.patient("cluster_get", json!(["key"])).await;
    seen.push(json!([note["value"], note["hash"], note["index"]]));
    for number in 0..20 {
        let id = format!("{number:#x}");
        for (method, params) in [
            ("eth_getBlockByNumber", json!([id, true])),
            ("eth_getBlockReceipts", json!([id])),
        ] {
            seen.push(node.patient(method, params).await);
        }
    }
    Value::Array(seen)
}

async fn all_observe(cluster: &Cluster, expected: Option<&Value>, when: &str) -> Value {
    let mut first = expected.cloned();
    for node in cluster.running() {
        let seen = observe(node).await;
        let first = first.get_or_insert_with(|| seen.clone());
        for (at, (seen, wanted)) in seen
            .as_array()
            .unwrap()
            .iter()
            .zip(first.as_array().unwrap())
            .enumerate()
        {
            assert_eq!(seen, wanted, "{} differs in part {at} {when}", node.name);
        }
    }
    first.unwrap()
}

#[tokio::test]
async fn each_cheat_is_on_every_node() {
    let mut cluster = Cluster::start(&Options {
        storage: "snapshot_interval_entries = 50",
        ..Options::default()
    })
    .await;
    let follower = cluster.follower().await;
    for (method, params) in cheats() {
        cluster.nodes[follower].ask(method, params.clone()).await;
        let mut seen = Vec::new();
        for node in &cluster.nodes {
            seen.push(glance(node).await);
        }
        assert!(
            seen.iter().all(|other| *other == seen[0]),
            "{method} {params}: {seen:#?}"
        );
    }
    let before = all_observe(&cluster, None, "after the cheats").await;

    let leader = cluster.leader().await;
    cluster.nodes[leader].kill().await;
    all_observe(&cluster, Some(&before), "after the loss of the leader").await;
    cluster.nodes[leader].restart().await;
    all_observe(&cluster, Some(&before), "after the leader's return").await;

    for node in &mut cluster.nodes {
        node.kill().await;
    }
    for node in &mut cluster.nodes {
        node.launch();
    }
    for node in &mut cluster.nodes {
        node.until_listening().await;
    }
    all_observe(&cluster, Some(&before), "after a restart from disk").await;

    // More entries than a leader keeps for peers that were away, so the wiped node gets a snapshot.
    let wiped = cluster.follower().await;
    for node in &cluster.nodes {
        node.until_it_votes().await;
    }
    cluster.nodes[wiped].kill().await;
    fs::remove_dir_all(cluster.data(wiped)).unwrap();
    let other = (wiped + 1) % cluster.nodes.len();
    for step in 0..1200_u32 {
        let note = json!([format!("step {}", step % 10), step]);
        cluster.nodes[other].ask("cluster_push", note).await;
    }
    cluster.nodes[wiped].restart().await;
    cluster.nodes[wiped].until_it_votes().await;
    all_observe(&cluster, Some(&before), "after a snapshot install").await;

    // What was set for the next block, the clock and the snapshots work on the wiped node as on the others.
    let node = &cluster.nodes[wiped];
    node.ask("evm_mine", json!([])).await;
    let head = cluster.agree().await;
    assert_eq!(head["timestamp"], format!("{:#x}", 4_100_000_000_u64));
    assert_eq!(
        (&head["baseFeePerGas"], &head["extraData"]),
        (&json!("0x77359400"), &json!("0x1234"))
    );
    assert_eq!(head["mixHash"], word(78));
    assert_eq!(node.ask("evm_revert", json!(["0x3"])).await, true);
    assert_eq!(node.ask("evm_revert", json!(["0x1"])).await, true);
    assert_eq!(node.ask("evm_revert", json!(["0x2"])).await, false);
    cluster.agree().await;
    node.ask("hardhat_reset", json!([])).await;
    assert_eq!(cluster.agree().await["number"], "0x0");
    // The pending block's time would be each node's own moment.
    let later = json!([4_200_000_000_u64]);
    node.ask("evm_setNextBlockTimestamp", later).await;
    all_observe(&cluster, None, "after a reset").await;
}
