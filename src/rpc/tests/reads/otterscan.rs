//! What Otterscan asks for.

use super::{CONTRACT, NOBODY, OPERATOR, REVERTER, deploy, everywhere, send, servers};
use alloy::primitives::{Address, U256};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn what_otterscan_shows_of_a_transaction() {
    let servers = servers().await;
    assert_eq!(everywhere(&servers, "ots_getApiLevel", json!([])).await, 8);
    let from = servers.account(0);
    let hash = send(&servers, json!({"to": OPERATOR})).await;
    let operator: Address = OPERATOR.parse().unwrap_or_default();
    let created = operator.create(0).to_string().to_lowercase();
    let operations = everywhere(&servers, "ots_getInternalOperations", json!([hash])).await;
    assert_eq!(
        operations,
        json!([
            {"type": 0, "from": OPERATOR, "to": NOBODY, "value": "0x1"},
            {"type": 2, "from": OPERATOR, "to": created, "value": "0x0"},
            {"type": 1, "from": OPERATOR, "to": NOBODY, "value": "0x63"},
        ])
    );
    let frames = everywhere(&servers, "ots_traceTransaction", json!([hash])).await;
    assert_eq!(
        frames,
        json!([
            {"type": "CALL", "depth": 0, "from": from, "to": OPERATOR, "value": "0x0", "input": "0x", "output": "0x"},
            {"type": "CALL", "depth": 1, "from": OPERATOR, "to": NOBODY, "value": "0x1", "input": "0x", "output": "0x"},
            {"type": "CREATE", "depth": 1, "from": OPERATOR, "to": created, "value": "0x0", "input": "0x", "output": "0x"},
            {"type": "SELFDESTRUCT", "depth": 1, "from": OPERATOR, "to": NOBODY, "value": "0x63", "input": "0x", "output": "0x"},
        ])
    );
    let error = everywhere(&servers, "ots_getTransactionError", json!([hash])).await;
    assert_eq!(error, "0x");
    let failed = send(&servers, json!({"to": REVERTER})).await;
    let error = everywhere(&servers, "ots_getTransactionError", json!([failed])).await;
    assert_eq!(error, "0xdeadbeef");
    let by_nonce = json!([from, 0]);
    let found = everywhere(&servers, "ots_getTransactionBySenderAndNonce", by_nonce).await;
    assert_eq!(found, hash);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_otterscan_shows_of_a_contract_and_a_block() {
    let servers = servers().await;
    let (hash, address) = deploy(&servers).await;
    for (address, has_code) in [(address.clone(), true), (json!(NOBODY), false)] {
        let answer = everywhere(&servers, "ots_hasCode", json!([address, "latest"])).await;
        assert_eq!(answer, has_code);
    }
    let creator = everywhere(&servers, "ots_getContractCreator", json!([address])).await;
    assert_eq!(
        creator,
        json!({"hash": hash, "creator": servers.account(0)})
    );
    // A cheat is no creator.
    let creator = everywhere(&servers, "ots_getContractCreator", json!([CONTRACT])).await;
    assert_eq!(creator, Value::Null);

    servers.call(2, "evm_setAutomine", json!([false])).await;
    let mut hashes = Vec::new();
    for _ in 0..3 {
        hashes.push(send(&servers, json!({"to": CONTRACT, "data": "0x0102030405"})).await);
    }
    servers.call(2, "evm_mine", json!([])).await;
    let details = everywhere(&servers, "ots_getBlockDetails", json!([2])).await;
    let block = servers
        .call(1, "eth_getBlockByNumber", json!(["0x2", true]))
        .await;
    assert_eq!(details["block"]["hash"], block["hash"]);
    assert_eq!(details["block"]["transactionCount"], 3);
    assert_eq!(details["block"]["logsBloom"], Value::Null);
    assert_eq!(details["block"].get("transactions"), None);
    assert_eq!(details["issuance"]["issuance"], "0x0");
    let mut fees = U256::ZERO;
    for hash in &hashes {
        let receipt = servers
            .call(1, "eth_getTransactionReceipt", json!([hash]))
            .await;
        let number = |name: &str| receipt[name].as_str().and_then(|s| s.parse::<U256>().ok());
        fees +=
            number("gasUsed").unwrap_or_default() * number("effectiveGasPrice").unwrap_or_default();
    }
    assert!(!fees.is_zero());
    assert_eq!(details["totalFees"], format!("{fees:#x}"));
    let by_hash = json!([block["hash"]]);
    assert_eq!(
        everywhere(&servers, "ots_getBlockDetailsByHash", by_hash).await,
        details
    );

    // Pages begin at the end of the block.
    let page = everywhere(&servers, "ots_getBlockTransactions", json!([2, 0, 2])).await;
    let shown = page["fullblock"]["transactions"].as_array().cloned();
    let shown = shown.unwrap_or_default();
    assert_eq!(shown.len(), 2);
    assert_eq!(
        (&shown[0]["hash"], &shown[1]["hash"]),
        (&hashes[1], &hashes[2])
    );
    assert_eq!(shown[0]["input"], "0x01020304");
    let receipt = &page["receipts"][0];
    assert_eq!(receipt["transactionHash"], hashes[1]);
    assert_eq!(
        (&receipt["logs"], &receipt["logsBloom"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(receipt["timestamp"], block["timestamp"]);
    let rest = everywhere(&servers, "ots_getBlockTransactions", json!([2, 1, 2])).await;
    assert_eq!(rest["fullblock"]["transactions"][0]["hash"], hashes[0]);
    assert_eq!(rest["receipts"].as_array().map(Vec::len), Some(1));
    let none = everywhere(&servers, "ots_getBlockTransactions", json!([2, 9, 2])).await;
    assert_eq!(none["receipts"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn otterscan_turns_the_pages_of_an_account() {
    let servers = servers().await;
    let mut hashes = Vec::new();
    for _ in 0..5 {
        // Inside: OPERATOR sends to NOBODY, who is not in the transaction itself.
        hashes.push(send(&servers, json!({"to": OPERATOR})).await);
        send(&servers, json!({"to": CONTRACT})).await;
    }
    let hashes_of = |page: &Value| -> Vec<Value> {
        let txs = page["txs"].as_array().cloned().unwrap_or_default();
        let receipts = page["receipts"].as_array().cloned().unwrap_or_default();
        assert_eq!(txs.len(), receipts.len());
        txs.iter().map(|tx| tx["hash"].clone()).collect()
    };
    let newest_first: Vec<_> = hashes.iter().rev().cloned().collect();
    let ask = async |method: &str, from: u64, size: u64| {
        everywhere(&servers, method, json!([NOBODY, from, size])).await
    };
    let all = ask("ots_searchTransactionsBefore", 0, 10).await;
    assert_eq!(hashes_of(&all), newest_first);
    assert_eq!(
        (&all["firstPage"], &all["lastPage"]),
        (&json!(true), &json!(true))
    );
    let first = ask("ots_searchTransactionsBefore", 0, 2).await;
    assert_eq!(hashes_of(&first), newest_first[..2]);
    assert_eq!(
        (&first["firstPage"], &first["lastPage"]),
        (&json!(true), &json!(false))
    );
    // The second of them is in block 7.
    let second = ask("ots_searchTransactionsBefore", 7, 2).await;
    assert_eq!(hashes_of(&second), newest_first[2..4]);
    assert_eq!(
        (&second["firstPage"], &second["lastPage"]),
        (&json!(false), &json!(false))
    );
    let oldest = ask("ots_searchTransactionsAfter", 0, 2).await;
    assert_eq!(hashes_of(&oldest), newest_first[3..]);
    assert_eq!(
        (&oldest["firstPage"], &oldest["lastPage"]),
        (&json!(false), &json!(true))
    );
    let newest = ask("ots_searchTransactionsAfter", 5, 10).await;
    assert_eq!(hashes_of(&newest), newest_first[..2]);
    assert_eq!(
        (&newest["firstPage"], &newest["lastPage"]),
        (&json!(true), &json!(false))
    );
}
