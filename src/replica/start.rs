//! Bringing a replica to life: the chain from its archive, the applier for the log, then the tasks around it.

use super::{
    api::{Backend, ClusterStatus, ReadError, WriteError},
    applier::{Applier, decode_stored},
    barrier::Barrier,
    certificate::Certificate,
    certify::{CertificateError, Sign, Surroundings},
    environment::Environment,
    log::{LogStatus, ReplicatedLog},
    members::Members,
    producer,
    router::Router,
    shared::{EventSink, Shared},
};
use crate::{
    chain::{
        Chain, CheckpointError,
        archive::{Archive, StoreError},
        block::BlockRecord,
        command::{Outcome, Write},
        spec::ChainSpec,
    },
    consensus::{MemberChange, MembershipError, Roster, Stored},
    types::{LogIndex, Member, MemberId, MemberStatus, Role},
};
use alloy::primitives::{B256, Bytes};
use futures::future::BoxFuture;
use std::{collections::BTreeMap, fmt, sync::Arc};

/// How reads are served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reads {
    /// Every read sees everything acknowledged before it.
    #[default]
    Linearizable,
    /// A read sees what this node has applied.
    Local,
}

/// How a replica behaves.
#[derive(Clone, Debug)]
pub struct ReplicaConfig {
    /// This node.
    pub id: MemberId,
    /// All members of the config, by number: the members until the log names others, and where they are.
    pub members: BTreeMap<MemberId, Member>,
    /// How long a write or a read may wait for a leader.
    pub timeout_ms: u64,
    /// How reads are served.
    pub reads: Reads,
}

/// A chain that cannot be brought up.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The stored chain.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The archive.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is stored beside the chain.
    #[error(
        "the stored chain cannot be read: {0}; remove the node's data folder and let it be rebuilt from its peers"
    )]
    Malformed(String),
}

/// A chain ready to be put under a log.
pub struct Prepared {
    shared: Arc<Shared>,
    spec: Arc<ChainSpec>,
    stored: Stored,
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared")
            .field("stored", &self.stored.position)
            .finish_non_exhaustive()
    }
}

/// Brings the chain up from its archive, or a new one from its genesis.
pub fn prepare(
    spec: Arc<ChainSpec>,
    archive: Arc<Archive>,
    events: EventSink,
) -> Result<Prepared, StartError> {
    let (chain, stored) = if let Some(loaded) = load(&spec, &archive)? {
        loaded
    } else {
        let (chain, effects) = Chain::genesis(spec.clone());
        let chain = Arc::new(chain);
        let checkpoint = super::snapshot::StoredChain {
            chain: chain.clone(),
            stored: Stored::default(),
        };
        archive.append(&effects, chain.state(), Arc::new(checkpoint))?;
        ((*chain).clone(), Stored::default())
    };
    let shared = Arc::new(Shared::new(chain, archive, events));
    Ok(Prepared {
        shared,
        spec,
        stored,
    })
}

/// The chain that an archive holds, and how far it is.
pub(super) fn load(
    spec: &Arc<ChainSpec>,
    archive: &Archive,
) -> Result<Option<(Chain, Stored)>, StartError> {
    let Some((state, checkpoint)) = archive.load()? else {
        return Ok(None);
    };
    let wire =
        decode_stored(&checkpoint).map_err(|error| StartError::Malformed(error.to_string()))?;
    let chain = Chain::restore(spec.clone(), &wire.chain, state, archive)?;
    Ok(Some((chain, wire.stored())))
}

impl Prepared {
    /// The application for the log.
    pub fn applier(&self) -> Applier {
        Applier::new(self.shared.clone(), self.spec.clone(), self.stored.clone())
    }

    /// The last entry in the chain that was brought up; `None` for a new one.
    pub fn stored_index(&self) -> Option<LogIndex> {
        self.stored.position.map(|position| position.index)
    }

    /// The chain as it is now: as it was brought up, until the application applies something.
    pub fn chain(&self) -> Arc<Chain> {
        self.shared.head()
    }

    /// Starts the tasks around a running log.
    pub fn start(
        self,
        config: ReplicaConfig,
        log: Arc<dyn ReplicatedLog>,
        environment: Arc<dyn Environment>,
    ) -> Replica {
        let shared = self.shared;
        let submissions = producer::start(log.clone(), &environment, shared.clone());
        let barrier = Barrier::start(log.clone(), &environment, shared.clone(), config.timeout_ms);
        let router = Router {
            log: log.clone(),
            environment: environment.clone(),
            shared: shared.clone(),
            submissions,
            barrier: barrier.clone(),
            timeout_ms: config.timeout_ms,
            certifier: Arc::default(),
        };
        let members = Members {
            log: log.clone(),
            environment: environment.clone(),
            timeout_ms: config.timeout_ms,
            configured: Roster {
                members: config.members.clone(),
                voters: config.members.keys().copied().collect(),
                index: None,
            },
        };
        Replica(Arc::new(Inner {
            config,
            members,
            log,
            environment,
            shared,
            barrier,
            router,
        }))
    }
}

