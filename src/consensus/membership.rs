//! Changes of the members while the cluster runs, and of the leader, made by the leader through the log.
//!
//! *Invariants.* What is decided on the members as they are is proposed only while they are still so (openraft's
//! precondition on the membership's entry). A voter leaves in two steps, first its vote, then the rest: so it hears, as a
//! learner, that it need not stand for election any more. Leadership is handed over only to a voter that has everything.
//!
//! Source: D. Ongaro, *Consensus: Bridging Theory and Practice* (2014), 3.10 (transfer) and 4.3 (joint consensus), the
//! latter by openraft.

use super::{
    handle::Consensus,
    proposals::ProposeError,
    roster::{MemberChange, MembershipError, Roster},
    type_config::{StoredMembership, TypeConfig},
};
use crate::types::{LogIndex, Member, MemberId, Role};
use openraft::{
    AsyncRuntime, ChangeMembers, Instant as _,
    async_runtime::WatchReceiver,
    errors::{ChangeMembershipError, ClientWriteError, RaftError},
    metrics::RaftServerMetrics,
    raft::Precondition,
    type_config::alias::WatchReceiverOf,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// How long an entry with members may take to be committed, once a majority was there.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a learner may take to get what it lacks, before it is promoted.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a member that loses its vote is waited for to hear of it.
const FAREWELL_TIMEOUT: Duration = Duration::from_millis(500);
/// How long a successor may take to get the last entries.
const SUCCESSOR_TIMEOUT: Duration = Duration::from_millis(300);
/// The pause between two looks at how far a member is.
const LOOK_PAUSE: Duration = Duration::from_millis(5);

type Server<RT> = RaftServerMetrics<TypeConfig<RT>>;

/// Tells of changes of the members, from the moment on at which they are in this node's log.
pub struct RosterWatch<RT: AsyncRuntime> {
    receiver: WatchReceiverOf<TypeConfig<RT>, Server<RT>>,
    seen: Roster,
}

impl<RT: AsyncRuntime> std::fmt::Debug for RosterWatch<RT> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RosterWatch")
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}

impl<RT: AsyncRuntime> RosterWatch<RT> {
    /// Waits until the members are other ones than those last given, or for the first ones there are; `None` when the
    /// consensus has stopped.
    pub async fn changed(&mut self) -> Option<Roster> {
        loop {
            let now = roster(&self.receiver.borrow_watched().membership_config);
            if now != self.seen {
                self.seen = now.clone();
                return Some(now);
            }
            self.receiver.changed().await.ok()?;
        }
    }
}

fn roster(stored: &StoredMembership) -> Roster {
    Roster {
        members: stored
            .nodes()
            .map(|(id, member)| (*id, member.clone()))
            .collect(),
        voters: stored.voter_ids().collect(),
        index: stored.log_id().map(|log_id| log_id.index),
    }
}

impl<RT: AsyncRuntime> Consensus<RT> {
    /// The members that this node knows of; none before the cluster is founded.
    pub fn roster(&self) -> Roster {
        let metrics = self.raft().server_metrics();
        let metrics = metrics.borrow_watched();
        roster(&metrics.membership_config)
    }

    /// How many voters there are; while they change, how many before and after, for a majority of each must agree.
    pub(crate) fn voters_by_config(&self) -> Vec<usize> {
        let metrics = self.raft().server_metrics();
        let metrics = metrics.borrow_watched();
        let membership = metrics.membership_config.membership();
        let configs = membership.get_joint_config().iter();
        configs.map(BTreeSet::len).collect()
    }

    /// Tells of changes of the members.
    pub fn watch_roster(&self) -> RosterWatch<RT> {
        RosterWatch {
            receiver: self.raft().server_metrics(),
            seen: Roster::default(),
        }
    }

    /// Makes a change of the members or of the leader, if this node leads; the number of the member it was about.
    /// `again`: the change was asked for before, and may have been made since; then there is nothing to do.
    ///
    /// # Errors
    /// It does not lead ([`MembershipError::NotLeader`]), or the change is not possible, and why.
    pub async fn change_members(
        &self,
        change: &MemberChange,
        again: bool,
    ) -> Result<MemberId, MembershipError> {
        self.lead_surely().await?;
        if again && let Some(id) = change.has_happened(&self.roster()) {
            return Ok(id);
        }
        match change {
            MemberChange::Add { member, voter } => self.add(member, *voter).await,
            MemberChange::Promote(name) => self.promote(name).await,
            MemberChange::Remove(name) => self.remove(name).await,
            MemberChange::Transfer(to) => self.hand_over(to.as_deref()).await,
        }
    }

