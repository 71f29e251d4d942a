//! A cluster of replicas over a log that is one list in memory: what the replica does, without Raft.
#![allow(clippy::unwrap_used)]
#![cfg_attr(not(test), allow(dead_code))] // the fuzz targets need some of it

use super::{
    Applier, Prepared, Reads, Replica, ReplicaConfig,
    api::ChainEvent,
    environment::Environment,
    log::{LeaderView, LogError, LogStatus, PeerFailure, ReplicatedLog},
    prepare,
};
use crate::{
    chain::{
        archive::{Archive, MemoryStore},
        spec::ChainSpec,
        testing::NOW_MS,
    },
    consensus::Application,
    types::{LogIndex, LogPosition, Member, MemberId, Payload, PublicKey, RequestId, Role},
};
use alloy::primitives::Bytes;
use futures::future::{BoxFuture, FutureExt};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, OnceLock, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// Real tasks and timers, a fixed calendar, counted request ids.
#[derive(Debug)]
pub(crate) struct TestEnvironment {
    start: Instant,
    requests: AtomicU64,
    node: MemberId,
}

impl Environment for TestEnvironment {
    fn now_ms(&self) -> u64 {
        NOW_MS
    }
    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap()
    }
    fn request_id(&self) -> RequestId {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.node.to_be_bytes());
        id[8..].copy_from_slice(&self.requests.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        RequestId(id)
    }
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        tokio::time::sleep(duration).boxed()
    }
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        tokio::spawn(task);
    }
}

/// What the nodes share.
struct Hub {
    leader: watch::Sender<(Option<MemberId>, u64)>,
    entries: Mutex<Vec<(LogPosition, Payload)>>,
    appliers: Mutex<BTreeMap<MemberId, (Applier, usize)>>,
    replicas: OnceLock<BTreeMap<MemberId, Replica>>,
    /// What the leader says when it is asked to put an entry into the log, for one entry.
    fault: Mutex<Option<Fault>>,
}

/// A fault of the log.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// The entry is lost with the leadership of node `.0`, to which it goes.
    Lose(MemberId),
    /// The entry gets into the log, but the leader cannot know: leadership goes to node `.0`.
    KeepAndMove(MemberId),
}

#[derive(Clone)]
struct FakeLog {
    id: MemberId,
    hub: Weak<Hub>,
}

impl fmt::Debug for FakeLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FakeLog({})", self.id)
    }
}

impl Hub {
    fn append(&self, payload: Payload, term: u64) -> LogPosition {
        let mut entries = self.entries.lock().unwrap();
        let position = LogPosition {
            term,
            index: entries.len() as u64 + 1,
        };
        entries.push((position, payload));
        for (applier, done) in self.appliers.lock().unwrap().values_mut() {
            while let Some((at, payload)) = entries.get(*done) {
                applier.apply(*at, Arc::default(), Some(payload)).unwrap();
                *done += 1;
            }
        }
        position
    }

    fn move_leader(&self, to: Option<MemberId>) {
        self.leader.send_modify(|(leader, term)| {
            *leader = to;
            *term += 1;
        });
    }
}

impl FakeLog {
    fn hub(&self) -> Arc<Hub> {
        self.hub.upgrade().unwrap()
    }
}

impl ReplicatedLog for FakeLog {
    fn id(&self) -> MemberId {
        self.id
    }

