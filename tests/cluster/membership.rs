//! Members that come and go, and leaders that hand over, while clients write.

use crate::{
    harness::{CallError, Cluster, Connection, Options, PATIENCE, quantity, run},
    load::{Account, SINK},
};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{sync::Mutex, task::JoinSet};

const ALICE: &str = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
const BOB: &str = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8";

fn pay() -> Value {
    json!([{"from": ALICE, "to": BOB, "value": "0x1"}])
}

/// Writes at a node, and reads it at all that run.
async fn write_and_read(cluster: &Cluster, node: usize) {
    let before = cluster.nodes[node].balance(BOB).await;
    cluster.nodes[node]
        .patient("eth_sendTransaction", pay())
        .await;
    for node in cluster.running() {
        assert_eq!(node.balance(BOB).await, before + 1, "{}", node.name);
    }
}

/// What a node says of a member: its role, or that it is none.
async fn role(cluster: &Cluster, node: usize, name: &str) -> Option<String> {
    let members = cluster.nodes[node].ask("cluster_members", json!([])).await;
    let members = members.as_array().expect("a list").clone();
    let member = members.into_iter().find(|it| it["name"] == name)?;
    Some(member["role"].as_str().unwrap_or("unknown").to_owned())
}

async fn refused(cluster: &Cluster, node: usize, method: &str, params: Value) -> String {
    match cluster.nodes[node].call(method, params.clone()).await {
        Ok(result) => panic!("{method} {params}: {result}"),
        Err(error) => error.to_string(),
    }
}

/// Waits until a node sees that a member is down.
async fn until_noticed(cluster: &Cluster, node: usize, down: &str) {
    let start = Instant::now();
    loop {
        let members = cluster.nodes[node].ask("cluster_members", json!([])).await;
        let members = members.as_array().expect("a list");
        if (members.iter()).any(|it| it["name"] == down && it["reachable"] == json!(false)) {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "{down} is not missed");
    }
}

async fn praline(cluster: &Cluster, args: &[&str]) -> String {
    let ended = run(cluster.folder(), args).await;
    assert!(ended.status.success(), "{args:?}: {}", ended.stderr);
    ended.stdout
}

/// A running cluster whose refusals do not keep a test waiting.
async fn three() -> Cluster {
    Cluster::start(&Options {
        cluster: "write_timeout_ms = 5000",
        ..Options::default()
    })
    .await
}

#[tokio::test]
async fn a_fourth_reads_and_writes_as_a_learner_votes_when_promoted_and_replaces_a_dead_one() {
    let mut cluster = Cluster::three().await;
    for _ in 0..20 {
        cluster.nodes[0].ask("evm_mine", json!([])).await;
    }
    let asked = cluster.follower().await;
    let fourth = cluster.add("node4", asked).await;
    cluster.nodes[fourth].launch();
    cluster.nodes[fourth].until_listening().await;
    write_and_read(&cluster, 0).await;
    write_and_read(&cluster, fourth).await;
    cluster.agree().await;
    assert_eq!(role(&cluster, 0, "node4").await.as_deref(), Some("learner"));
    let own = cluster.nodes[fourth].ask("cluster_status", json!([])).await;
    assert_eq!(own["role"], "learner");
    let votes = cluster.nodes[fourth].ask("cluster_votes", json!([])).await;
    assert_eq!(votes, json!(false), "a learner counts in no election");
    let table = praline(&cluster, &["status", "--config", "cluster.toml"]).await;
    let row = table.lines().find(|line| line.starts_with("node4"));
    assert!(row.is_some_and(|row| row.contains("learner")), "{table}");

    let said = praline(
        &cluster,
        &["member", "promote", "node4", "--config", "cluster.toml"],
    )
    .await;
    assert!(said.contains("node4 votes"), "{said}");
    cluster.nodes[fourth].until_it_votes().await;
    let table = praline(&cluster, &["member", "list", "--config", "node4.toml"]).await;
    assert!(!table.contains("learner"), "{table}");

    // Four voters need three: without the leader, the fourth is one of them.
    let leader = cluster.leader().await;
    cluster.nodes[leader].kill().await;
    for node in 0..4 {
        if node != leader {
            write_and_read(&cluster, node).await;
        }
    }
    // The members are those of the log, also after a restart with the founders' config.
    let other = (0..3).find(|node| *node != leader).unwrap();
    cluster.nodes[leader].restart().await;
    cluster.nodes[other].kill().await;
    cluster.nodes[other].restart().await;
    write_and_read(&cluster, other).await;
    assert!(role(&cluster, other, "node4").await.is_some());
    cluster.agree().await;
}

