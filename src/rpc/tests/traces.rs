//! Traces over the wire: geth's tracers, Parity's methods, their errors, the same on every node.

use crate::rpc::testing::Servers;
use serde_json::{Value, json};

const CONTRACT: &str = "0x00000000000000000000000000000000000c0de0";
const CALLER: &str = "0x00000000000000000000000000000000000ca11e";
const NOBODY: &str = "0x00000000000000000000000000000000000000ee";
/// `sstore(1, sload(1) + 1)`, a log with topic 0xaa and data 0x2a, and 0x2a returned.
const COUNTER: &str = "0x600154600101600155602a60005260aa60206000a160206000f3";
/// Calls [`CONTRACT`] with the selector 0x01020304 and all gas.
const CALLS_COUNTER: &str = "0x6301020304600052602060006004601c6000620c0de05af100";
const UNKNOWN: &str = "0x00000000000000000000000000000000000000000000000000000000000000aa";

/// A chain with both contracts.
async fn servers() -> Servers {
    let servers = Servers::start().await;
    for (address, code) in [(CONTRACT, COUNTER), (CALLER, CALLS_COUNTER)] {
        servers
            .call(1, "anvil_setCode", json!([address, code]))
            .await;
    }
    servers
}

async fn send(servers: &Servers, to: &str) -> Value {
    let from = servers.account(0);
    let request = json!([{"from": from, "to": to, "gas": "0x30d40", "gasPrice": "0x77359400"}]);
    servers.call(1, "eth_sendTransaction", request).await
}

/// The same answer from each of the nodes.
async fn everywhere(servers: &Servers, method: &str, params: Value) -> Value {
    let first = servers.call(1, method, params.clone()).await;
    for node in 2..=3 {
        let answer = servers.call(node, method, params.clone()).await;
        assert_eq!(answer, first, "{method} on node {node}");
    }
    first
}

async fn traced(servers: &Servers, hash: &Value, options: Value) -> Value {
    everywhere(servers, "debug_traceTransaction", json!([hash, options])).await
}

