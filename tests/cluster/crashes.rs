//! Nodes that are killed, under load and all at once, and come back.

use crate::{
    harness::{Cluster, Options, PATIENCE, quantity},
    load::Load,
};
use serde_json::json;
use std::time::{Duration, Instant};

#[tokio::test]
async fn the_leader_is_killed_under_load() {
    let mut cluster = Cluster::three().await;
    let load = Load::start(&cluster, 24).await;
    load.more(300).await;
    let leader = cluster.leader().await;
    cluster.nodes[leader].kill().await;
    load.more(300).await;
    cluster.nodes[leader].restart().await;
    load.more(300).await;
    let account = load.finish().await;
    assert_eq!(
        account.refused,
        Vec::<String>::new(),
        "a write to a survivor waits for the new leader"
    );
    account.check_all(&cluster).await;
}

#[tokio::test]
async fn one_leader_after_the_other_is_killed_under_load() {
    let mut cluster = Cluster::three().await;
    let load = Load::start(&cluster, 12).await;
    for _ in 0..3 {
        load.more(100).await;
        let leader = cluster.leader().await;
        cluster.nodes[leader].kill().await;
        load.more(100).await;
        cluster.nodes[leader].restart().await;
        // With a read on it, it has caught up; then two nodes may be missed again, one at a time.
        cluster.nodes[leader].head().await;
    }
    load.finish().await.check_all(&cluster).await;
}

/// The measurement behind README's numbers; it prints how long nobody was answered, and how long a node needed to be in
/// step again after its restart.
#[tokio::test]
#[ignore = "minutes; `cargo test --test cluster fifty_leaders -- --ignored --nocapture`"]
async fn fifty_leaders_are_killed_under_load() {
    const KILLS: usize = 50;
    /// Whatever a kill does to writes, it is done by then.
    const AFTERMATH: Duration = Duration::from_secs(3);
    let mut cluster = Cluster::three().await;
    let load = Load::start(&cluster, 8).await;
    let (mut kills, mut returns) = (Vec::new(), Vec::new());
    for _ in 0..KILLS {
        load.more(100).await;
        let leader = cluster.leader().await;
        kills.push(Instant::now());
        cluster.nodes[leader].kill().await;
        load.more(100).await;
        let start = Instant::now();
        cluster.nodes[leader].restart().await;
        cluster.nodes[leader].head().await;
        returns.push(start.elapsed());
    }
    let account = load.finish().await;
    let pause_after = |kill: &Instant| {
        let near = account.times.iter().filter(|at| {
            let passed = at.saturating_duration_since(*kill);
            **at >= *kill && passed < AFTERMATH
        });
        let all: Vec<Instant> = std::iter::once(*kill).chain(near.copied()).collect();
        all.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap()
    };
    let mut pauses: Vec<Duration> = kills.iter().map(pause_after).collect();
    pauses.sort_unstable();
    returns.sort_unstable();
    eprintln!(
        "{KILLS} leaders killed, {} writes acknowledged of {}, {} refused; nobody answered for p50 {:?}, at most {:?}; in \
         step after the restart: p50 {:?}, at most {:?}",
        account.acknowledged.len(),
        account.attempts,
        account.refused.len(),
        pauses[KILLS / 2],
        pauses[KILLS - 1],
        returns[KILLS / 2],
        returns[KILLS - 1],
    );
    account.check_all(&cluster).await;
}

#[tokio::test]
async fn a_follower_is_killed_under_load() {
    let mut cluster = Cluster::three().await;
    let load = Load::start(&cluster, 24).await;
    load.more(300).await;
    let follower = cluster.follower().await;
    cluster.nodes[follower].kill().await;
    load.more(300).await;
    cluster.nodes[follower].restart().await;
    load.more(300).await;
    let account = load.finish().await;
    assert_eq!(account.refused, Vec::<String>::new());
    account.check_all(&cluster).await;
}

#[tokio::test]
async fn all_nodes_are_killed_under_load_and_come_back_from_disk() {
    let mut cluster = Cluster::three().await;
    let load = Load::start(&cluster, 24).await;
    load.more(600).await;
    for node in &cluster.nodes {
        assert!(node.is_running());
    }
    for node in &mut cluster.nodes {
        node.program().signal("KILL");
    }
    let account = load.finish().await;
    for node in &mut cluster.nodes {
        node.ended().await;
    }
    for node in &mut cluster.nodes {
        node.launch();
    }
    for node in &mut cluster.nodes {
        node.until_listening().await;
    }
    account.check_all(&cluster).await;
    let before = quantity(&cluster.nodes[0].head().await["number"]);
    cluster.nodes[2].ask("evm_mine", json!([])).await;
    assert_eq!(quantity(&cluster.agree().await["number"]), before + 1);
}

