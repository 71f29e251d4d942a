#![allow(clippy::unwrap_used)]

use crate::rpc::testing::Servers;
use serde_json::json;

const GET: &str = "HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn the_page_counts_calls_and_shows_the_chain() {
    let servers = Servers::start().await;
    servers.call(1, "eth_chainId", json!([])).await;
    servers.call(1, "eth_chainId", json!([])).await;
    servers.error(1, "eth_getBalance", json!(["0x1"])).await;
    servers.call(1, "evm_mine", json!([])).await;
    servers.error(1, "eth_nothing", json!([])).await;
    let (status, head, page) = servers.http(1, &format!("GET /metrics {GET}")).await;
    assert_eq!(status, 200);
    assert!(head.contains("openmetrics-text"), "{head}");
    for line in [
        r#"praline_rpc_requests_total{method="eth_chainId",outcome="success"} 2"#,
        r#"praline_rpc_requests_total{method="eth_getBalance",outcome="failure"} 1"#,
        r#"praline_rpc_duration_seconds_count{method="evm_mine"} 1"#,
        "praline_chain_head_block 1",
        "praline_txpool_pending 0",
        r#"praline_consensus_role{role="leader"} 1"#,
        r#"praline_consensus_role{role="follower"} 0"#,
        "# EOF",
    ] {
        assert!(
            page.lines().any(|it| it == line),
            "{line} is not in:\n{page}"
        );
    }
    assert!(!page.contains("eth_nothing"), "a client chose a label");
}

#[tokio::test]
async fn a_node_is_ready_while_it_knows_a_leader() {
    let servers = Servers::start().await;
    let ready = format!("GET /readyz {GET}");
    assert_eq!(servers.http(2, &ready).await.0, 200);
    servers.cluster.move_leader(None);
    assert_eq!(servers.http(2, &ready).await.0, 503);
    assert_eq!(servers.http(2, &format!("GET /healthz {GET}")).await.0, 200);
}
