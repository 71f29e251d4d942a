#![allow(clippy::unwrap_used)]
use super::{
    api::{Backend, ChainEvent, WriteError},
    message::{self, Request, Response, Submitted, WireWrite},
    prepare,
    testing::{Fault, TestCluster},
};
use crate::chain::{
    Rejection,
    archive::{Archive, Checkpoint as _, MemoryStore},
    command::{Body, Cheat, Outcome, Write},
    spec::Hardfork,
    state::StateRead,
    testing::{entry, spec, transaction},
};
use crate::{
    consensus::Application as _,
    types::{LogPosition, Payload, RequestId},
};
use alloy::{
    primitives::{Address, Bytes, TxKind, U256},
    rpc::types::TransactionRequest,
};
use std::sync::Arc;

const TIMEOUT_MS: u64 = 30_000;

fn cluster() -> TestCluster {
    TestCluster::new(&spec(Hardfork::LATEST), TIMEOUT_MS)
}

fn to() -> Address {
    Address::repeat_byte(0xee)
}

fn send(cluster: &TestCluster, from: usize) -> Write {
    let from = cluster.node(1).local().spec().accounts[from].address;
    let request = TransactionRequest::default()
        .from(from)
        .to(to())
        .value(U256::from(1));
    Write::Unsigned(Box::new(request))
}

fn raw(cluster: &TestCluster, from: usize, nonce: u64) -> Write {
    let account = &cluster.node(1).local().spec().accounts[from].clone();
    Write::Transaction(transaction(
        account,
        nonce,
        TxKind::Call(to()),
        1,
        Bytes::new(),
    ))
}

fn received(cluster: &TestCluster, node: u64) -> U256 {
    let chain = cluster.node(node).local();
    chain
        .state()
        .account(to())
        .unwrap()
        .map_or(U256::ZERO, |account| account.balance)
}

fn assert_one_chain(cluster: &TestCluster) {
    for node in 2..=3 {
        assert_eq!(
            cluster.node(node).local().position(),
            cluster.node(1).local().position()
        );
        assert_eq!(
            cluster.node(node).local().head(),
            cluster.node(1).local().head()
        );
    }
}

#[tokio::test]
async fn a_write_on_a_follower_is_there_on_all_when_it_is_answered() {
    let cluster = cluster();
    let outcome = cluster.node(3).write(raw(&cluster, 0, 0)).await.unwrap();
    assert!(matches!(outcome, Outcome::Transaction(_)));
    for node in 1..=3 {
        assert_eq!(
            cluster
                .node(node)
                .read()
                .await
                .unwrap()
                .head()
                .header
                .number,
            1
        );
        assert_eq!(received(&cluster, node), U256::from(1));
    }
    assert_one_chain(&cluster);
    let events = cluster.events.lock().unwrap();
    let blocks = events
        .iter()
        .filter(|(_, event)| matches!(event, ChainEvent::Block(_)))
        .count();
    assert_eq!(blocks, 3, "one block event on each node");
}

#[tokio::test]
async fn concurrent_unsigned_sends_on_all_nodes_get_one_nonce_each() {
    let cluster = Arc::new(cluster());
    let mut tasks = Vec::new();
    for turn in 0..60_u64 {
        let cluster = cluster.clone();
        tasks.push(tokio::spawn(async move {
            let write = send(&cluster, 0);
            cluster.node(turn % 3 + 1).write(write).await.unwrap()
        }));
    }
    let mut hashes = std::collections::BTreeSet::new();
    for task in tasks {
        let Outcome::Transaction(hash) = task.await.unwrap() else {
            panic!("no hash")
        };
        hashes.insert(hash);
    }
    assert_eq!(hashes.len(), 60);
    assert_eq!(received(&cluster, 2), U256::from(60));
    assert_one_chain(&cluster);
}

#[tokio::test]
async fn a_write_lost_with_the_leader_is_done_by_the_next_one_once() {
    let cluster = cluster();
    cluster.break_next(Fault::Lose(2));
    cluster.node(3).write(send(&cluster, 0)).await.unwrap();
    assert_eq!(received(&cluster, 1), U256::from(1));
    assert_eq!(cluster.entries(), 1);
    assert_one_chain(&cluster);
}

