//! One member, put together from its parts.

use super::{
    DataLocation, NodeError, alone::Alone, clock::World, flusher::Flusher, listeners::Listeners,
};
use crate::{
    chain::archive::{Archive, MemoryStore, Store},
    config::{ClusterConfig, MemberConfig},
    consensus::{
        Consensus, ConsensusConfig, MemoryLog, MemorySpool, MessageKind, NoMark, Parts,
        PeerService, SnapshotSpool, TimedCalls, Transport,
    },
    net::{self, FileSpool, Net, NetConfig, Tokio},
    replica::{self, Prepared, RaftLog, Replica, ReplicaConfig, api::ChainEvent},
    rpc::{self, Allowed, Limits, Listen, OnConsole, RpcConfig, RpcServer},
    storage::{chain::ChainStore, log::DiskLog, rebuild::FileMark},
    telemetry::{Format, Printer},
    types::MemberId,
};
use alloy::primitives::Bytes;
use futures::future::BoxFuture;
use std::{path::Path, sync::Arc};
use tokio::sync::{broadcast, oneshot};

/// Events of the chain that a slow subscriber may be behind before it loses some.
const EVENTS_MAX: usize = 16_384;
/// Entries of the log kept behind a checkpoint, for peers that were away for a short time.
const KEPT_ENTRIES: u64 = 1000;

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
    // Dropped last: its lock is held as long as anything here runs.
    _data: DataLocation,
}

/// What a member's RPC server will be started with.
struct Front {
    config: RpcConfig,
    on_request: Arc<dyn Fn(&str) + Send + Sync>,
}

impl std::fmt::Debug for Front {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Front")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// Starts a member: storage, peers, consensus and replica, in this order. Clients are answered after
/// [`Member::serve`]. The listeners are bound already (clients that connect wait) and `data` is locked.
pub async fn start_member(
    config: &Arc<ClusterConfig>,
    member: MemberId,
    data: DataLocation,
    listeners: Listeners,
    printer: &Printer,
) -> Result<Member, NodeError> {
    let me = config
        .member(member)
        .ok_or_else(|| NodeError::UnknownMember {
            config: config.name(),
            name: member.to_string(),
            names: config
                .members
                .iter()
                .map(|one| one.member.name.as_str())
                .collect::<Vec<_>>()
                .join(", "),
        })?;
    let name = me.member.name.clone();
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| NodeError::Start {
        member: name.clone(),
        source,
    };
    let archive = Arc::new(Archive::new(store(&data).map_err(failed)?));
    let (events, _) = broadcast::channel(EVENTS_MAX);
    let prepared = prepare(config, &archive, &events).map_err(failed)?;
    let net = start_net(config, me, listeners.peer).map_err(failed)?;
    let transport: Arc<dyn Transport> = match &net {
        Some(net) => Arc::new(net.clone()),
        None => Arc::new(Alone),
    };
    let (consensus, log) = start_consensus(config, member, &data, &prepared, transport.clone())
        .await
        .map_err(failed)?;
    let peers = Arc::new(TimedCalls::<Tokio>::new(transport.clone()));
    let replica = prepared.start(
        ReplicaConfig {
            id: member,
            members: config.membership(),
            timeout_ms: config.timing.write_timeout_ms,
            reads: config.reads,
        },
        Arc::new(RaftLog::new(consensus.clone(), peers)),
        Arc::new(World::new()?),
    );
    transport.serve(
        MessageKind::Application,
        Some(Arc::new(Questions(replica.clone()))),
    );
    let (flusher, flush_failure) =
        Flusher::start(archive).map_err(|error| failed(Box::new(error)))?;
    let on_request = request_lines(config, &name, printer);
    let front = Front {
        config: RpcConfig {
            on_console: console_lines(config, &name, printer),
            ..rpc_config(config, listeners.rpc)
        },
        on_request,
    };
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
        _data: data,
    })
}

/// Prints each request; with the node's name where there are several.
fn request_lines(
    config: &ClusterConfig,
    name: &str,
    printer: &Printer,
) -> Arc<dyn Fn(&str) + Send + Sync> {
    let printer = printer.clone();
    let node = (config.members.len() > 1).then(|| name.to_owned());
    Arc::new(move |method: &str| printer.request(node.as_deref(), method))
}

/// Prints what contracts say; nothing is looked for where nothing is printed.
fn console_lines(config: &ClusterConfig, name: &str, printer: &Printer) -> Option<OnConsole> {
    if printer.format() == Format::Quiet {
        return None;
    }
    let printer = printer.clone();
    let node = (config.members.len() > 1).then(|| name.to_owned());
    let print = move |line: &str| printer.console(node.as_deref(), line);
    Some(OnConsole(Arc::new(print)))
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
) -> Result<Prepared, StartFailure> {
    let sender = events.clone();
    let sink = Box::new(move |event| {
        // Without subscribers there is nobody to tell.
        let _ = sender.send(event);
    });
    Ok(replica::prepare(
        Arc::new(config.chain.clone()),
        archive.clone(),
        sink,
    )?)
}

fn start_net(
    config: &ClusterConfig,
    me: &MemberConfig,
    listener: Option<std::net::TcpListener>,
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
        limits: Limits {
            connections: server.connections_max as usize,
            request_bytes: server.request_bytes_max as usize,
            response_bytes: server.response_bytes_max as usize,
            ..Limits::default()
        },
        ..RpcConfig::new(Listen::Bound(listener))
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
        let backend = Arc::new(self.replica.clone());
        let server = rpc::serve(front.config, backend, self.events.clone(), front.on_request);
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
