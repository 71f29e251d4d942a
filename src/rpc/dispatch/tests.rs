#![allow(clippy::unwrap_used)]
use super::*;
use crate::rpc::testing::Servers;

async fn broken(_: Call<'_>) -> Answer {
    std::future::ready(()).await;
    panic!("a fault in a method");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_panics_is_an_internal_error() {
    let method = Method {
        names: &["x_broken"],
        kind: Kind::Read,
        run: |call| Box::pin(broken(call)),
    };
    let servers = Servers::start().await;
    let context = servers.context(1);
    let call = Call {
        method: "x_broken",
        context: &context,
        params: Params::default(),
        session: None,
    };
    let error = run(&method, call).await.unwrap_err();
    assert_eq!(
        (error.code(), error.message()),
        (-32603, "the method failed inside the node")
    );
}

#[test]
fn a_batch_that_grows_too_large_keeps_its_ids() {
    let mut out = b"[".to_vec();
    for id in 1..=3 {
        let answer = format!(
            r#"{{"jsonrpc":"2.0","id":{id},"result":"{}"}}"#,
            "x".repeat(60)
        );
        append_to_batch(&mut out, answer.as_bytes(), 200);
    }
    out.push(b']');
    let answers: Vec<serde_json::Value> = serde_json::from_slice(&out).unwrap();
    assert!(answers[0]["result"].is_string());
    assert_eq!(
        (&answers[2]["id"], &answers[2]["error"]["code"]),
        (&3.into(), &(-32000).into())
    );
}

#[test]
fn names_of_clients_do_not_reach_a_terminal_raw() {
    assert_eq!(printable("eth_\u{1b}[2J\nx"), "eth_?[2J?x");
    assert_eq!(printable(&"x".repeat(1000)).len(), MAX_SHOWN_NAME);
}
