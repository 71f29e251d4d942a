//! The first start of a cluster, and the return of a member that has lost its memory.
//!
//! *Invariants.* A member with an empty log cannot tell whether the cluster is new or its own disk is. So it asks: with
//! a majority of empty logs (its own included), and none that has grown, the cluster is new: it votes, and the first of
//! those present founds the cluster and stands for election, alone, so that the first votes are not split. If some members
//! are not there yet, they get a moment first, because who comes later has to be let in by the leader. If any log has grown,
//! it waits for the leader to give it everything, and neither votes nor stands for election until it has applied all
//! that the leader had: otherwise the promises which it has forgotten could be broken.
//!
//! A member that was added later (its number says so) never founds anything: it only waits for the leader.
//!
//! *Whom it follows meanwhile.* It may have promised a newer leader not to follow an older one, which has not heard of
//! that and would take its word for a majority's. So it takes nothing from anybody until it has asked so many others
//! that one of every majority of which it can have been a part is among them: half of the voters, rounded up. Nobody
//! below the newest leader that one of them has promised to follow is followed. A new leader is elected without it, by a
//! majority that has what it helped to commit. That it is being rebuilt is kept on the disk (see `rebuild`), because it
//! may end in the middle.
//!
//! What it cannot see: that a majority of the members have lost their logs.

use super::{
    adapter::StateMachine,
    message::{Hello, Request, Response, decode, encode},
    peers::{MessageKind, Transport},
    progress::Progress,
    rebuild::RebuildMark,
    roster::is_founder,
    type_config::{LeaderId, TypeConfig, Vote},
};
use crate::{
    planted::{self, Bug},
    types::{LogIndex, Member, MemberId},
};
use futures::future::join_all;
use openraft::{
    AsyncRuntime, Instant as _, Raft,
    async_runtime::WatchReceiver,
    errors::{InitializeError, RaftError},
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// The pause between two rounds of questions.
const ROUND_PAUSE: Duration = Duration::from_millis(5);
/// The pause before a disk that took nothing is tried again.
const MARK_PAUSE: Duration = Duration::from_millis(100);
/// How long a majority waits for the others before it founds the cluster without them.
const LATECOMERS_PAUSE: Duration = Duration::from_millis(500);
/// How long a peer may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(500);
/// How long the leader's log may take to arrive before another look at who leads.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(2);

/// Whether this member votes. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Franchise(Arc<Standing>);

#[derive(Debug)]
struct Standing {
    votes: AtomicBool,
    follows: Mutex<Follows>,
}

/// Whose entries a member takes.
#[derive(Clone, Copy, Debug)]
enum Follows {
    Nobody,
    /// This leader's, and those of later ones.
    From(LeaderId),
    Anybody,
}

impl Franchise {
    /// Whether it votes from the start, and whether it remembers what it promised.
    pub(super) fn new(votes: bool, remembers: bool) -> Self {
        let follows = if remembers {
            Follows::Anybody
        } else {
            Follows::Nobody
        };
        Self(Arc::new(Standing {
            votes: AtomicBool::new(votes),
            follows: Mutex::new(follows),
        }))
    }

    pub(super) fn has(&self) -> bool {
        self.0.votes.load(Ordering::Acquire)
    }

    pub(super) fn give(&self) {
        self.follow(Follows::Anybody);
        self.0.votes.store(true, Ordering::Release);
    }

    /// Whether it may take entries of the leader with this vote.
    pub(super) fn follows(&self, vote: &Vote) -> bool {
        let follows = self.0.follows.lock();
        match *follows.unwrap_or_else(PoisonError::into_inner) {
            Follows::Nobody => false,
            Follows::From(floor) => vote.leader_id >= floor,
            Follows::Anybody => true,
        }
    }

    fn follow(&self, whom: Follows) {
        let mut follows = self
            .0
            .follows
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *follows = whom;
    }
}

/// A member with an empty log.
pub(super) struct Founding<RT: AsyncRuntime> {
    pub(super) raft: Raft<TypeConfig<RT>, StateMachine>,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) id: MemberId,
    pub(super) members: BTreeMap<MemberId, Member>,
    pub(super) mark: Arc<dyn RebuildMark>,
    pub(super) progress: Progress,
    pub(super) franchise: Franchise,
}

impl<RT: AsyncRuntime> Founding<RT> {
    /// Finds out which it is, and does what follows. Ends when the member may vote, or when the engine has stopped.
    pub(super) async fn run(self) {
        self.raft.runtime_config().elect(false);
        if !is_founder(self.id) {
            return self.rejoin().await;
        }
        let mut start = RT::Instant::now();
        loop {
            let peers = self.ask_all().await;
            match self.raft.is_initialized().await {
                Ok(false) => {}
                // A leader has found this member already.
                Ok(true) if self.franchise.has() => return self.raft.runtime_config().elect(true),
                Ok(true) => return self.rejoin().await,
                Err(_stopped) => return,
            }
            let has_grown = peers.iter().any(|(_, peer)| peer.grown());
            if has_grown && !self.franchise.has() {
                return self.rejoin().await;
            }
            let present = peers.len() + 1;
            let waited = RT::Instant::now() - start;
            let is_enough = present == self.members.len() || waited >= LATECOMERS_PAUSE;
            let is_new = is_enough && present * 2 > self.members.len() && !has_grown;
            if is_new && !self.franchise.has() {
                self.franchise.give();
                start = RT::Instant::now();
                continue;
            }
            if is_new && (self.is_first(&peers) || waited >= LATECOMERS_PAUSE) {
                return self.found().await;
            }
            RT::sleep(ROUND_PAUSE).await;
        }
    }

