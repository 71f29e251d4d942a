//! What users of ganache, anvil and Hardhat complained about, each under the name of its thread.

use crate::rpc::testing::Servers;
use futures::future::join_all;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const SOMEBODY: &str = "0x00000000000000000000000000000000000000aa";

fn number(quantity: &Value) -> u64 {
    let text = quantity.as_str().unwrap_or_else(|| panic!("{quantity}"));
    u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap()
}

async fn block(servers: &Servers, node: usize, id: &str) -> Value {
    let params = json!([id, false]);
    servers.call(node, "eth_getBlockByNumber", params).await
}

async fn timestamp(servers: &Servers, id: &str) -> u64 {
    number(&block(servers, 2, id).await["timestamp"])
}

/// foundry#8590: two overlapping `anvil_mine` corrupt the numbers of blocks.
#[tokio::test(flavor = "multi_thread")]
async fn two_overlapping_mines_do_not_corrupt_numbers() {
    let servers = Servers::start().await;
    let mines = (0..12).map(|at| servers.call(at % 3 + 1, "anvil_mine", json!(["0x32"])));
    join_all(mines).await;
    for node in 1..=3 {
        let head = servers.call(node, "eth_blockNumber", json!([])).await;
        assert_eq!(number(&head), 600);
    }
    let mut parent = block(&servers, 3, "0x0").await["hash"].clone();
    for at in 1..=600 {
        let block = block(&servers, at % 3 + 1, &format!("{at:#x}")).await;
        assert_eq!(block["parentHash"], parent, "block {at}");
        parent = block["hash"].clone();
    }
}

/// foundry#10452: a deadlock with `evm_mine` in a loop while other requests read.
#[tokio::test(flavor = "multi_thread")]
async fn mining_in_a_loop_does_not_hang_readers() {
    let servers = Servers::start().await;
    let from = servers.account(0);
    let mining = async {
        for _ in 0..100 {
            servers.call(1, "evm_mine", json!([])).await;
        }
    };
    let reading = (0..6).map(|at| {
        let (servers, from) = (&servers, from.clone());
        async move {
            for _ in 0..30 {
                let node = at % 3 + 1;
                let call = json!([{"from": from, "to": SOMEBODY}, "pending"]);
                servers.call(node, "eth_call", call).await;
                servers
                    .call(node, "eth_getBlockByNumber", json!(["pending", true]))
                    .await;
                servers.call(node, "eth_getLogs", json!([{}])).await;
            }
        }
    });
    let both = async { tokio::join!(mining, join_all(reading)) };
    tokio::time::timeout(Duration::from_mins(2), both)
        .await
        .expect("mining and reading end");
    assert_eq!(servers.call(2, "eth_blockNumber", json!([])).await, "0x64");
}

/// foundry#10122: automine leaves ready transactions in the pool (30 at once, nonces shuffled).
#[tokio::test(flavor = "multi_thread")]
async fn automine_leaves_no_ready_transaction_in_the_pool() {
    let servers = Servers::start().await;
    let from = servers.account(0);
    // Each nonce once, in an order without an order.
    let sends = (0..30_u64).map(|at| {
        let nonce = at * 17 % 30;
        let request = json!([{
            "from": from, "to": SOMEBODY, "value": "0x1", "nonce": format!("{nonce:#x}"), "gas": "0x5208",
        }]);
        let node = usize::try_from(at).unwrap() % 3 + 1;
        servers.call(node, "eth_sendTransaction", request)
    });
    let hashes = join_all(sends).await;
    for node in 1..=3 {
        let status = servers.call(node, "txpool_status", json!([])).await;
        assert_eq!(status, json!({"pending": "0x0", "queued": "0x0"}));
        let count = servers
            .call(node, "eth_getTransactionCount", json!([from]))
            .await;
        assert_eq!(count, "0x1e");
    }
    for hash in hashes {
        let receipt = servers
            .call(2, "eth_getTransactionReceipt", json!([hash]))
            .await;
        assert_eq!(receipt["status"], "0x1");
    }
}

/// All unlocked sends without a nonce land, from wherever they come at once.
#[tokio::test(flavor = "multi_thread")]
async fn concurrent_unlocked_sends_all_land() {
    let servers = Servers::start().await;
    let from = servers.account(1);
    let send = json!([{"from": from, "to": SOMEBODY, "value": "0x1"}]);
    let sends = (0..40).map(|at| servers.call(at % 3 + 1, "eth_sendTransaction", send.clone()));
    join_all(sends).await;
    for node in 1..=3 {
        let balance = servers
            .call(node, "eth_getBalance", json!([SOMEBODY]))
            .await;
        assert_eq!(balance, "0x28");
    }
}

