//! Where geth's traces differ from what an inspector of revm gives by itself.
#![allow(clippy::unwrap_used)]

use super::{
    CallTracerOptions, Stopwatch, StructLogOptions, TraceError, TraceLimits, TracedBlock,
    TracerOptions, trace_block, trace_transaction,
};
use crate::chain::{
    Chain,
    command::Cheat,
    spec::Hardfork,
    testing::{block, cheat, spec, transaction},
};
use alloy::primitives::{Address, B256, Bytes, TxKind, U256, hex};
use serde_json::{Value, json};

struct Endless;

impl Stopwatch for Endless {
    fn restart(&self) {}
    fn is_over(&self) -> bool {
        false
    }
}

const TARGET: Address = Address::repeat_byte(0xc0);
const OTHER: Address = Address::repeat_byte(0xd0);

fn with_code(chain: &Chain, address: Address, code: &str) -> Chain {
    let code = Bytes::from(hex::decode(code).unwrap());
    cheat(chain, Cheat::SetCode { address, code }).chain
}

/// Traces a transaction that calls [`TARGET`] on `chain`.
fn traced_on(chain: &Chain, options: &TracerOptions, bytes: usize) -> Result<Value, TraceError> {
    let account = &chain.spec().accounts[0];
    let nonce = chain.nonce(account.address);
    let call = transaction(account, nonce, TxKind::Call(TARGET), 0, Bytes::new());
    let (_, _, built) = block(chain, &[call]);
    let block_hash = |number| chain.recent_hash(number);
    let traced = TracedBlock {
        spec: chain.spec(),
        chain_id: 31337,
        header: &built.block.header,
        hash: Some(built.block.hash),
        transactions: &built.block.transactions,
        state: chain.state(),
        block_hash: &block_hash,
        signatures: &imbl::OrdMap::new(),
    };
    let limits = TraceLimits {
        bytes,
        stopwatch: &Endless,
    };
    let text = trace_transaction(&traced, 0, options, limits)?;
    let value: Value = serde_json::from_str(&text).unwrap();
    // The gas is the block's own: the replay is the block's execution.
    if let Some(gas) = value.get("gas").and_then(Value::as_u64) {
        assert_eq!(gas, built.block.receipts[0].gas_used);
    }
    let all: Value = serde_json::from_str(&trace_block(&traced, options, limits)?).unwrap();
    assert_eq!(all[0]["result"], value);
    Ok(value)
}

fn traced(codes: &[(Address, &str)], options: &TracerOptions) -> Value {
    let (mut chain, _) = Chain::genesis(spec(Hardfork::LATEST));
    for (address, code) in codes {
        chain = with_code(&chain, *address, code);
    }
    traced_on(&chain, options, 1 << 20).unwrap()
}

fn struct_logs(codes: &[(Address, &str)]) -> Vec<Value> {
    let options = TracerOptions::StructLogs(StructLogOptions::default());
    traced(codes, &options)["structLogs"]
        .as_array()
        .unwrap()
        .clone()
}

fn log_of<'a>(logs: &'a [Value], op: &str) -> &'a Value {
    logs.iter().find(|log| log["op"] == op).unwrap()
}

fn calls(codes: &[(Address, &str)]) -> Value {
    let options = CallTracerOptions {
        with_log: true,
        ..CallTracerOptions::default()
    };
    traced(codes, &TracerOptions::Call(options))
}

/// `CALL` of [`OTHER`] with all gas and nothing else.
fn call_other() -> String {
    format!("60006000600060006000{}5af1", push(OTHER))
}

fn push(address: Address) -> String {
    format!("73{}", hex::encode(address))
}

#[test]
fn a_creation_costs_what_it_costs_and_not_what_it_gives_away() {
    // CREATE of nothing.
    let logs = struct_logs(&[(TARGET, "600060006000f05000")]);
    assert_eq!(log_of(&logs, "CREATE")["gasCost"], 32_000);
}

#[test]
fn a_call_costs_what_it_gives_away_too() {
    let code = format!("{}00", call_other());
    let logs = struct_logs(&[(TARGET, &code), (OTHER, "00")]);
    let call = log_of(&logs, "CALL");
    let inner = logs.iter().find(|log| log["depth"] == 2).unwrap();
    let given = inner["gas"].as_u64().unwrap();
    assert_eq!(call["gasCost"].as_u64().unwrap(), given + 2600);
}

#[test]
fn the_refund_counter_is_the_transactions() {
    let (chain, _) = Chain::genesis(spec(Hardfork::LATEST));
    // OTHER clears its slot 0; TARGET calls it and goes on.
    let code = format!("{}5000", call_other());
    let chain = with_code(&chain, TARGET, &code);
    let chain = with_code(&chain, OTHER, "600060005500");
    let chain = cheat(
        &chain,
        Cheat::SetStorageAt {
            address: OTHER,
            slot: U256::ZERO,
            value: U256::ONE,
        },
    )
    .chain;
    let options = TracerOptions::StructLogs(StructLogOptions::default());
    let trace = traced_on(&chain, &options, 1 << 20).unwrap();
    let logs = trace["structLogs"].as_array().unwrap();
    let after = logs.iter().filter(|log| log.get("refund").is_some());
    let after: Vec<_> = after
        .map(|log| (&log["op"], &log["depth"], &log["refund"]))
        .collect();
    assert_eq!(
        after,
        [
            (&json!("STOP"), &json!(2), &json!(4800)),
            (&json!("POP"), &json!(1), &json!(4800)),
            (&json!("STOP"), &json!(1), &json!(4800)),
        ]
    );
}

