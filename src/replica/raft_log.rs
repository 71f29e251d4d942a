//! [`ReplicatedLog`] by the consensus and its transport.

use super::log::{LeaderView, LogError, LogStatus, PeerFailure, ReplicatedLog};
use crate::{
    consensus::{Consensus, MemberChange, MembershipError, PeerCalls, ProposeError},
    types::{LogIndex, LogPosition, MemberId, Payload, Role},
};
use alloy::primitives::Bytes;
use futures::future::{BoxFuture, FutureExt};
use openraft::AsyncRuntime;
use std::{fmt, sync::Arc, time::Duration};

/// A running consensus with the way to the peers.
pub struct RaftLog<RT: AsyncRuntime> {
    consensus: Consensus<RT>,
    peers: Arc<dyn PeerCalls>,
}

impl<RT: AsyncRuntime> fmt::Debug for RaftLog<RT> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RaftLog")
            .field("id", &self.consensus.id())
            .finish_non_exhaustive()
    }
}

impl<RT: AsyncRuntime> RaftLog<RT> {
    /// Joins the two.
    pub fn new(consensus: Consensus<RT>, peers: Arc<dyn PeerCalls>) -> Self {
        Self { consensus, peers }
    }
}

impl<RT: AsyncRuntime> ReplicatedLog for RaftLog<RT> {
    fn id(&self) -> MemberId {
        self.consensus.id()
    }

    fn propose(&self, payload: Payload) -> BoxFuture<'static, Result<LogPosition, LogError>> {
        self.consensus
            .propose(payload)
            .map(|result| result.map_err(log_error))
            .boxed()
    }

    fn read_index(&self) -> BoxFuture<'static, Result<LogIndex, LogError>> {
        let consensus = self.consensus.clone();
        async move { consensus.read_index().await.map_err(log_error) }.boxed()
    }

    fn read_index_by_lease(&self) -> Option<LogIndex> {
        self.consensus.read_index_by_lease()
    }

    fn quorum_is_fresh(&self, age: Duration) -> bool {
        self.consensus.quorum_is_fresh(age)
    }

    fn status(&self) -> LogStatus {
        let status = self.consensus.status();
        LogStatus {
            role: Some(status.view.role),
            votes: status.votes,
            leader: status.view.leader,
            term: status.view.term,
            committed: status.committed_index.unwrap_or_default(),
            applied: status.applied_index.unwrap_or_default(),
            matched: status
                .members
                .iter()
                .filter_map(|(id, progress)| Some((*id, progress.matched?)))
                .filter(|_| status.view.role == Role::Leader)
                .collect(),
            roster: self.consensus.roster(),
        }
    }

    fn view(&self) -> LeaderView {
        let view = self.consensus.leader();
        LeaderView {
            role: Some(view.role),
            leader: view.leader,
            term: view.term,
        }
    }

    fn changed(&self) -> BoxFuture<'static, ()> {
        let mut watch = self.consensus.watch_leader();
        async move {
            if watch.changed().await.is_none() {
                // Stopped: nothing changes any more.
                futures::future::pending::<()>().await;
            }
        }
        .boxed()
    }

    fn call(
        &self,
        to: MemberId,
        request: Bytes,
        timeout: Duration,
    ) -> BoxFuture<'static, Result<Bytes, PeerFailure>> {
        self.peers
            .call(to, request, timeout)
            .map(move |result| {
                result.map_err(|error| PeerFailure {
                    to,
                    may_have_happened: error.may_have_happened(),
                    reason: error.to_string(),
                })
            })
            .boxed()
    }

    fn change_members(
        &self,
        change: MemberChange,
        again: bool,
    ) -> BoxFuture<'static, Result<MemberId, MembershipError>> {
        let consensus = self.consensus.clone();
        async move { consensus.change_members(&change, again).await }.boxed()
    }

    fn reachable(&self, member: MemberId) -> bool {
        member == self.consensus.id() || self.peers.reachable(member)
    }
}

fn log_error(error: ProposeError) -> LogError {
    match error {
        ProposeError::NotLeader { leader } => LogError::NotLeader { leader },
        ProposeError::Unknown { leader } => LogError::Unknown { leader },
        ProposeError::NoQuorum | ProposeError::Overloaded { .. } => {
            LogError::NotLeader { leader: None }
        }
        ProposeError::Stopped(reason) => LogError::Stopped(reason),
    }
}