/// ganache#4165 (and #4522, #4566): a nonce from the future hangs the call for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_gap_is_answered_at_once() {
    let servers = Servers::start().await;
    let from = servers.account(0);
    let ahead = json!([{"from": from, "to": SOMEBODY, "value": "0x1", "nonce": "0x2"}]);
    let start = Instant::now();
    let waiting = servers.call(3, "eth_sendTransaction", ahead).await;
    assert!(start.elapsed() < Duration::from_secs(5));
    let status = servers.call(1, "txpool_status", json!([])).await;
    assert_eq!(status, json!({"pending": "0x0", "queued": "0x1"}));
    for _ in 0..2 {
        let send = json!([{"from": from, "to": SOMEBODY, "value": "0x1"}]);
        servers.call(2, "eth_sendTransaction", send).await;
    }
    // The gap is closed: what waited is mined.
    let receipt = servers
        .call(1, "eth_getTransactionReceipt", json!([waiting]))
        .await;
    assert_eq!(receipt["status"], "0x1");
}

/// foundry#6463: a second revert to the same snapshot leaves blocks and memory behind.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_revert_to_the_same_snapshot_changes_nothing() {
    let servers = Servers::start().await;
    servers.call(1, "evm_mine", json!([])).await;
    let outer = servers.call(1, "evm_snapshot", json!([])).await;
    servers.call(2, "evm_mine", json!([])).await;
    let inner = servers.call(3, "evm_snapshot", json!([])).await;
    servers.call(2, "anvil_mine", json!([3])).await;
    assert_eq!(servers.call(3, "evm_revert", json!([outer])).await, true);
    let after = block(&servers, 1, "latest").await;
    for (node, id) in [(1, &outer), (2, &inner), (3, &json!("0x7777"))] {
        assert_eq!(servers.call(node, "evm_revert", json!([id])).await, false);
        for node in 1..=3 {
            assert_eq!(block(&servers, node, "latest").await, after);
            assert_eq!(block(&servers, node, "0x2").await, Value::Null);
        }
    }
    // anvil 1.7.1's chain is broken here; this one goes on.
    servers.call(1, "evm_mine", json!([])).await;
    assert_eq!(block(&servers, 2, "latest").await["number"], "0x2");
    let metadata = servers.call(2, "anvil_metadata", json!([])).await;
    assert_eq!(metadata["snapshots"], json!({}));
}

/// foundry#3894, #5518, #6096: time is wrong after a revert.
#[tokio::test(flavor = "multi_thread")]
async fn time_after_a_revert_is_that_of_the_snapshot() {
    let servers = Servers::start().await;
    servers.call(1, "evm_mine", json!([])).await;
    let id = servers.call(1, "evm_snapshot", json!([])).await;
    let start = timestamp(&servers, "latest").await;
    let wall = Instant::now();
    servers.call(2, "evm_increaseTime", json!([100_000])).await;
    servers.call(3, "evm_mine", json!([])).await;
    assert!(timestamp(&servers, "latest").await >= start + 100_000);
    servers
        .call(1, "evm_setNextBlockTimestamp", json!([start + 500_000]))
        .await;
    servers.call(2, "evm_revert", json!([id])).await;
    servers.call(3, "evm_mine", json!([])).await;
    let after = timestamp(&servers, "latest").await;
    // Real time went on, and the second block of a second gets the next one.
    let most = start + wall.elapsed().as_secs() + 2;
    assert!((start + 1..=most).contains(&after), "{start} {after}");
}

/// foundry#7931, #9142, mud#3242: blocks of the same second, and time that drifts.
#[tokio::test(flavor = "multi_thread")]
async fn blocks_of_the_same_second_follow_each_other_and_time_does_not_drift() {
    let servers = Servers::start().await;
    servers.call(1, "evm_mine", json!([])).await;
    let first = timestamp(&servers, "latest").await;
    servers.call(1, "anvil_mine", json!([10])).await;
    for at in 1..=10 {
        let id = format!("{:#x}", at + 1);
        let stamp = timestamp(&servers, &id).await;
        assert!(stamp > timestamp(&servers, &format!("{at:#x}")).await);
        assert!(stamp <= first + 30, "block {at}");
    }
    // What a client named for a block moves the clock; without it the clock is the real one.
    let named = first + 1_000_000;
    servers.call(2, "evm_mine", json!([named])).await;
    assert_eq!(timestamp(&servers, "latest").await, named);
    servers.call(3, "evm_mine", json!([])).await;
    let next = timestamp(&servers, "latest").await;
    assert!((named + 1..named + 60).contains(&next), "{named} {next}");
}

