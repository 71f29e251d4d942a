//! What changes the chain as a whole, asked of one node and seen on all: going back, dumps, accounts, signatures,
//! tokens.

use crate::rpc::testing::Servers;
use serde_json::{Value, json};

const SOMEBODY: &str = "0x00000000000000000000000000000000000000aa";
const CONTRACT: &str = "0x00000000000000000000000000000000000c0de0";
/// A log with topic 0xaa.
const LOGGER: &str = "0x602a60005260aa60206000a100";
/// Answers any call with the slot keccak(first argument . 0), as Solidity lays out a first mapping, after a look at
/// slot 7.
const TOKEN: &str = "0x60075450600435 5f525f60205260405f20545f5260205ff3";

async fn send(servers: &Servers, node: usize, to: &str, value: u64) -> Value {
    let from = servers.account(0);
    let request = json!([{"from": from, "to": to, "value": format!("{value:#x}")}]);
    servers.call(node, "eth_sendTransaction", request).await
}

async fn same_everywhere(servers: &Servers, method: &str, params: Value) -> Value {
    let first = servers.call(1, method, params.clone()).await;
    for node in 2..=3 {
        assert_eq!(servers.call(node, method, params.clone()).await, first);
    }
    first
}

async fn head(servers: &Servers) -> Value {
    same_everywhere(servers, "eth_getBlockByNumber", json!(["latest", false])).await
}

