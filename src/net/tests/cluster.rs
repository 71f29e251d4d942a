//! Three members over real sockets: the whole of consensus, network and log.

use super::*;
use crate::{
    consensus::{
        Consensus, ConsensusConfig, MemberChange, MembershipError, MemoryLog, MemorySpool, Parts,
        ProposeError, toy::List,
    },
    storage::log::DiskLog,
    types::{Payload, Role},
};
use std::{path::Path, time::Instant};

/// How long anything may take that is not itself measured, on a machine with other things to do.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running member.
struct Node {
    consensus: Consensus<Tokio>,
    net: Net,
    log: Option<DiskLog<Tokio>>,
    list: List,
}

struct Cluster {
    folder: tempfile::TempDir,
    addresses: Vec<SocketAddr>,
    nodes: BTreeMap<MemberId, Node>,
    config: ConsensusConfig,
    durable: bool,
}

impl Cluster {
    async fn new(count: usize, durable: bool, config: ConsensusConfig) -> Self {
        let (listeners, addresses) = bind(count).await;
        let mut cluster = Self {
            folder: tempfile::tempdir().unwrap(),
            addresses,
            nodes: BTreeMap::new(),
            config,
            durable,
        };
        for (i, listener) in listeners.into_iter().enumerate() {
            cluster
                .start(i as MemberId + 1, listener, List::default())
                .await;
        }
        cluster
    }

    async fn start(&mut self, id: MemberId, listener: Listener, list: List) {
        let config = super::config(id, &self.addresses);
        let members = config.members.clone();
        let net = start(listener, config).unwrap();
        let folder = self.folder.path().join(id.to_string());
        let node = if self.durable {
            std::fs::create_dir_all(&folder).unwrap();
            let log = DiskLog::open(&folder.join("log")).unwrap();
            let consensus = self.consensus(id, members, log.clone(), &net, &list, &folder);
            (consensus.await, Some(log))
        } else {
            let log = MemoryLog::new();
            let consensus = self.consensus(id, members, log, &net, &list, &folder);
            (consensus.await, None)
        };
        let (consensus, log) = node;
        self.nodes.insert(
            id,
            Node {
                consensus,
                net,
                log,
                list,
            },
        );
    }

    async fn consensus<
        L: openraft::storage::RaftLogStorage<crate::consensus::TypeConfig<Tokio>>,
    >(
        &self,
        id: MemberId,
        members: BTreeMap<MemberId, Member>,
        log: L,
        net: &Net,
        list: &List,
        folder: &Path,
    ) -> Consensus<Tokio> {
        let spool: Arc<dyn crate::consensus::SnapshotSpool> = if self.durable {
            Arc::new(FileSpool::new(&folder.join("spool")).unwrap())
        } else {
            Arc::new(MemorySpool)
        };
        let mark: Arc<dyn crate::consensus::RebuildMark> = if self.durable {
            Arc::new(crate::storage::rebuild::FileMark::new(folder))
        } else {
            Arc::new(crate::consensus::NoMark)
        };
        Consensus::start(Parts {
            config: self.config.clone(),
            id,
            members,
            log,
            transport: Arc::new(net.clone()),
            spool,
            mark,
            application: Box::new(list.clone()),
        })
        .await
        .unwrap()
    }

    /// Ends a member without a word to the others.
    async fn kill(&mut self, id: MemberId) -> List {
        let node = self.nodes.remove(&id).unwrap();
        node.net.shutdown().await;
        node.consensus.shutdown().await;
        if let Some(log) = node.log {
            log.close();
        }
        node.list.after_crash()
    }

    async fn restart(&mut self, id: MemberId, list: List) {
        let address = self.addresses[id as usize - 1].to_string();
        let listener = Listener::bind(&address).await.unwrap();
        self.start(id, listener, list).await;
    }