    /// Hands the leadership to the voter of that name, or to the one that has most of the log; who leads then.
    ///
    /// # Errors
    /// This node does not lead, nobody can take over, or nobody did so in time.
    pub async fn hand_over(&self, to: Option<&str>) -> Result<MemberId, MembershipError> {
        let view = self.leader();
        if view.role != Role::Leader {
            return Err(self.not_leader());
        }
        let (roster, up) = (self.roster(), self.up());
        let to = match to {
            Some(name) => successor(&roster, &up, name)?,
            None => self.best_successor(&roster, &up)?,
        };
        if to == self.id() {
            return Ok(to);
        }
        self.wait_matched(to, self.last_log_index(), SUCCESSOR_TIMEOUT)
            .await;
        let mut watch = self.watch_leader();
        self.transfer_leader(to)
            .await
            .map_err(|error| self.failed(&error))?;
        let taken = async {
            while let Some(now) = watch.changed().await {
                if now.term > view.term
                    && let Some(leader) = now.leader
                {
                    return Some(leader);
                }
            }
            None
        };
        match RT::timeout(self.read_timeout(), taken).await {
            Ok(Some(leader)) => Ok(leader),
            Ok(None) => Err(MembershipError::Stopped("it was told to".to_owned())),
            Err(_) => Err(MembershipError::NotTaken(roster.name(to))),
        }
    }

    /// Makes sure that a majority takes this node for the leader: then it knows all members there are.
    async fn lead_surely(&self) -> Result<(), MembershipError> {
        if self.leader().role != Role::Leader {
            return Err(self.not_leader());
        }
        match self.read_index().await {
            Ok(_) => Ok(()),
            Err(ProposeError::Stopped(reason)) => Err(MembershipError::Stopped(reason)),
            Err(_) => Err(MembershipError::NotLeader { leader: None }),
        }
    }

    async fn add(&self, member: &Member, voter: bool) -> Result<MemberId, MembershipError> {
        let roster = self.roster();
        self.add_numbered(roster.next_id(), member, voter).await
    }

    /// The same under a number of the caller's choice, which nobody may have had before.
    pub(crate) async fn add_numbered(
        &self,
        id: MemberId,
        member: &Member,
        voter: bool,
    ) -> Result<MemberId, MembershipError> {
        let roster = self.roster();
        roster.admit(member)?;
        let new = BTreeMap::from([(id, member.clone())]);
        let change = if voter {
            let joining = Some((id, member.name.as_str()));
            roster.keeps_majority(
                format!("adding {} as a voter", member.name),
                joining,
                None,
                &self.up(),
            )?;
            ChangeMembers::AddVoters(new)
        } else {
            ChangeMembers::AddNodes(new)
        };
        self.propose_members(change).await?;
        Ok(id)
    }

    async fn promote(&self, name: &str) -> Result<MemberId, MembershipError> {
        let roster = self.roster();
        let id = roster.named(name)?;
        if roster.voters.contains(&id) {
            return Err(MembershipError::Voter(name.to_owned()));
        }
        let up = self.up();
        if !up.contains(&id) {
            return Err(down(&roster, id));
        }
        let joining = Some((id, name));
        roster.keeps_majority(format!("promoting {name}"), joining, None, &up)?;
        let goal = self.last_log_index();
        // It may have everything and not know it yet: no majority must depend on a member that would not vote.
        if !self.wait_matched(id, goal, CATCH_UP_TIMEOUT).await
            || !self.wait_willing(id, CATCH_UP_TIMEOUT).await
        {
            let has = self.matched(id).unwrap_or_default();
            return Err(MembershipError::Behind {
                name: name.to_owned(),
                entries: goal.unwrap_or_default().saturating_sub(has),
            });
        }
        self.propose_members(ChangeMembers::AddVoterIds(BTreeSet::from([id])))
            .await?;
        Ok(id)
    }

    async fn remove(&self, name: &str) -> Result<MemberId, MembershipError> {
        let roster = self.roster();
        let id = roster.named(name)?;
        if roster.voters.contains(&id) {
            if roster.voters.len() == 1 {
                return Err(MembershipError::LastVoter(name.to_owned()));
            }
            roster.keeps_majority(format!("removing {name}"), None, Some(id), &self.up())?;
            if id == self.id() {
                // Its successor does it.
                let leader = self.hand_over(None).await?;
                return Err(MembershipError::NotLeader {
                    leader: Some(leader),
                });
            }
            self.propose_members(ChangeMembers::RemoveVoters(BTreeSet::from([id])))
                .await?;
            if self.up().contains(&id) {
                let heard = self.roster().index;
                self.wait_matched(id, heard, FAREWELL_TIMEOUT).await;
            }
        }
        self.propose_members(ChangeMembers::RemoveNodes(BTreeSet::from([id])))
            .await?;
        Ok(id)
    }