#[tokio::test]
async fn a_write_that_was_kept_although_the_leader_could_not_tell_happens_once() {
    let cluster = cluster();
    cluster.break_next(Fault::KeepAndMove(2));
    cluster.node(3).write(send(&cluster, 0)).await.unwrap();
    let mine = Write::Mine {
        count: 3,
        interval_seconds: None,
        timestamp: None,
    };
    cluster.break_next(Fault::KeepAndMove(1));
    let outcome = cluster.node(3).write(mine).await.unwrap();
    assert_eq!(outcome, Outcome::Mined { first: 2, last: 4 });
    assert_eq!(cluster.node(2).local().head().header.number, 4);
    assert_eq!(received(&cluster, 1), U256::from(1));
    assert_one_chain(&cluster);
}

#[tokio::test]
async fn without_a_leader_writes_and_reads_end_in_time_and_change_nothing() {
    let cluster = TestCluster::new(&spec(Hardfork::LATEST), 1000);
    cluster.move_leader(None);
    let error = cluster.node(2).write(send(&cluster, 0)).await.unwrap_err();
    assert!(matches!(error, WriteError::Unavailable(unavailable) if !unavailable.may_happen));
    assert!(cluster.node(2).read().await.is_err());
    assert_eq!(cluster.entries(), 0);
    cluster.move_leader(Some(3));
    cluster.node(2).write(send(&cluster, 0)).await.unwrap();
    assert_eq!(received(&cluster, 2), U256::from(1));
}

#[tokio::test]
async fn a_write_waits_for_a_leader() {
    let cluster = Arc::new(cluster());
    cluster.move_leader(None);
    let waiting = {
        let cluster = cluster.clone();
        tokio::spawn(async move {
            let write = send(&cluster, 0);
            cluster.node(2).write(write).await
        })
    };
    tokio::task::yield_now().await;
    cluster.move_leader(Some(3));
    waiting.await.unwrap().unwrap();
    assert_eq!(received(&cluster, 2), U256::from(1));
}

#[tokio::test]
async fn refusals_come_back_through_the_leader_in_its_words() {
    let cluster = cluster();
    cluster.node(1).write(raw(&cluster, 0, 0)).await.unwrap();
    let again = cluster
        .node(3)
        .write(raw(&cluster, 0, 0))
        .await
        .unwrap_err();
    assert_eq!(again.to_string(), "nonce too low: next nonce 1, tx nonce 0");
    let stranger = TransactionRequest::default().from(to()).to(to());
    let unknown = cluster
        .node(2)
        .write(Write::Unsigned(Box::new(stranger)))
        .await
        .unwrap_err();
    assert!(matches!(
        unknown,
        WriteError::Rejected(Rejection::UnknownAccount(_))
    ));
    assert_eq!(cluster.entries(), 1);
}

#[tokio::test]
async fn a_nonce_gap_waits_in_every_pool_until_it_closes() {
    let cluster = cluster();
    cluster.node(2).write(raw(&cluster, 0, 1)).await.unwrap();
    for node in 1..=3 {
        assert_eq!(cluster.node(node).local().pool().len(), 1);
        assert_eq!(cluster.node(node).local().head().header.number, 0);
    }
    cluster.node(3).write(raw(&cluster, 0, 0)).await.unwrap();
    assert_eq!(received(&cluster, 1), U256::from(2));
    assert!(cluster.node(2).local().pool().is_empty());
    assert_one_chain(&cluster);
}

