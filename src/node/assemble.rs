//! One member, put together from its parts.

use super::{
    DataLocation, NodeError, Output, alone::Alone, clock::World, flusher::Flusher,
    listeners::Listeners, members, metrics::NodeCollector, output::Voice,
};
use crate::{
    chain::{
        Divergence,
        archive::{Archive, MemoryStore, Store},
    },
    config::{ClusterConfig, MemberConfig, ServerConfig},
    consensus::{
        Consensus, ConsensusConfig, MembershipError, MemoryLog, MemorySpool, MessageKind, NoMark,
        Parts, PeerService, SnapshotSpool, TimedCalls, Transport,
    },
    faults::{self, Control, Faults, FaultyTransport, LaggingBackend},
    net::{self, FileSpool, Neighbours, Net, NetConfig, Tokio},
    replica::{
        self, Prepared, RaftLog, Replica, ReplicaConfig, Sign,
        api::{Backend, ChainEvent},
    },
    rpc::{
        self, Allowed, CallGas, ClusterIdentity, Limits, Listen, OnRequest, RpcConfig, RpcServer,
    },
    storage::{chain::ChainStore, log::DiskLog, rebuild::FileMark},
    telemetry::{FailureReasons, Printer},
    types::MemberId,
};
use alloy::primitives::{B512, Bytes};
use ed25519_dalek::Signer as _;
use futures::future::BoxFuture;
use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::{broadcast, oneshot};

/// Events of the chain that a slow subscriber may be behind before it loses some.
const EVENTS_MAX: usize = 16_384;
/// Entries of the log kept behind a checkpoint, for peers that were away for a short time.
const KEPT_ENTRIES: u64 = 1000;
/// How long a leader that is to stop may take to find a successor; it usually takes some milliseconds.
const HAND_OVER_LIMIT: Duration = Duration::from_millis(300);

/// A running member.
#[derive(Debug)]
pub struct Member {
    name: String,
    replica: Replica,
    front: Option<Front>,
    rpc: Option<RpcServer>,
    consensus: Consensus<Tokio>,
    net: Option<Net>,
    log: Option<DiskLog<Tokio>>,
    flusher: Flusher,
    events: broadcast::Sender<ChainEvent>,
    failure: Option<oneshot::Receiver<String>>,
    killed: Option<oneshot::Receiver<()>>,
    // Dropped last: its lock is held as long as anything here runs.
    _data: DataLocation,
}

/// What a member's RPC server will be started with.
struct Front {
    config: RpcConfig,
    on_request: OnRequest,
}