    /// Whether it is up to this member to found the cluster, and all others are about to vote for it.
    fn is_first(&self, peers: &[(MemberId, Hello)]) -> bool {
        peers.iter().all(|(id, peer)| *id > self.id && peer.votes)
    }

    /// Who founds does so with the same list, should it be several; the first leader's word counts.
    async fn found(self) {
        self.franchise.follow(Follows::Anybody);
        let founders: BTreeMap<MemberId, Member> = self
            .members
            .into_iter()
            .filter(|(id, _)| is_founder(*id))
            .collect();
        match self.raft.initialize(founders).await {
            Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => {
                self.franchise.give();
                self.raft.runtime_config().elect(true);
            }
            Err(error) => tracing::error!("the cluster cannot be founded: {error}"),
        }
    }

    async fn rejoin(self) {
        tracing::info!(
            "the cluster is older than this member's log: its leader gives it everything"
        );
        if !planted::is(Bug::RebuildNotMarked) && !self.keep_mark(true).await {
            return;
        }
        let Some(floor) = self.newest_promise().await else {
            return;
        };
        self.franchise.follow(if planted::is(Bug::AmnesiacFollows) {
            Follows::Anybody
        } else {
            Follows::From(floor)
        });
        loop {
            if planted::is(Bug::AmnesiacVotes) {
                break;
            }
            let peers = self.ask_all().await.into_iter();
            let leader = peers
                .map(|(_, hello)| hello)
                .filter(|it| it.leads && it.vote.leader_id >= floor)
                .max_by_key(|it| it.vote.leader_id);
            if let Some(target) = leader.and_then(|it| it.last_log_index)
                && self.catches_up(target).await
            {
                break;
            }
            if self.raft.is_initialized().await.is_err() {
                return;
            }
            RT::sleep(ROUND_PAUSE).await;
        }
        if !self.keep_mark(false).await {
            return;
        }
        self.franchise.give();
        self.raft.runtime_config().elect(true);
        tracing::info!("this member has everything, and votes");
    }

    /// Keeps on the disk whether this member is being rebuilt, as soon as the disk takes it: it may be full for a while.
    /// `false` when the engine has stopped.
    async fn keep_mark(&self, rebuilding: bool) -> bool {
        let mut told = false;
        while let Err(error) = self.mark.set(rebuilding) {
            if !std::mem::replace(&mut told, true) {
                tracing::error!(
                    rebuilding,
                    "whether this member is being rebuilt cannot be kept, so it does not vote yet: {error}"
                );
            }
            if self.raft.is_initialized().await.is_err() {
                return false;
            }
            RT::sleep(MARK_PAUSE).await;
        }
        true
    }

    /// The newest leader that this member may have promised to follow; `None` when the engine has stopped.
    async fn newest_promise(&self) -> Option<LeaderId> {
        loop {
            let peers = self.ask_all().await;
            if let Some(newest) = newest_promise(self.id, &peers) {
                return Some(newest);
            }
            self.raft.is_initialized().await.ok()?;
            RT::sleep(ROUND_PAUSE).await;
        }
    }

    async fn catches_up(&self, target: LogIndex) -> bool {
        let applied = self.progress.wait(target);
        matches!(RT::timeout(CATCH_UP_TIMEOUT, applied).await, Ok(Ok(())))
    }

    /// Asks all other members; the answers that came.
    async fn ask_all(&self) -> Vec<(MemberId, Hello)> {
        let others = self.others();
        let answers = others.into_iter().map(async |id| {
            let answer = ask::<RT>(&*self.transport, id).await;
            answer.map(|hello| (id, hello))
        });
        join_all(answers).await.into_iter().flatten().collect()
    }

    /// All other members; those of the log, once it has some.
    fn others(&self) -> Vec<MemberId> {
        let metrics = self.raft.server_metrics();
        let metrics = metrics.borrow_watched();
        let mut all: Vec<MemberId> = metrics.membership_config.nodes().map(|it| *it.0).collect();
        if all.is_empty() {
            all = self.members.keys().copied().collect();
        }
        all.retain(|id| *id != self.id);
        all
    }
}

/// The newest leader that member `id` may have promised to follow, by what others say; `None` if too few of them do.
fn newest_promise(id: MemberId, peers: &[(MemberId, Hello)]) -> Option<LeaderId> {
    let newest = peers.iter().map(|(_, it)| it.vote.leader_id).max()?;
    let (_, informed) = peers.iter().max_by_key(|(_, it)| it.membership_at)?;
    let voters = &informed.voters;
    // Who is being rebuilt itself remembers nothing.
    let remember = peers
        .iter()
        .filter(|(peer, it)| it.votes && voters.contains(peer));
    // Of every majority with this member one is among so many others. Who never had a vote never promised anything.
    let is_enough = !voters.contains(&id) || remember.count() >= voters.len().div_ceil(2);
    (is_enough || planted::is(Bug::AmnesiacFollows)).then_some(newest)
}

/// Asks a member how far it is.
pub(super) async fn ask<RT: AsyncRuntime>(
    transport: &dyn Transport,
    id: MemberId,
) -> Option<Hello> {
    let request = encode(&Request::<RT>::Hello, 1);
    let answer = transport.send(id, MessageKind::Consensus, request);
    let answer = RT::timeout(ANSWER_TIMEOUT, answer).await.ok()?.ok()?;
    match decode::<Response<RT>>(&answer) {
        Ok(Response::Hello(hello)) => Some(hello),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