#[tokio::test]
async fn cheats_are_the_same_on_all_nodes() {
    let cluster = cluster();
    let node = cluster.node(2);
    let address = Address::repeat_byte(5);
    assert_eq!(
        node.write(Write::Cheat(Cheat::Snapshot)).await.unwrap(),
        Outcome::Snapshot(1)
    );
    let balance = U256::from(7);
    node.write(Write::Cheat(Cheat::SetBalance { address, balance }))
        .await
        .unwrap();
    assert_eq!(
        node.write(Write::Cheat(Cheat::IncreaseTime { seconds: 60 }))
            .await
            .unwrap(),
        Outcome::Seconds(60)
    );
    node.write(Write::Cheat(Cheat::Impersonate { address }))
        .await
        .unwrap();
    let request = TransactionRequest::default()
        .from(address)
        .to(to())
        .gas_limit(21_000);
    let poor = cluster
        .node(3)
        .write(Write::Unsigned(Box::new(request)))
        .await
        .unwrap_err();
    assert!(
        poor.to_string()
            .starts_with("insufficient funds for gas * price + value"),
        "{poor}"
    );
    assert_one_chain(&cluster);
    assert_eq!(
        cluster
            .node(3)
            .write(Write::Cheat(Cheat::Revert { id: 1 }))
            .await
            .unwrap(),
        Outcome::Flag(true)
    );
    assert_eq!(
        cluster.node(1).local().state().account(address).unwrap(),
        None
    );
    assert_eq!(
        cluster
            .node(3)
            .write(Write::Cheat(Cheat::Revert { id: 1 }))
            .await
            .unwrap(),
        Outcome::Flag(false)
    );
    assert_one_chain(&cluster);
}

#[tokio::test]
async fn interval_mining_mines_on_the_leader_for_all() {
    let cluster = cluster();
    let interval = Write::Cheat(Cheat::SetIntervalMining { interval_ms: 20 });
    cluster.node(3).write(interval).await.unwrap();
    cluster.node(2).write(raw(&cluster, 0, 0)).await.unwrap();
    tokio::time::timeout(std::time::Duration::from_mins(1), async {
        while cluster.node(2).local().head().header.number < 3 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
    let stop = Write::Cheat(Cheat::SetIntervalMining { interval_ms: 0 });
    cluster.node(3).write(stop).await.unwrap();
    assert_eq!(received(&cluster, 1), U256::from(1));
    assert_one_chain(&cluster);
}

/// Found by the simulator: a forwarder whose connection broke asks again while the first copy still waits for its turn.
#[tokio::test]
async fn a_request_that_comes_twice_at_once_happens_once() {
    let cluster = cluster();
    for (number, write) in [send(&cluster, 0), raw(&cluster, 1, 0)]
        .into_iter()
        .enumerate()
    {
        let question = message::encode(&Request::Write {
            request: RequestId([u8::try_from(number).unwrap(); 16]),
            write: WireWrite::new(&write).unwrap(),
            limit_ms: TIMEOUT_MS,
        })
        .unwrap();
        let leader = cluster.node(1);
        let both = [question.clone(), question].map(|it| leader.serve_peer(it));
        let answers = futures::future::join_all(both).await;
        let answers: Vec<Response> = answers
            .iter()
            .map(|answer| message::decode(answer).unwrap())
            .collect();
        assert!(
            matches!(answers[1], Response::Write(Submitted::Done)),
            "{answers:?}"
        );
        assert!(
            matches!(
                answers[0],
                Response::Write(Submitted::NotLeader {
                    may_happen: true,
                    ..
                })
            ),
            "{answers:?}"
        );
        assert_eq!(received(&cluster, 1), U256::from(number + 1));
    }
    assert_one_chain(&cluster);
}

/// Found by the simulator: the node stopped, because the state of the older snapshot was taken for one that is gone.
#[test]
fn a_copy_of_a_chain_with_two_live_snapshots_can_be_taken() {
    let spec = spec(Hardfork::LATEST);
    let applier = || {
        let archive = Arc::new(Archive::new(Arc::new(MemoryStore::default())));
        let prepared = prepare(spec.clone(), archive, Box::new(|_| {})).unwrap();
        prepared.applier()
    };
    let mut one = applier();
    let grow = || Cheat::AddBalance {
        address: to(),
        amount: U256::from(1),
    };
    let cheats = [Cheat::Snapshot, grow(), Cheat::Snapshot, grow()];
    for (index, cheat) in (1..).zip(cheats) {
        let (entry, _) = entry(&one.chain(), Body::Cheat(cheat));
        let payload = Payload(entry.encode().unwrap().into());
        let at = LogPosition { term: 1, index };
        one.apply(at, Arc::default(), Some(&payload)).unwrap();
    }
    let (stored, copy) = one.checkpoint().unwrap();
    let mut other = applier();
    other.install(stored, copy).unwrap();
    assert_eq!(other.chain().position(), one.chain().position());
    assert_eq!(other.chain().encode(), one.chain().encode());
    assert_eq!(other.chain().live_snapshots().count(), 2);
}