#[tokio::test(flavor = "multi_thread")]
async fn struct_logs_of_a_small_contract() {
    let servers = servers().await;
    let hash = send(&servers, CONTRACT).await;
    let trace = traced(&servers, &hash, Value::Null).await;
    let receipt = servers
        .call(2, "eth_getTransactionReceipt", json!([hash]))
        .await;
    let gas = u64::from_str_radix(&receipt["gasUsed"].as_str().unwrap()[2..], 16).unwrap();
    assert_eq!(trace["gas"], gas);
    assert_eq!(trace["failed"], false);
    assert_eq!(trace["returnValue"], format!("0x{:064x}", 0x2a));
    let logs = trace["structLogs"].as_array().unwrap();
    assert_eq!(
        logs[0],
        json!({"pc": 0, "op": "PUSH1", "gas": 200_000 - 21_000, "gasCost": 3, "depth": 1, "stack": []})
    );
    let zero = format!("0x{:064x}", 0);
    let one = format!("0x{:064x}", 1);
    assert_eq!(
        (&logs[1]["op"], &logs[1]["gasCost"], &logs[1]["storage"]),
        (
            &json!("SLOAD"),
            &json!(2100),
            &json!({ one.as_str(): zero })
        )
    );
    let sstore = logs.iter().find(|log| log["op"] == "SSTORE").unwrap();
    assert_eq!(sstore["stack"], json!(["0x1", "0x1"]));
    assert_eq!(sstore["gasCost"], 20_000);
    assert_eq!(sstore["storage"], json!({ one.as_str(): one }));
    assert_eq!(logs.last().unwrap()["op"], "RETURN");
    assert_eq!(logs.last().unwrap().get("memory"), None);

    let options = json!({"disableStack": true, "disableStorage": true, "enableMemory": true});
    let trace = traced(&servers, &hash, options).await;
    let last = trace["structLogs"].as_array().unwrap().last().unwrap();
    assert_eq!(last["memory"], json!([format!("0x{:064x}", 0x2a)]));
    assert_eq!((last.get("stack"), last.get("storage")), (None, None));

    // geth's limit counts bytes of entries.
    let trace = traced(&servers, &hash, json!({"limit": 1})).await;
    assert_eq!(trace["structLogs"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn call_frames() {
    let servers = servers().await;
    let from = servers.account(0);
    let hash = send(&servers, CALLER).await;
    let calls = traced(
        &servers,
        &hash,
        json!({"tracer": "callTracer", "tracerConfig": {"withLog": true}}),
    )
    .await;
    let receipt = servers
        .call(1, "eth_getTransactionReceipt", json!([hash]))
        .await;
    assert_eq!(
        (&calls["type"], &calls["from"], &calls["to"], &calls["gas"]),
        (
            &json!("CALL"),
            &json!(from),
            &json!(CALLER),
            &json!("0x30d40")
        )
    );
    assert_eq!(calls["gasUsed"], receipt["gasUsed"]);
    let inner = &calls["calls"][0];
    assert_eq!(
        (
            &inner["from"],
            &inner["to"],
            &inner["input"],
            &inner["value"]
        ),
        (
            &json!(CALLER),
            &json!(CONTRACT),
            &json!("0x01020304"),
            &json!("0x0")
        )
    );
    assert_eq!(
        inner["logs"],
        json!([{"address": CONTRACT, "topics": [format!("0x{:064x}", 0xaa)], "data": format!("0x{:064x}", 0x2a), "index": "0x0", "position": "0x0"}])
    );
    let top = json!({"tracer": "callTracer", "tracerConfig": {"onlyTopCall": true}});
    let only = traced(&servers, &hash, top).await;
    assert_eq!((only.get("calls"), only.get("logs")), (None, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn prestate_and_the_small_tracers_alone_and_at_once() {
    let servers = servers().await;
    let from = servers.account(0);
    let hash = send(&servers, CALLER).await;
    let calls = json!({"tracer": "callTracer", "tracerConfig": {"withLog": true}});
    let calls = traced(&servers, &hash, calls).await;
    let four_bytes = traced(&servers, &hash, json!({"tracer": "4byteTracer"})).await;
    assert_eq!(four_bytes, json!({"0x01020304-0": 1}));
    assert_eq!(
        traced(&servers, &hash, json!({"tracer": "noopTracer"})).await,
        json!({})
    );
    let flat = traced(&servers, &hash, json!({"tracer": "flatCallTracer"})).await;
    assert_eq!(flat.as_array().unwrap().len(), 2);
    assert_eq!(flat[1]["traceAddress"], json!([0]));
    assert_eq!(
        (
            &flat[0]["subtraces"],
            &flat[0]["transactionHash"],
            &flat[0]["transactionPosition"]
        ),
        (&json!(1), &hash, &json!(0))
    );

    let prestate = traced(&servers, &hash, json!({"tracer": "prestateTracer"})).await;
    let slot = format!("0x{:064x}", 1);
    assert_eq!(
        prestate[CONTRACT]["storage"][&slot],
        format!("0x{:064x}", 0)
    );
    assert_eq!(prestate[CALLER]["code"], CALLS_COUNTER);
    assert_eq!(prestate[&from].get("nonce"), None);
    let diff = json!({"tracer": "prestateTracer", "tracerConfig": {"diffMode": true}});
    let diff = traced(&servers, &hash, diff).await;
    assert_eq!(diff["post"][CONTRACT]["storage"][&slot], slot);
    assert_eq!(diff["post"][&from]["nonce"], 1);
    let bare = json!({"tracer": "prestateTracer", "tracerConfig": {"disableCode": true, "disableStorage": true}});
    let bare = traced(&servers, &hash, bare).await;
    assert_eq!(bare[CONTRACT].get("storage"), None);
    assert_eq!(bare[CALLER].get("code"), None);

    let mux = json!({"tracer": "muxTracer", "tracerConfig": {"callTracer": {"withLog": true}, "4byteTracer": null, "prestateTracer": null}});
    let mux = traced(&servers, &hash, mux).await;
    assert_eq!(mux["callTracer"], calls);
    assert_eq!(mux["4byteTracer"], four_bytes);
    assert_eq!(mux["prestateTracer"], prestate);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_is_traced_on_the_state_that_cheats_left() {
    let servers = servers().await;
    send(&servers, CONTRACT).await;
    let slot = format!("0x{:064x}", 1);
    let nine = format!("0x{:064x}", 9);
    // Between two blocks: the parent's state is not what the next block was executed on.
    servers
        .call(2, "anvil_setStorageAt", json!([CONTRACT, slot, nine]))
        .await;
    servers
        .call(3, "anvil_setBalance", json!([NOBODY, "0x1234"]))
        .await;
    let hash = send(&servers, CONTRACT).await;
    let changed = json!(["0x00000000000000000000000000000000000c0de0", "0x60006000fd"]);
    servers.call(1, "anvil_setCode", changed).await;
    send(&servers, NOBODY).await;
    let diff = json!({"tracer": "prestateTracer", "tracerConfig": {"diffMode": true}});
    let diff = traced(&servers, &hash, diff).await;
    assert_eq!(diff["pre"][CONTRACT]["storage"][&slot], nine);
    assert_eq!(
        diff["post"][CONTRACT]["storage"][&slot],
        format!("0x{:064x}", 10)
    );
    let trace = traced(&servers, &hash, Value::Null).await;
    assert_eq!(trace["failed"], false);
    // The same by block, by its hash and by its bytes.
    let by_number = everywhere(&servers, "debug_traceBlockByNumber", json!(["0x2"])).await;
    assert_eq!(by_number, json!([{"txHash": hash, "result": trace}]));
    let block = servers
        .call(1, "eth_getBlockByNumber", json!(["0x2", false]))
        .await;
    let by_hash = json!([block["hash"], null]);
    assert_eq!(
        everywhere(&servers, "debug_traceBlockByHash", by_hash).await,
        by_number
    );
    let raw = servers.call(1, "debug_getRawBlock", json!(["0x2"])).await;
    assert_eq!(
        everywhere(&servers, "debug_traceBlock", json!([raw])).await,
        by_number
    );
    // And deep below the head, where no state is kept whole any more.
    servers.call(2, "anvil_mine", json!(["0x64"])).await;
    let deep = everywhere(&servers, "debug_traceBlockByNumber", json!(["0x2"])).await;
    assert_eq!(deep, by_number);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_traced_with_overrides_and_inside_a_block() {
    let servers = servers().await;
    servers.call(1, "evm_setAutomine", json!([false])).await;
    for _ in 0..3 {
        send(&servers, CONTRACT).await;
    }
    servers.call(1, "evm_mine", json!([])).await;
    let request = json!({"to": CONTRACT});
    let diff = |more: Value| {
        let mut options = json!({"tracer": "prestateTracer", "tracerConfig": {"diffMode": true}});
        options
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        options
    };
    let slot = format!("0x{:064x}", 1);
    let before = |trace: Value| trace["pre"][CONTRACT]["storage"][&slot].clone();
    let asked = |options: Value| {
        let params = json!([request, "latest", options]);
        everywhere(&servers, "debug_traceCall", params)
    };
    assert_eq!(
        before(asked(diff(json!({}))).await),
        format!("0x{:064x}", 3)
    );
    assert_eq!(
        before(asked(diff(json!({"txIndex": "0x1"}))).await),
        format!("0x{:064x}", 1)
    );
    let overrides =
        json!({"stateOverrides": {CONTRACT: {"stateDiff": {&slot: format!("0x{:064x}", 7)}}}});
    assert_eq!(
        before(asked(diff(overrides)).await),
        format!("0x{:064x}", 7)
    );
    let number = json!({"blockOverrides": {"number": "0x99"}, "stateOverrides": {CONTRACT: {"code": "0x4360005260206000f3"}}});
    let trace = asked(number).await;
    assert_eq!(trace["returnValue"], format!("0x{:064x}", 0x99));
    let beyond = json!([request, "latest", {"txIndex": "0x9"}]);
    let (code, message) = servers.error(2, "debug_traceCall", beyond).await;
    assert_eq!(code, -32000);
    assert!(
        message.starts_with("transaction index 9 out of range for block 0x"),
        "{message}"
    );
    let pending = json!([request, "pending"]);
    assert_eq!(
        servers.error(1, "debug_traceCall", pending).await,
        (
            -32000,
            "tracing on top of pending is not supported".to_owned()
        )
    );
    let poor = json!([{"from": NOBODY, "to": CONTRACT, "value": "0x1"}, "latest"]);
    let (code, message) = servers.error(1, "debug_traceCall", poor).await;
    assert_eq!(code, -32000);
    assert!(
        message.starts_with("tracing failed: insufficient funds"),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_traced_is_an_error_in_geths_words() {
    let servers = servers().await;
    let hash = send(&servers, CONTRACT).await;
    let server = |message: &str| (-32000, message.to_owned());
    let cases = [
        ("debug_traceTransaction", json!([UNKNOWN]), server("transaction not found")),
        ("debug_traceTransaction", json!([UNKNOWN, null]), server("transaction not found")),
        ("debug_traceBlockByHash", json!([UNKNOWN]), server(&format!("block {UNKNOWN} not found"))),
        ("debug_traceBlockByNumber", json!(["0x99"]), server("block #153 not found")),
        ("debug_traceBlockByNumber", json!(["0x0"]), server("genesis is not traceable")),
        ("debug_traceTransaction", json!([hash, {"timeout": "soon"}]), server("time: invalid duration \"soon\"")),
        ("trace_transaction", json!([UNKNOWN]), server("transaction not found")),
        ("trace_replayTransaction", json!([UNKNOWN, ["trace"]]), server("transaction not found")),
        ("trace_block", json!(["0x99"]), server("block #153 not found")),
        (
            "debug_traceBlockByNumber",
            json!(["3"]),
            (-32602, "invalid argument 0: hex string without 0x prefix".to_owned()),
        ),
        (
            "debug_traceTransaction",
            json!([]),
            (-32602, "missing value for required argument 0".to_owned()),
        ),
        (
            "debug_traceTransaction",
            json!([hash, {"tracer": 5}]),
            (-32602, "invalid argument 1: tracer: a number where a string is expected".to_owned()),
        ),
        (
            "trace_replayTransaction",
            json!([hash, ["gas"]]),
            (
                -32602,
                "invalid argument 1: \"gas\" is no kind of trace; choose of \"trace\", \"vmTrace\", \"stateDiff\"".to_owned(),
            ),
        ),
    ];
    for (method, params, wanted) in cases {
        for node in 1..=3 {
            let error = servers.error(node, method, params.clone()).await;
            assert_eq!(error, wanted, "{method} {params}");
        }
    }
    let (code, message) = servers
        .error(1, "debug_traceBlock", json!(["0x1234"]))
        .await;
    assert_eq!(code, -32000);
    assert!(message.starts_with("could not decode block: "), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_ends_at_its_timeout() {
    let servers = servers().await;
    let endless = json!([NOBODY, "0x5b600056"]);
    servers.call(1, "anvil_setCode", endless).await;
    let call = json!([{"to": NOBODY, "gas": "0x2faf080"}, "latest", {"timeout": "1ms"}]);
    assert_eq!(
        servers.error(1, "debug_traceCall", call).await,
        (-32000, "execution timeout".to_owned())
    );
}

#[cfg(not(feature = "js-tracer"))]
#[tokio::test(flavor = "multi_thread")]
async fn a_script_without_an_interpreter_is_an_error() {
    let servers = servers().await;
    let hash = send(&servers, CONTRACT).await;
    let script = json!([hash, {"tracer": "{result: function() {}}"}]);
    let (code, message) = servers.error(1, "debug_traceTransaction", script).await;
    assert_eq!(code, -32000);
    assert!(message.contains("`js-tracer`"), "{message}");
}

#[cfg(feature = "js-tracer")]
#[tokio::test(flavor = "multi_thread")]
async fn a_script_traces() {
    let servers = servers().await;
    let hash = send(&servers, CONTRACT).await;
    let script = "{ops: 0, step: function() { this.ops++ }, fault: function() {}, \
                  result: function(ctx) { return {ops: this.ops, type: ctx.type} }}";
    let trace = traced(&servers, &hash, json!({"tracer": script})).await;
    let logs = traced(&servers, &hash, Value::Null).await;
    let count = logs["structLogs"].as_array().unwrap().len();
    assert_eq!(trace, json!({"ops": count, "type": "CALL"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn parity_traces() {
    let servers = servers().await;
    let from = servers.account(0);
    let hash = send(&servers, CALLER).await;
    let frames = everywhere(&servers, "trace_transaction", json!([hash])).await;
    assert_eq!(frames.as_array().unwrap().len(), 2);
    assert_eq!(
        (
            &frames[0]["type"],
            &frames[0]["action"]["from"],
            &frames[1]["traceAddress"]
        ),
        (&json!("call"), &json!(from), &json!([0]))
    );
    assert_eq!(frames[0]["blockNumber"], 1);
    assert_eq!(frames[1]["action"]["input"], "0x01020304");
    assert_eq!(
        everywhere(&servers, "trace_block", json!(["0x1"])).await,
        frames
    );
    assert_eq!(
        everywhere(&servers, "trace_block", json!(["0x0"])).await,
        json!([])
    );
    assert_eq!(
        everywhere(&servers, "trace_get", json!([hash, ["0x1"]])).await,
        frames[1]
    );
    assert_eq!(
        everywhere(&servers, "trace_get", json!([hash, ["0x7"]])).await,
        Value::Null
    );
    let to = json!([{"fromBlock": "0x0", "toBlock": "latest", "toAddress": [CONTRACT]}]);
    let found = everywhere(&servers, "trace_filter", to).await;
    assert_eq!(found, json!([frames[1]]));
    let second = json!([{"fromAddress": [from, CALLER], "after": 1, "count": 1}]);
    assert_eq!(
        everywhere(&servers, "trace_filter", second).await,
        json!([frames[1]])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn parity_replays_and_calls() {
    let servers = servers().await;
    let from = servers.account(0);
    let hash = send(&servers, CALLER).await;
    let all = json!(["trace", "vmTrace", "stateDiff"]);
    let replayed = everywhere(&servers, "trace_replayTransaction", json!([hash, all])).await;
    let slot = format!("0x{:064x}", 1);
    assert_eq!(
        replayed["stateDiff"][CONTRACT]["storage"][&slot],
        json!({"*": {"from": format!("0x{:064x}", 0), "to": slot}})
    );
    assert_eq!(replayed["vmTrace"]["code"], CALLS_COUNTER);
    assert_eq!(replayed["trace"].as_array().unwrap().len(), 2);
    let block = everywhere(
        &servers,
        "trace_replayBlockTransactions",
        json!(["0x1", ["trace"]]),
    )
    .await;
    assert_eq!(block[0]["transactionHash"], hash);
    assert_eq!(block[0]["trace"], replayed["trace"]);
    assert_eq!(block[0]["stateDiff"], Value::Null);

    let call = json!({"from": from, "to": CONTRACT});
    let traced = everywhere(&servers, "trace_call", json!([call, ["stateDiff"]])).await;
    let second = format!("0x{:064x}", 2);
    assert_eq!(
        traced["stateDiff"][CONTRACT]["storage"][&slot]["*"]["to"],
        second
    );
    let many = json!([[[call, ["stateDiff"]], [call, ["stateDiff"]]], "latest"]);
    let many = everywhere(&servers, "trace_callMany", many).await;
    assert_eq!(
        many[1]["stateDiff"][CONTRACT]["storage"][&slot]["*"]["from"],
        second
    );
    let request = json!([{"from": from, "to": CONTRACT, "gas": "0x30d40"}]);
    let signed = servers.call(1, "eth_signTransaction", request).await;
    let raw = json!([signed["raw"], ["trace", "stateDiff"]]);
    let raw = everywhere(&servers, "trace_rawTransaction", raw).await;
    assert_eq!(raw["trace"][0]["action"]["to"], CONTRACT);
    assert_eq!(
        raw["stateDiff"][CONTRACT]["storage"][&slot]["*"]["to"],
        second
    );
}

/// Says `console.log("hi")`: `CALL`s the console with what its own code ends with.
fn says_hi() -> String {
    let mut input = alloy::primitives::keccak256("log(string)")[..4].to_vec();
    for word in ["20", "02"] {
        input.extend([0; 31]);
        input.push(u8::from_str_radix(word, 16).unwrap());
    }
    input.extend(b"hi");
    input.extend([0; 30]);
    let size = input.len();
    // CODECOPY of the input, CALL, STOP.
    let console = "6a636f6e736f6c652e6c6f67";
    let code = format!("60{size:02x}6020600039 60006000 60{size:02x}60006000 {console}5af100");
    let code = code.replace(' ', "");
    assert_eq!(
        code.len(),
        2 * 0x20,
        "the input begins behind the code: {code}"
    );
    format!("0x{code}{}", alloy::primitives::hex::encode(input))
}

#[tokio::test(flavor = "multi_thread")]
async fn console_log_is_printed_by_the_node_that_was_asked() {
    let servers = servers().await;
    let talker = json!([NOBODY, says_hi()]);
    servers.call(1, "anvil_setCode", talker).await;
    let call = json!([{"to": NOBODY}]);
    let said = |count: usize| {
        let console = std::sync::Arc::clone(&servers.console);
        async move {
            for _ in 0..500 {
                if console.lock().unwrap().len() >= count {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
            std::mem::take(&mut *console.lock().unwrap())
        }
    };
    let hi = |node: usize| vec![(node, "hi".to_owned())];
    servers.call(2, "eth_call", call.clone()).await;
    assert_eq!(said(1).await, hi(2));
    servers.call(3, "eth_estimateGas", call.clone()).await;
    assert_eq!(said(1).await, hi(3));
    servers.call(1, "debug_traceCall", call).await;
    assert_eq!(said(1).await, hi(1));
    // With a block at once, and with a block later.
    let from = servers.account(0);
    let request = json!([{"from": from, "to": NOBODY}]);
    servers
        .call(3, "eth_sendTransaction", request.clone())
        .await;
    // Estimating the gas for it is no call of the client's.
    assert_eq!(said(1).await, hi(3));
    servers.call(1, "evm_setAutomine", json!([false])).await;
    servers.call(2, "eth_sendTransaction", request).await;
    assert_eq!(said(0).await, vec![]);
    servers.call(1, "evm_mine", json!([])).await;
    assert_eq!(said(1).await, hi(2));
    // Who says nothing is not looked at.
    send(&servers, CONTRACT).await;
    servers.call(1, "evm_mine", json!([])).await;
    assert_eq!(said(0).await, vec![]);
}
