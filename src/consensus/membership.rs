//! Changes of the membership while the cluster runs. Only the leader can make them; each is an entry of the log.
//!
//! *Invariants.* A new member begins as a learner: it gets the log and the application, and has no vote until it is
//! promoted. A number is never given to another identity: a member whose disk is lost for good is removed, and comes
//! back under a new number. openraft changes voters in two steps (joint consensus), so at no time can two majorities be
//! apart.

use super::{founding::ask, handle::Consensus, type_config::TypeConfig};
use crate::types::{Member, MemberId};
use openraft::{
    AsyncRuntime, ChangeMembers,
    errors::{ClientWriteError, RaftError},
};

/// A change of the membership that was not made, as far as this node knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MembershipError {
    /// Only the leader can; nothing was changed.
    #[error("this node is not the leader")]
    NotLeader {
        /// The leader it knows, if any.
        leader: Option<MemberId>,
    },
    /// This node lost its leadership meanwhile: the change may still come about.
    #[error("this node lost its leadership before the change was committed; it may still be")]
    Unknown {
        /// The leader it knows, if any.
        leader: Option<MemberId>,
    },
    /// There is no such member.
    #[error("there is no member {0}")]
    NoSuchMember(MemberId),
    /// There is such a member already.
    #[error("member {0} is there already")]
    Exists(MemberId),
    /// The last voter cannot go.
    #[error("member {0} is the only one that votes: add another one and promote it first")]
    LastVoter(MemberId),
    /// The learner has not got everything yet, or cannot be asked: as a voter it would count, and could not help.
    #[error("member {0} has not got everything yet: promote it when it has")]
    NotReady(MemberId),
    /// Another change is under way, or the engine refuses it for another reason.
    #[error("the change is refused: {0}")]
    Refused(String),
    /// The node has stopped.
    #[error("the node has stopped: {0}")]
    Stopped(String),
}

type Change = ChangeMembers<MemberId, Member>;

impl<RT: AsyncRuntime> Consensus<RT> {
    /// Adds a member without a vote. It is a member when this returns, and gets everything from then on. There is no
    /// time limit: the caller sets one.
    pub async fn add_learner(&self, id: MemberId, member: Member) -> Result<(), MembershipError> {
        if self.status().members.contains_key(&id) {
            return Err(MembershipError::Exists(id));
        }
        self.change(Change::AddNodes([(id, member)].into())).await
    }

    /// Gives a learner its vote, if it has everything: otherwise it would count, and could not help.
    pub async fn promote(&self, id: MemberId) -> Result<(), MembershipError> {
        match self.status().members.get(&id) {
            None => return Err(MembershipError::NoSuchMember(id)),
            Some(member) if member.voter => return Ok(()),
            Some(_) => {}
        }
        let ready = ask::<RT>(&**self.transport(), id).await;
        if !ready.is_some_and(|hello| hello.votes) {
            return Err(MembershipError::NotReady(id));
        }
        self.change(Change::AddVoterIds([id].into())).await
    }

    /// Takes a member out, with or without a vote. A leader that removes itself steps down when that is committed.
    pub async fn remove(&self, id: MemberId) -> Result<(), MembershipError> {
        let members = self.status().members;
        match members.get(&id) {
            None => Err(MembershipError::NoSuchMember(id)),
            Some(member) if member.voter => {
                if members.values().filter(|member| member.voter).count() == 1 {
                    return Err(MembershipError::LastVoter(id));
                }
                self.change(Change::RemoveVoters([id].into())).await
            }
            Some(_) => self.change(Change::RemoveNodes([id].into())).await,
        }
    }

    async fn change(&self, change: Change) -> Result<(), MembershipError> {
        let changed = self.raft().change_membership(change, false).await;
        changed.map(|_| ()).map_err(refusal)
    }
}

fn refusal<RT: AsyncRuntime>(
    error: RaftError<TypeConfig<RT>, ClientWriteError<TypeConfig<RT>>>,
) -> MembershipError {
    match error {
        RaftError::APIError(ClientWriteError::ForwardToLeader(forward)) => {
            MembershipError::NotLeader {
                leader: forward.leader_id,
            }
        }
        RaftError::APIError(ClientWriteError::LogEntryDiscarded(forward)) => {
            MembershipError::Unknown {
                leader: forward.leader_id,
            }
        }
        RaftError::APIError(
            error @ (ClientWriteError::ChangeMembershipError(_)
            | ClientWriteError::PreconditionFailed(_)),
        ) => MembershipError::Refused(error.to_string()),
        RaftError::Fatal(fatal) => MembershipError::Stopped(fatal.to_string()),
    }
}