#[test]
fn errors_have_geths_words() {
    let cases = [
        (
            "01",
            "stack underflow (0 <=> 2)",
            Some("stack underflow (0 <=> 2)"),
        ),
        ("0c", "invalid opcode: opcode 0xc not defined", None),
        ("fe", "invalid opcode: INVALID", None),
        ("600056", "invalid jump destination", None),
        ("60006000fd", "execution reverted", None),
        ("62ffffff51", "out of gas", Some("out of gas")),
    ];
    for (code, frame, entry) in cases {
        assert_eq!(calls(&[(TARGET, code)])["error"], frame, "{code}");
        let logs = struct_logs(&[(TARGET, code)]);
        let shown = logs.last().unwrap().get("error");
        assert_eq!(shown.and_then(Value::as_str), entry, "{code}");
    }
    let logs = struct_logs(&[(TARGET, "0c")]);
    assert_eq!(logs[0]["op"], "opcode 0xc not defined");
    assert_eq!(logs[0]["gasCost"], 0);
}

#[test]
fn a_failed_frame_shows_no_logs_and_the_next_index_is_its_own() {
    // OTHER logs and reverts; TARGET calls it, then logs.
    let code = format!("{}5060006000a000", call_other());
    let frame = calls(&[(TARGET, &code), (OTHER, "60006000a060006000fd")]);
    assert_eq!(frame["calls"][0]["error"], "execution reverted");
    assert_eq!(frame["calls"][0].get("logs"), None);
    assert_eq!(
        (&frame["logs"][0]["index"], &frame["logs"][0]["position"]),
        (&json!("0x0"), &json!("0x1"))
    );
}

#[test]
fn a_self_destruct_is_a_frame() {
    let (chain, _) = Chain::genesis(spec(Hardfork::LATEST));
    let chain = with_code(&chain, TARGET, &format!("{}ff", push(OTHER)));
    let balance = U256::from(7);
    let chain = cheat(
        &chain,
        Cheat::SetBalance {
            address: TARGET,
            balance,
        },
    )
    .chain;
    let options = TracerOptions::Call(CallTracerOptions::default());
    let frame = traced_on(&chain, &options, 1 << 20).unwrap();
    assert_eq!(
        frame["calls"],
        json!([{
            "type": "SELFDESTRUCT", "from": TARGET, "to": OTHER, "value": "0x7",
            "gas": "0x0", "gasUsed": "0x0", "input": "0x",
        }])
    );
}

#[test]
fn delegates_have_the_value_of_their_caller_and_static_calls_none() {
    // DELEGATECALL, then STATICCALL of OTHER.
    let other = push(OTHER);
    let code = format!("6000600060006000{other}5af4506000600060006000{other}5afa00");
    let frame = calls(&[(TARGET, &code), (OTHER, "00")]);
    let inner: Vec<_> = frame["calls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| (&call["type"], call.get("value"), &call["from"]))
        .collect();
    assert_eq!(
        inner,
        [
            (&json!("DELEGATECALL"), Some(&json!("0x0")), &json!(TARGET)),
            (&json!("STATICCALL"), None, &json!(TARGET)),
        ]
    );
}

#[test]
fn a_call_may_go_as_deep_as_the_evm_lets_it() {
    // Before EIP-150 all gas goes down; the contract calls itself until the depth or the gas is used up.
    let (chain, _) = Chain::genesis(spec(Hardfork::Homestead));
    let code = format!("60006000600060006000{}6103e85a03f100", push(TARGET));
    let chain = with_code(&chain, TARGET, &code);
    let options = TracerOptions::Call(CallTracerOptions::default());
    let Ok(frame) = std::thread::Builder::new()
        .stack_size(1 << 20)
        .spawn(move || depth(&chain, &options))
        .unwrap()
        .join()
    else {
        panic!("the trace needs more than a mebibyte of stack");
    };
    assert!(frame > 500, "{frame}");
}

/// How deep the calls of a trace are, without parsing it.
fn depth(chain: &Chain, options: &TracerOptions) -> usize {
    let account = &chain.spec().accounts[0];
    let call = {
        use alloy::consensus::{TxLegacy, TypedTransaction};
        let legacy = TypedTransaction::Legacy(TxLegacy {
            chain_id: None,
            nonce: 0,
            gas_price: 100_000_000_000,
            gas_limit: 20_000_000,
            to: TxKind::Call(TARGET),
            ..TxLegacy::default()
        });
        std::sync::Arc::new(account.sign_transaction(legacy).unwrap())
    };
    let (_, _, built) = block(chain, &[call]);
    let block_hash = |_| B256::ZERO;
    let traced = TracedBlock {
        spec: chain.spec(),
        chain_id: 31337,
        header: &built.block.header,
        hash: None,
        transactions: &built.block.transactions,
        state: chain.state(),
        block_hash: &block_hash,
        signatures: &imbl::OrdMap::new(),
    };
    let limits = TraceLimits {
        bytes: 1 << 24,
        stopwatch: &Endless,
    };
    let text = trace_transaction(&traced, 0, options, limits).unwrap();
    text.matches(r#""type":"CALL""#).count()
}

#[test]
fn a_trace_that_is_too_long_is_an_error() {
    let (chain, _) = Chain::genesis(spec(Hardfork::LATEST));
    let chain = with_code(&chain, TARGET, "5b600056");
    let options = TracerOptions::StructLogs(StructLogOptions::default());
    let error = traced_on(&chain, &options, 10_000).unwrap_err();
    assert!(matches!(error, TraceError::TooLarge { limit: 10_000 }));
    // geth's limit is not an error: entries end there.
    let limited = TracerOptions::StructLogs(StructLogOptions {
        limit: 5_000,
        ..StructLogOptions::default()
    });
    let trace = traced_on(&chain, &limited, 10_000).unwrap();
    assert_eq!(trace["failed"], true);
}
