//! Bad input to every method: wrong types, wrong lengths, missing and extra parameters, unknown blocks, and noise.
//!
//! Whatever comes in, nothing panics, nothing is the node's fault (-32603), and what is malformed is -32602 in geth's
//! words (`rpc/types`, `rpc/json.go`, `common/hexutil`).
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod kinds;
mod noise;
mod table;

use crate::{
    replica::testing::TestCluster,
    rpc::{Limits, dispatch::Dispatcher, methods, testing::context},
};
use kinds::Kind;
use noise::Noise;
use serde_json::{Value, json};
use std::{
    panic,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use table::{PARAMETERS, signature};

const INVALID_PARAMS: i64 = -32602;
const INTERNAL_ERROR: i64 = -32603;

/// The methods over a chain of their own.
struct Server {
    _cluster: TestCluster,
    dispatcher: Dispatcher,
}

impl Server {
    fn new() -> Self {
        let (cluster, context) = context(Limits::default());
        Self {
            _cluster: cluster,
            dispatcher: Dispatcher::new(context).unwrap(),
        }
    }

    /// The answer to a call whose parameters are this text.
    async fn answer(&self, method: &str, params: &str) -> Value {
        let call = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
        let answer = self.dispatcher.answer(call.as_bytes(), None).await;
        serde_json::from_slice(&answer.unwrap()).unwrap()
    }

    /// Code and sentence of the error; `None` of a success.
    async fn error(&self, method: &str, params: &Value) -> Option<(i64, String)> {
        let answer = self.answer(method, &params.to_string()).await;
        let error = answer.get("error")?;
        let sentence = error["message"].as_str().unwrap().to_owned();
        Some((error["code"].as_i64().unwrap(), sentence))
    }

    async fn must_be_refused(&self, method: &str, params: &Value) {
        let error = self.error(method, params).await;
        let Some((code, sentence)) = error else {
            panic!("{method} {params}: taken");
        };
        assert_eq!(code, INVALID_PARAMS, "{method} {params}: {sentence}");
        for word in ["::", "enum", "struct", "tuple", "Option<", "serde"] {
            assert!(!sentence.contains(word), "{method} {params}: {sentence}");
        }
    }
}

/// Methods that refuse whoever cannot be notified before they look at parameters.
const WEBSOCKET_ALONE: &[&str] = &["eth_subscribe", "eth_unsubscribe"];

/// Methods that are off without `--allow-faults`, whatever their parameters; `faults` has the tests of those.
const FAULTS: &[&str] = &[
    "cluster_partition",
    "cluster_heal",
    "cluster_delay",
    "cluster_drop",
    "cluster_pause",
    "cluster_resume",
    "cluster_kill",
    "cluster_rpcFault",
    "cluster_faults",
];

fn primary_names() -> impl Iterator<Item = &'static str> {
    methods::all().map(|method| method.names[0])
}

#[test]
fn the_table_speaks_of_all_methods_that_exist() {
    let unknown: Vec<_> = PARAMETERS
        .iter()
        .map(|(method, _)| *method)
        .filter(|method| !primary_names().any(|name| name == *method))
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    let forgotten: Vec<_> = primary_names()
        .filter(|name| signature(name).is_none())
        .filter(|name| !WEBSOCKET_ALONE.contains(name) && !FAULTS.contains(name))
        .collect();
    assert!(
        forgotten.is_empty(),
        "no row in `PARAMETERS`: {forgotten:?}"
    );
}

#[tokio::test]
async fn faults_are_off_where_nobody_allowed_them() {
    let server = Server::new();
    for method in FAULTS {
        let (code, sentence) = server.error(method, &json!([])).await.unwrap();
        let is_missing = code == INVALID_PARAMS && sentence.starts_with("missing value");
        assert!(
            is_missing || sentence.contains("--allow-faults"),
            "{method}: {sentence}"
        );
    }
}

