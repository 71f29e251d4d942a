//! Cheats: what they do on all nodes, and what each node family answers to them.

use crate::rpc::testing::Servers;
use serde_json::{Value, json};

const SOMEBODY: &str = "0x00000000000000000000000000000000000000aa";

#[tokio::test(flavor = "multi_thread")]
async fn a_state_set_on_one_node_is_set_on_all() {
    let servers = Servers::start().await;
    let word = format!("0x{:0>64}", "7");
    for (node, method, params, answer) in [
        (
            1,
            "anvil_setBalance",
            json!([SOMEBODY, "0x64"]),
            Value::Null,
        ),
        (
            2,
            "hardhat_setBalance",
            json!([SOMEBODY, "100"]),
            json!(true),
        ),
        (
            3,
            "evm_setAccountBalance",
            json!([SOMEBODY, 100]),
            json!(true),
        ),
        (1, "anvil_addBalance", json!([SOMEBODY, "0x1"]), Value::Null),
        (2, "anvil_setCode", json!([SOMEBODY, "0x6000"]), Value::Null),
        (3, "hardhat_setNonce", json!([SOMEBODY, "0x5"]), json!(true)),
        (
            1,
            "anvil_setStorageAt",
            json!([SOMEBODY, "0x1", word]),
            json!(true),
        ),
        (
            2,
            "hardhat_setStorageAt",
            json!([SOMEBODY, "0x1", "0x7"]),
            json!(true),
        ),
    ] {
        assert_eq!(servers.call(node, method, params).await, answer, "{method}");
    }
    assert_same_everywhere(&servers, &word).await;
}