#[tokio::test]
async fn a_removed_member_gets_nothing_more() {
    let mut cluster = three().await;
    let removed = cluster.follower().await;
    let other = (0..3).find(|node| *node != removed).unwrap();
    let name = cluster.nodes[removed].name.clone();
    // It may be asked itself.
    cluster.nodes[removed]
        .ask("cluster_removeMember", json!([name]))
        .await;
    assert_eq!(role(&cluster, other, &name).await, None);
    cluster.nodes[other].ask("eth_sendTransaction", pay()).await;
    // Its connections last a moment longer than its membership.
    let start = Instant::now();
    let error = loop {
        match cluster.nodes[removed]
            .call("eth_blockNumber", json!([]))
            .await
        {
            Ok(_) => assert!(start.elapsed() < PATIENCE, "it still reads"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.code(), Some(-32005), "{error}");
    let error = cluster.nodes[removed].call("evm_mine", json!([])).await;
    assert_eq!(error.expect_err("no member").code(), Some(-32005));
    // Nor does it after a restart: its key is no member's.
    cluster.nodes[removed].kill().await;
    cluster.nodes[removed].restart().await;
    let error = cluster.nodes[removed]
        .call("eth_blockNumber", json!([]))
        .await;
    assert_eq!(error.expect_err("no member").code(), Some(-32005));
    let said = cluster.nodes[other].program().stderr() + &cluster.nodes[other].program().stdout();
    assert!(said.contains("its key is not a member's"), "{said}");
    cluster.nodes[removed].kill().await;

    // The leader can be removed too: the other one takes over and is a cluster of one.
    let leader = cluster.leader().await;
    let last = (0..3).find(|it| *it != leader && *it != removed).unwrap();
    let name = cluster.nodes[leader].name.clone();
    cluster.nodes[last]
        .ask("cluster_removeMember", json!([name]))
        .await;
    cluster.nodes[leader].kill().await;
    write_and_read(&cluster, last).await;
    let name = cluster.nodes[last].name.clone();
    let error = refused(&cluster, last, "cluster_removeMember", json!([name])).await;
    assert!(error.contains("the only voter"), "{error}");
}

#[tokio::test]
async fn what_a_majority_must_allow_is_refused_without_one_and_says_what_is_missing() {
    let mut cluster = three().await;
    let leader = cluster.leader().await;
    let (down, up) = ((leader + 1) % 3, (leader + 2) % 3);
    let names: Vec<String> = cluster.nodes.iter().map(|it| it.name.clone()).collect();
    cluster.nodes[down].kill().await;
    until_noticed(&cluster, leader, &names[down]).await;
    let error = refused(&cluster, up, "cluster_removeMember", json!([names[up]])).await;
    assert!(error.contains("2 voters, of which 2"), "{error}");
    assert!(
        error.contains(&format!("{} is down", names[down])),
        "{error}"
    );
    cluster.nodes[up].kill().await;
    let error = refused(&cluster, leader, "cluster_removeMember", json!([names[up]])).await;
    assert!(error.contains("needs 2 of the 3 voters"), "{error}");
    assert!(error.contains("start at least 1 more"), "{error}");
    assert!(
        error.contains(&names[up]) && error.contains(&names[down]),
        "{error}"
    );

    // The one that is down may go while the other two are there.
    cluster.nodes[up].restart().await;
    write_and_read(&cluster, up).await;
    cluster.nodes[up]
        .ask("cluster_removeMember", json!([names[down]]))
        .await;
    write_and_read(&cluster, up).await;
    assert_eq!(role(&cluster, up, &names[down]).await, None);
}

#[tokio::test]
async fn what_is_wrong_with_a_new_member_is_said_in_a_sentence() {
    let cluster = three().await;
    let status = cluster.nodes[1].ask("cluster_status", json!([])).await;
    let first = &status["members"][0];
    // The public key of RFC 8032, 7.1, test 1.
    let key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let member = |name: &Value, key: &Value, peer: &Value| json!([{"name": name, "publicKey": key, "peer": peer, "rpc": "127.0.0.1:1"}]);
    let (name, peer) = (json!("node9"), json!("127.0.0.1:2"));
    for (params, word) in [
        (
            member(&json!("node1"), &json!(key), &peer),
            "the name `node1`",
        ),
        (member(&name, &first["publicKey"], &peer), "the public key"),
        (
            member(&name, &json!(key), &first["rpcAddress"]),
            "the peer address",
        ),
        (member(&name, &json!("0102"), &peer), "64 hex digits"),
        (
            member(&json!("a/b"), &json!(key), &peer),
            "cannot name a member",
        ),
        (
            member(&name, &json!(key), &json!("here")),
            "is not an address",
        ),
        (member(&name, &json!(key), &json!("192.0.2.1:1")), "machine"),
        (json!([{"name": "node9"}]), "publicKey is missing"),
        (json!([7]), "enode://"),
        (
            json!([format!("enode://{key}@127.0.0.1")]),
            "is not an address",
        ),
    ] {
        let error = refused(&cluster, 1, "cluster_addMember", params.clone()).await;
        assert!(error.contains(word), "{params}: {error}");
    }
    for (method, word) in [
        ("cluster_removeMember", "there is no member `node9`"),
        ("cluster_promoteMember", "there is no member `node9`"),
        ("cluster_transferLeader", "there is no member `node9`"),
    ] {
        let error = refused(&cluster, 2, method, json!([name])).await;
        assert!(error.contains(word), "{method}: {error}");
    }

    // GoQuorum's words for the same.
    let url = format!("enode://{key}@127.0.0.1:2?discport=0&raftport=3");
    let id = cluster.nodes[2].ask("raft_addLearner", json!([url])).await;
    assert!(id.as_u64().is_some_and(|id| id > 15), "{id}");
    let found = cluster.nodes[0].ask("raft_getRaftId", json!([key])).await;
    assert_eq!(found, id);
    let all = cluster.nodes[0].ask("raft_cluster", json!([])).await;
    let it = all.as_array().unwrap().iter().find(|it| it["raftId"] == id);
    assert_eq!(it.unwrap()["raftPort"], 3, "{all}");
    assert_eq!(it.unwrap()["role"], "learner", "{all}");
    let error = refused(&cluster, 0, "raft_promoteToPeer", json!([id])).await;
    assert!(error.contains("node4 cannot be reached"), "{error}");
    let gone = cluster.nodes[1].ask("raft_removePeer", json!([id])).await;
    assert_eq!(gone, Value::Null);
    let again = cluster.nodes[2].ask("raft_addPeer", json!([url])).await;
    assert!(again.as_u64() > id.as_u64(), "a number is never used again");
    assert_eq!(
        role(&cluster, 1, "node4").await.as_deref(),
        Some("follower")
    );
}

#[tokio::test]
async fn the_leadership_goes_to_whom_it_is_given() {
    let cluster = three().await;
    for round in 0..6 {
        let to = (cluster.leader().await + 1) % 3;
        let name = cluster.nodes[to].name.clone();
        let leader = cluster.nodes[round % 3]
            .ask("cluster_transferLeader", json!([name]))
            .await;
        assert_eq!(leader, json!(name));
        write_and_read(&cluster, round % 3).await;
    }
    let before = cluster.leader().await;
    let leader = cluster.nodes[before]
        .ask("cluster_transferLeader", json!([]))
        .await;
    assert_ne!(leader, json!(cluster.nodes[before].name));
    write_and_read(&cluster, before).await;
}

#[tokio::test]
async fn a_leader_that_is_stopped_hands_over_first() {
    let mut cluster = Cluster::start(&Options {
        // Without a hand-over, nobody would write for ten seconds.
        cluster: "election_timeout_min_ms = 10000\nelection_timeout_max_ms = 11000",
        ..Options::default()
    })
    .await;
    let leader = cluster.leader().await;
    let other = (leader + 1) % 3;
    let start = Instant::now();
    let ended = cluster.nodes[leader].stop().await;
    let stopped = start.elapsed();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert!(stopped < Duration::from_secs(2), "stopped in {stopped:?}");
    write_and_read(&cluster, other).await;
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "the promise to the one that stopped was waited for: {:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn a_wiped_disk_comes_back_as_somebody_else() {
    let mut cluster = Cluster::three().await;
    write_and_read(&cluster, 0).await;
    let lost = cluster.follower().await;
    let name = cluster.nodes[lost].name.clone();
    cluster.nodes[lost].kill().await;
    std::fs::remove_dir_all(cluster.data(lost)).unwrap();
    let asked = cluster.leader().await;
    let new = cluster.add("node4", asked).await;
    cluster.nodes[new].launch();
    cluster.nodes[new].until_listening().await;
    let url = format!("http://{}", cluster.nodes[asked].rpc);
    praline(&cluster, &["member", "remove", &name, "--url", &url]).await;
    praline(&cluster, &["member", "promote", "node4", "--url", &url]).await;
    cluster.nodes[new].until_it_votes().await;
    // Three voters again: one of the old ones may go.
    let leader = cluster.leader().await;
    cluster.nodes[leader].kill().await;
    let other = (0..4).find(|it| *it != leader && *it != lost).unwrap();
    write_and_read(&cluster, other).await;
    write_and_read(&cluster, new).await;
    cluster.agree().await;
}

/// Writers that try again elsewhere when a node is gone, and hold nothing else for a success.
struct Writers {
    stop: Arc<AtomicBool>,
    next: Arc<AtomicU64>,
    account: Arc<Mutex<Account>>,
    tasks: JoinSet<()>,
}

impl Writers {
    async fn start(cluster: &Cluster, count: usize) -> Self {
        let accounts = cluster.nodes[0].ask("eth_accounts", json!([])).await;
        let mut writers = Self {
            stop: Arc::default(),
            next: Arc::new(AtomicU64::new(1)),
            account: Arc::new(Mutex::new(Account {
                times: Vec::new(),
                acknowledged: HashMap::new(),
                attempts: 0,
                refused: Vec::new(),
            })),
            tasks: JoinSet::new(),
        };
        let nodes: Vec<SocketAddr> = cluster.nodes.iter().map(|node| node.rpc).collect();
        for writer in 0..count {
            let (stop, next) = (Arc::clone(&writers.stop), Arc::clone(&writers.next));
            let (account, nodes) = (Arc::clone(&writers.account), nodes.clone());
            let from = accounts[writer].clone();
            writers.tasks.spawn(async move {
                let mut connections: Vec<Option<Connection>> = nodes.iter().map(|_| None).collect();
                let mut turn = writer;
                while !stop.load(Ordering::Relaxed) {
                    let value = next.fetch_add(1, Ordering::Relaxed);
                    let params = json!([{"from": from, "to": SINK, "value": format!("{value:#x}"), "gas": "0x5208"}]);
                    loop {
                        turn += 1;
                        let node = turn % nodes.len();
                        if connections[node].is_none() {
                            connections[node] = Connection::open(nodes[node]).await.ok();
                        }
                        let Some(connection) = &mut connections[node] else {
                            tokio::time::sleep(Duration::from_millis(1)).await;
                            continue;
                        };
                        match connection.call("eth_sendTransaction", params.clone()).await {
                            Ok(hash) => {
                                let hash = hash.as_str().unwrap().to_owned();
                                account.lock().await.acknowledged.insert(value, hash);
                                break;
                            }
                            // A node that stops answers what it has taken: this one it has not.
                            Err(CallError::Connection(_)) => connections[node] = None,
                            Err(error) => {
                                account.lock().await.refused.push(error.to_string());
                                break;
                            }
                        }
                    }
                }
            });
        }
        writers
    }

    async fn more(&self, count: usize) {
        let start = Instant::now();
        let goal = self.account.lock().await.acknowledged.len() + count;
        while self.account.lock().await.acknowledged.len() < goal {
            assert!(start.elapsed() < PATIENCE, "the writers are stuck");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn finish(mut self) -> Account {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(task) = self.tasks.join_next().await {
            task.unwrap();
        }
        let mut account = Arc::into_inner(self.account).unwrap().into_inner();
        account.attempts = self.next.load(Ordering::Relaxed) - 1;
        account
    }
}

#[tokio::test]
async fn a_rolling_restart_under_load_fails_no_write() {
    let mut cluster = Cluster::three().await;
    let writers = Writers::start(&cluster, 8).await;
    writers.more(100).await;
    for round in 0..2 {
        for node in 0..3 {
            let start = Instant::now();
            let ended = cluster.nodes[node].stop().await;
            assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
            let took = start.elapsed();
            assert!(took < Duration::from_secs(2), "round {round}: {took:?}");
            writers.more(50).await;
            cluster.nodes[node].restart().await;
            cluster.nodes[node].until_it_votes().await;
            cluster.nodes[node].head().await;
            writers.more(50).await;
        }
    }
    let account = writers.finish().await;
    assert_eq!(account.refused, Vec::<String>::new(), "failed writes");
    assert_eq!(account.attempts, account.acknowledged.len() as u64);
    account.check_all(&cluster).await;
    assert!(quantity(&cluster.nodes[0].head().await["number"]) > 0);
}