/// foundry#7368, foundry#1799: reorgs of several blocks; foundry#10809: with other hashes.
#[tokio::test(flavor = "multi_thread")]
async fn a_reorg_replaces_blocks_on_every_node() {
    let servers = Servers::start().await;
    let code = json!([CONTRACT, LOGGER]);
    servers.call(1, "anvil_setCode", code).await;
    let of_contract = json!([{"address": CONTRACT}]);
    let filter = servers.call(3, "eth_newFilter", of_contract).await;
    send(&servers, 1, SOMEBODY, 1).await;
    for _ in 0..3 {
        send(&servers, 2, CONTRACT, 0).await;
    }
    let seen = servers
        .call(3, "eth_getFilterChanges", json!([filter]))
        .await;
    assert_eq!(seen.as_array().unwrap().len(), 3);
    let old = head(&servers).await;
    let from = servers.account(1);
    let pairs = json!([
        [{"from": from, "to": CONTRACT}, 0],
        [{"from": from, "to": CONTRACT, "value": "0x7"}, 0],
        [{"from": from, "to": SOMEBODY, "value": "0x7"}, 2]
    ]);
    let answer = servers.call(2, "anvil_reorg", json!([3, pairs])).await;
    assert_eq!(answer, Value::Null);
    let new = head(&servers).await;
    assert_eq!(new["number"], old["number"]);
    assert_ne!(new["hash"], old["hash"]);
    // The logs of the lost branch come again, highest block first, and those of the new one follow.
    let changes = servers
        .call(3, "eth_getFilterChanges", json!([filter]))
        .await;
    let changes: Vec<_> = changes.as_array().unwrap().iter().collect();
    let what: Vec<_> = changes
        .iter()
        .map(|log| (log["blockNumber"].clone(), log["removed"].clone()))
        .collect();
    let wanted = [
        ("0x4", true),
        ("0x3", true),
        ("0x2", true),
        ("0x2", false),
        ("0x2", false),
    ];
    assert_eq!(what, wanted.map(|(n, removed)| (json!(n), json!(removed))));
    let balance = same_everywhere(&servers, "eth_getBalance", json!([SOMEBODY])).await;
    assert_eq!(balance, "0x8");
    let nonce = same_everywhere(
        &servers,
        "eth_getTransactionCount",
        json!([servers.account(0)]),
    );
    assert_eq!(nonce.await, "0x1");
    let lost = same_everywhere(&servers, "eth_getBlockByHash", json!([old["hash"], false]));
    assert_eq!(lost.await, Value::Null);
    // alloy sends its options as an object in the parameters' place.
    let options = json!({"depth": 1, "tx_block_pairs": []});
    servers.call(1, "anvil_reorg", options).await;
    assert_ne!(head(&servers).await["hash"], new["hash"]);
    for (params, sentence) in [
        (
            json!([99]),
            "Reorg depth must not exceed current chain height: current height 4, depth 99",
        ),
        (
            json!([1, [[{"to": SOMEBODY}, 1]]]),
            "Block number 1 must not exceed (depth-1) 0",
        ),
        (json!([2000]), "more than the 1024 blocks"),
        (json!([1, [["0x12", 0]]]), "typed transaction too short"),
    ] {
        let (code, message) = servers.error(3, "anvil_reorg", params).await;
        assert_eq!(code, -32602);
        assert!(message.contains(sentence), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_and_a_reset_are_the_same_everywhere() {
    let servers = Servers::start().await;
    for value in 1..=4 {
        send(&servers, 1, SOMEBODY, value).await;
    }
    servers.call(3, "anvil_rollback", json!([])).await;
    assert_eq!(head(&servers).await["number"], "0x3");
    servers.call(2, "anvil_rollback", json!([null])).await;
    servers.call(2, "anvil_rollback", json!([1])).await;
    assert_eq!(head(&servers).await["number"], "0x1");
    let balance = same_everywhere(&servers, "eth_getBalance", json!([SOMEBODY])).await;
    assert_eq!(balance, "0x1");
    let (code, message) = servers.error(1, "anvil_rollback", json!([2])).await;
    assert_eq!(code, -32602);
    assert!(
        message.contains("Rollback depth must not exceed"),
        "{message}"
    );
    send(&servers, 2, SOMEBODY, 9).await;
    let id = servers.call(1, "evm_snapshot", json!([])).await;
    assert_eq!(servers.call(3, "hardhat_reset", json!([])).await, true);
    assert_eq!(head(&servers).await["number"], "0x0");
    assert_eq!(servers.call(2, "evm_revert", json!([id])).await, false);
    assert_eq!(
        servers.call(1, "anvil_reset", json!([{}])).await,
        Value::Null
    );
    let fork = json!([{"forking": {"jsonRpcUrl": "http://x", "blockNumber": 1}}]);
    let (code, message) = servers.error(1, "hardhat_reset", fork).await;
    assert_eq!(code, -32602);
    assert!(message.contains("does not fork live networks"), "{message}");
    send(&servers, 1, SOMEBODY, 2).await;
    assert_eq!(head(&servers).await["number"], "0x1");
}

/// foundry#7955 (a dump of the chain, not of the state alone), hardhat#3599 (under Hardhat's names).
#[tokio::test(flavor = "multi_thread")]
async fn a_dump_carries_blocks_and_receipts_to_another_cluster() {
    let servers = Servers::start().await;
    servers
        .call(1, "anvil_setCode", json!([CONTRACT, LOGGER]))
        .await;
    let hash = send(&servers, 2, CONTRACT, 0).await;
    send(&servers, 2, SOMEBODY, 5).await;
    send(&servers, 2, SOMEBODY, 6).await;
    let dump = servers.call(3, "hardhat_dumpState", json!([true])).await;
    // foundry#11367: all nodes give the same bytes.
    assert_eq!(
        servers.call(1, "anvil_dumpState", json!([true])).await,
        dump
    );
    let other = Servers::start().await;
    assert_eq!(
        other.call(2, "hardhat_loadState", json!([dump])).await,
        true
    );
    assert_eq!(head(&other).await, head(&servers).await);
    for (method, params) in [
        ("eth_getTransactionReceipt", json!([hash])),
        ("eth_getTransactionByHash", json!([hash])),
        ("eth_getBlockByNumber", json!(["0x1", true])),
        ("eth_getLogs", json!([{"fromBlock": "0x0"}])),
        ("eth_getBalance", json!([SOMEBODY, "0x2"])),
        ("eth_getBalance", json!([SOMEBODY, "0x3"])),
        ("eth_getProof", json!([SOMEBODY, [], "0x2"])),
        ("debug_traceBlockByNumber", json!(["0x2"])),
        ("debug_traceBlockByNumber", json!(["0x3"])),
    ] {
        let old = same_everywhere(&servers, method, params.clone()).await;
        assert_eq!(
            same_everywhere(&other, method, params).await,
            old,
            "{method}"
        );
        assert_ne!(old, Value::Null);
    }
    // Without the states after each block an old one cannot be read, and the node says why.
    let dump = servers.call(3, "anvil_dumpState", json!([])).await;
    let third = Servers::start().await;
    third.call(1, "anvil_loadState", json!([dump])).await;
    let (code, message) = third
        .error(2, "eth_getBalance", json!([SOMEBODY, "0x2"]))
        .await;
    assert_eq!(code, -32000);
    assert!(
        message.contains("state of block 2 is not known"),
        "{message}"
    );
    let trace = json!(["0x3"]);
    let (_, message) = third.error(1, "debug_traceBlockByNumber", trace).await;
    assert!(
        message.contains("state of block 2 is not known"),
        "{message}"
    );
    for (bad, sentence) in [
        ("0x1234", "the dump cannot be read"),
        ("0x1f8b0800", "cannot be"),
    ] {
        let (code, message) = third.error(2, "anvil_loadState", json!([bad])).await;
        assert_eq!(code, -32602);
        assert!(message.contains(sentence), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_that_clients_add_are_on_every_node() {
    let servers = Servers::start().await;
    let key = format!("0x{}", "42".repeat(32));
    let imported = servers
        .call(1, "personal_importRawKey", json!([key, "pass"]))
        .await;
    let made = servers
        .call(2, "personal_newAccount", json!(["other"]))
        .await;
    let added = servers
        .call(3, "evm_addAccount", json!([SOMEBODY, "third"]))
        .await;
    assert_eq!(added, true);
    let again = servers
        .call(1, "evm_addAccount", json!([SOMEBODY, "x"]))
        .await;
    assert_eq!(again, false);
    let accounts = same_everywhere(&servers, "personal_listAccounts", json!([])).await;
    assert_eq!(accounts.as_array().unwrap().len(), 6);
    for account in [&imported, &made, &json!(SOMEBODY)] {
        let rich = json!([account, "0xde0b6b3a7640000"]);
        servers.call(1, "anvil_setBalance", rich).await;
        let send = json!([{"from": account, "to": CONTRACT, "value": "0x1"}]);
        let (code, message) = servers.error(2, "eth_sendTransaction", send).await;
        assert_eq!(code, -32003);
        assert_eq!(message, "authentication needed: passphrase or unlock");
    }
    let wrong = json!([imported, "wrong"]);
    let (_, message) = servers.error(2, "personal_unlockAccount", wrong).await;
    assert_eq!(message, "could not decrypt key with given password");
    for (account, passphrase) in [
        (&imported, "pass"),
        (&made, "other"),
        (&json!(SOMEBODY), "third"),
    ] {
        let unlock = json!([account, passphrase, 0]);
        assert_eq!(
            servers.call(3, "personal_unlockAccount", unlock).await,
            true
        );
        let send = json!([{"from": account, "to": CONTRACT, "value": "0x1"}]);
        let hash = servers.call(2, "eth_sendTransaction", send).await;
        let receipt = servers.call(1, "eth_getTransactionReceipt", json!([hash]));
        assert_eq!(receipt.await["from"], *account);
    }
    let signed = same_everywhere(&servers, "eth_sign", json!([imported, "0x01"])).await;
    assert!(signed.is_string());
    let (_, message) = servers
        .error(1, "eth_sign", json!([SOMEBODY, "0x01"]))
        .await;
    assert_eq!(message, "cannot sign data; no private key");
    servers
        .call(1, "personal_lockAccount", json!([imported]))
        .await;
    let send = json!([{"from": imported, "to": CONTRACT, "value": "0x1"}]);
    servers.error(3, "eth_sendTransaction", send.clone()).await;
    let with_passphrase = json!([send[0], "pass"]);
    servers
        .call(3, "personal_sendTransaction", with_passphrase)
        .await;
    servers.error(3, "eth_sendTransaction", send).await;
    let (_, message) = servers
        .error(2, "evm_removeAccount", json!([imported, "wrong"]))
        .await;
    assert_eq!(message, "could not decrypt key with given password");
    let removed = servers.call(2, "evm_removeAccount", json!([imported, "pass"]));
    assert_eq!(removed.await, true);
    let accounts = same_everywhere(&servers, "eth_accounts", json!([])).await;
    assert_eq!(accounts.as_array().unwrap().len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_account_of_the_config_does_not_send() {
    let servers = Servers::start().await;
    let first = servers.account(0);
    servers
        .call(2, "personal_lockAccount", json!([first]))
        .await;
    let send = json!([{"from": first, "to": SOMEBODY}]);
    let (code, _) = servers.error(3, "eth_sendTransaction", send.clone()).await;
    assert_eq!(code, -32003);
    servers
        .call(1, "personal_unlockAccount", json!([first, "", 60]))
        .await;
    servers.call(3, "eth_sendTransaction", send).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_balance_is_dealt_at_its_slot() {
    let servers = Servers::start().await;
    let code = TOKEN.replace(' ', "");
    servers
        .call(1, "anvil_setCode", json!([CONTRACT, code]))
        .await;
    let balance_of = format!("0x70a08231{:0>64}", &SOMEBODY[2..]);
    let call = json!([{"to": CONTRACT, "data": balance_of}, "latest"]);
    for (method, params, wanted) in [
        ("anvil_dealERC20", json!([SOMEBODY, CONTRACT, "0x64"]), 0x64),
        (
            "hardhat_dealERC20",
            json!([SOMEBODY, CONTRACT, "0x64"]),
            0x64,
        ),
        ("anvil_dealERC20", json!([SOMEBODY, CONTRACT, 0]), 0),
        (
            "anvil_setERC20Allowance",
            json!([SOMEBODY, CONTRACT, CONTRACT, "7"]),
            7,
        ),
    ] {
        servers.call(2, method, params).await;
        let balance = same_everywhere(&servers, "eth_call", call.clone()).await;
        assert_eq!(balance, format!("{wanted:#066x}"), "{method}");
    }
    let (code, message) = servers
        .error(3, "anvil_dealERC20", json!([SOMEBODY, SOMEBODY, 1]))
        .await;
    assert_eq!(code, -32000);
    assert_eq!(message, "Unable to set ERC20 balance, no slot found");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_impersonated_signature_recovers_to_any_address() {
    let servers = Servers::start().await;
    let (r, s) = ("11".repeat(32), "22".repeat(32));
    let signature = format!("0x{r}{s}1b");
    let recover = |v: &str| {
        let input = format!("0x{}{v:0>64}{r}{s}", "33".repeat(32));
        json!([{"to": "0x0000000000000000000000000000000000000001", "data": input}, "latest"])
    };
    servers
        .call(
            3,
            "anvil_impersonateSignature",
            json!([signature, SOMEBODY]),
        )
        .await;
    let wanted = format!("0x{:0>64}", &SOMEBODY[2..]);
    let recovered = same_everywhere(&servers, "eth_call", recover("1b")).await;
    assert_eq!(recovered, wanted);
    assert_ne!(
        same_everywhere(&servers, "eth_call", recover("1c")).await,
        wanted
    );
    // In a block, too: CALL(ecrecover) with the calldata, then SSTORE(0, what it answers).
    let code = "0x36 5f5f37 6020 5f 36 5f 5f 6001 5af1 50 5f51 5f55 00".replace(' ', "");
    servers
        .call(1, "anvil_setCode", json!([CONTRACT, code]))
        .await;
    let input = recover("1b")[0]["data"].clone();
    let from = servers.account(0);
    let hash = servers
        .call(
            2,
            "eth_sendTransaction",
            json!([{"from": from, "to": CONTRACT, "data": input}]),
        )
        .await;
    let slot = same_everywhere(&servers, "eth_getStorageAt", json!([CONTRACT, "0x0"])).await;
    assert_eq!(slot, wanted);
    let trace = json!([hash, {"tracer": "callTracer"}]);
    let trace = same_everywhere(&servers, "debug_traceTransaction", trace).await;
    assert_eq!(trace["calls"][0]["output"], wanted);
    let bad = servers.error(1, "anvil_impersonateSignature", json!(["0x12", SOMEBODY]));
    assert_eq!(bad.await.0, -32602);
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_decide_whether_a_transaction_is_taken() {
    let servers = Servers::start().await;
    let from = servers.account(0);
    let signed = servers
        .call(
            1,
            "eth_signTransaction",
            json!([{"from": from, "to": SOMEBODY, "value": "0x1"}]),
        )
        .await;
    let raw = &signed["raw"];
    let slot = format!("0x{:0>64}", "1");
    let zero = format!("0x{:0>64}", "");
    let accounts = |value: &str| json!({"knownAccounts": {CONTRACT: {slot.clone(): value}}});
    for refused in [
        json!({"blockNumberMin": "0x5"}),
        json!({"timestampMax": 5}),
        accounts(&slot),
        json!({"knownAccounts": {CONTRACT: slot.clone()}}),
    ] {
        let params = json!([raw, refused]);
        let (code, message) = servers
            .error(2, "eth_sendRawTransactionConditional", params)
            .await;
        assert_eq!(code, -32003, "{message}");
        assert!(message.contains("do not hold"), "{message}");
    }
    let params = json!([raw, accounts(&zero)]);
    let hash = servers
        .call(3, "eth_sendRawTransactionConditional", params)
        .await;
    assert_eq!(hash, signed["tx"]["hash"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_transaction_is_sent_again_at_another_price() {
    let servers = Servers::start().await;
    servers.call(1, "evm_setAutomine", json!([false])).await;
    let from = servers.account(0);
    let first = send(&servers, 2, SOMEBODY, 3).await;
    let again = json!([{"from": from, "nonce": "0x0", "to": SOMEBODY}, "0x174876e800"]);
    let second = servers.call(3, "eth_resend", again).await;
    assert_ne!(first, second);
    let waiting = same_everywhere(&servers, "eth_getTransactionByHash", json!([second])).await;
    assert_eq!(waiting["maxFeePerGas"], "0x174876e800");
    assert_eq!(waiting["value"], "0x3");
    let gone = same_everywhere(&servers, "eth_getTransactionByHash", json!([first])).await;
    assert_eq!(gone, Value::Null);
    let (code, message) = servers
        .error(1, "eth_resend", json!([{"from": from, "nonce": "0x9"}]))
        .await;
    assert_eq!(code, -32000);
    assert!(message.contains("not found in the pool"), "{message}");
    let (code, _) = servers
        .error(1, "eth_resend", json!([{"from": from}]))
        .await;
    assert_eq!(code, -32602);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_blocks_carry_is_set_everywhere() {
    let servers = Servers::start().await;
    assert_eq!(
        servers.call(2, "miner_setExtra", json!(["0x1234"])).await,
        true
    );
    servers.call(3, "evm_mine", json!([])).await;
    assert_eq!(head(&servers).await["extraData"], "0x1234");
    let long = format!("0x{}", "00".repeat(33));
    assert_eq!(
        servers.error(1, "miner_setExtra", json!([long])).await.0,
        -32602
    );
    let time = same_everywhere(&servers, "anvil_getLastBlockWallTime", json!([])).await;
    assert!(time.as_u64().unwrap() > 1_500_000_000);
    servers
        .call(1, "evm_setIntervalMining", json!([0.25]))
        .await;
    let interval = servers.call(2, "anvil_getIntervalMining", json!([])).await;
    assert_eq!(interval, json!(0.25));
    servers
        .call(1, "evm_setIntervalMining", json!(["1.5"]))
        .await;
    let interval = servers.call(2, "anvil_getIntervalMining", json!([])).await;
    assert_eq!(interval, json!(1.5));
    assert_eq!(
        servers
            .error(1, "evm_setIntervalMining", json!(["1.x"]))
            .await
            .0,
        -32602
    );
}