async fn assert_same_everywhere(servers: &Servers, word: &str) {
    for node in 1..=3 {
        assert_eq!(
            servers
                .call(node, "eth_getBalance", json!([SOMEBODY]))
                .await,
            "0x65"
        );
        assert_eq!(
            servers
                .call(node, "eth_getTransactionCount", json!([SOMEBODY]))
                .await,
            "0x5"
        );
        assert_eq!(
            servers.call(node, "eth_getCode", json!([SOMEBODY])).await,
            "0x6000"
        );
        assert_eq!(
            servers
                .call(node, "eth_getStorageAt", json!([SOMEBODY, "0x1"]))
                .await,
            word
        );
        let values = servers
            .call(node, "eth_getStorageValues", json!([{SOMEBODY: ["0x1"]}]))
            .await;
        assert_eq!(values, json!({SOMEBODY: [word]}));
        let account = servers
            .call(node, "eth_getAccountInfo", json!([SOMEBODY]))
            .await;
        assert_eq!(
            account,
            json!({"balance": "0x65", "nonce": "0x5", "code": "0x6000"})
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mining_and_time() {
    let servers = Servers::start().await;
    for (method, params, answer) in [
        ("evm_mine", json!([]), json!("0x0")),
        ("evm_mine", json!([{"blocks": 2}]), json!("0x0")),
        ("anvil_mine", json!(["0x2", "0xa"]), Value::Null),
        ("hardhat_mine", json!([]), json!(true)),
        ("evm_mine", json!([2_000_000_000]), json!("0x0")),
        (
            "evm_setNextBlockTimestamp",
            json!(["0x77359464"]),
            Value::Null,
        ),
        ("anvil_setBlockTimestampInterval", json!([5]), Value::Null),
        ("anvil_removeBlockTimestampInterval", json!([]), json!(true)),
        (
            "anvil_removeBlockTimestampInterval",
            json!([]),
            json!(false),
        ),
        ("evm_setIntervalMining", json!([0]), Value::Null),
        ("anvil_getIntervalMining", json!([]), Value::Null),
        ("evm_setAutomine", json!([false]), Value::Null),
        ("anvil_getAutomine", json!([]), json!(false)),
        ("miner_start", json!([]), json!(true)),
        ("hardhat_getAutomine", json!([]), json!(true)),
        ("evm_setBlockGasLimit", json!(["0x1c9c380"]), json!(true)),
        ("anvil_setLoggingEnabled", json!([true]), Value::Null),
    ] {
        assert_eq!(servers.call(2, method, params).await, answer, "{method}");
    }
    assert_eq!(servers.call(3, "eth_blockNumber", json!([])).await, "0x7");
    let fifth = servers
        .call(3, "eth_getBlockByNumber", json!(["0x5", false]))
        .await;
    let fourth = servers
        .call(3, "eth_getBlockByNumber", json!(["0x4", false]))
        .await;
    let time = |block: &Value| {
        u64::from_str_radix(&block["timestamp"].as_str().unwrap()[2..], 16).unwrap()
    };
    assert_eq!(time(&fifth) - time(&fourth), 10);
    servers.call(1, "evm_mine", json!([])).await;
    let block = servers
        .call(3, "eth_getBlockByNumber", json!(["latest", false]))
        .await;
    assert_eq!(time(&block), 2_000_000_100);
    let (code, _) = servers
        .error(1, "evm_setNextBlockTimestamp", json!([1]))
        .await;
    assert_eq!(code, -32602);
    let before = servers
        .call(1, "evm_increaseTime", json!([0]))
        .await
        .as_i64()
        .unwrap();
    let after = servers.call(1, "evm_increaseTime", json!(["0x10"])).await;
    assert_eq!(after, before + 16);
    let blocks = servers
        .call(1, "anvil_mine_detailed", json!([{"blocks": 2}]))
        .await;
    assert_eq!(blocks.as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots() {
    let servers = Servers::start().await;
    let id = servers.call(1, "evm_snapshot", json!([])).await;
    servers
        .call(2, "anvil_setBalance", json!([SOMEBODY, "0x64"]))
        .await;
    servers.call(3, "evm_mine", json!([])).await;
    let metadata = servers.call(3, "hardhat_metadata", json!([])).await;
    assert_eq!(metadata["snapshots"][id.as_str().unwrap()][0], 0);
    assert_eq!(metadata["latestBlockNumber"], 1);
    assert_eq!(servers.call(3, "evm_revert", json!([id])).await, true);
    for node in 1..=3 {
        assert_eq!(
            servers.call(node, "eth_blockNumber", json!([])).await,
            "0x0"
        );
        assert_eq!(
            servers
                .call(node, "eth_getBalance", json!([SOMEBODY]))
                .await,
            "0x0"
        );
    }
    assert_eq!(servers.call(2, "evm_revert", json!([id])).await, false);
    assert_eq!(servers.call(2, "evm_revert", json!([77])).await, false);
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_without_a_key() {
    let servers = Servers::start().await;
    servers
        .call(
            1,
            "anvil_setBalance",
            json!([SOMEBODY, "0xde0b6b3a7640000"]),
        )
        .await;
    let send = json!([{"from": SOMEBODY, "to": SOMEBODY, "value": "0x1"}]);
    assert_eq!(
        servers
            .error(2, "eth_sendTransaction", send.clone())
            .await
            .0,
        -32003
    );
    let unsigned = servers
        .call(3, "eth_sendUnsignedTransaction", send.clone())
        .await;
    assert!(unsigned.is_string());
    assert_eq!(
        servers
            .call(2, "hardhat_impersonateAccount", json!([SOMEBODY]))
            .await,
        true
    );
    let accounts = servers.call(1, "eth_accounts", json!([])).await;
    assert_eq!(accounts.as_array().unwrap().len(), 4);
    let hash = servers.call(3, "eth_sendTransaction", send.clone()).await;
    let receipt = servers
        .call(1, "eth_getTransactionReceipt", json!([hash]))
        .await;
    assert_eq!(
        (&receipt["from"], &receipt["status"]),
        (&json!(SOMEBODY), &json!("0x1"))
    );
    servers
        .call(1, "anvil_stopImpersonatingAccount", json!([SOMEBODY]))
        .await;
    assert_eq!(
        servers.error(2, "eth_sendTransaction", send).await.0,
        -32003
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pool_can_be_emptied() {
    let servers = Servers::start().await;
    servers.call(1, "miner_stop", json!([])).await;
    let from = servers.account(0);
    let send = json!([{"from": from, "to": SOMEBODY}]);
    let first = servers.call(1, "eth_sendTransaction", send.clone()).await;
    assert_eq!(
        servers
            .call(2, "anvil_dropTransaction", json!([first]))
            .await,
        first
    );
    assert_eq!(
        servers
            .call(2, "anvil_dropTransaction", json!([first]))
            .await,
        Value::Null
    );
    assert_eq!(
        servers
            .call(2, "hardhat_dropTransaction", json!([first]))
            .await,
        false
    );
    for (method, params) in [
        ("anvil_dropAllTransactions", json!([])),
        ("anvil_removePoolTransactions", json!([from])),
    ] {
        servers.call(1, "eth_sendTransaction", send.clone()).await;
        assert_eq!(
            servers.call(3, "txpool_status", json!([])).await["pending"],
            "0x1"
        );
        servers.call(2, method, params).await;
        assert_eq!(
            servers.call(3, "txpool_status", json!([])).await["pending"],
            "0x0"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_block_is_what_was_set() {
    let servers = Servers::start().await;
    let randao = format!("0x{}", "5a".repeat(32));
    for (method, params) in [
        ("hardhat_setNextBlockBaseFeePerGas", json!(["0x10"])),
        ("hardhat_setPrevRandao", json!([randao])),
        ("hardhat_setCoinbase", json!([SOMEBODY])),
    ] {
        assert_eq!(servers.call(1, method, params).await, true, "{method}");
    }
    assert_eq!(servers.call(2, "eth_baseFee", json!([])).await, "0x10");
    assert_eq!(servers.call(2, "eth_coinbase", json!([])).await, SOMEBODY);
    servers.call(3, "evm_mine", json!([])).await;
    let block = servers
        .call(2, "eth_getBlockByNumber", json!(["latest", false]))
        .await;
    assert_eq!(
        (&block["baseFeePerGas"], &block["mixHash"]),
        (&json!("0x10"), &json!(randao))
    );
    assert_eq!(block["miner"], SOMEBODY);
    servers.call(1, "anvil_setChainId", json!([99])).await;
    assert_eq!(servers.call(3, "eth_chainId", json!([])).await, "0x63");
    assert_eq!(servers.call(2, "net_version", json!([])).await, "99");
    // What is signed from now on is signed for it, and the EVM knows it: CHAINID, SSTORE(0).
    let code = json!([SOMEBODY, "0x465f5500"]);
    servers.call(1, "anvil_setCode", code).await;
    let send = json!([{"from": servers.account(0), "to": SOMEBODY}]);
    let hash = servers.call(2, "eth_sendTransaction", send).await;
    let sent = servers
        .call(3, "eth_getTransactionByHash", json!([hash]))
        .await;
    assert_eq!(sent["chainId"], "0x63");
    let slot = servers
        .call(3, "eth_getStorageAt", json!([SOMEBODY, "0x0"]))
        .await;
    assert_eq!(slot, format!("{:#066x}", 99));
    let info = servers.call(3, "anvil_nodeInfo", json!([])).await;
    assert_eq!(info["environment"]["chainId"], 99);
    assert_eq!(info["currentBlockNumber"], "0x2");
}

#[tokio::test(flavor = "multi_thread")]
async fn notes_and_the_cluster() {
    let servers = Servers::start().await;
    let pushed = servers
        .call(3, "cluster_push", json!(["k", {"a": [1, null]}]))
        .await;
    for node in 1..=3 {
        let note = servers.call(node, "cluster_get", json!(["k"])).await;
        assert_eq!(note["value"], json!({"a": [1, null]}));
        assert_eq!(
            (&note["index"], &note["hash"]),
            (&pushed["index"], &pushed["hash"])
        );
        let info = servers.call(node, "cluster_info", json!([])).await;
        assert_eq!(
            (&info["hash"], &info["index"]),
            (&note["hash"], &note["index"])
        );
        for member in ["term", "createdAt", "committedIndex"] {
            assert!(info[member].is_u64() && note[member].is_u64(), "{member}");
        }
    }
    assert_eq!(
        servers.call(1, "cluster_get", json!(["none"])).await,
        Value::Null
    );
    let status = servers.call(2, "cluster_status", json!([])).await;
    assert_eq!(
        (&status["node"], &status["role"], &status["leader"]),
        (&json!("node2"), &json!("follower"), &json!("node1"))
    );
    assert_eq!(status["members"][0]["name"], "node1");
    assert_eq!(status["head"]["number"], 0);
    assert_eq!(servers.call(3, "cluster_leader", json!([])).await, "node1");
    assert_eq!(servers.call(1, "raft_role", json!([])).await, "minter");
    assert_eq!(servers.call(2, "raft_role", json!([])).await, "verifier");
    assert_eq!(
        servers.call(2, "raft_leader", json!([])).await,
        "01".repeat(32)
    );
    let cluster = servers.call(2, "raft_cluster", json!([])).await;
    assert_eq!(cluster[0]["role"], "minter");
    assert_eq!(
        (&cluster[2]["raftId"], &cluster[2]["hostname"]),
        (&json!(3), &json!("127.0.0.1"))
    );
}
