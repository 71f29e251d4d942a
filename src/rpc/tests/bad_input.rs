//! Bad input to every method: wrong types, wrong lengths, missing and extra parameters, unknown blocks, and noise.
//!
//! Whatever comes in, nothing panics, nothing is the node's fault (-32603), and what is malformed is -32602 in geth's
//! words (`rpc/types`, `rpc/json.go`, `common/hexutil`).
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod noise;
mod table;

use crate::{
    replica::testing::TestCluster,
    rpc::{Limits, dispatch::Dispatcher, methods, testing::context},
};
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
use table::{Kind, PARAMETERS, signature};

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

fn primary_names() -> impl Iterator<Item = &'static str> {
    methods::all().map(|method| method.names[0])
}

#[test]
fn the_table_speaks_of_methods_that_exist() {
    let unknown: Vec<_> = PARAMETERS
        .iter()
        .map(|(method, _)| *method)
        .filter(|method| !primary_names().any(|name| name == *method))
        .filter(|method| !method.contains("trace"))
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    let forgotten: Vec<_> = primary_names()
        .filter(|name| signature(name).is_none())
        .collect();
    println!("no table of parameters, noise alone: {forgotten:?}");
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

/// geth's codes and words for what is well formed, and still is not there or not allowed.
#[tokio::test]
async fn unknown_blocks_and_limits() {
    let server = Server::new();
    let (hash, address) = (Kind::Hash.fitting(), Kind::Address.fitting());
    let far = json!("0xffffff");
    let by_hash = json!({"blockHash": hash});
    let canonical = json!({"blockHash": hash, "requireCanonical": true});
    let many = vec![json!("0x0"); 1025];
    let storage = json!({address.as_str().unwrap(): many});
    let missing = (-32000, "header not found");
    for (method, params, (code, sentence)) in [
        ("eth_getBalance", json!([address, far]), missing),
        ("eth_getBalance", json!([address, by_hash]), missing),
        (
            "eth_getBalance",
            json!([address, canonical]),
            (-32000, "hash is not currently canonical"),
        ),
        ("eth_getTransactionCount", json!([address, far]), missing),
        ("eth_getCode", json!([address, far]), missing),
        ("eth_getStorageAt", json!([address, "0x0", far]), missing),
        (
            "eth_getStorageValues",
            json!([{address.as_str().unwrap(): ["0x0"]}, far]),
            missing,
        ),
        (
            "eth_getStorageValues",
            json!([{}]),
            (-32602, "empty request"),
        ),
        (
            "eth_getStorageValues",
            json!([storage]),
            (-32602, "too many slots (max 1024)"),
        ),
        ("eth_getProof", json!([address, [], far]), missing),
        (
            "eth_getProof",
            json!([address, [], canonical]),
            (-32000, "hash is not currently canonical"),
        ),
        (
            "eth_getProof",
            json!([address, many, "latest"]),
            (-32602, "invalid argument 1: too many slots"),
        ),
        ("eth_call", json!([{}, far]), missing),
        (
            "eth_call",
            json!([{}, "latest", {}, {"beaconRoot": hash}]),
            (-32000, "block override \"beaconRoot\" is not supported"),
        ),
        ("eth_estimateGas", json!([{}, far]), missing),
        ("eth_createAccessList", json!([{}, far]), missing),
        (
            "eth_simulateV1",
            json!([{"blockStateCalls": [{}]}, far]),
            missing,
        ),
        (
            "eth_simulateV1",
            json!([{"blockStateCalls": []}]),
            (-32602, "empty input"),
        ),
        ("debug_getRawBlock", json!([far]), missing),
        ("debug_getRawHeader", json!([far]), missing),
        ("debug_getRawReceipts", json!([far]), missing),
        (
            "eth_feeHistory",
            json!(["0x1", far, []]),
            (
                -32000,
                "request beyond head block: requested 16777215, head 0",
            ),
        ),
        (
            "eth_feeHistory",
            json!(["0x1", "latest", [101]]),
            (-32602, "invalid reward percentile: 101"),
        ),
        (
            "eth_feeHistory",
            json!(["0x1", "latest", [5, 3]]),
            (-32602, "invalid reward percentile: #0:5 >= #1:3"),
        ),
        (
            "eth_getLogs",
            json!([{"fromBlock": "0x1", "toBlock": "0x0"}]),
            (-32602, "invalid block range params"),
        ),
        (
            "eth_getLogs",
            json!([{"fromBlock": "0x0", "toBlock": far}]),
            (-32602, "block range extends beyond"),
        ),
        (
            "eth_getLogs",
            json!([{"blockHash": hash}]),
            (-32000, "unknown block"),
        ),
        (
            "eth_getFilterChanges",
            json!(["0x1234"]),
            (-32000, "filter not found"),
        ),
        (
            "eth_sendRawTransaction",
            json!(["0x"]),
            (-32602, "typed transaction too short"),
        ),
        (
            "eth_sendRawTransaction",
            json!(["0x7f00"]),
            (-32602, "transaction type not supported"),
        ),
        (
            "testing_buildBlockV1",
            json!([hash, Kind::Payload.fitting()]),
            (-32000, "parentHash is not current head"),
        ),
        (
            "eth_noSuchMethod",
            json!([]),
            (-32601, "the method eth_noSuchMethod does not exist"),
        ),
    ] {
        let error = server.error(method, &params).await;
        let Some((got, words)) = error else {
            panic!("{method} {params}: taken");
        };
        assert_eq!(got, code, "{method} {params}: {words}");
        assert!(words.starts_with(sentence), "{method} {params}: {words}");
    }
    for (method, params) in [
        ("eth_getBlockByNumber", json!([far, false])),
        ("eth_getBlockByHash", json!([hash, true])),
        ("eth_getHeaderByHash", json!([hash])),
        ("eth_getBlockReceipts", json!([far])),
        ("eth_getBlockReceipts", json!([hash])),
        ("eth_getBlockTransactionCountByNumber", json!([far])),
        ("eth_getBlockTransactionCountByHash", json!([hash])),
        ("eth_getTransactionByHash", json!([hash])),
        ("eth_getTransactionReceipt", json!([hash])),
        (
            "eth_getTransactionByBlockHashAndIndex",
            json!([hash, "0x0"]),
        ),
        (
            "eth_getTransactionByBlockNumberAndIndex",
            json!(["latest", "0x0"]),
        ),
        (
            "eth_getUncleByBlockNumberAndIndex",
            json!(["latest", "0x0"]),
        ),
    ] {
        let answer = server.answer(method, &params.to_string()).await;
        assert!(
            answer["result"].is_null() && answer.get("error").is_none(),
            "{method}: {answer}"
        );
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
    let begin = Instant::now();
    let (mut calls, mut slowest) = (0, (Duration::ZERO, ""));
    while begin.elapsed() < time {
        let method = names[noise.below(names.len())];
        let params = noise.params(signature(method).as_deref().unwrap_or_default());
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

/// `PRALINE_NOISE_SECONDS` says how long, `PRALINE_NOISE_SEED` where to begin.
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
    let (usual, seen) = (panic::take_hook(), Arc::clone(&panics));
    panic::set_hook(Box::new(move |info| {
        seen.fetch_add(1, Ordering::Relaxed);
        usual(info);
    }));
    let calls = noise(time, seed).await;
    assert_eq!(panics.load(Ordering::Relaxed), 0);
    println!("noise: {calls} calls in {time:?} from seed {seed}, all answered");
}
