//! Methods that only look: explorers', reth's, Erigon's, Flashbots', geth's, each the same on every node.

mod otterscan;

use crate::rpc::testing::Servers;
use alloy::primitives::{B256, U256, hex, keccak256};
use serde_json::{Value, json};

/// `sstore(1, sload(1) + 1)`, a log, and 0x2a returned.
const COUNTER: &str = "600154600101600155602a60005260aa60206000a160206000f3";
const CONTRACT: &str = "0x00000000000000000000000000000000000c0de0";
/// Sends a wei on, creates nothing much, and ends itself in favour of 0xee.
const OPERATOR: &str = "0x00000000000000000000000000000000000c0de1";
/// `revert("no")`'s bytes, without the dressing: reverts with 0xdeadbeef.
const REVERTER: &str = "0x00000000000000000000000000000000000c0de2";
const NOBODY: &str = "0x00000000000000000000000000000000000000ee";

async fn servers() -> Servers {
    let servers = Servers::start().await;
    // CALL(0xee, 1 wei); CREATE of nothing; SELFDESTRUCT(0xee).
    let operator = "0x5f5f5f5f600160ee5af1505f5f5ff05060eeff";
    let reverter = "0x63deadbeef5f526004601cfd";
    for (address, code) in [
        (CONTRACT, format!("0x{COUNTER}")),
        (OPERATOR, operator.to_owned()),
        (REVERTER, reverter.to_owned()),
    ] {
        let params = json!([address, code]);
        servers.call(1, "anvil_setCode", params).await;
    }
    let balance = json!([OPERATOR, "0x64"]);
    servers.call(1, "anvil_setBalance", balance).await;
    servers
}

async fn everywhere(servers: &Servers, method: &str, params: Value) -> Value {
    let first = servers.call(1, method, params.clone()).await;
    for node in 2..=3 {
        let answer = servers.call(node, method, params.clone()).await;
        assert_eq!(answer, first, "{method} on node {node}");
    }
    first
}

async fn send(servers: &Servers, request: Value) -> Value {
    let mut request = request;
    request["from"] = json!(servers.account(0));
    request["gas"] = json!("0x30d40");
    servers
        .call(1, "eth_sendTransaction", json!([request]))
        .await
}

