//! The consensus as one member sees it.

use super::{lease::Confirmed, type_config::TypeConfig};
use crate::types::{LogIndex, Member, MemberId, Role, Term};
use openraft::{
    AsyncRuntime, RaftMetrics, ServerState, async_runtime::WatchReceiver,
    metrics::RaftServerMetrics, type_config::alias::WatchReceiverOf,
};
use std::{collections::BTreeMap, time::Duration};

/// Who leads, as seen from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaderView {
    /// What this node does. A leader only once its leadership is established, so that it takes proposals.
    pub role: Role,
    /// The leader this node knows, itself included.
    pub leader: Option<MemberId>,
    /// The term this node is in.
    pub term: Term,
}

/// A member's part in the consensus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberProgress {
    /// The member.
    pub member: Member,
    /// Whether it votes.
    pub voter: bool,
    /// The highest index known to be stored there; known to the leader alone.
    pub matched: Option<LogIndex>,
}

/// A snapshot of the consensus' state.
#[derive(Clone, Debug)]
pub struct ConsensusStatus {
    /// The answering node.
    pub id: MemberId,
    /// Who leads.
    pub view: LeaderView,
    /// Whether this node gives votes: not before it has got back what a lost disk has forgotten.
    pub votes: bool,
    /// The highest index known here to be committed.
    pub committed_index: Option<LogIndex>,
    /// The last index applied here.
    pub applied_index: Option<LogIndex>,
    /// The last index in the log here.
    pub last_log_index: Option<LogIndex>,
    /// The last index of the last checkpoint.
    pub checkpoint_index: Option<LogIndex>,
    /// The last index that was purged from the log.
    pub purged_index: Option<LogIndex>,
    /// How long ago a majority last confirmed this leader; `None` on others, and before the first time.
    pub quorum_ack_age: Option<Duration>,
    /// All members.
    pub members: BTreeMap<MemberId, MemberProgress>,
    /// Why the engine has stopped, if it has.
    pub stopped: Option<String>,
}

impl LeaderView {
    pub(super) fn new(
        id: MemberId,
        state: ServerState,
        leader: Option<MemberId>,
        term: Term,
    ) -> Self {
        let role = match state {
            ServerState::Leader if leader == Some(id) => Role::Leader,
            ServerState::Leader | ServerState::Candidate => Role::Candidate,
            ServerState::Learner => Role::Learner,
            ServerState::Follower | ServerState::Shutdown => Role::Follower,
        };
        Self { role, leader, term }
    }
}

impl ConsensusStatus {
    pub(super) fn new<RT: AsyncRuntime>(
        metrics: &RaftMetrics<TypeConfig<RT>>,
        applied: Option<LogIndex>,
        votes: bool,
    ) -> Self {
        let membership = metrics.membership_config.membership();
        let electorate: Vec<MemberId> = membership.voter_ids().collect();
        let members = membership
            .nodes()
            .map(|(id, member)| {
                let matched = if *id == metrics.id {
                    metrics.last_log_index
                } else {
                    let replication = metrics.replication.as_ref();
                    replication
                        .and_then(|all| all.get(id).copied().flatten())
                        .map(|log_id| log_id.index)
                };
                let progress = MemberProgress {
                    member: member.clone(),
                    voter: electorate.contains(id),
                    matched,
                };
                (*id, progress)
            })
            .collect();
        let index = |log_id: &Option<super::LogId>| log_id.as_ref().map(|it| it.index);
        Self {
            id: metrics.id,
            view: LeaderView::new(
                metrics.id,
                metrics.state,
                metrics.current_leader,
                metrics.current_term,
            ),
            votes: votes && electorate.contains(&metrics.id),
            committed_index: index(&metrics.cluster_committed).max(applied),
            applied_index: applied,
            last_log_index: metrics.last_log_index,
            checkpoint_index: index(&metrics.snapshot),
            purged_index: index(&metrics.purged),
            quorum_ack_age: quorum_ack_age(metrics),
            members,
            stopped: metrics
                .running_state
                .as_ref()
                .err()
                .map(ToString::to_string),
        }
    }
}

/// How long ago a majority confirmed this leader. A majority of one confirms itself.
pub(super) fn quorum_ack_age<RT: AsyncRuntime>(
    metrics: &RaftMetrics<TypeConfig<RT>>,
) -> Option<Duration> {
    confirmed(metrics).map(Confirmed::age)
}

/// Who confirmed this leader, and when.
pub(super) fn confirmed<RT: AsyncRuntime>(
    metrics: &RaftMetrics<TypeConfig<RT>>,
) -> Option<Confirmed> {
    if metrics.current_leader != Some(metrics.id) {
        return None;
    }
    let mut voters = metrics.membership_config.membership().voter_ids();
    if voters.all(|id| id == metrics.id) {
        return Some(Confirmed::ByItself);
    }
    metrics
        .last_quorum_acked
        .map(|acked| Confirmed::Ago(openraft::Instant::elapsed(&*acked)))
}

/// Tells of changes of the leader.
pub struct LeaderWatch<RT: AsyncRuntime> {
    pub(super) receiver: WatchReceiverOf<TypeConfig<RT>, RaftServerMetrics<TypeConfig<RT>>>,
    pub(super) seen: LeaderView,
}

impl<RT: AsyncRuntime> std::fmt::Debug for LeaderWatch<RT> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LeaderWatch")
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}

impl<RT: AsyncRuntime> LeaderWatch<RT> {
    pub(super) fn new(
        receiver: WatchReceiverOf<TypeConfig<RT>, RaftServerMetrics<TypeConfig<RT>>>,
    ) -> Self {
        let seen = view(&*receiver.borrow_watched());
        Self { receiver, seen }
    }

    /// Who leads now.
    pub fn current(&self) -> LeaderView {
        view(&*self.receiver.borrow_watched())
    }

    /// Waits until the role, the leader or the term differs from what was last seen through this watch; `None` when
    /// the consensus has stopped.
    pub async fn changed(&mut self) -> Option<LeaderView> {
        loop {
            let now = self.current();
            if now != self.seen {
                self.seen = now;
                return Some(now);
            }
            self.receiver.changed().await.ok()?;
        }
    }

    /// Waits until some leader is known.
    pub async fn leader(&mut self) -> Option<LeaderView> {
        loop {
            let now = self.current();
            self.seen = now;
            if now.leader.is_some() {
                return Some(now);
            }
            self.receiver.changed().await.ok()?;
        }
    }
}

fn view<RT: AsyncRuntime>(metrics: &RaftServerMetrics<TypeConfig<RT>>) -> LeaderView {
    LeaderView::new(
        metrics.id,
        metrics.state,
        metrics.current_leader,
        metrics.vote.leader_id.term,
    )
}
