//! The replicated log and the peers, as the replica uses them: `consensus` behind an object without type parameters.

use crate::{
    consensus::{MemberChange, MembershipError, Roster},
    types::{LogIndex, LogPosition, MemberId, Payload, Role, Term},
};
use alloy::primitives::Bytes;
use futures::future::BoxFuture;
use std::{collections::BTreeMap, fmt, time::Duration};

/// A proposal that is not known to be in the log.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LogError {
    /// This node does not lead; nothing was proposed.
    #[error("this node is not the leader")]
    NotLeader {
        /// Who leads, if known.
        leader: Option<MemberId>,
    },
    /// This node lost its leadership with the entry in its log: another leader may still commit it.
    #[error("this node lost its leadership before the entry was committed")]
    Unknown {
        /// Who leads, if known.
        leader: Option<MemberId>,
    },
    /// The node stopped.
    #[error("the node has stopped: {0}")]
    Stopped(String),
}

/// Who leads, as seen from here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeaderView {
    /// What this node does; `None` before it runs.
    pub role: Option<Role>,
    /// Who leads.
    pub leader: Option<MemberId>,
    /// The term.
    pub term: Term,
}

impl LeaderView {
    /// Whether this node leads.
    pub fn leads(&self) -> bool {
        self.role == Some(Role::Leader)
    }
}

/// What this node knows of the cluster.
#[derive(Clone, Debug, Default)]
pub struct LogStatus {
    /// What it does; `None` before it runs.
    pub role: Option<Role>,
    /// Whether it gives votes: not before it has got back what a lost disk has forgotten.
    pub votes: bool,
    /// Who leads.
    pub leader: Option<MemberId>,
    /// The term.
    pub term: Term,
    /// The highest index known to be committed.
    pub committed: LogIndex,
    /// The last applied index.
    pub applied: LogIndex,
    /// On the leader: the highest index stored on each member.
    pub matched: BTreeMap<MemberId, LogIndex>,
    /// The members by the log; none before the cluster is founded.
    pub roster: Roster,
}

/// A peer that did not answer.
#[derive(Clone, Debug, thiserror::Error)]
#[error("peer {to} did not answer: {reason}")]
pub struct PeerFailure {
    /// Who was asked.
    pub to: MemberId,
    /// Whether the peer may have taken the request all the same.
    pub may_have_happened: bool,
    /// Why.
    pub reason: String,
}

/// The log and the way to the peers.
pub trait ReplicatedLog: Send + Sync + fmt::Debug + 'static {
    /// This node.
    fn id(&self) -> MemberId;
    /// Puts a payload into the log, in the order of the calls; resolves when it is committed and applied here.
    fn propose(&self, payload: Payload) -> BoxFuture<'static, Result<LogPosition, LogError>>;
    /// Raft's ReadIndex: everything acknowledged before this call has at most this index. Leader only.
    fn read_index(&self) -> BoxFuture<'static, Result<LogIndex, LogError>>;
    /// The same, where this leader knows it without asking anybody.
    fn read_index_by_lease(&self) -> Option<LogIndex>;
    /// Whether a majority has answered this leader within `age`.
    fn quorum_is_fresh(&self, age: Duration) -> bool;
    /// What is known now.
    fn status(&self) -> LogStatus;
    /// Who leads now.
    fn view(&self) -> LeaderView;
    /// Resolves when role, leader or term change after this call.
    fn changed(&self) -> BoxFuture<'static, ()>;
    /// Asks a peer.
    fn call(
        &self,
        to: MemberId,
        request: Bytes,
        timeout: Duration,
    ) -> BoxFuture<'static, Result<Bytes, PeerFailure>>;
    /// Changes the members or the leader, on the leader alone; `again`: it may have happened already. A log of one node
    /// has nothing to change.
    fn change_members(
        &self,
        _change: MemberChange,
        _again: bool,
    ) -> BoxFuture<'static, Result<MemberId, MembershipError>> {
        Box::pin(std::future::ready(Err(MembershipError::Alone)))
    }
    /// Whether there is a live connection to a peer (or it is this node).
    fn reachable(&self, member: MemberId) -> bool;
}
