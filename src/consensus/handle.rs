//! The consensus as the replica uses it.

use super::{
    adapter::StateMachine,
    application::Application,
    config::ConsensusConfig,
    failure::Failure,
    founding::{self, Founding, Franchise},
    lease::Lease,
    message::Hello,
    network::Peers,
    peers::{MessageKind, Transport},
    progress::Progress,
    proposals::{ProposalFuture, Proposals, ProposeError},
    rebuild::RebuildMark,
    service::RaftService,
    snapshot::SnapshotSpool,
    status::{ConsensusStatus, LeaderView, LeaderWatch, confirmed, quorum_ack_age},
    succession::Succession,
    type_config::TypeConfig,
};
use crate::types::{LogIndex, Member, MemberId, Payload, Term};
use futures::future::select;
use openraft::{
    AsyncRuntime, LinearizerOption, Raft, ReadPolicy,
    async_runtime::WatchReceiver,
    errors::{Fatal, LinearizableReadError, RaftError},
    storage::{RaftLogReader, RaftLogStorage},
};
use std::{collections::BTreeMap, pin::pin, sync::Arc, time::Duration};

/// The consensus could not be started.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ConsensusError {
    /// The timing does not fit together.
    #[error("the consensus' timing is not possible: {0}")]
    Config(String),
    /// This node is not one of the members.
    #[error("member {0} is not in the list of members")]
    NotAMember(MemberId),
    /// The record beside the application's stored copy cannot be read.
    #[error("the record of the stored state cannot be read: {0}")]
    Record(String),
    /// The log or the application failed.
    #[error("{0}")]
    Storage(String),
}

/// What a node's consensus is put together from.
pub struct Parts<L> {
    /// Timing and limits.
    pub config: ConsensusConfig,
    /// This member.
    pub id: MemberId,
    /// All members at the first start; later the log knows them.
    pub members: BTreeMap<MemberId, Member>,
    /// The log.
    pub log: L,
    /// The way to the peers. The consensus takes up [`MessageKind::Consensus`] and [`MessageKind::Bulk`] there.
    pub transport: Arc<dyn Transport>,
    /// Where snapshots from peers are kept until they are whole.
    pub spool: Arc<dyn SnapshotSpool>,
    /// Where it is kept whether this member is being rebuilt.
    pub mark: Arc<dyn RebuildMark>,
    /// What the log drives.
    pub application: Box<dyn Application>,
}

impl<L> Parts<L> {
    /// The engine's configuration, if this member is one and the timing is possible.
    fn engine(&self) -> Result<openraft::Config, ConsensusError> {
        if !self.members.contains_key(&self.id) {
            return Err(ConsensusError::NotAMember(self.id));
        }
        let engine = self.config.engine();
        engine.map_err(|error| ConsensusError::Config(error.to_string()))
    }
}

impl<L> std::fmt::Debug for Parts<L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts")
            .field("config", &self.config)
            .field("id", &self.id)
            .field("members", &self.members)
            .finish_non_exhaustive()
    }
}

/// A running consensus. Clones share it.
pub struct Consensus<RT: AsyncRuntime> {
    raft: Raft<TypeConfig<RT>, StateMachine>,
    id: MemberId,
    proposals: Proposals<RT>,
    progress: Progress,
    failure: Failure,
    franchise: Franchise,
    lease: Lease,
    transport: Arc<dyn Transport>,
    read_timeout: Duration,
}

impl<RT: AsyncRuntime> Clone for Consensus<RT> {
    fn clone(&self) -> Self {
        Self {
            raft: self.raft.clone(),
            id: self.id,
            proposals: self.proposals.clone(),
            progress: self.progress.clone(),
            failure: self.failure.clone(),
            franchise: self.franchise.clone(),
            lease: self.lease.clone(),
            transport: Arc::clone(&self.transport),
            read_timeout: self.read_timeout,
        }
    }
}