/// Negative and huge increases: the clock may go back, blocks do not, and what leaves the clock's range is refused.
#[tokio::test(flavor = "multi_thread")]
async fn negative_and_huge_increases_of_time() {
    let servers = Servers::start().await;
    servers.call(1, "evm_mine", json!([])).await;
    let first = timestamp(&servers, "latest").await;
    let offset = servers.call(2, "evm_increaseTime", json!([-3600])).await;
    assert_eq!(offset, -3600);
    servers.call(3, "evm_mine", json!([])).await;
    assert_eq!(timestamp(&servers, "latest").await, first + 1);
    for huge in [
        json!(9_000_000_000_000_000_000_u64),
        json!("-9000000000000000000"),
    ] {
        let (code, message) = servers.error(1, "evm_increaseTime", json!([huge])).await;
        assert_eq!(code, -32602, "{message}");
        assert!(message.contains("range of the chain's clock"), "{message}");
    }
    let far = 315_569_519_000_u64;
    servers
        .call(1, "evm_setTime", json!([far.to_string()]))
        .await;
    servers.call(1, "evm_mine", json!([])).await;
    for node in 1..=3 {
        let head = block(&servers, node, "latest").await;
        assert_eq!(head, block(&servers, 1, "latest").await);
    }
}

/// ganache's strict instamine: the hash is answered from the pool, the block follows at once.
#[tokio::test(flavor = "multi_thread")]
async fn strict_instamine_answers_before_the_block() {
    use crate::{
        chain::{
            command::{Cheat, Write},
            spec::Instamine,
        },
        replica::api::{Backend as _, ChainEvent},
    };
    let servers = Servers::start().await;
    let cheat = Cheat::SetInstamine {
        mode: Instamine::Strict,
    };
    servers
        .cluster
        .node(2)
        .write(Write::Cheat(cheat))
        .await
        .unwrap();
    let from = servers.account(0);
    let send = json!([{"from": from, "to": SOMEBODY, "value": "0x1"}]);
    let hash = servers.call(3, "eth_sendTransaction", send).await;
    for _ in 0..1000 {
        if !servers
            .call(1, "eth_getTransactionReceipt", json!([hash]))
            .await
            .is_null()
        {
            break;
        }
    }
    assert_eq!(servers.call(1, "eth_blockNumber", json!([])).await, "0x1");
    let status = servers.call(2, "txpool_status", json!([])).await;
    assert_eq!(status, json!({"pending": "0x0", "queued": "0x0"}));
    let events = servers.cluster.events.lock().unwrap();
    let of_one = events.iter().filter(|(node, _)| *node == 1);
    let kinds: Vec<_> = of_one
        .map(|(_, event)| match event {
            ChainEvent::Transaction(_) => "pool",
            ChainEvent::Block(_) => "block",
            _ => "other",
        })
        .collect();
    assert_eq!(kinds, ["pool", "block"]);
    // The pool's entry and the block's: two.
    drop(events);
    assert_eq!(servers.cluster.entries(), 3);
}

/// An interval below a second: blocks come from one leader, and every node has them.
#[tokio::test(flavor = "multi_thread")]
async fn blocks_can_come_several_times_a_second() {
    let servers = Servers::start().await;
    servers
        .call(2, "evm_setIntervalMining", json!([0.02]))
        .await;
    assert_eq!(servers.call(3, "anvil_getAutomine", json!([])).await, false);
    let from = servers.account(0);
    let send = json!([{"from": from, "to": SOMEBODY, "value": "0x1"}]);
    let hash = servers.call(3, "eth_sendTransaction", send).await;
    let start = Instant::now();
    while number(&servers.call(1, "eth_blockNumber", json!([])).await) < 5 {
        assert!(start.elapsed() < Duration::from_mins(1));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    servers.call(1, "evm_setIntervalMining", json!([0])).await;
    let receipt = servers
        .call(1, "eth_getTransactionReceipt", json!([hash]))
        .await;
    assert_eq!(receipt["status"], "0x1");
    let head = block(&servers, 1, "latest").await;
    for node in 2..=3 {
        assert_eq!(block(&servers, node, "latest").await, head);
    }
}