/// Creates a contract with the code of [`COUNTER`]; the transaction and the address.
async fn deploy(servers: &Servers) -> (Value, Value) {
    let length = COUNTER.len() / 2;
    // CODECOPY of what follows, and RETURN.
    let data = format!("0x60{length:02x}600c60003960{length:02x}6000f3{COUNTER}");
    let hash = send(servers, json!({"data": data})).await;
    let receipt = servers
        .call(1, "eth_getTransactionReceipt", json!([hash]))
        .await;
    assert_eq!(receipt["status"], "0x1");
    (hash, receipt["contractAddress"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn many_calls_each_on_what_the_one_before_left() {
    let servers = servers().await;
    servers.call(1, "evm_setAutomine", json!([false])).await;
    for _ in 0..2 {
        send(&servers, json!({"to": CONTRACT})).await;
    }
    servers.call(1, "evm_mine", json!([])).await;
    // Returns slot 1 of whom it is put over; counts.
    let counts = "0x60015460010160015560015460005260206000f3";
    let over = json!({CONTRACT: {"code": counts}});
    let word = |value: u64| json!({"value": format!("{:#066x}", value)});
    let calls = json!([{"to": CONTRACT}, {"to": CONTRACT}]);
    let bundles =
        json!([{"transactions": calls}, {"transactions": [{"to": CONTRACT}, {"to": REVERTER}]}]);
    let latest = json!([bundles, {"blockNumber": "latest"}, over]);
    let answer = everywhere(&servers, "eth_callMany", latest).await;
    let reverted = json!({"error": "execution reverted"});
    assert_eq!(answer, json!([[word(3), word(4)], [word(5), reverted]]));
    let inside = json!([bundles, {"blockNumber": "latest", "transactionIndex": 1}, over]);
    let answer = everywhere(&servers, "eth_callMany", inside).await;
    assert_eq!(answer[0], json!([word(2), word(3)]));
    // NUMBER, in the block itself, in the next bundle's, and where it is said.
    let number = json!({"to": CONTRACT});
    let bundles = json!([
        {"transactions": [number]}, {"transactions": [number]},
        {"transactions": [number], "blockOverride": {"number": "0x99"}},
    ]);
    let over = json!({CONTRACT: {"code": "0x4360005260206000f3"}});
    let params = json!([bundles, null, over]);
    let answer = everywhere(&servers, "eth_callMany", params).await;
    assert_eq!(answer, json!([[word(1)], [word(2)], [word(0x99)]]));
    // One that cannot be made does not end the others.
    let poor = json!([[{"transactions": [{"from": NOBODY, "to": CONTRACT, "value": "0x1"}, {"to": CONTRACT}]}]]);
    let answer = everywhere(&servers, "eth_callMany", poor).await;
    let error = answer[0][0]["error"].as_str().unwrap_or_default();
    assert!(error.starts_with("insufficient funds"), "{answer}");
    assert!(answer[0][1]["value"].is_string(), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_tells_what_its_author_would_have() {
    let servers = servers().await;
    let from = servers.account(0);
    let mut raw = Vec::new();
    for nonce in 0..2 {
        let request = json!({"from": from, "to": REVERTER, "nonce": nonce, "gas": "0x30d40",
            "maxFeePerGas": "0x2540be400", "maxPriorityFeePerGas": "0x3b9aca00"});
        let request = if nonce == 0 {
            let mut request = request;
            request["to"] = json!(CONTRACT);
            request
        } else {
            request
        };
        let signed = servers
            .call(1, "eth_signTransaction", json!([request]))
            .await;
        raw.push(signed["raw"].clone());
    }
    let bundle = json!([{"txs": raw, "blockNumber": "0x1", "stateBlockNumber": "latest"}]);
    let answer = everywhere(&servers, "eth_callBundle", bundle).await;
    let results = answer["results"].as_array().cloned().unwrap_or_default();
    assert_eq!(results.len(), 2);
    assert_eq!(results[0]["value"], format!("{:#066x}", 0x2a));
    assert_eq!(
        (&results[1]["revert"], &results[1]["error"]),
        (&json!("0xdeadbeef"), &json!("execution reverted"))
    );
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    let used = number(&results[0]["gasUsed"]) + number(&results[1]["gasUsed"]);
    assert_eq!(answer["totalGasUsed"], used);
    // The tip alone: the base fee is burnt.
    let tips = u128::from(used) * 1_000_000_000;
    assert_eq!(answer["gasFees"], tips.to_string());
    assert_eq!(answer["coinbaseDiff"], tips.to_string());
    assert_eq!(answer["ethSentToCoinbase"], "0");
    assert_eq!(answer["bundleGasPrice"], "1000000000");
    assert_eq!(answer["stateBlockNumber"], 0);
    let hashes: Vec<u8> = results
        .iter()
        .filter_map(|result| hex::decode(result["txHash"].as_str()?).ok())
        .flatten()
        .collect();
    assert_eq!(answer["bundleHash"], keccak256(hashes).to_string());
    // Nothing of it happened.
    let nonce = json!([from, "latest"]);
    assert_eq!(
        everywhere(&servers, "eth_getTransactionCount", nonce).await,
        "0x0"
    );
    let again = json!([{"txs": [raw[1]], "blockNumber": "0x1"}]);
    let (code, message) = servers.error(2, "eth_callBundle", again).await;
    assert_eq!(code, -32000, "{message}");
    assert!(message.contains("nonce"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_between_two_transactions_of_a_block() {
    let servers = servers().await;
    servers.call(1, "evm_setAutomine", json!([false])).await;
    for _ in 0..3 {
        send(&servers, json!({"to": CONTRACT, "value": "0x5"})).await;
    }
    servers.call(1, "evm_mine", json!([])).await;
    for index in 0..3 {
        let params = json!(["0x1", index, CONTRACT]);
        let account = everywhere(&servers, "debug_accountInfoAt", params).await;
        let balance = format!("{:#x}", 5 * (index + 1));
        assert_eq!(
            account,
            json!({"balance": balance, "nonce": "0x0", "code": format!("0x{COUNTER}")})
        );
    }
    let beyond = json!(["0x1", 3, CONTRACT]);
    let (code, message) = servers.error(1, "debug_accountInfoAt", beyond).await;
    assert_eq!(code, -32000);
    assert!(
        message.starts_with("transaction index 3 out of range"),
        "{message}"
    );
    let nobody = json!(["0x1", 0, "0x00000000000000000000000000000000000000dd"]);
    assert_eq!(
        everywhere(&servers, "debug_accountInfoAt", nobody).await,
        Value::Null
    );

    let block = servers
        .call(1, "eth_getBlockByNumber", json!(["0x1", false]))
        .await;
    let slot = B256::from(U256::from(1));
    let hash = keccak256(slot).to_string();
    let range = json!([block["hash"], 2, CONTRACT, "0x00", 10]);
    let range = everywhere(&servers, "debug_storageRangeAt", range).await;
    let two = B256::from(U256::from(2)).to_string();
    assert_eq!(
        range,
        json!({"storage": {hash: {"key": slot.to_string(), "value": two}}, "nextKey": null})
    );
    let before = json!([block["hash"], 0, CONTRACT, "0x", 10]);
    let before = everywhere(&servers, "debug_storageRangeAt", before).await;
    assert_eq!(before, json!({"storage": {}, "nextKey": null}));
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_come_in_pages_in_the_order_of_their_hashes() {
    let servers = servers().await;
    for slot in 1..=5_u64 {
        let value = B256::from(U256::from(slot)).to_string();
        let params = json!([CONTRACT, format!("{slot:#x}"), value]);
        servers.call(1, "anvil_setStorageAt", params).await;
    }
    send(&servers, json!({"to": NOBODY})).await;
    let mut hashes: Vec<_> = (1..=5_u64)
        .map(|slot| keccak256(B256::from(U256::from(slot))).to_string())
        .collect();
    hashes.sort();
    let (mut next, mut seen) = (json!("0x"), Vec::new());
    while !next.is_null() {
        let params = json!(["latest", 0, CONTRACT, next, 2]);
        let page = everywhere(&servers, "debug_storageRangeAt", params).await;
        let slots = page["storage"].as_object().cloned().unwrap_or_default();
        seen.extend(slots.keys().cloned());
        next = page["nextKey"].clone();
    }
    assert_eq!(seen, hashes);
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_raw_transactions_and_what_blocks_changed() {
    let servers = servers().await;
    let (hash, address) = deploy(&servers).await;
    let code_hash = keccak256(hex::decode(COUNTER).unwrap_or_default());
    let code = format!("0x{COUNTER}");
    let by_hash = json!([code_hash, "latest"]);
    assert_eq!(
        everywhere(&servers, "debug_codeByHash", by_hash).await,
        code
    );
    let key = json!([format!("0x63{}", hex::encode(code_hash))]);
    assert_eq!(everywhere(&servers, "debug_dbGet", key).await, code);
    let raw = servers
        .call(1, "eth_getRawTransactionByHash", json!([hash]))
        .await;
    let all = everywhere(&servers, "debug_getRawTransactions", json!(["0x1"])).await;
    assert_eq!(all, json!([raw]));

    let call = json!({"to": address});
    send(&servers, call).await;
    let modified = everywhere(
        &servers,
        "debug_getModifiedAccountsByNumber",
        json!(["0x2"]),
    )
    .await;
    let modified = modified.as_array().cloned().unwrap_or_default();
    assert!(modified.contains(&address), "{modified:?}");
    assert!(
        modified.contains(&json!(servers.account(0))),
        "{modified:?}"
    );
    assert!(!modified.contains(&json!(CONTRACT)), "{modified:?}");
    let block = async |number: &str| {
        let block = servers
            .call(1, "eth_getBlockByNumber", json!([number, false]))
            .await;
        block["hash"].clone()
    };
    let hashes = json!([block("0x1").await, block("0x2").await]);
    let by_hash = everywhere(&servers, "debug_getModifiedAccountsByHash", hashes).await;
    assert_eq!(by_hash, json!(modified));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_is_the_same_everywhere_and_begins_at_the_parents_root() {
    let servers = servers().await;
    send(&servers, json!({"to": CONTRACT})).await;
    let second = send(&servers, json!({"to": CONTRACT})).await;
    let witness = everywhere(&servers, "debug_executionWitness", json!(["0x2"])).await;
    let parent = servers
        .call(1, "eth_getBlockByNumber", json!(["0x1", false]))
        .await;
    let nodes = witness["state"].as_array().cloned().unwrap_or_default();
    let hash_of = |node: &Value| {
        keccak256(hex::decode(node.as_str().unwrap_or_default()).unwrap_or_default())
    };
    let is_root = |node: &Value| parent["stateRoot"] == hash_of(node).to_string();
    assert!(nodes.iter().any(is_root));
    let header = servers.call(1, "debug_getRawHeader", json!(["0x1"])).await;
    assert_eq!(witness["headers"], json!([header]));
    let codes = witness["codes"].as_array().cloned().unwrap_or_default();
    assert!(codes.contains(&json!(format!("0x{COUNTER}"))), "{codes:?}");
    let keys = witness["keys"].as_array().cloned().unwrap_or_default();
    assert!(keys.contains(&json!(CONTRACT)), "{second} {keys:?}");
    assert!(keys.contains(&json!(B256::from(U256::from(1)).to_string())));
}

#[tokio::test(flavor = "multi_thread")]
async fn gas_by_instruction() {
    let servers = servers().await;
    let hash = send(&servers, json!({"to": CONTRACT})).await;
    let gas = everywhere(&servers, "trace_transactionOpcodeGas", json!([hash])).await;
    assert_eq!(gas["transactionHash"], hash);
    let of = |name: &str| {
        let all = gas["opcodeGas"].as_array().cloned().unwrap_or_default();
        all.into_iter().find(|entry| entry["opcode"] == name)
    };
    assert_eq!(
        of("SLOAD"),
        Some(json!({"opcode": "SLOAD", "count": 1, "gasUsed": 2100}))
    );
    assert_eq!(
        of("ADD"),
        Some(json!({"opcode": "ADD", "count": 1, "gasUsed": 3}))
    );
    let block = everywhere(&servers, "trace_blockOpcodeGas", json!(["latest"])).await;
    assert_eq!(block["blockNumber"], 1);
    assert_eq!(block["transactions"], json!([gas]));
    let genesis = everywhere(&servers, "trace_blockOpcodeGas", json!(["earliest"])).await;
    assert_eq!(genesis["transactions"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn geths_newest_tracers() {
    let servers = servers().await;
    // KECCAK256 of 32 bytes with 7 at their end; EXTCODESIZE(0xee); SLOAD(3), TSTORE(4, 1), CALL of REVERTER.
    let code = format!(
        "0x600760005260206000205060ee3b50600354506001{}5f5f5f5f5f73{}5af15000",
        "60045d",
        &REVERTER[2..]
    );
    servers
        .call(1, "anvil_setCode", json!([OPERATOR, code]))
        .await;
    let hash = send(&servers, json!({"to": OPERATOR})).await;
    let traced = async |tracer: Value| {
        everywhere(&servers, "debug_traceTransaction", json!([hash, tracer])).await
    };
    let seven = B256::from(U256::from(7));
    let preimages = traced(json!({"tracer": "keccak256PreimageTracer"})).await;
    let hashed = keccak256(seven).to_string();
    assert_eq!(preimages, json!({hashed: seven.to_string()}));

    let frame = traced(json!({"tracer": "erc7562Tracer"})).await;
    let calls = traced(json!({"tracer": "callTracer"})).await;
    assert_eq!(
        (&frame["gasUsed"], &frame["to"]),
        (&calls["gasUsed"], &json!(OPERATOR))
    );
    assert_eq!(frame["keccak"], json!([seven.to_string()]));
    let (three, four) = (
        B256::from(U256::from(3)).to_string(),
        B256::from(U256::from(4)).to_string(),
    );
    let slots = json!({
        "reads": {three: [B256::ZERO.to_string()]}, "writes": {},
        "transientReads": {}, "transientWrites": {four: 1},
    });
    assert_eq!(frame["accessedSlots"], slots);
    assert_eq!(frame["extCodeAccessInfo"], json!([NOBODY]));
    let sizes = json!({
        NOBODY: {"contractSize": 0, "opcode": 0x3b},
        REVERTER: {"contractSize": 12, "opcode": 0xf1},
    });
    assert_eq!(frame["contractSize"], sizes);
    // MSTORE, KECCAK256, EXTCODESIZE, SLOAD, TSTORE, CALL, STOP; GAS before a call does not count.
    let used = json!({"0x52": 1, "0x20": 1, "0x3b": 1, "0x54": 1, "0x5d": 1, "0xf1": 1, "0x0": 1});
    assert_eq!(frame["usedOpcodes"], used);
    let inner = &frame["calls"][0];
    assert_eq!(
        (&inner["error"], &inner["outOfGas"]),
        (&json!("execution reverted"), &json!(false))
    );
    assert_eq!(inner.get("keccak"), None);

    let hash_of_code = keccak256(hex::decode(&code).unwrap_or_default()).to_string();
    let bare = json!({"tracer": "prestateTracer", "tracerConfig": {"disableCode": true}});
    let prestate = traced(bare).await;
    assert_eq!(prestate[OPERATOR]["codeHash"], hash_of_code);
    assert_eq!(prestate[OPERATOR].get("code"), None);
    assert_eq!(prestate[servers.account(0)].get("codeHash"), None);
    assert_eq!(prestate.get(NOBODY), None);
    let all = json!({"tracer": "prestateTracer", "tracerConfig": {"includeEmpty": true}});
    let prestate = traced(all).await;
    assert_eq!(prestate[NOBODY], json!({"balance": "0x0"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_created_contract_brings_the_hash_of_its_code() {
    let servers = servers().await;
    let (hash, address) = deploy(&servers).await;
    let address = address.as_str().unwrap_or_default();
    let code_hash = keccak256(hex::decode(COUNTER).unwrap_or_default());
    for is_bare in [false, true] {
        let options = json!({"diffMode": true, "disableCode": is_bare});
        let diff = json!({"tracer": "prestateTracer", "tracerConfig": options});
        let diff = everywhere(&servers, "debug_traceTransaction", json!([hash, diff])).await;
        let created = &diff["post"][address];
        let (shown, left_out) = if is_bare {
            (("codeHash", code_hash.to_string()), "code")
        } else {
            (("code", format!("0x{COUNTER}")), "codeHash")
        };
        assert_eq!(created[shown.0], shown.1);
        assert_eq!(created.get(left_out), None);
        assert_eq!(diff["post"][servers.account(0)].get("codeHash"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn traced_calls_are_heard_on_the_console() {
    let servers = servers().await;
    // STATICCALL of the console with `log(string)`, made by hand: selector, offset, length, "hi".
    let input = concat!(
        "41304fac",
        "0000000000000000000000000000000000000000000000000000000000000020",
        "0000000000000000000000000000000000000000000000000000000000000002",
        "6869000000000000000000000000000000000000000000000000000000000000"
    );
    let length = input.len() / 2;
    let code = format!(
        "0x60{length:02x}602a5f395f5f60{length:02x}5f6a636f6e736f6c652e6c6f675afa50{}{input}",
        "00"
    );
    // Where the input begins: after the code before it.
    let start = (code.len() - 2 - input.len()) / 2;
    let code = code.replacen("602a", &format!("60{start:02x}"), 1);
    servers
        .call(1, "anvil_setCode", json!([CONTRACT, code]))
        .await;
    let call = json!({"to": CONTRACT});
    servers
        .call(2, "trace_call", json!([call, ["trace"], "latest"]))
        .await;
    let many = json!([[[call, ["trace"]], [call, ["stateDiff"]]], "latest"]);
    servers.call(3, "trace_callMany", many).await;
    let said = servers
        .console
        .lock()
        .map(|said| said.clone())
        .unwrap_or_default();
    let hi = |node: usize| (node, "hi".to_owned());
    assert_eq!(said, [hi(2), hi(3), hi(3)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_nobody_has_to_do() {
    let servers = servers().await;
    let word = B256::ZERO.to_string();
    assert_eq!(
        everywhere(&servers, "eth_getWork", json!([])).await,
        json!([])
    );
    let submitted = json!(["0x0000000000000001", word, word]);
    assert_eq!(
        everywhere(&servers, "eth_submitWork", submitted).await,
        false
    );
    let rate = json!(["0x500000", word]);
    assert_eq!(
        everywhere(&servers, "eth_submitHashrate", rate).await,
        false
    );
}
