//! Faults on request, as a test author orders them: through any node, against any node, and over by themselves.

use crate::harness::{CallError, Cluster, Options, quantity};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const BOB: &str = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8";
const ALICE: &str = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";

/// A cluster of three that takes orders.
async fn three() -> Cluster {
    let mut cluster = Cluster::planned(&Options {
        cluster: "write_timeout_ms = 3000",
        ..Options::default()
    });
    for node in &mut cluster.nodes {
        node.launch_with(&["--allow-faults"]);
    }
    for node in &mut cluster.nodes {
        node.until_listening().await;
    }
    cluster.nodes[0].head().await;
    for node in &cluster.nodes {
        node.until_it_votes().await;
    }
    cluster
}

fn pay() -> Value {
    json!([{"from": ALICE, "to": BOB, "value": "0x1"}])
}

fn names(cluster: &Cluster, places: &[usize]) -> Vec<String> {
    places
        .iter()
        .map(|place| cluster.nodes[*place].name.clone())
        .collect()
}

#[tokio::test]
async fn a_leader_that_is_cut_off_takes_no_write_and_the_others_go_on() {
    let cluster = three().await;
    let leader = cluster.leader().await;
    let others: Vec<usize> = (0..3).filter(|place| *place != leader).collect();
    let before = cluster.nodes[leader].balance(BOB).await;
    let groups = [names(&cluster, &[leader]), names(&cluster, &others)];
    // Ordered at a follower: the order reaches the leader before the cut does.
    let report = cluster.nodes[others[0]]
        .ask("cluster_partition", json!([groups, 60]))
        .await;
    assert_eq!(
        report["applied"].as_array().map(Vec::len),
        Some(3),
        "{report}"
    );
    assert_eq!(report["unreachable"], json!([]));

    for other in &others {
        cluster.nodes[*other]
            .ask("eth_sendTransaction", pay())
            .await;
    }
    let refused = cluster.nodes[leader]
        .call("eth_sendTransaction", pay())
        .await;
    assert_eq!(refused.expect_err("no majority").code(), Some(-32005));
    let refused = cluster.nodes[leader]
        .call("eth_blockNumber", json!([]))
        .await;
    assert_eq!(refused.expect_err("no majority").code(), Some(-32005));
    let status = cluster.nodes[leader].ask("cluster_status", json!([])).await;
    let unreachable = status["members"].as_array().expect("members").iter();
    assert_eq!(
        unreachable
            .filter(|it| it["reachable"] == json!(false))
            .count(),
        2,
        "{status}"
    );

    // Healed from the smaller side.
    let report = cluster.nodes[leader].ask("cluster_heal", json!([])).await;
    assert_eq!(
        report["applied"].as_array().map(Vec::len),
        Some(3),
        "{report}"
    );
    assert_eq!(cluster.nodes[leader].balance(BOB).await, before + 2);
    cluster.agree().await;
}

#[tokio::test]
async fn a_partition_ends_at_its_limit() {
    let cluster = three().await;
    let start = Instant::now();
    cluster.nodes[0]
        .ask(
            "cluster_partition",
            json!([[["node1"], ["node2"], ["node3"]], 4]),
        )
        .await;
    let faults = cluster.nodes[1].ask("cluster_faults", json!([])).await;
    assert_eq!(faults.as_array().map(Vec::len), Some(3), "{faults}");
    assert_eq!(faults[0]["peers"], json!(["node2", "node3"]));
    let refused = cluster.nodes[2].call("eth_sendTransaction", pay()).await;
    assert_eq!(refused.expect_err("nobody leads").code(), Some(-32005));
    // `patient` asks until there is a leader again.
    cluster.nodes[2].head().await;
    assert!(start.elapsed() >= Duration::from_secs(4));
    assert_eq!(
        cluster.nodes[1].ask("cluster_faults", json!([])).await,
        json!([])
    );
    cluster.agree().await;
}

#[tokio::test]
async fn messages_that_are_late_or_lost_cost_time_alone() {
    let cluster = three().await;
    let before = cluster.nodes[0].balance(BOB).await;
    cluster.nodes[0]
        .ask("cluster_delay", json!([20, {"jitter": 10, "seconds": 60}]))
        .await;
    let start = Instant::now();
    cluster.nodes[0].ask("eth_sendTransaction", pay()).await;
    assert!(start.elapsed() >= Duration::from_millis(20), "not delayed");
    cluster.nodes[0].ask("cluster_heal", json!([])).await;
    cluster.nodes[0]
        .ask("cluster_drop", json!([0.05, {"seconds": 60}]))
        .await;
    let mut done = 1;
    for place in [0, 1, 2, 0, 1, 2] {
        // A write may fail within its three seconds, and happen all the same: then its error says so.
        match cluster.nodes[place]
            .call("eth_sendTransaction", pay())
            .await
        {
            Ok(_) => done += 1,
            Err(error) => assert_eq!(error.code(), Some(-32005), "{error}"),
        }
    }
    cluster.nodes[0].ask("cluster_heal", json!([])).await;
    cluster.agree().await;
    assert!(cluster.nodes[0].balance(BOB).await >= before + done);
}

