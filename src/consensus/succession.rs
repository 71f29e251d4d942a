//! Replaces a leader whose connection is gone as soon as the promise to it is over.
//!
//! The engine waits for the promise to end, then for a random time, and it looks at its timers once a heartbeat. That is
//! right for a leader that has only fallen silent. Where a process ended, its peers are told at once: the connection is
//! closed. Then the wait by chance gains nothing, because the survivors can agree on an order: first the next voter after
//! the leader, by number, then the others, a heartbeat apart.
//!
//! *Invariants.* No promise is broken: an attempt begins with a Pre-Vote, which the engine refuses here, and the others
//! refuse there, for as long as one of them may count on the leader. So an attempt too many changes no term and unseats
//! nobody whom a majority still hears. A member that may not vote (see `founding`) makes none. Where the connection
//! stays, or the order does not help, the engine's own timers do what they always did.
//!
//! Source: Ongaro's dissertation, 6.4 (leases) and 9.6 (Pre-Vote).

use super::{
    adapter::StateMachine,
    founding::Franchise,
    peers::Transport,
    status::{LeaderView, LeaderWatch},
    type_config::TypeConfig,
};
use crate::types::{MemberId, Role};
use openraft::{AsyncRuntime, Instant as _, Raft, async_runtime::WatchReceiver};
use std::{sync::Arc, time::Duration};

/// Attempts in the time of one heartbeat: what is lost between the end of the promise and the next one is small, and a
/// Pre-Vote is answered well within a heartbeat.
const ATTEMPTS_PER_HEARTBEAT: u32 = 4;

/// A member that looks after its leader's connection.
pub(super) struct Succession<RT: AsyncRuntime> {
    pub(super) raft: Raft<TypeConfig<RT>, StateMachine>,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) franchise: Franchise,
    pub(super) id: MemberId,
    pub(super) heartbeat: Duration,
    pub(super) promise: Duration,
}

impl<RT: AsyncRuntime> Succession<RT> {
    /// Ends when the engine has stopped.
    pub(super) async fn run(self) {
        let mut watch = LeaderWatch::<RT>::new(self.raft.server_metrics());
        loop {
            let view = watch.current();
            match follows(view) {
                Some(leader) if self.transport.reachable(leader) => {
                    RT::sleep(self.heartbeat).await;
                }
                Some(leader) => self.replace(leader, view).await,
                None => {
                    if watch.changed().await.is_none() {
                        return;
                    }
                }
            }
            if self.has_stopped() {
                return;
            }
        }
    }

    /// Stands for election again and again until there is another leader or term, or the old one is back.
    async fn replace(&self, leader: MemberId, view: LeaderView) {
        let watch = LeaderWatch::<RT>::new(self.raft.server_metrics());
        let since = RT::Instant::now();
        let turn = self.turn(leader);
        tracing::debug!(leader, turn, "the connection to the leader is gone");
        while watch.current() == view && !self.transport.reachable(leader) && !self.has_stopped() {
            let is_due =
                turn == 0 || since.elapsed() >= self.promise + self.heartbeat.saturating_mul(turn);
            if is_due && self.franchise.has() && self.raft.trigger().elect(true).await.is_err() {
                return;
            }
            // A leader that still reaches this member, which does not reach it, may go on like that for long.
            let is_urgent = since.elapsed() < self.promise * 2;
            let attempts = if is_urgent { ATTEMPTS_PER_HEARTBEAT } else { 1 };
            RT::sleep(self.heartbeat / attempts).await;
        }
    }

    /// How many of those whom this member can reach come before it.
    fn turn(&self, leader: MemberId) -> u32 {
        let metrics = self.raft.server_metrics();
        let metrics = metrics.borrow_watched();
        let voters = metrics.membership_config.membership().voter_ids();
        // Those after the leader come first, in a ring.
        let place = |id: MemberId| (id < leader, id);
        let before = voters.filter(|id| {
            *id != leader && place(*id) < place(self.id) && self.transport.reachable(*id)
        });
        u32::try_from(before.count()).unwrap_or(u32::MAX)
    }

    fn has_stopped(&self) -> bool {
        let metrics = self.raft.metrics();
        metrics.borrow_watched().running_state.is_err()
    }
}

/// Whom a voter follows.
fn follows(view: LeaderView) -> Option<MemberId> {
    view.leader.filter(|_| view.role == Role::Follower)
}
