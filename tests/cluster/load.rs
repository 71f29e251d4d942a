//! Senders on all nodes at once, and the account of what was acknowledged: each write exactly once, or, where the
//! answer never came, at most once.

use crate::harness::{Cluster, Node, quantity};
use serde_json::{Value, json};
use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    sync::{Mutex, watch},
    task::JoinSet,
    time::timeout,
};

/// Where all value of the load goes.
pub(crate) const SINK: &str = "0x00000000000000000000000000000000000510c4";

/// Senders that work until they are told to stop. Every attempt has a value of its own, by which it is found again.
#[derive(Debug)]
pub(crate) struct Load {
    tasks: JoinSet<()>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    stop: AtomicBool,
    next_value: AtomicU64,
    acknowledged: Mutex<HashMap<u64, String>>,
    refused: Mutex<Vec<String>>,
    count: watch::Sender<u64>,
    times: Mutex<Vec<Instant>>,
}

/// What came of a load.
#[derive(Debug)]
pub(crate) struct Account {
    /// Value → transaction hash of each acknowledged write.
    pub(crate) acknowledged: HashMap<u64, String>,
    /// Writes that were tried.
    pub(crate) attempts: u64,
    /// Answers that were errors.
    pub(crate) refused: Vec<String>,
    /// When each acknowledgement came, in order.
    pub(crate) times: Vec<Instant>,
}

impl Load {
    /// Starts `senders` tasks that send from the dev accounts, unlocked and without a nonce, each to one node after
    /// the other; a node that cannot be reached is passed over.
    pub(crate) async fn start(cluster: &Cluster, senders: usize) -> Self {
        let asked = cluster.running().next().unwrap();
        let accounts = asked.ask("eth_accounts", json!([])).await;
        let nodes: Arc<Vec<_>> = Arc::new(cluster.nodes.iter().map(|node| node.rpc).collect());
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            next_value: AtomicU64::new(1),
            acknowledged: Mutex::default(),
            refused: Mutex::default(),
            count: watch::channel(0).0,
            times: Mutex::default(),
        });
        let mut tasks = JoinSet::new();
        for sender in 0..senders {
            let from = accounts[sender % accounts.as_array().unwrap().len()].clone();
            tasks.spawn(send(from, Arc::clone(&nodes), sender, Arc::clone(&shared)));
        }
        Self { tasks, shared }
    }

    /// Waits for so many more acknowledgements.
    pub(crate) async fn more(&self, count: u64) {
        let mut heard = self.shared.count.subscribe();
        let goal = *heard.borrow() + count;
        let is_reached = timeout(
            Duration::from_mins(1),
            heard.wait_for(|reached| *reached >= goal),
        )
        .await
        .is_ok();
        assert!(
            is_reached,
            "the senders are stuck at {} of {goal}: {:?}",
            *heard.borrow(),
            self.shared.refused.lock().await.last()
        );
    }

    /// Ends the load, and gives account of it.
    pub(crate) async fn finish(mut self) -> Account {
        self.shared.stop.store(true, Ordering::Relaxed);
        while let Some(task) = self.tasks.join_next().await {
            task.unwrap();
        }
        Account {
            acknowledged: std::mem::take(&mut *self.shared.acknowledged.lock().await),
            attempts: self.shared.next_value.load(Ordering::Relaxed) - 1,
            refused: std::mem::take(&mut *self.shared.refused.lock().await),
            times: std::mem::take(&mut *self.shared.times.lock().await),
        }
    }
}

async fn send(
    from: Value,
    nodes: Arc<Vec<std::net::SocketAddr>>,
    sender: usize,
    shared: Arc<Shared>,
) {
    use crate::harness::{CallError, Connection};
    let mut connections: Vec<Option<Connection>> = nodes.iter().map(|_| None).collect();
    let mut turn = sender;
    while !shared.stop.load(Ordering::Relaxed) {
        turn += 1;
        let node = turn % nodes.len();
        if connections[node].is_none() {
            connections[node] = Connection::open(nodes[node]).await.ok();
        }
        let Some(connection) = &mut connections[node] else {
            tokio::task::yield_now().await;
            continue;
        };
        let value = shared.next_value.fetch_add(1, Ordering::Relaxed);
        let request =
            json!([{"from": from, "to": SINK, "value": format!("{value:#x}"), "gas": "0x5208"}]);
        match connection.call("eth_sendTransaction", request).await {
            Ok(hash) => {
                shared
                    .acknowledged
                    .lock()
                    .await
                    .insert(value, hash.as_str().unwrap().to_owned());
                shared.times.lock().await.push(Instant::now());
                shared.count.send_modify(|count| *count += 1);
            }
            Err(CallError::Connection(_)) => connections[node] = None,
            Err(error) => shared.refused.lock().await.push(error.to_string()),
        }
    }
}

impl Account {
    /// Asserts on a node that every acknowledged write is in the chain once, under its hash, that no attempt is there
    /// twice, and that nonces and balances say the same.
    pub(crate) async fn check(&self, node: &Node) {
        let mut by_value: HashMap<u64, String> = HashMap::new();
        let mut nonces: HashMap<String, HashSet<u64>> = HashMap::new();
        let head = quantity(&node.head().await["number"]);
        for number in 0..=head {
            let block = node
                .patient(
                    "eth_getBlockByNumber",
                    json!([format!("{number:#x}"), true]),
                )
                .await;
            for transaction in block["transactions"].as_array().unwrap() {
                if transaction["to"] != SINK {
                    continue;
                }
                let value = quantity(&transaction["value"]) as u64;
                let hash = transaction["hash"].as_str().unwrap().to_owned();
                let nonce = quantity(&transaction["nonce"]) as u64;
                let from = transaction["from"].as_str().unwrap().to_owned();
                assert!(
                    nonces.entry(from).or_default().insert(nonce),
                    "a nonce twice, in block {number}"
                );
                let twice = by_value.insert(value, hash);
                assert!(
                    twice.is_none(),
                    "{}: write {value} happened twice, last in block {number}",
                    node.name
                );
            }
        }
        for (value, hash) in &self.acknowledged {
            assert_eq!(
                by_value.get(value),
                Some(hash),
                "{}: acknowledged write {value} is not there",
                node.name
            );
        }
        assert!(
            by_value.keys().all(|value| *value <= self.attempts),
            "a write that nobody sent"
        );
        for (from, used) in nonces {
            let next = quantity(
                &node
                    .patient("eth_getTransactionCount", json!([from, "latest"]))
                    .await,
            );
            assert_eq!(
                next,
                used.len() as u128,
                "{}: nonces of {from} have a hole",
                node.name
            );
        }
        let sum: u128 = by_value.keys().map(|value| u128::from(*value)).sum();
        assert_eq!(
            node.balance(SINK).await,
            sum,
            "{}: balances say something else",
            node.name
        );
    }

    /// [`Account::check`] on each running node, which must agree.
    pub(crate) async fn check_all(&self, cluster: &Cluster) {
        cluster.agree().await;
        for node in cluster.running() {
            self.check(node).await;
        }
    }
}