impl std::fmt::Debug for Front {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Front")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// Starts a member: storage, peers, consensus and replica, in this order. Clients are answered after
/// [`Member::serve`]. `neighbours`: the members in this process. The listeners are bound already (clients that connect wait) and `data` is locked.
pub async fn start_member(
    config: &Arc<ClusterConfig>,
    member: MemberId,
    data: DataLocation,
    listeners: Listeners,
    neighbours: &Neighbours,
    (printer, output): (&Printer, Output),
) -> Result<Member, NodeError> {
    let me = find(config, member)?;
    let name = me.member.name.clone();
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| NodeError::Start {
        member: name.clone(),
        source,
    };
    let archive = Arc::new(Archive::new(store(&data).map_err(failed)?));
    let (events, _) = broadcast::channel(EVENTS_MAX);
    let prepared = prepare(config, &archive, &events, data.path()).map_err(failed)?;
    let net = start_net(config, me, listeners.peer, neighbours.clone()).map_err(failed)?;
    let transport: Arc<dyn Transport> = match &net {
        Some(net) => Arc::new(net.clone()),
        None => Arc::new(Alone),
    };
    let (killed, faults) = start_faults(config, member, &transport);
    let transport = faults.as_ref().map_or(transport.clone(), |control| {
        Arc::new(FaultyTransport::new(transport, control.faults().clone()))
    });
    let (consensus, log) = start_consensus(config, member, &data, &prepared, transport.clone())
        .await
        .map_err(failed)?;
    let peers = Arc::new(TimedCalls::<Tokio>::new(transport.clone()));
    let replica_config = ReplicaConfig {
        id: member,
        members: config.membership(),
        timeout_ms: config.timing.write_timeout_ms,
        reads: config.reads,
    };
    members::follow(
        &consensus,
        replica_config.clone(),
        net.clone(),
        faults.clone(),
    );
    let replica = prepared.start(
        replica_config,
        Arc::new(RaftLog::new(consensus.clone(), peers)),
        Arc::new(World::new()?),
    );
    replica.set_key(config.cluster_id(), signer(config, me).map_err(failed)?);
    transport.serve(
        MessageKind::Application,
        Some(Arc::new(Questions(replica.clone()))),
    );
    let (flusher, flush_failure) =
        Flusher::start(archive).map_err(|error| failed(Box::new(error)))?;
    let voice = Voice::new(config, &name, printer, output);
    let mut front = front(config, me, listeners.rpc, &voice);
    front.config.faults = faults;
    front.config.collectors = vec![Box::new(NodeCollector::start(
        consensus.clone(),
        net.clone(),
    ))];
    let failure = watch_failures(consensus.clone(), flush_failure);
    Ok(Member {
        name,
        replica,
        front: Some(front),
        rpc: None,
        consensus,
        net,
        log,
        flusher,
        events,
        failure: Some(failure),
        killed: Some(killed),
        _data: data,
    })
}

fn find(config: &ClusterConfig, member: MemberId) -> Result<&MemberConfig, NodeError> {
    let names = || config.members.iter().map(|one| one.member.name.as_str());
    config
        .member(member)
        .ok_or_else(|| NodeError::UnknownMember {
            config: config.name(),
            name: member.to_string(),
            names: names().collect::<Vec<_>>().join(", "),
        })
}

fn front(
    config: &ClusterConfig,
    me: &MemberConfig,
    listener: std::net::TcpListener,
    voice: &Voice,
) -> Front {
    Front {
        config: RpcConfig {
            console: voice.console(),
            traces: voice.traces(),
            ipc: config.ipc_path(me),
            ..rpc_config(config, listener)
        },
        on_request: voice.requests(),
    }
}

type StartFailure = Box<dyn std::error::Error + Send + Sync>;

fn store(data: &DataLocation) -> Result<Arc<dyn Store>, StartFailure> {
    Ok(match data.path() {
        None => Arc::new(MemoryStore::default()),
        Some(folder) => Arc::new(ChainStore::open(folder)?),
    })
}

fn prepare(
    config: &ClusterConfig,
    archive: &Arc<Archive>,
    events: &broadcast::Sender<ChainEvent>,
    folder: Option<&Path>,
) -> Result<Prepared, StartFailure> {
    let sender = events.clone();
    let folder = folder.map(Path::to_owned);
    let sink = Box::new(move |event| {
        if let (ChainEvent::Diverged(divergence), Some(folder)) = (&event, &folder) {
            keep(divergence, folder);
        }
        // Without subscribers there is nobody to tell.
        let _ = sender.send(event);
    });
    Ok(replica::prepare(
        Arc::new(config.chain.clone()),
        archive.clone(),
        sink,
    )?)
}

/// Keeps both sides of a difference with the data, for a bug report; here, because the node is about to stop.
fn keep(divergence: &Divergence, folder: &Path) {
    let path = folder.join(format!("divergence-{}.json", divergence.number));
    match std::fs::write(&path, &divergence.report) {
        Ok(()) => tracing::error!("both blocks are kept in {}", path.display()),
        Err(error) => tracing::error!(
            "both blocks could not be kept in {}: {error}",
            path.display()
        ),
    }
}

/// Takes orders of faults from now on, where the config allows them. Also gives what resolves when one is to kill.
fn start_faults(
    config: &ClusterConfig,
    member: MemberId,
    transport: &Arc<dyn Transport>,
) -> (oneshot::Receiver<()>, Option<Arc<Control>>) {
    let (kill, killed) = oneshot::channel();
    let kill = Mutex::new(Some(kill));
    let on_kill = move || {
        let kill = kill.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(kill) = kill {
            // A node that is stopping already needs no more.
            let _ = kill.send(());
        }
    };
    let control = config.server.allow_faults.then(|| {
        Control::start(
            member,
            config.membership(),
            Arc::clone(transport),
            Faults::default(),
            Arc::new(on_kill),
        )
    });
    (killed, control)
}

/// Signs with the member's identity key, which stays in here.
fn signer(config: &ClusterConfig, me: &MemberConfig) -> Result<Sign, StartFailure> {
    let key = config.secret_key(me)?;
    Ok(Arc::new(move |bytes| B512::new(key.sign(bytes).to_bytes())))
}

fn start_net(
    config: &ClusterConfig,
    me: &MemberConfig,
    listener: Option<std::net::TcpListener>,
    neighbours: Neighbours,
) -> Result<Option<Net>, StartFailure> {
    let Some(listener) = listener else {
        return Ok(None);
    };
    let listener = net::Listener::from_std(listener)?;
    let net = net::start(
        listener,
        NetConfig {
            id: me.id,
            identity: config.secret_key(me)?,
            cluster_id: config.cluster_id().0,
            members: config.membership(),
            message_limit_bytes: net::MESSAGE_LIMIT_BYTES,
            neighbours,
        },
    )?;
    Ok(Some(net))
}

async fn start_consensus(
    config: &ClusterConfig,
    member: MemberId,
    data: &DataLocation,
    prepared: &Prepared,
    transport: Arc<dyn Transport>,
) -> Result<(Consensus<Tokio>, Option<DiskLog<Tokio>>), StartFailure> {
    let consensus_config = ConsensusConfig {
        cluster_name: config.name(),
        heartbeat_ms: config.timing.heartbeat_interval_ms,
        election_timeout_min_ms: config.timing.election_timeout_min_ms,
        election_timeout_max_ms: config.timing.election_timeout_max_ms,
        checkpoint_every_entries: config.storage.snapshot_interval_entries,
        keep_entries: KEPT_ENTRIES.min(config.storage.snapshot_interval_entries),
        shared_clock: config.is_on_one_machine(),
        ..ConsensusConfig::default()
    };
    let application = Box::new(prepared.applier());
    let members = config.membership();
    match data.path() {
        None => {
            let parts = Parts {
                config: consensus_config,
                id: member,
                members,
                log: MemoryLog::default(),
                transport,
                spool: Arc::new(MemorySpool),
                mark: Arc::new(NoMark),
                application,
            };
            Ok((Consensus::start(parts).await?, None))
        }
        Some(folder) => {
            let log = DiskLog::open(&folder.join("log"))?;
            let parts = Parts {
                config: consensus_config,
                id: member,
                members,
                log: log.clone(),
                transport,
                spool: spool(folder)?,
                mark: Arc::new(FileMark::new(folder)),
                application,
            };
            Ok((Consensus::start(parts).await?, Some(log)))
        }
    }
}

fn spool(folder: &Path) -> Result<Arc<dyn SnapshotSpool>, StartFailure> {
    Ok(Arc::new(FileSpool::new(&folder.join("incoming"))?))
}

fn rpc_config(config: &ClusterConfig, listener: std::net::TcpListener) -> RpcConfig {
    let server = &config.server;
    RpcConfig {
        origins: match server.allow_origin.as_deref() {
            Some("*") => Allowed::Any,
            Some(origin) => Allowed::Only(vec![origin.to_owned()]),
            None => Allowed::Only(Vec::new()),
        },
        hosts: match &server.allowed_hosts {
            None => Allowed::Any,
            Some(names) => Allowed::Only(names.clone()),
        },
        cheats: server.cheats,
        endpoint: server.rpc_endpoint.clone(),
        websockets: server.websockets,
        errors: server.errors,
        failures: server.failures,
        limits: limits(server),
        identity: Some(ClusterIdentity {
            cluster_id: config.cluster_id(),
            founders: config.founders_digest(),
            genesis_timestamp: config.chain.genesis.timestamp,
        }),
        ..RpcConfig::new(Listen::Bound(listener))
    }
}

fn limits(server: &ServerConfig) -> Limits {
    Limits {
        connections: server.connections_max as usize,
        request_bytes: server.request_bytes_max as usize,
        response_bytes: server.response_bytes_max as usize,
        batch_calls: server.batch_calls_max as usize,
        calls_per_connection: server.calls_per_connection_max as usize,
        subscriptions_per_connection: server.subscriptions_per_connection_max as usize,
        filters: server.filters_max as usize,
        filter_changes: server.filter_changes_max as usize,
        filter_idle: Duration::from_secs(server.filter_idle_seconds),
        call_gas: match server.call_gas_limit {
            Some(least) => CallGas {
                least,
                is_fixed: true,
            },
            None => CallGas::default(),
        },
        ..Limits::default()
    }
}

/// Resolves with the reason when the log, the chain or the archive can no longer go on.
fn watch_failures(
    consensus: Consensus<Tokio>,
    flush: oneshot::Receiver<crate::chain::archive::StoreError>,
) -> oneshot::Receiver<String> {
    let (sender, receiver) = oneshot::channel();
    tokio::spawn(async move {
        let flush_failed = async {
            match flush.await {
                Ok(error) => error.to_string(),
                Err(_) => std::future::pending().await,
            }
        };
        let engine_failed = async {
            match consensus.stopped_running().await {
                Some(reason) => reason,
                None => std::future::pending().await,
            }
        };
        let reason = tokio::select! {
            reason = flush_failed => reason,
            reason = engine_failed => reason,
        };
        // The node may be stopping already.
        let _ = sender.send(reason);
    });
    receiver
}

/// Peers' questions to the replica.
#[derive(Debug)]
struct Questions(Replica);

impl PeerService for Questions {
    fn handle(&self, _from: MemberId, request: Bytes) -> BoxFuture<'static, Bytes> {
        self.0.serve_peer(request)
    }
}

