//! Reads by lease: a leader that a majority confirmed a moment ago need not ask again.
//!
//! *Why it is right.* A follower that hears from a leader (an append, a heartbeat) votes for nobody else for the time
//! of its **promise**, which begins when it hears. The leader counts an answer from when it *sent* the question, which is
//! earlier, and uses it only for **half** of that time. So while the leader's half lasts, a majority's promises last
//! too, and no other leader can have been elected: whatever was acknowledged anywhere was committed by this leader. It
//! is at most as far as what this leader applied itself, or what it told a follower to be committed
//! ([`Announced`]; written down before the message leaves), or, for earlier terms, as the index which the term's
//! first read was given by a majority ([`Lease::settle`]). A reader that has applied the largest of these sees it.
//!
//! *What it needs of clocks.* That none of the members' monotonic clocks runs at more than twice the rate of
//! another's while a lease lasts. Members on one machine read the same clock, which holds also when that machine
//! sleeps. Of other machines it cannot be known: a virtual machine that is halted and goes on later has a clock that
//! stood still. So leases are for clusters on one machine
//! ([`shared_clock`](super::ConsensusConfig::shared_clock)); others ask a majority for each round of reads (Raft's
//! `ReadIndex`).
//!
//! *Pauses.* The clock is read after the majority's answer was looked up, and everything else after the clock. A process
//! that is halted in between finds its lease over, or answers with a state that is newer than it had to be.
//!
//! *Restarts.* A member forgets its promise when it ends. So it votes for nobody, and does not stand for election, for
//! as long as a promise lasts after its start ([`Lease::promise`]), or until it hears a leader of a later term than that
//! of any promise: then a majority's promises to earlier leaders have ended, and with them their leases. A transfer of the leadership breaks promises on
//! purpose: the term's leases end before it begins ([`Lease::give_up`]).
//!
//! Source: D. Ongaro, *Consensus: Bridging Theory and Practice* (2014), 6.4.1.

use crate::{
    planted::{self, Bug},
    types::{LogIndex, Term},
};
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// The largest index that peers were told to be committed. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Announced(Arc<AtomicU64>);

impl Announced {
    /// To be called before the message leaves.
    pub(super) fn raise(&self, index: LogIndex) {
        self.0.fetch_max(index, Ordering::SeqCst);
    }

    fn get(&self) -> LogIndex {
        self.0.load(Ordering::SeqCst)
    }
}

/// Who confirmed a leader, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Confirmed {
    /// It is the only voter.
    ByItself,
    /// A majority answered what was sent so long ago.
    Ago(Duration),
}

impl Confirmed {
    /// How long ago.
    pub(super) fn age(self) -> Duration {
        match self {
            Self::ByItself => Duration::ZERO,
            Self::Ago(age) => age,
        }
    }
}

/// The term for which a majority has been asked, and what it said.
#[derive(Debug, Default)]
struct Settled {
    term: Term,
    index: LogIndex,
    given_up: bool,
}

#[derive(Debug)]
struct Inner {
    promise: Option<Duration>,
    announced: Announced,
    settled: Mutex<Settled>,
}

/// What this member may read without asking. Clones share it. See the module.
#[derive(Clone, Debug)]
pub(super) struct Lease(Arc<Inner>);

impl Lease {
    /// `promise`: how long a follower votes for nobody else after it heard from a leader; `None` without leases.
    pub(super) fn new(promise: Option<Duration>) -> Self {
        Self(Arc::new(Inner {
            promise,
            announced: Announced::default(),
            settled: Mutex::default(),
        }))
    }

    /// How long a member that has just started must keep a promise that it may have given before.
    pub(super) fn promise(&self) -> Option<Duration> {
        self.0.promise
    }

    /// For those who send to peers.
    pub(super) fn announced(&self) -> Announced {
        self.0.announced.clone()
    }

    fn settled(&self) -> MutexGuard<'_, Settled> {
        self.0
            .settled
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// A majority confirmed in `term` that a state which includes `index` is as new as anything acknowledged.
    pub(super) fn settle(&self, term: Term, index: LogIndex) {
        let mut settled = self.settled();
        if term > settled.term {
            *settled = Settled {
                term,
                index,
                given_up: false,
            };
        }
    }

    /// No more leases in `term`.
    pub(super) fn give_up(&self, term: Term) {
        let mut settled = self.settled();
        if term >= settled.term {
            *settled = Settled {
                term,
                index: 0,
                given_up: true,
            };
        }
    }

    /// The index that a reader must have applied, for a leader of `term`. `applied`: how far this member is. `None`: a
    /// majority must be asked.
    pub(super) fn read_index(
        &self,
        term: Term,
        confirmed: Confirmed,
        applied: Option<LogIndex>,
    ) -> Option<LogIndex> {
        let in_time = match confirmed {
            Confirmed::ByItself => true,
            Confirmed::Ago(_) if planted::is(Bug::LeaseNotChecked) => self.0.promise.is_some(),
            Confirmed::Ago(age) => self.0.promise.is_some_and(|promise| age < promise / 2),
        };
        if !in_time {
            return None;
        }
        let first = {
            let settled = self.settled();
            if settled.term != term || settled.given_up {
                return None;
            }
            settled.index
        };
        Some(
            first
                .max(self.0.announced.get())
                .max(applied.unwrap_or_default()),
        )
    }
}

#[cfg(test)]
mod tests;
