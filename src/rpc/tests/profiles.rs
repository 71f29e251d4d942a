//! ganache's codes and words, measured against ganache 7.9.2, and errors for transactions that are mined and fail.

#![allow(clippy::too_many_lines)] // tables of cases

use crate::rpc::{ErrorProfile, Failures, testing::Servers};
use serde_json::{Value, json};

/// `revert("boom")`, as Solidity encodes it. Its REVERT stands at 117.
const BOOM: &str = "0x7f08c379a00000000000000000000000000000000000000000000000000000000060005260206004527f00000000000000000000000000000000000000000000000000000000000000046024527f626f6f6d0000000000000000000000000000000000000000000000000000000060445260646000fd";
const BOOM_DATA: &str = "0x08c379a000000000000000000000000000000000000000000000000000000000000000200000000000000000000000000000000000000000000000000000000000000004626f6f6d00000000000000000000000000000000000000000000000000000000";
const EMPTY_REVERT: &str = "0x60006000fd";
const INVALID: &str = "0xfe";
const ENDLESS: &str = "0x5b600056";
const NOBODY: &str = "0x00000000000000000000000000000000000000ee";

fn contract(number: usize) -> String {
    format!("0x00000000000000000000000000000000000c0de{number}")
}

async fn with_contracts(errors: ErrorProfile, failures: Failures) -> Servers {
    let servers = Servers::configured(|config, _| {
        config.errors = errors;
        config.failures = failures;
    })
    .await;
    for (number, code) in [BOOM, EMPTY_REVERT, INVALID, ENDLESS]
        .into_iter()
        .enumerate()
    {
        servers
            .call(1, "anvil_setCode", json!([contract(number), code]))
            .await;
    }
    servers
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_fail_in_ganaches_words() {
    let servers = with_contracts(ErrorProfile::Ganache, Failures::InReceipts).await;
    let vm = |words: &str| format!("VM Exception while processing transaction: {words}");
    for (number, words, data) in [
        (0, "revert boom", json!(BOOM_DATA)),
        (1, "revert", json!("0x")),
        (2, "invalid opcode", json!("0x")),
    ] {
        let call = json!([{"to": contract(number)}, "latest"]);
        let answer = servers.answer(2, "eth_call", call).await;
        let expected = json!({"code": -32000, "message": vm(words), "data": data});
        assert_eq!(answer["error"], expected);
    }
    let endless = json!([{"to": contract(3), "gas": "0x186a0"}, "latest"]);
    let error = servers.error(2, "eth_call", endless).await;
    assert_eq!(error, (-32000, vm("out of gas")));
    let estimate = servers
        .answer(3, "eth_estimateGas", json!([{"to": contract(0)}]))
        .await;
    assert_eq!(
        estimate["error"],
        json!({
            "code": -32000,
            "message": vm("revert boom"),
            "data": {
                "hash": null, "programCounter": 118, "result": BOOM_DATA, "reason": "boom", "message": "revert"
            }
        })
    );
    let poor = json!([{"from": NOBODY, "to": NOBODY, "value": "0xde0b6b3a7640000"}, "latest"]);
    assert_eq!(
        servers.error(1, "eth_call", poor).await,
        (-32000, vm("insufficient balance"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_refused_in_ganaches_words() {
    let servers = with_contracts(ErrorProfile::Ganache, Failures::InReceipts).await;
    let from = servers.account(0);
    let transfer = json!([{"from": from, "to": NOBODY, "nonce": "0x0", "gas": "0x5208"}]);
    servers
        .call(1, "eth_sendTransaction", transfer.clone())
        .await;
    let send = |fields: Value| {
        let mut request = json!({"from": from, "to": NOBODY, "gas": "0x5208"});
        for (key, value) in fields.as_object().unwrap() {
            request[key] = value.clone();
        }
        json!([request])
    };
    let hash = format!("0x{}", "12".repeat(32));
    let cases = [
        (
            "eth_sendTransaction",
            transfer,
            -32000,
            "the tx doesn't have the correct nonce. account has nonce of: 1 tx has nonce of: 0",
        ),
        (
            "eth_sendTransaction",
            send(json!({"value": "0xffffffffffffffffffffffffff"})),
            -32003,
            "insufficient funds for gas * price + value",
        ),
        (
            "eth_sendTransaction",
            send(json!({"gas": "0x1"})),
            -32000,
            "intrinsic gas too low",
        ),
        (
            "eth_sendTransaction",
            send(json!({"gas": "0xffffffff"})),
            -32000,
            "exceeds block gas limit",
        ),
        (
            "eth_sendTransaction",
            json!([{"from": NOBODY, "to": NOBODY, "gas": "0x5208"}]),
            -32700,
            "sender account not recognized",
        ),
        (
            "eth_getBalance",
            json!([NOBODY, "0xffff"]),
            -32700,
            "header not found",
        ),
        (
            "eth_fooBar",
            json!([]),
            -32700,
            "The method eth_fooBar does not exist/is not available",
        ),
        (
            "eth_getFilterChanges",
            json!(["0x99"]),
            -32700,
            "filter not found",
        ),
        (
            "eth_subscribe",
            json!(["newHeads"]),
            -32004,
            "notifications not supported",
        ),
    ];
    for (method, params, code, words) in cases {
        let error = servers.error(2, method, params).await;
        assert_eq!(error, (code, words.to_owned()), "{method}");
    }
    let (code, words) = servers
        .error(2, "debug_traceTransaction", json!([hash]))
        .await;
    assert_eq!(
        (code, words),
        (-32700, format!("Unknown transaction {hash}"))
    );
    for (method, params, start) in [
        (
            "eth_sendRawTransaction",
            json!(["0x1234"]),
            "Could not decode transaction: invalid RLP: ",
        ),
        (
            "eth_getBalance",
            json!([]),
            "Incorrect number of arguments. ",
        ),
    ] {
        let (code, words) = servers.error(2, method, params).await;
        assert!(
            code == -32700 && words.starts_with(start),
            "{method}: {words}"
        );
    }
    servers.call(1, "evm_setAutomine", json!([false])).await;
    let waiting = send(json!({"nonce": "0x1"}));
    servers.call(1, "eth_sendTransaction", waiting).await;
    let again = send(json!({"nonce": "0x1", "value": "0x1"}));
    assert_eq!(
        servers.error(2, "eth_sendTransaction", again).await,
        (-32003, "transaction underpriced".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ganache_answers_a_failed_transaction_with_an_error() {
    let servers = with_contracts(ErrorProfile::Geth, Failures::AsGanache).await;
    let from = servers.account(0);
    let send = |number: usize| json!([{"from": from, "to": contract(number), "gas": "0x186a0"}]);
    for (number, words, reason, message, place) in [
        (0, "revert boom", json!("boom"), "revert", 118),
        (1, "revert", Value::Null, "revert", 5),
        (2, "invalid opcode", Value::Null, "invalid opcode", 1),
    ] {
        let answer = servers.answer(3, "eth_sendTransaction", send(number)).await;
        let hash = answer["error"]["data"]["hash"].clone();
        assert_eq!(
            answer["error"],
            json!({
                "code": -32000,
                "message": format!("VM Exception while processing transaction: {words}"),
                "data": {
                    "hash": hash, "programCounter": place, "result": hash, "reason": reason, "message": message
                }
            })
        );
        for node in 1..=3 {
            let receipt = servers
                .call(node, "eth_getTransactionReceipt", json!([hash]))
                .await;
            assert_eq!(receipt["status"], "0x0", "it is mined, on all nodes");
        }
    }
    let fine = json!([{"from": from, "to": NOBODY, "gas": "0x5208"}]);
    servers.call(3, "eth_sendTransaction", fine).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hardhat_answers_a_failed_transaction_with_the_error_of_a_call() {
    let servers = with_contracts(ErrorProfile::Geth, Failures::AsHardhat).await;
    let from = servers.account(0);
    let request = json!([{"from": from, "to": contract(0), "gas": "0x186a0", "nonce": "0x0"}]);
    let signed = servers.call(1, "eth_signTransaction", request).await;
    let answer = servers
        .answer(2, "eth_sendRawTransaction", json!([signed["raw"]]))
        .await;
    let boom = json!({"code": 3, "message": "execution reverted: boom", "data": BOOM_DATA});
    assert_eq!(answer["error"], boom);
    let receipt = servers
        .call(
            3,
            "eth_getTransactionReceipt",
            json!([signed["tx"]["hash"]]),
        )
        .await;
    assert_eq!(
        (&receipt["status"], &receipt["blockNumber"]),
        (&json!("0x0"), &json!("0x1"))
    );
    let halted = json!([{"from": from, "to": contract(2), "gas": "0x186a0"}]);
    assert_eq!(
        servers.error(2, "eth_sendTransaction", halted).await,
        (-32000, "invalid opcode: INVALID".to_owned())
    );
    // What waits has not failed.
    servers.call(1, "evm_setAutomine", json!([false])).await;
    let later = json!([{"from": from, "to": contract(0), "gas": "0x186a0"}]);
    servers.call(2, "eth_sendTransaction", later).await;
}