impl Member {
    /// Starts to answer clients; requests that need a leader wait for one.
    pub async fn serve(&mut self) -> Result<(), NodeError> {
        let Some(front) = self.front.take() else {
            return Ok(());
        };
        let mut backend: Arc<dyn Backend> = Arc::new(self.replica.clone());
        let mut events = self.events.clone();
        if let Some(control) = &front.config.faults {
            let lagging = LaggingBackend::new(backend, control.faults().clone());
            (events, _) = broadcast::channel(EVENTS_MAX);
            tokio::spawn(faults::relay(
                Arc::clone(&lagging),
                self.events.subscribe(),
                events.clone(),
            ));
            backend = lagging;
        }
        let server = rpc::serve(front.config, backend, events, front.on_request);
        self.rpc = Some(server.await.map_err(|error| NodeError::Start {
            member: self.name.clone(),
            source: Box::new(error),
        })?);
        Ok(())
    }

    /// The member as its clients' requests see it.
    pub fn backend(&self) -> &Replica {
        &self.replica
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What happens to the chain of this member from now on.
    pub fn events(&self) -> broadcast::Receiver<ChainEvent> {
        self.events.subscribe()
    }

    /// Tells why transactions failed, by executing them again.
    pub fn failure_reasons(&self) -> FailureReasons {
        let replica = self.replica.clone();
        Arc::new(move |block, index| {
            let replica = replica.clone();
            let look = move || rpc::failure_reason(&replica, &block, index);
            Box::pin(async move { tokio::task::spawn_blocking(look).await.ok().flatten() })
        })
    }

    /// Resolves with the reason when the member can no longer go on (a divergence, a full disk). To be called once.
    pub fn stopped(&mut self) -> BoxFuture<'static, String> {
        let failure = self.failure.take();
        Box::pin(async move {
            match failure {
                Some(failure) => match failure.await {
                    Ok(reason) => reason,
                    Err(_) => std::future::pending().await,
                },
                None => std::future::pending().await,
            }
        })
    }