/// Parameters that fit, as far as their types go.
fn fitting(kinds: &[(Kind, bool)]) -> Vec<Value> {
    kinds.iter().map(|(kind, _)| kind.fitting()).collect()
}

#[tokio::test]
async fn values_of_wrong_types_and_lengths() {
    let server = Server::new();
    let mut count = 0;
    for name in primary_names() {
        let Some(kinds) = signature(name) else {
            continue;
        };
        for (index, (kind, _)) in kinds.iter().enumerate() {
            for bad in kind.unfitting() {
                let mut params = fitting(&kinds[..=index]);
                params[index] = bad;
                server.must_be_refused(name, &Value::Array(params)).await;
                count += 1;
            }
        }
    }
    assert!(count > 1_000, "{count}");
}

#[tokio::test]
async fn missing_and_extra_parameters() {
    let server = Server::new();
    for name in primary_names() {
        let Some(kinds) = signature(name) else {
            continue;
        };
        let needed = kinds.iter().filter(|(_, optional)| !optional).count();
        for given in 0..needed {
            let params = Value::Array(fitting(&kinds[..given]));
            server.must_be_refused(name, &params).await;
            let (_, sentence) = server.error(name, &params).await.unwrap();
            assert!(
                sentence.starts_with("missing value for required argument"),
                "{name} {params}: {sentence}"
            );
        }
        let mut params = fitting(&kinds);
        params.extend(vec![json!(1); 5]);
        let params = Value::Array(params);
        server.must_be_refused(name, &params).await;
        let (_, sentence) = server.error(name, &params).await.unwrap();
        assert!(
            sentence.starts_with("too many arguments, want at most"),
            "{name}: {sentence}"
        );
        for params in ["{}", "1", "\"x\"", "true"] {
            let params: Value = serde_json::from_str(params).unwrap();
            let error = server.error(name, &params).await;
            let (code, sentence) = error.unwrap_or_else(|| panic!("{name} {params}: taken"));
            assert!(
                code == INVALID_PARAMS || code == -32600,
                "{name} {params}: {sentence}"
            );
        }
    }
}