#[tokio::test]
async fn with_the_leader_killed_a_write_to_a_survivor_succeeds_once_within_the_bound() {
    let mut cluster = Cluster::three().await;
    for round in 1..=3_u64 {
        let leader = cluster.leader().await;
        let survivor = (leader + 1) % 3;
        let before = quantity(&cluster.nodes[survivor].head().await["number"]);
        cluster.nodes[leader].kill().await;
        cluster.nodes[survivor]
            .ask("evm_increaseTime", json!([100_000]))
            .await;
        cluster.nodes[survivor].ask("evm_mine", json!([])).await;
        let head = cluster.agree().await;
        assert_eq!(
            quantity(&head["number"]),
            before + 1,
            "evm_mine happened once"
        );
        let genesis = cluster.nodes[survivor]
            .ask("eth_getBlockByNumber", json!(["earliest", false]))
            .await;
        let clock = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let offset = quantity(&head["timestamp"]).cast_signed() - i128::from(clock);
        assert!(
            (offset - i128::from(round) * 100_000).abs() < 120,
            "round {round}: offset {offset}, genesis {genesis}"
        );
        cluster.nodes[leader].restart().await;
        cluster.agree().await;
    }
}

#[tokio::test]
async fn a_stopped_leader_does_not_answer_for_the_cluster_when_it_wakes() {
    let mut cluster = Cluster::three().await;
    let leader = cluster.leader().await;
    let survivor = (leader + 1) % 3;
    let to = "0x00000000000000000000000000000000000577ab";
    cluster.nodes[leader].program().signal("STOP");
    cluster.nodes[survivor]
        .ask("anvil_setBalance", json!([to, "0x1"]))
        .await;
    cluster.nodes[leader].program().signal("CONT");
    assert_eq!(
        cluster.nodes[leader].balance(to).await,
        1,
        "the old leader must not show the old state"
    );
    cluster.agree().await;
}

/// A machine that stands still (a laptop's lid, a halted virtual machine) makes leaders come and go in the middle of
/// writes. Once a leader went on from a chain that all nodes had left, and nothing was done any more.
#[tokio::test]
async fn a_machine_that_stands_still_again_and_again_refuses_nothing() {
    let mut cluster = Cluster::three().await;
    let load = Load::start(&cluster, 16).await;
    for _ in 0..8 {
        for node in &mut cluster.nodes {
            node.program().signal("STOP");
        }
        // The time is the fault itself: longer than an election takes.
        tokio::time::sleep(std::time::Duration::from_millis(900)).await;
        for node in &mut cluster.nodes {
            node.program().signal("CONT");
        }
        load.more(40).await;
    }
    let account = load.finish().await;
    assert_eq!(account.refused, Vec::<String>::new());
    account.check_all(&cluster).await;
}

#[tokio::test]
async fn a_node_that_was_away_for_long_gets_a_snapshot() {
    let options = Options {
        storage: "snapshot_interval_entries = 50",
        ..Options::default()
    };
    let mut cluster = Cluster::start(&options).await;
    let away = cluster.follower().await;
    cluster.nodes[away].kill().await;
    let load = Load::start(&cluster, 12).await;
    load.more(1200).await;
    let other = &cluster.nodes[(away + 1) % 3];
    for step in 0..300_u32 {
        other
            .ask(
                "anvil_setBalance",
                json!([format!("0x{:040x}", 0x5a9_0000 + step), "0x1"]),
            )
            .await;
    }
    let account = load.finish().await;
    let snapshot = other.ask("evm_snapshot", json!([])).await;
    // Two living ones, with a block between them: each has a state of its own.
    other.ask("evm_mine", json!([])).await;
    other.ask("evm_snapshot", json!([])).await;
    cluster.nodes[away].restart().await;
    account.check_all(&cluster).await;
    assert_eq!(
        cluster.nodes[away]
            .balance("0x0000000000000000000000000000000005a90007")
            .await,
        1
    );
    // What else the snapshot must hold: snapshots of the chain, and the log's ids of requests.
    cluster.nodes[away].ask("evm_mine", json!([])).await;
    assert_eq!(
        cluster.nodes[away]
            .ask("evm_revert", json!([snapshot]))
            .await,
        true
    );
    cluster.agree().await;
    cluster.nodes[away].kill().await;
    cluster.nodes[away].restart().await;
    account.check_all(&cluster).await;
}

#[tokio::test]
async fn a_cluster_restarts_from_snapshots_of_its_log() {
    let options = Options {
        storage: "snapshot_interval_entries = 20",
        ..Options::default()
    };
    let mut cluster = Cluster::start(&options).await;
    let load = Load::start(&cluster, 6).await;
    load.more(400).await;
    let account = load.finish().await;
    let head = cluster.agree().await;
    for node in &mut cluster.nodes {
        assert!(node.stop().await.status.success());
    }
    for node in &mut cluster.nodes {
        node.launch();
    }
    for node in &mut cluster.nodes {
        node.until_listening().await;
    }
    assert_eq!(cluster.agree().await, head);
    account.check_all(&cluster).await;
}

#[tokio::test]
async fn a_single_node_keeps_its_chain_over_kills() {
    let mut cluster = Cluster::start(&Options {
        nodes: 1,
        ..Options::default()
    })
    .await;
    let load = Load::start(&cluster, 4).await;
    load.more(200).await;
    cluster.nodes[0].program().signal("KILL");
    let account = load.finish().await;
    cluster.nodes[0].ended().await;
    let start = Instant::now();
    cluster.nodes[0].restart().await;
    account.check_all(&cluster).await;
    assert!(start.elapsed() < PATIENCE);
}