impl<RT: AsyncRuntime> std::fmt::Debug for Consensus<RT> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Consensus")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl<RT: AsyncRuntime> Consensus<RT> {
    /// Starts a member: brings the application up to where the log is known to be committed, takes up messages of
    /// peers, and (in the background) founds the cluster if there is none yet.
    pub async fn start<L>(parts: Parts<L>) -> Result<Self, ConsensusError>
    where
        L: RaftLogStorage<TypeConfig<RT>>,
    {
        let engine = parts.engine()?;
        let (failure, progress) = (Failure::default(), Progress::default());
        let machine = StateMachine::new(parts.application, failure.clone(), progress.clone())
            .map_err(|error| ConsensusError::Record(error.to_string()))?;
        let lease = Lease::new(parts.config.promise());
        let peers = Peers::<RT>::new(
            Arc::clone(&parts.transport),
            parts.id,
            parts.config.election_timeout_max(),
            lease.announced(),
        );
        let mut log = parts.log;
        let promised_term = promised_term(&mut log).await?;
        let raft = Raft::new(parts.id, Arc::new(engine), peers, log, machine)
            .await
            .map_err(|fatal| storage_failure(&failure, &fatal))?;
        let has_log = raft.is_initialized().await;
        let has_log = has_log.map_err(|fatal| storage_failure(&failure, &fatal))?;
        let founded = has_log && !parts.mark.is_set();
        raft.runtime_config().elect(founded);
        let promise = lease.promise().filter(|_| parts.members.len() > 1);
        let consensus = Self {
            proposals: Proposals::new(raft.clone(), failure.clone(), parts.config.max_in_flight),
            raft,
            id: parts.id,
            progress,
            failure,
            franchise: Franchise::new(founded && promise.is_none(), founded),
            lease,
            transport: parts.transport,
            read_timeout: parts.config.election_timeout_max(),
        };
        consensus.serve(parts.spool);
        consensus.look_after_the_leader(&parts.config);
        if !founded {
            consensus.found_or_rejoin(parts.members, parts.mark);
        } else if let Some(promise) = promise {
            let (raft, franchise) = (consensus.raft.clone(), consensus.franchise.clone());
            drop(RT::spawn(keep_promise(
                raft,
                promise,
                promised_term,
                franchise,
            )));
        }
        Ok(consensus)
    }

    fn serve(&self, spool: Arc<dyn SnapshotSpool>) {
        let service = Arc::new(RaftService::new(
            self.raft.clone(),
            spool,
            self.franchise.clone(),
            self.read_timeout,
        ));
        self.transport
            .serve(MessageKind::Consensus, Some(service.clone()));
        self.transport.serve(MessageKind::Bulk, Some(service));
    }

    fn look_after_the_leader(&self, config: &ConsensusConfig) {
        let succession = Succession {
            raft: self.raft.clone(),
            transport: Arc::clone(&self.transport),
            franchise: self.franchise.clone(),
            id: self.id,
            heartbeat: Duration::from_millis(config.heartbeat_ms),
            promise: Duration::from_millis(config.promise_ms()),
        };
        drop(RT::spawn(succession.run()));
    }

    fn found_or_rejoin(&self, members: BTreeMap<MemberId, Member>, mark: Arc<dyn RebuildMark>) {
        let founding = Founding {
            raft: self.raft.clone(),
            transport: Arc::clone(&self.transport),
            id: self.id,
            members,
            mark,
            progress: self.progress.clone(),
            franchise: self.franchise.clone(),
        };
        drop(RT::spawn(founding.run()));
    }

    /// Proposes a payload. It is in the engine's queue, behind all proposals made before, when this returns; the
    /// future tells when it is committed and applied here. There is no time limit: the caller sets one.
    pub fn propose(&self, payload: Payload) -> ProposalFuture<RT> {
        self.proposals.propose(payload)
    }

    /// Raft's `ReadIndex`: an index such that a state that includes it is as new as anything acknowledged before this
    /// call. Only the leader can tell, after a majority confirmed that it leads; a lone voter knows at once.
    pub async fn read_index(&self) -> Result<LogIndex, ProposeError> {
        let option =
            LinearizerOption::from(ReadPolicy::ReadIndex).with_wait_timeout(self.read_timeout);
        match self.raft.get_read_linearizer(option).await {
            Ok(linearizer) => {
                let log_id = linearizer.read_log_id().log_id();
                self.lease.settle(log_id.leader_id.term, log_id.index);
                Ok(log_id.index)
            }
            Err(RaftError::APIError(LinearizableReadError::ForwardToLeader(forward))) => {
                Err(ProposeError::not_leader(&forward))
            }
            Err(RaftError::APIError(LinearizableReadError::QuorumNotEnough(_))) => {
                Err(ProposeError::NoQuorum)
            }
            Err(RaftError::Fatal(_)) => Err(self.stopped()),
        }
    }

    /// The same, if this leader knows it without asking: it is the only voter, or its lease lasts (see `lease`).
    pub fn read_index_by_lease(&self) -> Option<LogIndex> {
        let (term, confirmed) = {
            let metrics = self.raft.metrics();
            let metrics = metrics.borrow_watched();
            (metrics.current_term, confirmed(&*metrics)?)
        };
        self.lease
            .read_index(term, confirmed, self.progress.applied())
    }

    /// Waits until `index` is applied here. There is no time limit: the caller sets one.
    pub async fn wait_applied(&self, index: LogIndex) -> Result<(), ProposeError> {
        self.progress
            .wait(index)
            .await
            .map_err(|_ended| self.stopped())
    }

    /// The last index applied here.
    pub fn applied_index(&self) -> Option<LogIndex> {
        self.progress.applied()
    }

    /// This member.
    pub fn id(&self) -> MemberId {
        self.id
    }

    /// The state of the consensus, as this node sees it.
    pub fn status(&self) -> ConsensusStatus {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        ConsensusStatus::new(&metrics, self.progress.applied(), self.franchise.has())
    }

    pub(super) fn raft(&self) -> &Raft<TypeConfig<RT>, StateMachine> {
        &self.raft
    }

    /// How long a majority, or a successor, may take to answer.
    pub(super) fn read_timeout(&self) -> Duration {
        self.read_timeout
    }

    pub(super) fn is_connected(&self, id: MemberId) -> bool {
        self.transport.reachable(id)
    }

    /// What a member says of itself; `None` if it does not answer in time.
    pub(super) async fn asked(&self, id: MemberId) -> Option<Hello> {
        founding::ask::<RT>(&*self.transport, id).await
    }

    pub(super) fn why_stopped(&self) -> String {
        self.fatal().unwrap_or_else(|| "it was told to".to_owned())
    }

    /// Who leads, as this node sees it.
    pub fn leader(&self) -> LeaderView {
        self.watch_leader().current()
    }

    /// Tells of changes of the leader.
    pub fn watch_leader(&self) -> LeaderWatch<RT> {
        LeaderWatch::new(self.raft.server_metrics())
    }

    /// Whether this node leads and a majority confirmed it within `max_age`. A leader that was cut off says that it
    /// leads for as long as it hears nothing else; this tells the difference.
    pub fn quorum_is_fresh(&self, max_age: Duration) -> bool {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        quorum_ack_age(&*metrics).is_some_and(|age| age <= max_age)
    }

    /// Asks for a checkpoint of the application, after which the log before it may be purged.
    pub async fn trigger_checkpoint(&self) -> Result<(), ProposeError> {
        let triggered = self.raft.trigger().snapshot().await;
        triggered.map_err(|_fatal| self.stopped())
    }

    /// Hands the leadership to `to`, if this node leads and `to` is far enough.
    pub async fn transfer_leader(&self, to: MemberId) -> Result<(), ProposeError> {
        self.lease.give_up(self.leader().term);
        let triggered = self.raft.trigger().transfer_leader(to).await;
        triggered.map_err(|_fatal| self.stopped())
    }

    /// Why the node had to stop, if it had to: its application or its log failed.
    pub fn fatal(&self) -> Option<String> {
        if let Some(reason) = self.failure.get() {
            return Some(reason.to_owned());
        }
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        match &metrics.running_state {
            Ok(()) | Err(Fatal::Stopped) => None,
            Err(fatal) => Some(fatal.to_string()),
        }
    }

    /// Waits until the engine has stopped; the reason, if it was a failure.
    pub async fn stopped_running(&self) -> Option<String> {
        // Not the metrics themselves: they change with every step of the engine.
        let mut server = self.raft.server_metrics();
        let metrics = self.raft.metrics();
        loop {
            if metrics.borrow_watched().running_state.is_err() || server.changed().await.is_err() {
                return self.fatal();
            }
        }
    }

    /// Stops the member: takes no more messages, ends the engine. What was acknowledged stays.
    pub async fn shutdown(&self) {
        self.transport.serve(MessageKind::Consensus, None);
        self.transport.serve(MessageKind::Bulk, None);
        if let Err(error) = self.raft.shutdown().await {
            tracing::warn!(%error, "the consensus did not end well");
        }
        self.progress.end();
    }

    fn stopped(&self) -> ProposeError {
        ProposeError::Stopped(self.why_stopped())
    }
}