    /// Proposes a change on top of the members as they are now, and waits until it is committed.
    async fn propose_members(
        &self,
        change: ChangeMembers<MemberId, Member>,
    ) -> Result<(), MembershipError> {
        let last_membership_log_id = {
            let metrics = self.raft().server_metrics();
            let metrics = metrics.borrow_watched();
            *metrics.membership_config.log_id()
        };
        let unchanged = Precondition::LastMembershipLogId {
            last_membership_log_id,
        };
        let done = self.raft().change_membership_if(change, true, [unchanged]);
        match RT::timeout(COMMIT_TIMEOUT, done).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(RaftError::APIError(error))) => Err(refused::<RT>(&error)),
            Ok(Err(RaftError::Fatal(_))) => Err(MembershipError::Stopped(self.why_stopped())),
            Err(_) => Err(MembershipError::Uncertain),
        }
    }

    fn not_leader(&self) -> MembershipError {
        let leader = self.leader().leader.filter(|leader| *leader != self.id());
        MembershipError::NotLeader { leader }
    }

    fn failed(&self, error: &ProposeError) -> MembershipError {
        match error {
            ProposeError::Stopped(reason) => MembershipError::Stopped(reason.clone()),
            _ => self.not_leader(),
        }
    }

    fn last_log_index(&self) -> Option<LogIndex> {
        let metrics = self.raft().metrics();
        let metrics = metrics.borrow_watched();
        metrics.last_log_index
    }

    /// How much of the log a member has, as the leader knows it.
    fn matched(&self, id: MemberId) -> Option<LogIndex> {
        let metrics = self.raft().metrics();
        let metrics = metrics.borrow_watched();
        let matched = metrics.replication.as_ref()?.get(&id)?.as_ref()?;
        Some(matched.index)
    }

    /// Waits until a member has the log up to an index.
    async fn wait_matched(&self, id: MemberId, goal: Option<LogIndex>, limit: Duration) -> bool {
        let waiting = async {
            while self.matched(id) < goal {
                RT::sleep(LOOK_PAUSE).await;
            }
        };
        RT::timeout(limit, waiting).await.is_ok()
    }

    /// Whether a member says in time that it votes.
    async fn wait_willing(&self, id: MemberId, limit: Duration) -> bool {
        let asking = async {
            while !self.asked(id).await.is_some_and(|hello| hello.votes) {
                RT::sleep(LOOK_PAUSE).await;
            }
        };
        RT::timeout(limit, asking).await.is_ok()
    }

    /// The members that answer: there is a connection, and no word to them is unanswered for too long.
    fn up(&self) -> BTreeSet<MemberId> {
        let patience = 2 * self.read_timeout();
        let metrics = self.raft().metrics();
        let metrics = metrics.borrow_watched();
        let is_silent = |id: &MemberId| {
            let heard = metrics.heartbeat.as_ref().and_then(|all| all.get(id));
            let heard = heard.and_then(Option::as_ref);
            heard.is_some_and(|at| at.elapsed() > patience)
        };
        let members = metrics.membership_config.nodes().map(|(id, _)| *id);
        members
            .filter(|id| *id == self.id() || (self.is_connected(*id) && !is_silent(id)))
            .collect()
    }

    /// The voter with the most of the log among those that are up.
    fn best_successor(
        &self,
        roster: &Roster,
        up: &BTreeSet<MemberId>,
    ) -> Result<MemberId, MembershipError> {
        let others = || roster.voters.iter().filter(|id| **id != self.id());
        if others().next().is_none() {
            return Err(MembershipError::LastVoter(roster.name(self.id())));
        }
        others()
            .filter(|id| up.contains(id))
            .max_by_key(|id| self.matched(**id))
            .copied()
            .ok_or_else(|| MembershipError::NoSuccessor(roster.names(others())))
    }
}

/// Why the engine did not make a change.
fn refused<RT: AsyncRuntime>(error: &ClientWriteError<TypeConfig<RT>>) -> MembershipError {
    match error {
        ClientWriteError::ForwardToLeader(forward) => MembershipError::NotLeader {
            leader: forward.leader_id,
        },
        // Another leader's log does not have it, or not yet.
        ClientWriteError::LogEntryDiscarded(_) => MembershipError::Uncertain,
        ClientWriteError::PreconditionFailed(_)
        | ClientWriteError::ChangeMembershipError(
            ChangeMembershipError::InProgress(_) | ChangeMembershipError::UncommittedLeaderLog(_),
        ) => MembershipError::Busy,
        ClientWriteError::ChangeMembershipError(error) => {
            // The rules of `roster` leave no other.
            tracing::error!(%error, "the engine refused a change of the members");
            MembershipError::Uncertain
        }
    }
}

fn successor(
    roster: &Roster,
    up: &BTreeSet<MemberId>,
    name: &str,
) -> Result<MemberId, MembershipError> {
    let id = roster.named(name)?;
    if !roster.voters.contains(&id) {
        return Err(MembershipError::Learner(name.to_owned()));
    }
    if !up.contains(&id) {
        return Err(down(roster, id));
    }
    Ok(id)
}

fn down(roster: &Roster, id: MemberId) -> MembershipError {
    let address = roster.members.get(&id).map(|it| it.peer_address.clone());
    MembershipError::Down {
        name: roster.name(id),
        address: address.unwrap_or_default(),
    }
}
