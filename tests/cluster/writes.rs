//! A healthy cluster: a write is read everywhere at once, and senders on all nodes do not hurt each other.

use crate::{
    harness::{Cluster, Options, quantity},
    load::Load,
};
use serde_json::json;

#[tokio::test]
async fn a_write_on_any_node_is_read_on_every_other_at_once() {
    let cluster = Cluster::three().await;
    let accounts = cluster.nodes[0].ask("eth_accounts", json!([])).await;
    for step in 0..60_u64 {
        let to = format!("0x{:040x}", 0xbeef_0000 + step);
        let asked = &cluster.nodes[step as usize % 3];
        let hash = asked
            .ask(
                "eth_sendTransaction",
                json!([{"from": accounts[0], "to": to, "value": format!("{:#x}", step + 1)}]),
            )
            .await;
        for node in &cluster.nodes {
            assert_eq!(
                quantity(&node.ask("eth_getBalance", json!([to, "latest"])).await),
                u128::from(step) + 1
            );
            let receipt = node.ask("eth_getTransactionReceipt", json!([hash])).await;
            assert_eq!(receipt["status"], "0x1", "{}", node.name);
            assert_eq!(
                node.ask("eth_blockNumber", json!([])).await,
                receipt["blockNumber"]
            );
        }
    }
    cluster.agree().await;
}

#[tokio::test]
async fn senders_on_all_nodes_lose_and_double_nothing() {
    let cluster = Cluster::three().await;
    let load = Load::start(&cluster, 30).await;
    load.more(1500).await;
    let account = load.finish().await;
    assert_eq!(account.refused, Vec::<String>::new());
    assert_eq!(
        account.attempts,
        account.acknowledged.len() as u64,
        "every write of a healthy cluster is answered"
    );
    account.check_all(&cluster).await;
}

#[tokio::test]
async fn five_nodes_are_one_chain_too() {
    let cluster = Cluster::start(&Options {
        nodes: 5,
        ..Options::default()
    })
    .await;
    let load = Load::start(&cluster, 10).await;
    load.more(200).await;
    load.finish().await.check_all(&cluster).await;
}

#[tokio::test]
async fn a_cheat_on_a_follower_is_the_same_on_every_node() {
    let cluster = Cluster::three().await;
    let follower = &cluster.nodes[cluster.follower().await];
    let address = "0x00000000000000000000000000000000000c4ea7";
    let word = |value: u64| format!("{value:#066x}");
    let cheats = [
        ("anvil_setBalance", json!([address, "0x64"])),
        ("anvil_setCode", json!([address, "0x600160005500"])),
        ("anvil_setNonce", json!([address, "0x7"])),
        ("anvil_setStorageAt", json!([address, "0x3", word(9)])),
        ("evm_increaseTime", json!([12345])),
        ("evm_mine", json!([])),
        ("hardhat_mine", json!(["0x3", "0x10"])),
        ("evm_setAutomine", json!([false])),
        ("evm_snapshot", json!([])),
        ("anvil_setBalance", json!([address, "0x65"])),
        ("evm_mine", json!([])),
        ("evm_revert", json!(["0x0"])),
        ("evm_mine", json!([])),
        ("evm_setAutomine", json!([true])),
        ("evm_setNextBlockTimestamp", json!([4_000_000_000_u64])),
        ("evm_mine", json!([])),
    ];
    for (method, params) in cheats {
        follower.ask(method, params).await;
        cluster.agree().await;
    }
    let head = cluster.agree().await;
    assert_eq!(quantity(&head["timestamp"]), 4_000_000_000);
}

#[tokio::test]
async fn an_unlocked_send_sees_what_was_written_through_another_node() {
    let cluster = Cluster::three().await;
    for step in 0..80_u64 {
        let (first, second) = (
            &cluster.nodes[step as usize % 3],
            &cluster.nodes[(step as usize + 1 + step as usize % 2) % 3],
        );
        // SSTORE(0, 1): an estimate that does not see the code would be too small.
        let contract = format!("0x{:040x}", 0xc0de_0000 + step);
        let from = format!("0x{:040x}", 0xacc0_0000 + step);
        for (method, params) in [
            ("anvil_setBalance", json!([from, "0xde0b6b3a7640000"])),
            ("anvil_setCode", json!([contract, "0x600160005500"])),
            ("anvil_impersonateAccount", json!([from])),
        ] {
            first.ask(method, params).await;
        }
        let hash = second
            .ask(
                "eth_sendTransaction",
                json!([{"from": from, "to": contract}]),
            )
            .await;
        let receipt = second.ask("eth_getTransactionReceipt", json!([hash])).await;
        assert_eq!(receipt["status"], "0x1", "{receipt}");
        assert!(quantity(&receipt["gasUsed"]) > 40_000, "{receipt}");
    }
    cluster.agree().await;
}