/// Calls that are well formed, and what geth answers: method, parameters, code, how the sentence begins. `ADDRESS`,
/// `HASH`, `PAYLOAD` and `MANY` stand for values that fit (no block has that hash), `FAR` for a block that is not there.
const REFUSED: &str = r#"
eth_getBalance | [ADDRESS, FAR] | -32000 header not found
eth_getBalance | [ADDRESS, {"blockHash": HASH}] | -32000 header not found
eth_getBalance | [ADDRESS, {"blockHash": HASH, "requireCanonical": true}] | -32000 hash is not currently canonical
eth_getTransactionCount | [ADDRESS, FAR] | -32000 header not found
eth_getCode | [ADDRESS, FAR] | -32000 header not found
eth_getStorageAt | [ADDRESS, "0x0", FAR] | -32000 header not found
eth_getStorageValues | [{ADDRESS: ["0x0"]}, FAR] | -32000 header not found
eth_getStorageValues | [{}] | -32602 empty request
eth_getStorageValues | [{ADDRESS: MANY}] | -32602 too many slots (max 1024)
eth_getProof | [ADDRESS, [], FAR] | -32000 header not found
eth_getProof | [ADDRESS, [], {"blockHash": HASH, "requireCanonical": true}] | -32000 hash is not currently canonical
eth_getProof | [ADDRESS, MANY, "latest"] | -32602 invalid argument 1: too many slots
eth_call | [{}, FAR] | -32000 header not found
eth_call | [{}, "latest", {}, {"beaconRoot": HASH}] | -32000 block override "beaconRoot" is not supported
eth_call | [{}, "latest", {ADDRESS: {"state": {}, "stateDiff": {}}}] | -32000 account 0x
eth_estimateGas | [{}, FAR] | -32000 header not found
eth_createAccessList | [{}, FAR] | -32000 header not found
eth_simulateV1 | [{"blockStateCalls": [{}]}, FAR] | -32000 header not found
eth_simulateV1 | [{"blockStateCalls": []}] | -32602 empty input
eth_simulateV1 | [{"blockStateCalls": [{"blockOverrides": {"number": "0x101"}}]}] | -38026 too many blocks
eth_simulateV1 | [{"blockStateCalls": [{"blockOverrides": {"number": "0x0"}}]}] | -38020 block numbers must be in order
eth_simulateV1 | [{"blockStateCalls": [{"blockOverrides": {"time": "0x0"}}]}] | -38021 block timestamps must be in order
eth_simulateV1 | [{"blockStateCalls": [{"calls": [{"value": "0x1"}]}]}] | -38014 err: insufficient funds
eth_simulateV1 | [{"blockStateCalls": [{"calls": [{"gas": "0x0", "to": ADDRESS}]}]}] | -38013 err: intrinsic gas too low
eth_simulateV1 | [{"blockStateCalls": [{"calls": [{"gas": "0xffffffff"}]}]}] | -38015 block gas limit reached
eth_simulateV1 | [{"blockStateCalls": [{"calls": [{}]}], "validation": true}] | -38012 err: max fee per gas less than block base fee
debug_getRawBlock | [FAR] | -32000 header not found
debug_getRawHeader | [FAR] | -32000 header not found
debug_getRawReceipts | [FAR] | -32000 header not found
eth_feeHistory | ["0x1", FAR, []] | -32000 request beyond head block: requested 16777215, head 0
eth_feeHistory | ["0x1", "latest", [101]] | -32602 invalid reward percentile: 101
eth_feeHistory | ["0x1", "latest", [5, 3]] | -32602 invalid reward percentile: #0:5 >= #1:3
eth_getLogs | [{"fromBlock": "0x1", "toBlock": "0x0"}] | -32602 invalid block range params
eth_getLogs | [{"fromBlock": "0x0", "toBlock": FAR}] | -32602 block range extends beyond
eth_getLogs | [{"blockHash": HASH}] | -32000 unknown block
eth_getFilterChanges | ["0x1234"] | -32000 filter not found
eth_sendRawTransaction | ["0x"] | -32602 typed transaction too short
eth_sendRawTransaction | ["0x7f00"] | -32602 transaction type not supported
testing_buildBlockV1 | [HASH, PAYLOAD] | -32000 parentHash is not current head
debug_accountInfoAt | ["latest", "0x0", ADDRESS] | -32000 genesis is not traceable
debug_accountInfoAt | [FAR, "0x0", ADDRESS] | -32000 block #16777215 not found
debug_storageRangeAt | [HASH, "0x0", ADDRESS, "0x", 10] | -32000 block 0x
debug_storageRangeAt | ["latest", "0x0", ADDRESS, "0x", 10] | -32000 genesis is not traceable
debug_dbGet | ["LastBlock"] | -32000 not found
debug_dbGet | ["0x1"] | -32602 invalid argument 0
debug_getModifiedAccountsByNumber | [FAR] | -32000 block #16777215 not found
debug_getModifiedAccountsByNumber | ["latest", "latest"] | -32000 start block height (0) must be less than end block height (0)
debug_getModifiedAccountsByNumber | ["latest"] | -32000 block 0x
debug_executionWitness | [FAR] | -32000 block #16777215 not found
debug_executionWitness | ["latest"] | -32000 genesis is not traceable
debug_executionWitness | ["pending"] | -32000 block #pending not found
debug_getRawTransactions | [FAR] | -32000 header not found
debug_getRawBlockAccessList | ["latest"] | -32000 block access list not available
eth_getBlockAccessList | [FAR] | -32000 header not found
eth_callMany | [[]] | -32602 bundles are empty.
eth_callMany | [[{"transactions": []}], {"blockNumber": FAR}] | -32000 header not found
eth_callBundle | [{"txs": ["0x12"], "blockNumber": "0x1"}] | -32602 typed transaction too short
eth_getCompilers | [] | -32601 the method eth_getCompilers does not exist
ots_getBlockDetails | [FAR] | -32000 header not found
ots_getBlockDetails | [99] | -32000 header not found
ots_getBlockTransactions | [FAR, 0, 10] | -32000 header not found
ots_getTransactionError | [HASH] | -32000 transaction not found
ots_getInternalOperations | [HASH] | -32000 transaction not found
ots_traceTransaction | [HASH] | -32000 transaction not found
trace_transactionOpcodeGas | [HASH] | -32000 transaction not found
trace_blockOpcodeGas | [FAR] | -32000 block #16777215 not found
debug_traceCall | [{}, "latest", {"tracer": "prestateTracer", "tracerConfig": {"diffMode": true, "includeEmpty": true}}] | -32000 cannot use diffMode with includeEmpty
eth_noSuchMethod | [] | -32601 the method eth_noSuchMethod does not exist
"#;