    /// Resolves when a client had this member killed. To be called once.
    pub fn killed(&mut self) -> BoxFuture<'static, ()> {
        let killed = self.killed.take();
        Box::pin(async move {
            let is_killed = match killed {
                Some(killed) => killed.await.is_ok(),
                None => false,
            };
            if !is_killed {
                std::future::pending::<()>().await;
            }
        })
    }

    /// Hands the leadership to another member, if this one has it and there is another: so the others need not wait until
    /// they notice that it is gone. To be called before [`Member::stop`], when the cluster goes on without this member.
    pub async fn hand_over(&self) {
        let handing = self.consensus.hand_over(None);
        match tokio::time::timeout(HAND_OVER_LIMIT, handing).await {
            Ok(Ok(_) | Err(MembershipError::NotLeader { .. } | MembershipError::LastVoter(_)))
            | Err(_) => {}
            Ok(Err(error)) => tracing::info!("the leadership is not handed over: {error}"),
        }
    }

    /// Stops it: no new requests, no new proposals; what is durable stays.
    pub async fn stop(self) {
        if let Some(rpc) = self.rpc {
            rpc.stop().await;
        }
        self.consensus.shutdown().await;
        if let Some(net) = &self.net {
            net.shutdown().await;
        }
        let (flusher, log) = (self.flusher, self.log);
        let written = tokio::task::spawn_blocking(move || {
            flusher.stop();
            if let Some(log) = log {
                log.close();
            }
        });
        if written.await.is_err() {
            tracing::error!("the storage did not close well");
        }
    }
}