/// A running member: the chain, its log, and the way in.
#[derive(Clone, Debug)]
pub struct Replica(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: ReplicaConfig,
    members: Members,
    log: Arc<dyn ReplicatedLog>,
    environment: Arc<dyn Environment>,
    shared: Arc<Shared>,
    barrier: Barrier,
    router: Router,
}

impl Replica {
    /// Answers a peer's question.
    pub fn serve_peer(&self, question: Bytes) -> BoxFuture<'static, Bytes> {
        let inner = self.0.clone();
        Box::pin(async move { inner.router.serve(&question).await })
    }

    /// Gives it what it signs certificates with, once.
    pub fn set_key(&self, cluster_id: B256, sign: Sign) {
        self.0.router.certifier.set_key(cluster_id, sign);
    }

    /// Those whose signatures count.
    fn voters(&self) -> BTreeMap<MemberId, Member> {
        let members = self.status().members.into_iter();
        members
            .filter(|one| one.role != Some(Role::Learner))
            .map(|one| (one.id, one.member))
            .collect()
    }

    fn member_status(&self, id: MemberId, status: &LogStatus, roster: &Roster) -> MemberStatus {
        let inner = &self.0;
        let own = id == inner.config.id;
        let role = if own {
            status.role
        } else if status.leader == Some(id) {
            Some(Role::Leader)
        } else if roster.voters.contains(&id) {
            status.leader.map(|_| Role::Follower)
        } else {
            Some(Role::Learner)
        };
        let member = roster.members.get(&id).cloned().unwrap_or_default();
        MemberStatus {
            id,
            member: inner.config.located(member),
            role,
            reachable: own || inner.log.reachable(id),
            match_index: status.matched.get(&id).copied(),
        }
    }
}

impl ReplicaConfig {
    /// A member at the addresses that this node's config gives it: the log knows those of its founding.
    pub fn located(&self, member: Member) -> Member {
        let own = self.members.values();
        let mut own = own.filter(|it| it.public_key == member.public_key);
        match own.next() {
            Some(own) => Member {
                name: member.name,
                ..own.clone()
            },
            None => member,
        }
    }
}

impl Backend for Replica {
    fn write(&self, write: Write) -> BoxFuture<'_, Result<Outcome, WriteError>> {
        Box::pin(self.0.router.write(write))
    }

    fn read(&self) -> BoxFuture<'_, Result<Arc<Chain>, ReadError>> {
        Box::pin(async move {
            if self.0.config.reads == Reads::Linearizable {
                self.0.barrier.pass().await?;
            }
            Ok(self.0.shared.head())
        })
    }

    fn local(&self) -> Arc<Chain> {
        self.0.shared.head()
    }

    fn archive(&self) -> &Arc<Archive> {
        &self.0.shared.archive
    }

    fn status(&self) -> ClusterStatus {
        let inner = &self.0;
        let status = inner.log.status();
        let roster = inner.members.roster();
        // One that was removed still has a name.
        let own = roster.members.get(&inner.config.id);
        let own = own.or_else(|| inner.config.members.get(&inner.config.id));
        ClusterStatus {
            node: inner.config.id,
            name: own.map(|it| it.name.clone()).unwrap_or_default(),
            role: status.role.unwrap_or(Role::Follower),
            votes: status.votes,
            leader: status.leader,
            term: status.term,
            commit_index: status.committed,
            applied_index: inner.shared.applied.applied().unwrap_or_default(),
            members: roster
                .members
                .keys()
                .map(|id| self.member_status(*id, &status, &roster))
                .collect(),
        }
    }

    fn certificate(
        &self,
        block: Arc<BlockRecord>,
    ) -> BoxFuture<'_, Result<Arc<Certificate>, CertificateError>> {
        let inner = &self.0;
        Box::pin(async move {
            let around = Surroundings {
                log: &*inner.log,
                environment: &*inner.environment,
                archive: &inner.shared.archive,
                voters: self.voters(),
                limit_ms: inner.config.timeout_ms,
            };
            inner.router.certifier.certificate(&block, around).await
        })
    }

    fn change_members(
        &self,
        change: MemberChange,
    ) -> BoxFuture<'_, Result<MemberId, MembershipError>> {
        Box::pin(self.0.members.change(change))
    }

    fn now_ms(&self) -> u64 {
        self.0.environment.now_ms()
    }
}