/// Calls that ask for what is not there, and are answered with `null`.
const NOT_FOUND: &str = r#"
eth_getBlockByNumber | [FAR, false]
eth_getBlockByHash | [HASH, true]
eth_getHeaderByHash | [HASH]
eth_getBlockReceipts | [FAR]
eth_getBlockReceipts | [HASH]
eth_getBlockTransactionCountByNumber | [FAR]
eth_getBlockTransactionCountByHash | [HASH]
eth_getTransactionByHash | [HASH]
eth_getTransactionReceipt | [HASH]
eth_getTransactionByBlockHashAndIndex | [HASH, "0x0"]
eth_getTransactionByBlockNumberAndIndex | ["latest", "0x0"]
eth_getUncleByBlockNumberAndIndex | ["latest", "0x0"]
eth_getBlockAccessList | ["latest"]
eth_getBlockAccessListRaw | ["latest"]
debug_codeByHash | [HASH]
debug_freeOSMemory | []
ots_getTransactionBySenderAndNonce | [ADDRESS, 0]
ots_getContractCreator | [ADDRESS]
"#;

/// Method, parameters, and the rest of each line of a table.
fn calls(table: &str) -> impl Iterator<Item = (&str, Value, &str)> {
    table.lines().filter(|line| !line.is_empty()).map(|line| {
        let mut parts = line.splitn(3, " | ");
        let (method, params) = (parts.next().unwrap(), parts.next().unwrap());
        let params = params
            .replace("ADDRESS", &Kind::Address.fitting().to_string())
            .replace("HASH", &Kind::Hash.fitting().to_string())
            .replace("PAYLOAD", &Kind::Payload.fitting().to_string())
            .replace("MANY", &json!(vec!["0x0"; 1025]).to_string())
            .replace("FAR", r#""0xffffff""#);
        let params = serde_json::from_str(&params).unwrap();
        (method, params, parts.next().unwrap_or_default())
    })
}

#[tokio::test]
async fn unknown_blocks_and_limits() {
    let server = Server::new();
    for (method, params, wanted) in calls(REFUSED) {
        let error = server.error(method, &params).await;
        let (code, sentence) = error.unwrap_or_else(|| panic!("{method} {params}: taken"));
        let told = format!("{code} {sentence}");
        assert!(told.starts_with(wanted), "{method} {params}: {told}");
    }
    for (method, params, _) in calls(NOT_FOUND) {
        let answer = server.answer(method, &params.to_string()).await;
        let null = answer.get("result") == Some(&Value::Null);
        assert!(null, "{method} {params}: {answer}");
    }
}

/// What comes of any bytes where parameters are expected: an answer, and never the node's fault. A fuzzer may call this
/// with what it likes.
async fn survive(server: &Server, method: &str, params: &[u8]) {
    let mut message =
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":"#).into_bytes();
    message.extend_from_slice(params);
    message.push(b'}');
    let answer = server.dispatcher.answer(&message, None).await.unwrap();
    let told = || format!("{method} {}", String::from_utf8_lossy(params));
    let answer: Answer = serde_json::from_slice(&answer).unwrap_or_else(|_| panic!("{}", told()));
    let Some(error) = answer.error else {
        return;
    };
    // The only node leads, unless its producer died of what came before.
    assert_ne!(
        error.message,
        "no leader is currently elected",
        "{}",
        told()
    );
    // A nonce that cannot grow, in a validated simulation: geth's code, which the public suite asks for.
    let as_in_geth = error.message.starts_with("err: nonce has max value");
    let faulty = error.code == INTERNAL_ERROR && !as_in_geth;
    assert!(!faulty, "{}: {}", told(), error.message);
}

/// An answer whose result nobody looks at: it may repeat numbers that no type here can hold.
#[derive(serde::Deserialize)]
struct Answer {
    error: Option<Fault>,
}

#[derive(serde::Deserialize)]
struct Fault {
    code: i64,
    message: String,
}

/// Methods that wait, or keep the one thread of a test busy with blocks from then on.
const LEFT_OUT: &[&str] = &[
    "eth_sendRawTransactionSync",
    "eth_sendTransactionSync",
    "evm_setIntervalMining",
];

/// Calls after which the noise begins with a new chain.
const CALLS_PER_CHAIN: u64 = 5_000;

async fn noise(time: Duration, seed: u64) -> u64 {
    let mut server = Server::new();
    let names: Vec<_> = primary_names()
        .filter(|name| !LEFT_OUT.contains(name))
        .collect();
    let mut noise = Noise::new(seed);
    let last_call = std::env::var_os("PRALINE_NOISE_LAST");
    let begin = Instant::now();
    let (mut calls, mut slowest) = (0, (Duration::ZERO, ""));
    while begin.elapsed() < time {
        let method = names[noise.below(names.len())];
        let params = noise.params(signature(method).as_deref().unwrap_or_default());
        if let Some(file) = &last_call {
            // What overflows a stack says nothing more.
            let call = [method.as_bytes(), b" ", &params].concat();
            std::fs::write(file, call).unwrap();
        }
        let asked = Instant::now();
        survive(&server, method, &params).await;
        calls += 1;
        if calls % CALLS_PER_CHAIN == 0 {
            server = Server::new();
        }
        if asked.elapsed() > slowest.0 {
            slowest = (asked.elapsed(), method);
        }
    }
    println!("noise: slowest of {calls} calls: {slowest:?}");
    calls
}

#[tokio::test]
async fn noise_for_a_moment() {
    assert!(noise(Duration::from_secs(2), 1).await > 0);
}

/// `PRALINE_NOISE_SECONDS` says how long, `PRALINE_NOISE_SEED` where to begin, `PRALINE_NOISE_LAST` in which file to
/// keep the call under way.
#[tokio::test]
#[ignore = "runs as long as it is told to"]
async fn noise_for_long() {
    let number = |name: &str, usual: u64| {
        let text = std::env::var(name).ok();
        text.map_or(usual, |text| text.parse().unwrap())
    };
    let seed = number("PRALINE_NOISE_SEED", 1);
    let time = Duration::from_secs(number("PRALINE_NOISE_SECONDS", 600));
    // A task of the node that panics would not be seen in an answer.
    let panics = Arc::new(AtomicU64::new(0));
    let (usual_hook, counted) = (panic::take_hook(), Arc::clone(&panics));
    panic::set_hook(Box::new(move |info| {
        counted.fetch_add(1, Ordering::Relaxed);
        usual_hook(info);
    }));
    let calls = noise(time, seed).await;
    assert_eq!(panics.load(Ordering::Relaxed), 0);
    println!("noise: {calls} calls in {time:?} from seed {seed}, all answered");
}