    fn propose(&self, payload: Payload) -> BoxFuture<'static, Result<LogPosition, LogError>> {
        let hub = self.hub();
        let (leader, term) = *hub.leader.borrow();
        let result = if leader == Some(self.id) {
            match hub.fault.lock().unwrap().take() {
                None => Ok(hub.append(payload, term)),
                Some(Fault::Lose(to)) => {
                    hub.move_leader(Some(to));
                    Err(LogError::Unknown { leader: Some(to) })
                }
                Some(Fault::KeepAndMove(to)) => {
                    hub.append(payload, term);
                    hub.move_leader(Some(to));
                    Err(LogError::Unknown { leader: Some(to) })
                }
            }
        } else {
            Err(LogError::NotLeader { leader })
        };
        async move { result }.boxed()
    }

    fn read_index_by_lease(&self) -> Option<LogIndex> {
        None
    }

    fn read_index(&self) -> BoxFuture<'static, Result<LogIndex, LogError>> {
        let hub = self.hub();
        let (leader, _) = *hub.leader.borrow();
        let result = if leader == Some(self.id) {
            Ok(hub.entries.lock().unwrap().len() as u64)
        } else {
            Err(LogError::NotLeader { leader })
        };
        async move { result }.boxed()
    }

    fn quorum_is_fresh(&self, _age: Duration) -> bool {
        true
    }

    fn status(&self) -> LogStatus {
        let view = self.view();
        let applied = self.hub().entries.lock().unwrap().len() as u64;
        LogStatus {
            role: view.role,
            votes: true,
            leader: view.leader,
            term: view.term,
            committed: applied,
            applied,
            matched: BTreeMap::new(),
            roster: crate::consensus::Roster::default(),
        }
    }

    fn view(&self) -> LeaderView {
        let (leader, term) = *self.hub().leader.borrow();
        let role = if leader == Some(self.id) {
            Role::Leader
        } else {
            Role::Follower
        };
        LeaderView {
            role: Some(role),
            leader,
            term,
        }
    }

    fn changed(&self) -> BoxFuture<'static, ()> {
        let mut watch = self.hub().leader.subscribe();
        async move {
            let _ = watch.changed().await;
        }
        .boxed()
    }

    fn call(
        &self,
        to: MemberId,
        request: Bytes,
        _timeout: Duration,
    ) -> BoxFuture<'static, Result<Bytes, PeerFailure>> {
        let answer = self.hub().replicas.get().unwrap()[&to].serve_peer(request);
        async move { Ok(answer.await) }.boxed()
    }

    fn reachable(&self, _member: MemberId) -> bool {
        true
    }
}

/// Three replicas, of which node 1 leads at first.
pub(crate) struct TestCluster {
    hub: Arc<Hub>,
    pub(crate) events: Arc<Mutex<Vec<(MemberId, ChainEvent)>>>,
}

impl TestCluster {
    pub(crate) fn new(spec: &Arc<ChainSpec>, timeout_ms: u64) -> Self {
        Self::with_sink(spec, timeout_ms, |_, _| {})
    }

    /// `sink` takes the events of each node as they happen.
    pub(crate) fn with_sink(
        spec: &Arc<ChainSpec>,
        timeout_ms: u64,
        sink: impl Fn(MemberId, &ChainEvent) + Clone + Send + Sync + 'static,
    ) -> Self {
        let hub = Arc::new(Hub {
            leader: watch::Sender::new((Some(1), 1)),
            entries: Mutex::default(),
            appliers: Mutex::default(),
            replicas: OnceLock::new(),
            fault: Mutex::default(),
        });
        let events: Arc<Mutex<Vec<(MemberId, ChainEvent)>>> = Arc::default();
        let members: BTreeMap<MemberId, Member> = (1..=3).map(|id| (id, member(id))).collect();
        let mut replicas = BTreeMap::new();
        for id in 1..=3 {
            let archive = Arc::new(Archive::new(Arc::new(MemoryStore::default())));
            let seen = events.clone();
            let sink = sink.clone();
            let sink = Box::new(move |event| {
                sink(id, &event);
                seen.lock().unwrap().push((id, event));
            });
            let prepared: Prepared = prepare(spec.clone(), archive, sink).unwrap();
            hub.appliers
                .lock()
                .unwrap()
                .insert(id, (prepared.applier(), 0));
            let config = ReplicaConfig {
                id,
                members: members.clone(),
                timeout_ms,
                reads: Reads::Linearizable,
            };
            let log = Arc::new(FakeLog {
                id,
                hub: Arc::downgrade(&hub),
            });
            let environment = Arc::new(TestEnvironment {
                start: Instant::now(),
                requests: AtomicU64::new(0),
                node: id,
            });
            replicas.insert(id, prepared.start(config, log, environment));
        }
        assert!(hub.replicas.set(replicas).is_ok());
        Self { hub, events }
    }

    pub(crate) fn node(&self, id: MemberId) -> &Replica {
        &self.hub.replicas.get().unwrap()[&id]
    }

    pub(crate) fn move_leader(&self, to: Option<MemberId>) {
        self.hub.move_leader(to);
    }

    pub(crate) fn break_next(&self, fault: Fault) {
        *self.hub.fault.lock().unwrap() = Some(fault);
    }

    pub(crate) fn entries(&self) -> usize {
        self.hub.entries.lock().unwrap().len()
    }
}

fn member(id: MemberId) -> Member {
    Member {
        name: format!("node{id}"),
        public_key: PublicKey([u8::try_from(id).unwrap(); 32]),
        peer_address: format!("127.0.0.1:{id}"),
        rpc_address: format!("127.0.0.1:{id}"),
    }
}
