//! One member of a simulated cluster: its disk, its clock, and its life as long as it has one.
//!
//! Put together as `node::assemble` does it, from the same parts but for the edge: simulated disk, network, time.

use super::{
    disk::{Disk, SimFolder, SimMark},
    ledger::{Ledger, Watched},
    network::{Network, SimTransport},
    runtime::Simulated,
    store::SimStore,
    world::{self, Owner, Timer},
};
use crate::{
    chain::{
        archive::{Archive, MemoryStore},
        spec::ChainSpec,
    },
    consensus::{
        Application as _, Consensus, ConsensusConfig, MemorySpool, MessageKind, Parts, PeerService,
        TimedCalls, Transport,
    },
    replica::{self, RaftLog, Reads, Replica, ReplicaConfig, environment::Environment},
    storage::log::{DiskLog, Sizes},
    types::{Member, MemberId, PublicKey, RequestId},
};
use alloy::primitives::Bytes;
use futures::future::{BoxFuture, FutureExt};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

/// The calendar when a run begins, Unix milliseconds.
pub(super) const START_MS: u64 = 1_700_000_000_000;
/// How often the archive is written.
const FLUSH_INTERVAL: Duration = Duration::from_millis(400);

/// What all nodes of a run share.
#[derive(Clone, Debug)]
pub(super) struct Common {
    pub(super) spec: Arc<ChainSpec>,
    pub(super) consensus: ConsensusConfig,
    pub(super) sizes: Sizes,
    pub(super) timeout_ms: u64,
}

/// What of a node outlives its lives.
#[derive(Clone, Debug)]
pub(super) struct Hardware {
    pub(super) id: MemberId,
    pub(super) disk: Disk,
    pub(super) tables: Arc<MemoryStore>,
    /// How much its calendar is wrong, milliseconds.
    pub(super) clock_ms: Arc<AtomicI64>,
}

impl Hardware {
    pub(super) fn new(id: MemberId) -> Self {
        Self {
            id,
            disk: Disk::default(),
            tables: Arc::default(),
            clock_ms: Arc::default(),
        }
    }
}

/// A running member.
#[derive(Clone, Debug)]
pub(super) struct Life {
    pub(super) owner: Owner,
    pub(super) replica: Replica,
    pub(super) consensus: Consensus<Simulated>,
}

/// A member's entry in the list.
pub(super) fn member(id: MemberId) -> Member {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&id.to_be_bytes());
    Member {
        name: format!("node{id}"),
        public_key: PublicKey(key),
        peer_address: format!("node{id}:1"),
        rpc_address: format!("node{id}:2"),
    }
}

/// Starts a life of a node: what it finds on its disk decides where it begins. An error is what an operator would read.
pub(super) async fn start(
    common: Common,
    hardware: Hardware,
    members: BTreeMap<MemberId, Member>,
    owner: Owner,
    network: Network,
    ledger: Ledger,
) -> Result<Life, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    hardware.disk.attach(owner);
    let store = SimStore {
        tables: Arc::clone(&hardware.tables),
        disk: hardware.disk.clone(),
        owner,
    };
    let archive = Arc::new(Archive::new(Arc::new(store)));
    let prepared = replica::prepare(common.spec, Arc::clone(&archive), Box::new(|_| {}))
        .map_err(|error| text(&error))?;
    let applier = prepared.applier();
    ledger.stands(
        owner,
        applier.stored().position,
        &applier.chain(),
        "after its start",
    );
    let folder = Arc::new(SimFolder::new(hardware.disk.clone(), owner));
    let log = DiskLog::open_on(folder, common.sizes).map_err(|error| text(&error))?;
    let transport: Arc<dyn Transport> = Arc::new(SimTransport {
        network: network.clone(),
        owner,
    });
    network.join(owner);
    let parts = Parts {
        config: common.consensus,
        id: hardware.id,
        members: members.clone(),
        log,
        transport: Arc::clone(&transport),
        spool: Arc::new(MemorySpool),
        mark: Arc::new(SimMark(SimFolder::new(hardware.disk.clone(), owner))),
        application: Box::new(Watched {
            applier,
            owner,
            ledger,
        }),
    };
    let consensus = Consensus::<Simulated>::start(parts)
        .await
        .map_err(|error| text(&error))?;
    let peers = Arc::new(TimedCalls::<Simulated>::new(Arc::clone(&transport)));
    let replica = prepared.start(
        ReplicaConfig {
            id: hardware.id,
            members,
            timeout_ms: common.timeout_ms,
            reads: Reads::Linearizable,
        },
        Arc::new(RaftLog::new(consensus.clone(), peers)),
        Arc::new(Surroundings {
            owner,
            clock_ms: hardware.clock_ms,
            requests: AtomicU64::new(0),
        }),
    );
    transport.serve(
        MessageKind::Application,
        Some(Arc::new(Questions(replica.clone()))),
    );
    world::spawn(flush(archive, owner));
    world::spawn(watch(consensus.clone(), owner));
    Ok(Life {
        owner,
        replica,
        consensus,
    })
}

/// Writes the archive from time to time.
async fn flush(archive: Arc<Archive>, owner: Owner) {
    loop {
        Timer::after(FLUSH_INTERVAL).await;
        if let Err(error) = archive.flush() {
            return world::doom(owner, format!("the archive: {error}"));
        }
    }
}

/// Ends the life when its consensus can no longer go on, as the process would.
async fn watch(consensus: Consensus<Simulated>, owner: Owner) {
    if let Some(reason) = consensus.stopped_running().await {
        world::doom(owner, reason);
    }
}

/// Peers' questions to the replica.
#[derive(Debug)]
struct Questions(Replica);

impl PeerService for Questions {
    fn handle(&self, _from: MemberId, request: Bytes) -> BoxFuture<'static, Bytes> {
        self.0.serve_peer(request)
    }
}

/// The world as a replica sees it.
#[derive(Debug)]
struct Surroundings {
    owner: Owner,
    clock_ms: Arc<AtomicI64>,
    requests: AtomicU64,
}

/// The request id of a write: whose task asked for it is in it, so that what comes of it can be told.
pub(super) fn operation_of(request: RequestId) -> u64 {
    let (operation, _) = request.0.split_first_chunk().unwrap_or((&[0; 8], &[]));
    u64::from_be_bytes(*operation)
}

impl Environment for Surroundings {
    fn now_ms(&self) -> u64 {
        let passed = i64::try_from(world::now().as_millis()).unwrap_or(i64::MAX);
        let wrong = self.clock_ms.load(Ordering::Relaxed);
        START_MS.saturating_add_signed(passed.saturating_add(wrong))
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(world::now().as_millis()).unwrap_or(u64::MAX)
    }

    fn request_id(&self) -> RequestId {
        let (_, operation) = world::current();
        let count = self.requests.fetch_add(1, Ordering::Relaxed);
        let [.., l2, l1, l0] = self.owner.life.to_be_bytes();
        let [.., n0] = self.owner.node.to_be_bytes();
        let [.., c3, c2, c1, c0] = count.to_be_bytes();
        let mut id = [0; 16];
        id[..8].copy_from_slice(&operation.to_be_bytes());
        id[8..].copy_from_slice(&[n0, l2, l1, l0, c3, c2, c1, c0]);
        RequestId(id)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Timer::after(duration).boxed()
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        world::spawn(task);
    }
}
