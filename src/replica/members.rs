//! The way of a change of the members: to the leader, wherever it is, until it is made, refused, or the time is over.
//!
//! *Invariant.* A change whose first answer was lost is asked for as one that may have happened already, so that it is not
//! refused for having been made.

use super::{
    environment::Environment,
    log::ReplicatedLog,
    message::{self, Request, Response},
};
use crate::{
    consensus::{MemberChange, MembershipError, Roster},
    types::MemberId,
};
use futures::future::{Either, select};
use std::{collections::BTreeSet, sync::Arc, time::Duration};

/// How long to wait before asking again when nothing changes.
const RETRY_MS: u64 = 20;
/// How long the leader may take: a learner may have to get a whole log before it is promoted.
const ANSWER_LIMIT: Duration = Duration::from_secs(40);

/// Sends changes of the members to the leader.
#[derive(Clone, Debug)]
pub(super) struct Members {
    pub(super) log: Arc<dyn ReplicatedLog>,
    pub(super) environment: Arc<dyn Environment>,
    /// How long a leader is looked for.
    pub(super) timeout_ms: u64,
    /// The members by this node's config, for as long as the log has none.
    pub(super) configured: Roster,
}

impl Members {
    /// Makes a change; see [`super::api::Backend::change_members`].
    pub(super) async fn change(&self, change: MemberChange) -> Result<MemberId, MembershipError> {
        if self.configured.members.len() == 1 && self.roster().members.len() <= 1 {
            return Err(MembershipError::Alone);
        }
        let deadline = self.environment.monotonic_ms() + self.timeout_ms;
        let (mut again, mut hint) = (false, None);
        loop {
            let changed = self.log.changed();
            let error = match self.ask_leader(&change, again, hint).await {
                Ok(id) => return Ok(id),
                Err(error) => error,
            };
            hint = None;
            match &error {
                MembershipError::NotLeader { leader } => hint = *leader,
                MembershipError::Uncertain => again = true,
                MembershipError::Busy => {}
                _ => return Err(error),
            }
            if self.environment.monotonic_ms() >= deadline {
                return Err(self.out_of_time(&change, again, error));
            }
            let pause = self.environment.sleep(Duration::from_millis(RETRY_MS));
            select(changed, pause).await;
        }
    }

    async fn ask_leader(
        &self,
        change: &MemberChange,
        again: bool,
        hint: Option<MemberId>,
    ) -> Result<MemberId, MembershipError> {
        let view = self.log.view();
        if view.leads() {
            return self.log.change_members(change.clone(), again).await;
        }
        let leader = view.leader.or(hint).filter(|it| *it != self.log.id());
        let nobody = MembershipError::NotLeader { leader: None };
        let leader = leader.ok_or(nobody.clone())?;
        let question = Request::ChangeMembers {
            change: change.clone(),
            again,
        };
        let question = message::encode(&question).map_err(|_| nobody.clone())?;
        let call = self.log.call(leader, question, ANSWER_LIMIT);
        let lost = Box::pin(self.leader_lost(leader, view.term));
        match select(call, lost).await {
            Either::Left((Ok(answer), _)) => match message::decode(&answer) {
                Ok(Response::ChangeMembers(result)) => result,
                _ => Err(nobody),
            },
            Either::Left((Err(failure), _)) if !failure.may_have_happened => Err(nobody),
            // A leader that hands the leadership on answers all the same: it is asked what became of it.
            Either::Left((Err(_), _)) | Either::Right(_) => Err(MembershipError::Uncertain),
        }
    }

    /// Resolves when the leader that was asked has not answered for a while after another one took its place.
    async fn leader_lost(&self, leader: MemberId, term: crate::types::Term) {
        loop {
            let changed = self.log.changed();
            let view = self.log.view();
            if view.leader.is_some_and(|it| it != leader) || view.term > term + 1 {
                break;
            }
            changed.await;
        }
        self.environment.sleep(Duration::from_millis(500)).await;
    }

    fn out_of_time(
        &self,
        change: &MemberChange,
        again: bool,
        error: MembershipError,
    ) -> MembershipError {
        match error {
            MembershipError::NotLeader { .. } if again => MembershipError::Uncertain,
            MembershipError::NotLeader { .. } => self.roster().no_majority(change, &self.up()),
            error => error,
        }
    }

    /// The members by the log, or by the config before there is a log.
    pub(super) fn roster(&self) -> Roster {
        let roster = self.log.status().roster;
        if roster.members.is_empty() {
            return self.configured.clone();
        }
        roster
    }

    fn up(&self) -> BTreeSet<MemberId> {
        let members = self.roster().members.into_keys();
        members.filter(|id| self.log.reachable(*id)).collect()
    }
}