/// Votes for nobody, and does not stand for election, while a promise from before the start may last: until its time is
/// over, or a leader of a later term than any promise is heard. That one was elected by a majority whose promises to
/// earlier leaders had ended, so no earlier leader counts on this member any more.
async fn keep_promise<RT: AsyncRuntime>(
    raft: Raft<TypeConfig<RT>, StateMachine>,
    promise: Duration,
    promised_term: Term,
    franchise: Franchise,
) {
    raft.runtime_config().elect(false);
    let mut watch = LeaderWatch::<RT>::new(raft.server_metrics());
    let is_over = pin!(RT::sleep(promise));
    let is_obsolete = pin!(async {
        while let Some(view) = watch.leader().await {
            if view.term > promised_term {
                return;
            }
            if watch.changed().await.is_none() {
                break;
            }
        }
        std::future::pending::<()>().await;
    });
    select(is_over, is_obsolete).await;
    franchise.give();
    raft.runtime_config().elect(true);
}

/// The term up to which this member may have promised a leader something before it was started.
async fn promised_term<RT, L>(log: &mut L) -> Result<Term, ConsensusError>
where
    RT: AsyncRuntime,
    L: RaftLogStorage<TypeConfig<RT>>,
{
    let vote = log.get_log_reader().await.read_vote().await;
    let vote = vote.map_err(|error| ConsensusError::Storage(error.to_string()))?;
    Ok(vote.map_or(0, |vote| vote.leader_id.term))
}

fn storage_failure<RT: AsyncRuntime>(
    failure: &Failure,
    fatal: &Fatal<TypeConfig<RT>>,
) -> ConsensusError {
    ConsensusError::Storage(
        failure
            .get()
            .map_or_else(|| fatal.to_string(), str::to_owned),
    )
}
