#![allow(clippy::unwrap_used)]
use super::*;
use crate::rpc::{Limits, testing::context};
use jsonrpsee::RpcModule;

async fn answer(dispatcher: &Dispatcher, message: &str) -> String {
    let answer = dispatcher.answer(message.as_bytes(), None).await.unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn ids_come_back_to_the_letter() {
    let (_cluster, context) = context(Limits::default());
    let dispatcher = Dispatcher::new(context).unwrap();
    for id in [
        "null",
        "-7",
        "1.50",
        "1e3",
        r#""a\u0062""#,
        "123456789012345678901",
    ] {
        let message = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"eth_chainId"}}"#);
        let expected = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":"0x7a69"}}"#);
        assert_eq!(answer(&dispatcher, &message).await, expected);
    }
}

#[tokio::test]
async fn a_panic_fails_its_own_call_alone() {
    let (_cluster, context) = context(Limits::default());
    let mut module = RpcModule::from_arc(Arc::clone(&context));
    module
        .register_async_method("test_panic", |_, _, _| async {
            assert_eq!(1, 2, "on purpose");
        })
        .unwrap();
    module
        .merge(methods::register(Arc::clone(&context)).unwrap())
        .unwrap();
    let dispatcher = Dispatcher {
        methods: module.into(),
        context,
    };
    let batch = r#"[{"id":1,"method":"test_panic"},{"id":2,"method":"net_listening"}]"#;
    assert_eq!(
        answer(&dispatcher, batch).await,
        r#"[{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"the method failed inside the node"}},{"jsonrpc":"2.0","id":2,"result":true}]"#
    );
}

#[tokio::test]
async fn an_answer_beyond_the_limit_is_an_error_that_names_it() {
    let limits = Limits {
        response_bytes: 64,
        ..Limits::default()
    };
    let (_cluster, context) = context(limits);
    let dispatcher = Dispatcher::new(context).unwrap();
    assert_eq!(
        answer(&dispatcher, r#"{"id":-1,"method":"eth_accounts"}"#).await,
        r#"{"jsonrpc":"2.0","id":-1,"error":{"code":-32000,"message":"response too large: more than 64 bytes; ask for less at once"}}"#
    );
}