#[tokio::test]
async fn a_paused_node_answers_after_it_is_resumed() {
    let cluster = three().await;
    let follower = cluster.follower().await;
    let other = (follower + 1) % 3;
    let name = cluster.nodes[follower].name.clone();
    cluster.nodes[other]
        .ask("cluster_pause", json!([name, 60]))
        .await;
    let asked = cluster.nodes[follower].call("eth_blockNumber", json!([]));
    tokio::pin!(asked);
    tokio::select! {
        answer = &mut asked => panic!("a paused node answered: {answer:?}"),
        _ = cluster.nodes[other].ask("eth_sendTransaction", pay()) => {}
    }
    cluster.nodes[other]
        .ask("cluster_resume", json!([name]))
        .await;
    let number = asked.await.expect("an answer after the pause");
    assert_eq!(quantity(&number), 1);
    cluster.agree().await;
}

#[tokio::test]
async fn a_node_that_is_killed_ends_like_one_that_the_system_killed() {
    let mut cluster = three().await;
    let leader = cluster.leader().await;
    let other = (leader + 1) % 3;
    let name = cluster.nodes[leader].name.clone();
    cluster.nodes[other]
        .ask("cluster_kill", json!([name]))
        .await;
    let ended = cluster.nodes[leader].ended().await;
    assert_eq!(ended.status.code(), Some(137), "{}", ended.stderr);
    cluster.nodes[other].ask("eth_sendTransaction", pay()).await;
    let again = cluster.nodes[other]
        .call("cluster_kill", json!([name]))
        .await;
    let error = again.expect_err("nobody to kill").to_string();
    assert!(
        error.contains(&name) && error.contains("not reachable"),
        "{error}"
    );
    cluster.nodes[leader].restart().await;
    assert_eq!(quantity(&cluster.nodes[leader].head().await["number"]), 1);
}

#[tokio::test]
async fn the_edge_fails_as_ordered_and_the_order_can_be_taken_back_there() {
    let cluster = three().await;
    let node = &cluster.nodes[1];
    node.ask("cluster_rpcFault", json!(["node2", {"status": 429}]))
        .await;
    match node.call("eth_chainId", json!([])).await {
        Err(CallError::Status(429)) => {}
        other => panic!("{other:?}"),
    }
    cluster.nodes[0].ask("eth_chainId", json!([])).await;
    node.ask("cluster_heal", json!([])).await;
    node.ask("eth_chainId", json!([])).await;

    cluster.nodes[0]
        .ask("cluster_rpcFault", json!(["node2", {"lagBlocks": 2}]))
        .await;
    let mut seen = Vec::new();
    for _ in 0..4 {
        cluster.nodes[0].ask("evm_mine", json!([])).await;
        seen.push(quantity(&node.ask("eth_blockNumber", json!([])).await));
    }
    assert!(
        seen.iter()
            .zip([0, 0, 1, 2])
            .all(|(seen, most)| *seen <= most),
        "{seen:?}"
    );
    node.ask("cluster_heal", json!([])).await;
    assert_eq!(quantity(&node.ask("eth_blockNumber", json!([])).await), 4);
}

#[tokio::test]
async fn without_the_flag_nobody_can_order_anything() {
    let mut cluster = Cluster::planned(&Options::default());
    cluster.nodes[0].launch_with(&["--allow-faults"]);
    cluster.nodes[1].launch_with(&["--no-cheats"]);
    cluster.nodes[2].launch();
    for node in &mut cluster.nodes {
        node.until_listening().await;
    }
    cluster.nodes[0].head().await;
    let refused = cluster.nodes[2].call("cluster_heal", json!([])).await;
    let error = refused.expect_err("no faults here").to_string();
    assert!(error.contains("--allow-faults"), "{error}");
    let report = cluster.nodes[0].ask("cluster_heal", json!([])).await;
    assert_eq!(report["applied"], json!(["node1"]), "{report}");
    assert_eq!(report["unreachable"], json!(["node2", "node3"]));
    let refused = cluster.nodes[1].call("evm_mine", json!([])).await;
    assert_eq!(refused.expect_err("no cheats here").code(), Some(-32601));
    cluster.nodes[1].ask("eth_sendTransaction", pay()).await;
    for (params, word) in [
        (json!([[["node9"]]]), "node9"),
        (json!([[["node1"], ["node1"]]]), "two groups"),
        (json!([[["node1"]], 0]), "seconds"),
        (json!([[["node1"]], 3601]), "seconds"),
        (json!(["node1"]), "lists of names"),
    ] {
        let refused = cluster.nodes[0]
            .call("cluster_partition", params.clone())
            .await;
        let error = refused.expect_err("cannot be done");
        assert_eq!(error.code(), Some(-32602), "{params}: {error}");
        assert!(error.to_string().contains(word), "{params}: {error}");
    }
}
