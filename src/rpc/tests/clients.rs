//! What client libraries do: send, look up, call, sign.

use crate::rpc::testing::Servers;
use serde_json::{Value, json};

/// Writes a log with topic 0xaa and data 0x2a, whatever it is called with.
const LOGGER: &str = "0x602a60005260aa60206000a100";
/// Reverts without data.
const REVERTER: &str = "0x60006000fd";
const CONTRACT: &str = "0x00000000000000000000000000000000000c0de0";
const NOBODY: &str = "0x00000000000000000000000000000000000000ee";

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_sent_anywhere_is_seen_everywhere() {
    let servers = Servers::start().await;
    let from = servers.account(0);
    let request = json!([{"from": from, "to": NOBODY, "value": "0x5"}]);
    let hash = servers.call(3, "eth_sendTransaction", request).await;
    for node in 1..=3 {
        let receipt = servers
            .call(node, "eth_getTransactionReceipt", json!([hash]))
            .await;
        assert_eq!(
            (&receipt["status"], &receipt["blockNumber"]),
            (&json!("0x1"), &json!("0x1"))
        );
        assert_eq!(receipt["from"], from);
        let balance = servers
            .call(node, "eth_getBalance", json!([NOBODY, "latest"]))
            .await;
        assert_eq!(balance, "0x5");
        assert_eq!(
            servers
                .call(node, "eth_getBalance", json!([NOBODY, "0x0"]))
                .await,
            "0x0"
        );
        assert_eq!(
            servers
                .call(node, "eth_getTransactionCount", json!([from]))
                .await,
            "0x1"
        );
        let tx = servers
            .call(node, "eth_getTransactionByHash", json!([hash]))
            .await;
        assert_eq!(
            (&tx["nonce"], &tx["type"], &tx["value"]),
            (&json!("0x0"), &json!("0x2"), &json!("0x5"))
        );
        let block = servers
            .call(node, "eth_getBlockByNumber", json!(["latest", true]))
            .await;
        assert_eq!(block["transactions"][0], tx);
        let by_hash = servers
            .call(node, "eth_getBlockByHash", json!([block["hash"], true]))
            .await;
        assert_eq!(by_hash, block);
        let receipts = servers
            .call(node, "eth_getBlockReceipts", json!(["latest"]))
            .await;
        assert_eq!(receipts, json!([receipt]));
        let by_nonce = servers
            .call(
                node,
                "eth_getTransactionBySenderAndNonce",
                json!([from, "0x0"]),
            )
            .await;
        assert_eq!(by_nonce, tx);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn raw_transactions_and_their_refusals() {
    let servers = Servers::start().await;
    let from = servers.account(1);
    let request = json!([{"from": from, "to": NOBODY, "value": "0x1", "gas": "0x5208"}]);
    let signed = servers.call(1, "eth_signTransaction", request).await;
    let raw = &signed["raw"];
    let hash = servers
        .call(2, "eth_sendRawTransaction", json!([raw]))
        .await;
    assert_eq!(hash, signed["tx"]["hash"]);
    let (code, message) = servers
        .error(3, "eth_sendRawTransaction", json!([raw]))
        .await;
    assert_eq!(code, -32003);
    assert!(
        message.starts_with("nonce too low") || message == "already known",
        "{message}"
    );
    let (code, _) = servers
        .error(3, "eth_sendRawTransaction", json!(["0x1234"]))
        .await;
    assert_eq!(code, -32602);
    let poor = json!([{"from": from, "to": NOBODY, "value": "0xffffffffffffffffffffffff", "gas": "0x5208"}]);
    let (code, message) = servers.error(1, "eth_sendTransaction", poor).await;
    assert_eq!(code, -32003);
    assert!(
        message.starts_with("insufficient funds for gas * price + value"),
        "{message}"
    );
    let unknown = json!([{"from": NOBODY, "to": NOBODY, "gas": "0x5208"}]);
    let error = servers.error(1, "eth_sendTransaction", unknown).await;
    assert_eq!(error, (-32003, "unknown account".to_owned()));
    let sync = servers
        .call(
            1,
            "eth_signTransaction",
            json!([{"from": from, "to": NOBODY}]),
        )
        .await;
    let receipt = servers
        .call(2, "eth_sendRawTransactionSync", json!([sync["raw"]]))
        .await;
    assert_eq!(receipt["transactionHash"], sync["tx"]["hash"]);
    let bytes = servers
        .call(3, "eth_getRawTransactionByHash", json!([hash]))
        .await;
    assert_eq!(&bytes, raw);
    assert_eq!(
        &servers
            .call(3, "debug_getRawTransaction", json!([hash]))
            .await,
        raw
    );
}

/// Hardhat asks for an estimate before it sends: what waits for its time must be found fit once that time is set.
#[tokio::test(flavor = "multi_thread")]
async fn an_estimate_is_of_the_next_block() {
    let servers = Servers::start().await;
    // Reverts before the year 2100: TIMESTAMP PUSH4 4102444800 GT PUSH1 11 JUMPI STOP JUMPDEST PUSH0 PUSH0 REVERT.
    let code = "0x4263f486570011600b57005b5f5ffd";
    servers
        .call(1, "anvil_setCode", json!([CONTRACT, code]))
        .await;
    let call = json!({"from": servers.account(0), "to": CONTRACT});
    assert_eq!(
        servers.error(3, "eth_estimateGas", json!([call])).await.0,
        3
    );
    servers
        .call(2, "evm_setNextBlockTimestamp", json!([4_102_444_801_u64]))
        .await;
    servers.call(3, "eth_estimateGas", json!([call])).await;
    let latest = json!([call, "latest"]);
    assert_eq!(servers.error(3, "eth_estimateGas", latest).await.0, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_logs_and_reverts() {
    let servers = Servers::start().await;
    servers
        .call(1, "anvil_setCode", json!([CONTRACT, LOGGER]))
        .await;
    assert_eq!(
        servers
            .call(2, "eth_getCode", json!([CONTRACT, "latest"]))
            .await,
        LOGGER
    );
    let from = servers.account(0);
    let call = json!({"from": from, "to": CONTRACT});
    assert_eq!(
        servers.call(3, "eth_call", json!([call, "latest"])).await,
        "0x"
    );
    let gas = servers.call(3, "eth_estimateGas", json!([call])).await;
    let hash = servers.call(3, "eth_sendTransaction", json!([call])).await;
    let receipt = servers
        .call(1, "eth_getTransactionReceipt", json!([hash]))
        .await;
    assert!(receipt["gasUsed"].as_str() <= gas.as_str());
    let topic = format!("0x{:0>64}", "aa");
    for filter in [
        json!({"fromBlock": "0x0", "toBlock": "latest"}),
        json!({"address": CONTRACT, "topics": [topic]}),
        json!({"blockHash": receipt["blockHash"]}),
    ] {
        let logs = servers.call(2, "eth_getLogs", json!([filter])).await;
        assert_eq!(logs, receipt["logs"], "{filter}");
        assert_eq!(logs[0]["data"], format!("0x{:0>64}", "2a"));
    }
    let none = servers
        .call(2, "eth_getLogs", json!([{"address": NOBODY}]))
        .await;
    assert_eq!(none, json!([]));
    let reversed = json!([{"fromBlock": "0x1", "toBlock": "0x0"}]);
    assert_eq!(
        servers.error(2, "eth_getLogs", reversed).await,
        (-32602, "invalid block range params".to_owned())
    );
    let beyond = json!([{"fromBlock": "0x0", "toBlock": "0xff"}]);
    assert_eq!(servers.error(2, "eth_getLogs", beyond).await.0, -32602);
    servers
        .call(1, "anvil_setCode", json!([CONTRACT, REVERTER]))
        .await;
    let answer = servers.answer(2, "eth_call", json!([call])).await;
    assert_eq!(
        answer["error"],
        json!({"code": 3, "message": "execution reverted", "data": "0x"})
    );
    // Reverts at the estimate; with a gas limit it is mined.
    assert_eq!(
        servers
            .error(2, "eth_sendTransaction", json!([call]))
            .await
            .0,
        3
    );
    let forced = json!([{"from": from, "to": CONTRACT, "gas": "0x186a0"}]);
    let hash = servers.call(2, "eth_sendTransaction", forced).await;
    let receipt = servers
        .call(1, "eth_getTransactionReceipt", json!([hash]))
        .await;
    assert_eq!(receipt["status"], "0x0");
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_that_are_not_there() {
    let servers = Servers::start().await;
    let hash = format!("0x{}", "12".repeat(32));
    for (method, params) in [
        ("eth_getBlockByNumber", json!(["0xff", false])),
        ("eth_getBlockByHash", json!([hash, false])),
        ("eth_getBlockReceipts", json!(["0xff"])),
        ("eth_getBlockTransactionCountByHash", json!([hash])),
        ("eth_getTransactionByHash", json!([hash])),
        ("eth_getTransactionReceipt", json!([hash])),
        (
            "eth_getTransactionByBlockNumberAndIndex",
            json!(["0x0", "0x0"]),
        ),
        ("eth_getUncleByBlockNumberAndIndex", json!(["0x0", "0x0"])),
        ("eth_getHeaderByHash", json!([hash])),
    ] {
        assert_eq!(
            servers.call(1, method, params).await,
            Value::Null,
            "{method}"
        );
    }
    for (method, params) in [
        ("eth_getBalance", json!([NOBODY, "0xff"])),
        ("eth_call", json!([{"to": NOBODY}, "0xff"])),
        ("eth_getProof", json!([NOBODY, [], "0xff"])),
        ("debug_getRawBlock", json!(["0xff"])),
    ] {
        let error = servers.error(1, method, params).await;
        assert_eq!(error, (-32000, "header not found".to_owned()), "{method}");
    }
    assert_eq!(
        servers
            .call(1, "eth_getUncleCountByBlockNumber", json!(["0x0"]))
            .await,
        "0x0"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pending_block_and_the_pool() {
    let servers = Servers::start().await;
    let from = servers.account(0);
    servers.call(1, "evm_setAutomine", json!([false])).await;
    let send = |nonce: &str| json!([{"from": from, "to": NOBODY, "value": "0x1", "nonce": nonce}]);
    let first = servers.call(2, "eth_sendTransaction", send("0x0")).await;
    servers.call(2, "eth_sendTransaction", send("0x5")).await;
    assert_eq!(
        servers.call(3, "txpool_status", json!([])).await,
        json!({"pending": "0x1", "queued": "0x1"})
    );
    let content = servers.call(3, "txpool_content", json!([])).await;
    assert_eq!(content["pending"][&from]["0"]["hash"], first);
    assert!(content["queued"][&from]["5"]["blockHash"].is_null());
    let of_sender = servers.call(3, "txpool_contentFrom", json!([from])).await;
    assert_eq!(of_sender["pending"], content["pending"][&from]);
    let inspected = servers.call(3, "txpool_inspect", json!([])).await;
    let line = inspected["pending"][&from]["0"].as_str().unwrap();
    assert!(
        line.starts_with(&format!("{NOBODY}: 1 wei + 21000 gas × ")),
        "{line}"
    );
    assert_eq!(
        servers
            .call(1, "eth_getTransactionCount", json!([from, "pending"]))
            .await,
        "0x1"
    );
    assert_eq!(
        servers
            .call(1, "eth_getTransactionCount", json!([from, "latest"]))
            .await,
        "0x0"
    );
    assert_eq!(
        servers
            .call(1, "eth_getBalance", json!([NOBODY, "pending"]))
            .await,
        "0x1"
    );
    let pending = servers
        .call(1, "eth_getBlockByNumber", json!(["pending", false]))
        .await;
    assert_eq!(
        (&pending["transactions"], &pending["hash"]),
        (&json!([first]), &Value::Null)
    );
    assert_eq!(pending["number"], "0x1");
    let waiting = servers
        .call(3, "eth_getTransactionByHash", json!([first]))
        .await;
    assert!(waiting["blockHash"].is_null());
    assert_eq!(
        servers
            .call(3, "eth_getTransactionReceipt", json!([first]))
            .await,
        Value::Null
    );
    servers.call(1, "evm_mine", json!([])).await;
    assert_eq!(
        servers.call(3, "txpool_status", json!([])).await,
        json!({"pending": "0x0", "queued": "0x1"})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn signatures() {
    let servers = Servers::start().await;
    let account = servers.account(0);
    let signature = servers
        .call(1, "personal_sign", json!(["0x68656c6c6f", account]))
        .await;
    assert_eq!(
        servers
            .call(2, "eth_sign", json!([account, "0x68656c6c6f"]))
            .await,
        signature
    );
    assert_eq!(
        servers
            .call(2, "personal_sign", json!(["hello", account]))
            .await,
        signature
    );
    assert_eq!(
        servers
            .call(3, "personal_ecRecover", json!(["hello", signature]))
            .await,
        account
    );
    let (code, message) = servers.error(1, "eth_sign", json!([NOBODY, "0x"])).await;
    assert_eq!((code, message.as_str()), (-32000, "unknown account"));
    let data = json!({
        "types": {"EIP712Domain": [{"name": "name", "type": "string"}], "Mail": [{"name": "text", "type": "string"}]},
        "primaryType": "Mail", "domain": {"name": "x"}, "message": {"text": "y"}
    });
    let typed = servers
        .call(1, "eth_signTypedData_v4", json!([account, data]))
        .await;
    let as_text = servers
        .call(
            2,
            "eth_signTypedData_v4",
            json!([account, data.to_string()]),
        )
        .await;
    assert_eq!(typed, as_text);
    assert_eq!(typed.as_str().unwrap().len(), 132);
    let filled = servers
        .call(
            1,
            "eth_fillTransaction",
            json!([{"from": NOBODY, "to": NOBODY}]),
        )
        .await;
    assert_eq!(
        (&filled["tx"]["gas"], &filled["tx"]["from"]),
        (&json!("0x5208"), &json!(NOBODY))
    );
    assert!(filled["raw"].as_str().unwrap().starts_with("0x02"));
}

#[tokio::test(flavor = "multi_thread")]
async fn proofs_fees_and_names() {
    let servers = Servers::start().await;
    let account = servers.account(0);
    for at in ["latest", "0x0"] {
        let proof = servers
            .call(1, "eth_getProof", json!([account, ["0x0"], at]))
            .await;
        assert_eq!(proof["address"], account);
        assert_eq!(
            proof["storageProof"][0],
            json!({"key": "0x0", "value": "0x0", "proof": []})
        );
        assert!(!proof["accountProof"].as_array().unwrap().is_empty());
    }
    servers.call(1, "anvil_mine", json!(["0x3"])).await;
    let history = servers
        .call(2, "eth_feeHistory", json!(["0x2", "latest", [50]]))
        .await;
    assert_eq!(history["oldestBlock"], "0x2");
    assert_eq!(history["baseFeePerGas"].as_array().unwrap().len(), 3);
    assert_eq!(history["reward"], json!([["0x0"], ["0x0"]]));
    let next = servers.call(2, "eth_baseFee", json!([])).await;
    assert_eq!(history["baseFeePerGas"][2], next);
    let pending = servers
        .call(2, "eth_feeHistory", json!([1, "pending", []]))
        .await;
    assert_eq!(
        (&pending["oldestBlock"], &pending["baseFeePerGas"][0]),
        (&json!("0x4"), &next)
    );
    assert_eq!(
        servers
            .error(2, "eth_feeHistory", json!(["0x1", "0xff", []]))
            .await
            .0,
        -32000
    );
    let version = servers.call(1, "web3_clientVersion", json!([])).await;
    assert!(version.as_str().unwrap().starts_with("anvil"), "{version}");
    assert_eq!(servers.call(1, "net_peerCount", json!([])).await, "0x2");
    assert_eq!(
        servers.call(1, "web3_sha3", json!(["0x"])).await,
        "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    );
    let modules = servers.call(1, "rpc_modules", json!([])).await;
    assert_eq!(modules["evm"], "1.0");
    let list = servers
        .call(1, "eth_createAccessList", json!([{"to": NOBODY}]))
        .await;
    assert_eq!(list, json!({"accessList": [], "gasUsed": "0x5208"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_of_a_long_range_are_all_found() {
    let servers = Servers::start().await;
    let call = json!([{"from": servers.account(0), "to": CONTRACT}]);
    servers
        .call(1, "anvil_setCode", json!([CONTRACT, LOGGER]))
        .await;
    servers.call(1, "eth_sendTransaction", call.clone()).await;
    for _ in 0..22 {
        servers.call(1, "anvil_mine", json!([50])).await;
    }
    servers.call(1, "eth_sendTransaction", call).await;
    let range = json!([{"fromBlock": "earliest", "toBlock": "latest", "address": CONTRACT}]);
    let logs = servers.call(2, "eth_getLogs", range).await;
    let numbers: Vec<_> = logs
        .as_array()
        .unwrap()
        .iter()
        .map(|log| &log["blockNumber"])
        .collect();
    assert_eq!(numbers, ["0x1", "0x44e"]);
}