    /// The member that leads, according to itself and a majority.
    async fn leader(&self) -> MemberId {
        let start = Instant::now();
        loop {
            for (id, node) in &self.nodes {
                let fresh = node.consensus.quorum_is_fresh(Duration::from_millis(300));
                if node.consensus.leader().role == Role::Leader && fresh {
                    return *id;
                }
            }
            if start.elapsed() > PATIENCE {
                let all = self.nodes.values().map(|node| node.consensus.status());
                panic!("no leader: {:#?}", all.collect::<Vec<_>>());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    fn at(&self, id: MemberId) -> &Consensus<Tokio> {
        &self.nodes[&id].consensus
    }

    /// Proposes at whoever leads until it is done.
    async fn write(&self, text: String) {
        let start = Instant::now();
        loop {
            let leader = self.leader().await;
            let proposal = self.at(leader).propose(payload(&text));
            let done = tokio::time::timeout(Duration::from_secs(10), proposal).await;
            if matches!(done, Ok(Ok(_))) {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "{done:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn all_hold(&self, count: usize) {
        until("all members have everything", || {
            self.nodes.values().all(|node| node.list.len() == count)
        })
        .await;
        let first = self.nodes.values().next().unwrap().list.items();
        for node in self.nodes.values() {
            assert_eq!(node.list.items(), first);
        }
    }

    async fn stop(mut self) {
        for id in self.nodes.keys().copied().collect::<Vec<_>>() {
            self.kill(id).await;
        }
    }
}

fn payload(text: &str) -> Payload {
    Payload(Bytes::copy_from_slice(text.as_bytes()))
}

fn slow_machine() -> ConsensusConfig {
    // The tests of all modules share the machine's cores.
    ConsensusConfig {
        heartbeat_ms: 50,
        election_timeout_min_ms: 300,
        election_timeout_max_ms: 600,
        ..ConsensusConfig::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipelined_proposals_come_out_equal_and_in_order() {
    let cluster = Cluster::new(3, true, slow_machine()).await;
    let leader = cluster.leader().await;
    let proposals: Vec<_> = (0..1_000)
        .map(|i| cluster.at(leader).propose(payload(&i.to_string())))
        .collect();
    let mut last = None;
    for proposal in proposals {
        let position = Some(proposal.await.unwrap().index);
        assert!(position > last);
        last = position;
    }
    cluster.all_hold(1_000).await;
    let expected: Vec<_> = (0..1_000).map(|i| i.to_string().into_bytes()).collect();
    assert_eq!(cluster.nodes[&leader].list.items(), expected);

    // Reads: the leader tells an index that includes all of it; every member gets there; others do not answer.
    let index = cluster.at(leader).read_index().await.unwrap();
    assert!(Some(index) >= last);
    for (id, node) in &cluster.nodes {
        node.consensus.wait_applied(index).await.unwrap();
        if *id != leader {
            let error = node.consensus.read_index().await.unwrap_err();
            let leader = Some(leader);
            assert_eq!(error, ProposeError::NotLeader { leader });
            let error = node.consensus.propose(payload("no")).await.unwrap_err();
            assert_eq!(error, ProposeError::NotLeader { leader });
        }
    }
    let status = cluster.at(leader).status();
    assert_eq!(status.members.len(), 3);
    assert!(status.members.values().all(|it| it.voter));
    assert!(status.quorum_ack_age.is_some());
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_outlives_its_leaders() {
    let mut cluster = Cluster::new(3, true, slow_machine()).await;
    let mut count = 0;
    for _ in 0..3 {
        for _ in 0..10 {
            cluster.write(count.to_string()).await;
            count += 1;
        }
        let old = cluster.leader().await;
        let list = cluster.kill(old).await;
        assert_ne!(cluster.leader().await, old);
        for _ in 0..10 {
            cluster.write(count.to_string()).await;
            count += 1;
        }
        cluster.restart(old, list).await;
        cluster.all_hold(count).await;
    }

    // All at once, and back from disk.
    let mut lists = Vec::new();
    for id in 1..=3 {
        lists.push(cluster.kill(id).await);
    }
    for (id, list) in (1..=3).zip(lists) {
        cluster.restart(id, list).await;
    }
    cluster.write("again".to_owned()).await;
    cluster.all_hold(count + 1).await;
    assert_eq!(cluster.at(1).status().members.len(), 3);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_was_away_for_long_gets_a_snapshot() {
    let config = ConsensusConfig {
        checkpoint_every_entries: 50,
        keep_entries: 10,
        ..slow_machine()
    };
    let mut cluster = Cluster::new(3, true, config).await;
    cluster.write("first".to_owned()).await;
    let leader = cluster.leader().await;
    let away = (1..=3).find(|id| *id != leader).unwrap();
    let list = cluster.kill(away).await;
    let count = 400;
    for _ in 1..count {
        // A snapshot in several chunks.
        cluster.write("x".repeat(100)).await;
    }
    until("the log is purged", || {
        cluster.at(leader).status().purged_index > Some(100)
    })
    .await;
    cluster.restart(away, list).await;
    cluster.all_hold(count).await;
    cluster.write("after".to_owned()).await;
    cluster.all_hold(count + 1).await;

    // What came by snapshot is there after a crash too, with the members.
    let list = cluster.kill(away).await;
    assert!(list.len() >= count - 100, "{} on disk", list.len());
    cluster.restart(away, list).await;
    cluster.all_hold(count + 1).await;
    assert_eq!(cluster.at(away).status().members.len(), 3);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_with_a_new_disk_is_rebuilt_before_it_votes() {
    let mut cluster = Cluster::new(3, true, slow_machine()).await;
    for i in 0..20 {
        cluster.write(i.to_string()).await;
    }
    cluster.all_hold(20).await;
    let leader = cluster.leader().await;
    let others: Vec<_> = (1..=3).filter(|id| *id != leader).collect();
    let (wiped, other) = (others[0], others[1]);
    // The member that leads and the one that has lost everything are not a majority that remembers.
    let leaders = cluster.kill(leader).await;
    cluster.kill(wiped).await;
    std::fs::remove_dir_all(cluster.folder.path().join(wiped.to_string())).unwrap();
    cluster.restart(wiped, List::default()).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_ne!(cluster.at(other).leader().role, Role::Leader);
    assert_ne!(cluster.at(wiped).leader().role, Role::Leader);
    assert_eq!(cluster.nodes[&wiped].list.len(), 0);
    // With the old leader back they are, and the new disk gets everything.
    cluster.restart(leader, leaders).await;
    cluster.write("more".to_owned()).await;
    cluster.all_hold(21).await;
    // And then it counts again, as soon as it knows that nothing is missing.
    until("the new disk votes", || cluster.at(wiped).status().votes).await;
    let leader = cluster.leader().await;
    let gone = if leader == wiped { other } else { leader };
    cluster.kill(gone).await;
    cluster.write("and more".to_owned()).await;
    cluster.all_hold(22).await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_majority_nothing_is_done() {
    let mut cluster = Cluster::new(3, false, slow_machine()).await;
    cluster.write("one".to_owned()).await;
    let leader = cluster.leader().await;
    for id in 1..=3 {
        if id != leader {
            cluster.kill(id).await;
        }
    }
    let lone = cluster.at(leader);
    let fresh = Duration::from_millis(500);
    until("the leader knows that it is alone", || {
        !lone.quorum_is_fresh(fresh)
    })
    .await;
    assert!(lone.read_index().await.is_err());
    let proposal = lone.propose(payload("two"));
    let limit = Duration::from_millis(300);
    let outcome = tokio::time::timeout(limit, proposal).await;
    assert!(!matches!(outcome, Ok(Ok(_))), "{outcome:?}");
    assert_eq!(cluster.nodes[&leader].list.len(), 1);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leadership_can_be_handed_over() {
    let cluster = Cluster::new(3, false, slow_machine()).await;
    let old = cluster.leader().await;
    let mut watch = cluster.at(old).watch_leader();
    let to = (1..=3).find(|id| *id != old).unwrap();
    cluster.at(old).transfer_leader(to).await.unwrap();
    let limit = PATIENCE;
    tokio::time::timeout(limit, async {
        while watch.changed().await.unwrap().leader != Some(to) {}
    })
    .await
    .unwrap();
    cluster.write("there".to_owned()).await;
    cluster.all_hold(1).await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_are_removed_added_and_promoted_while_the_cluster_runs() {
    let cluster = Cluster::new(3, false, slow_machine()).await;
    cluster.write("one".to_owned()).await;
    cluster.all_hold(1).await;
    let leader = cluster.at(cluster.leader().await);
    let other = (1..=3).find(|id| *id != leader.id()).unwrap();
    let voter = |id| leader.status().members.get(&id).map(|it| it.voter);
    let member = leader.status().members[&other].member.clone();
    let name = member.name.clone();
    let add = MemberChange::Add {
        member: member.clone(),
        voter: false,
    };
    let remove = MemberChange::Remove(name.clone());
    assert!(matches!(
        leader.change_members(&add, false).await,
        Err(MembershipError::Taken { .. })
    ));
    leader.change_members(&remove, false).await.unwrap();
    assert_eq!(voter(other), None);
    assert!(matches!(
        leader.change_members(&remove, false).await,
        Err(MembershipError::Unknown { .. })
    ));
    leader.add_numbered(other, &member, false).await.unwrap();
    assert_eq!(voter(other), Some(false));
    cluster.write("two".to_owned()).await;
    cluster.all_hold(2).await;
    leader
        .change_members(&MemberChange::Promote(name), false)
        .await
        .unwrap();
    assert_eq!(voter(other), Some(true));
    let follower = (1..=3).find(|id| *id != leader.id()).unwrap();
    assert!(matches!(
        cluster.at(follower).change_members(&remove, false).await,
        Err(MembershipError::NotLeader { .. })
    ));
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lone_member_needs_nobody() {
    let mut cluster = Cluster::new(1, true, slow_machine()).await;
    let start = Instant::now();
    cluster.write("one".to_owned()).await;
    println!("first write after {:?}", start.elapsed());
    assert!(cluster.at(1).quorum_is_fresh(Duration::ZERO));
    cluster.at(1).read_index().await.unwrap();
    let list = cluster.kill(1).await;
    assert_eq!(list.len(), 0, "there was no checkpoint");
    cluster.restart(1, list).await;
    cluster.write("two".to_owned()).await;
    cluster.all_hold(2).await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_application_stops_its_node_only() {
    let (listeners, addresses) = bind(3).await;
    let mut cluster = Cluster {
        folder: tempfile::tempdir().unwrap(),
        addresses,
        nodes: BTreeMap::new(),
        config: slow_machine(),
        durable: false,
    };
    for (id, listener) in (1..).zip(listeners) {
        let mut list = List::default();
        // The first member founds the cluster and leads: a leader that stops would leave it open what was written.
        list.poison = (id == 3).then(|| b"poison".to_vec());
        cluster.start(id, listener, list).await;
    }
    cluster.write("fine".to_owned()).await;
    cluster.all_hold(1).await;
    cluster.write("poison".to_owned()).await;
    let reason = tokio::time::timeout(PATIENCE, cluster.at(3).stopped_running())
        .await
        .unwrap();
    assert_eq!(reason.as_deref(), Some("the toy was poisoned"));
    assert!(cluster.at(3).wait_applied(1_000).await.is_err());
    cluster.kill(3).await;
    cluster.write("on".to_owned()).await;
    cluster.all_hold(3).await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proposals_are_bounded() {
    let config = ConsensusConfig {
        max_in_flight: 10,
        ..slow_machine()
    };
    let cluster = Cluster::new(1, false, config).await;
    cluster.leader().await;
    let proposals: Vec<_> = (0..50)
        .map(|i| cluster.at(1).propose(payload(&i.to_string())))
        .collect();
    let mut refused = 0;
    for proposal in proposals {
        if let Err(error) = proposal.await {
            assert_eq!(error, ProposeError::Overloaded { limit: 10 });
            refused += 1;
        }
    }
    assert_eq!(refused, 40);
    cluster.stop().await;
}

/// What one write of 4 KiB and its fsync cost here: the floor under everything durable.
fn fsync_cost(folder: &Path) -> Duration {
    use std::io::{Seek, Write};
    let mut file = std::fs::File::create(folder.join("fsync")).unwrap();
    file.write_all(&vec![0; 1 << 20]).unwrap();
    let mut times: Vec<_> = (0..200)
        .map(|i| {
            let start = Instant::now();
            file.seek(std::io::SeekFrom::Start(i * 4096)).unwrap();
            file.write_all(&[1; 4096]).unwrap();
            file.sync_data().unwrap();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}

fn percentiles(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |percent: usize| times[times.len() * percent / 100];
    format!("p50 {:?}, p90 {:?}, p99 {:?}", at(50), at(90), at(99))
}

/// Not a test of correctness: prints what a proposal costs. Run it with `--release -- --ignored --nocapture`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn latency_of_sequential_proposals() {
    for (count, durable) in [(1, false), (3, false), (1, true), (3, true)] {
        let cluster = Cluster::new(count, durable, slow_machine()).await;
        println!(
            "{count} members, durable: {durable}, fsync p50 {:?}",
            fsync_cost(cluster.folder.path())
        );
        let mut times = Vec::new();
        for i in 0..2_000 {
            let start = Instant::now();
            cluster.write("x".repeat(300)).await;
            if i >= 200 {
                times.push(start.elapsed());
            }
        }
        println!("  one after the other: {}", percentiles(times));
        let leader = cluster.leader().await;
        let mut times = Vec::new();
        for _ in 0..1_000 {
            let start = Instant::now();
            let _ = cluster.at(leader).read_index().await;
            times.push(start.elapsed());
        }
        println!("  read index: {}", percentiles(times));
        let (start, mut done) = (Instant::now(), 0);
        let mut window = std::collections::VecDeque::new();
        for _ in 0..20_000 {
            window.push_back(cluster.at(leader).propose(Payload(vec![7; 300].into())));
            if window.len() >= 256 {
                done += u32::from(window.pop_front().unwrap().await.is_ok());
            }
        }
        let rate = f64::from(done) / start.elapsed().as_secs_f64();
        println!("  256 at once: {rate:.0} a second ({done} of 20000 done)");
        drop(window);
        cluster.stop().await;
    }
}

/// Prints how long a cluster is without a leader.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn time_to_a_new_leader() {
    let mut times = Vec::new();
    let start = Instant::now();
    let mut cluster = Cluster::new(3, true, ConsensusConfig::default()).await;
    cluster.write("first".to_owned()).await;
    println!("first write {:?} after the start", start.elapsed());
    for i in 0..20 {
        let old = cluster.leader().await;
        let node = cluster.nodes.remove(&old).unwrap();
        let start = Instant::now();
        node.net.shutdown().await;
        cluster.write(i.to_string()).await;
        times.push(start.elapsed());
        cluster.nodes.insert(old, node);
        let list = cluster.kill(old).await;
        cluster.restart(old, list).await;
        cluster.all_hold(i + 2).await;
    }
    times.sort_unstable();
    println!("write after the leader's end: {times:?}");
    cluster.stop().await;
}
