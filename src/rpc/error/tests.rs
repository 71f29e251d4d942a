#![allow(clippy::unwrap_used)]
use super::*;
use alloy::primitives::{Address, U256, bytes};

fn shown(error: impl Into<RpcError>) -> String {
    serde_json::to_string(&ErrorObjectOwned::from(error.into())).unwrap()
}

#[test]
fn rejected_transactions_carry_geths_words() {
    let cases = [
        (
            Rejection::NonceTooLow { next: 8, got: 0 },
            "nonce too low: next nonce 8, tx nonce 0",
        ),
        (
            Rejection::InsufficientFunds {
                balance: U256::ZERO,
                cost: U256::from(5),
            },
            "insufficient funds for gas * price + value: balance 0, tx cost 5, overshot 5",
        ),
        (
            Rejection::ReplacementUnderpriced,
            "replacement transaction underpriced",
        ),
        (Rejection::AlreadyKnown, "already known"),
        (Rejection::ExceedsBlockGasLimit, "exceeds block gas limit"),
        (Rejection::UnknownAccount(Address::ZERO), "unknown account"),
    ];
    for (rejection, words) in cases {
        let expected = format!(r#"{{"code":-32003,"message":"{words}"}}"#);
        assert_eq!(shown(WriteError::Rejected(rejection)), expected);
    }
}

#[test]
fn reverts_carry_their_data() {
    let call = CallError::Reverted {
        reason: Some("boom \"x\"".to_owned()),
        data: bytes!("08c379a0"),
    };
    let expected = r#"{"code":3,"message":"execution reverted: boom \"x\"","data":"0x08c379a0"}"#;
    assert_eq!(shown(call), expected);
    let write = WriteError::Rejected(Rejection::Reverted {
        reason: None,
        data: Bytes::new(),
    });
    assert_eq!(
        shown(write),
        r#"{"code":3,"message":"execution reverted","data":"0x"}"#
    );
}

#[test]
fn calls_that_cannot_run() {
    let funds = Rejection::InsufficientFunds {
        balance: U256::ZERO,
        cost: U256::ONE,
    };
    for (error, code) in [
        (CallError::Halted("out of gas".to_owned()), -32000),
        (CallError::AllowanceExceeded(65536), -32000),
        (CallError::Rejected(funds), -32000),
        (CallError::InvalidOverride("bad".to_owned()), -32000),
    ] {
        assert_eq!(RpcError::from(error).code(), code);
    }
    assert_eq!(
        RpcError::from(CallError::AllowanceExceeded(65536)).message(),
        "gas required exceeds allowance (65536)"
    );
}

#[test]
fn faults_of_the_cluster_say_when_to_ask_again() {
    let fault = Unavailable {
        term: 7,
        known_leader: Some(2),
        retry_after_ms: 300,
        may_happen: true,
    };
    let expected = r#"{"code":-32005,"message":"no leader is currently elected","data":{"retryAfterMs":300,"term":7,"knownLeader":2,"mayHappen":true}}"#;
    assert_eq!(shown(WriteError::Unavailable(fault)), expected);
    assert_eq!(shown(ReadError::Unavailable(fault)), expected);
    let none = Unavailable::default();
    assert!(shown(ReadError::Unavailable(none)).contains(r#""knownLeader":null"#));
}

#[test]
fn names_and_arguments() {
    for (error, expected) in [
        (
            RpcError::method_not_found("eth_fooBar"),
            r#"{"code":-32601,"message":"the method eth_fooBar does not exist/is not available"}"#,
        ),
        (
            RpcError::notifications_not_supported(),
            r#"{"code":-32601,"message":"notifications not supported"}"#,
        ),
        (
            RpcError::missing_argument(0),
            r#"{"code":-32602,"message":"missing value for required argument 0"}"#,
        ),
        (
            RpcError::from(ViewError::HeaderNotFound),
            r#"{"code":-32000,"message":"header not found"}"#,
        ),
        (
            RpcError::from(Rejection::TimestampInPast {
                got: 1,
                previous: 2,
            }),
            r#"{"code":-32602,"message":"timestamp 1 is not after the previous block's timestamp 2"}"#,
        ),
        (
            RpcError::from(TransactionError::TypeNotSupported(9)),
            r#"{"code":-32602,"message":"transaction type not supported"}"#,
        ),
    ] {
        assert_eq!(shown(error), expected);
    }
}
