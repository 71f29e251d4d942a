//! The types that openraft is instantiated with.
//!
//! *Invariant.* Only the runtime is open; entries, votes and memberships are the same types in every process, so that
//! what one node writes another can read.

use crate::types::{Member, MemberId, Payload, Term};
use futures::channel::oneshot;
use openraft::{
    AsyncRuntime, OptionalSend, RaftTypeConfig,
    impls::{BoxedErrorSource, InlineBatch, leader_id_adv},
    raft::responder::Responder,
};
use std::{cmp::Ordering, fmt, marker::PhantomData};

/// Who leads, and since which term. Leaders of one term are ordered by their number, so that two candidates of the
/// same term do not block each other (openraft's "advanced" mode).
pub type LeaderId = leader_id_adv::LeaderId<Term, MemberId>;
/// The identity of an entry of the log.
pub type LogId = openraft::LogId<LeaderId>;
/// A vote: what a member has promised.
pub type Vote = openraft::impls::Vote<LeaderId>;
/// What an entry holds: a payload, a membership, or nothing.
pub type EntryContent = openraft::EntryPayload<Payload, MemberId, Member>;
/// An entry of the log.
pub type Entry = openraft::Entry<LeaderId, EntryContent>;
/// A membership and the entry that set it.
pub type StoredMembership = openraft::StoredMembership<LeaderId, MemberId, Member>;

/// openraft's type configuration, for the runtime `RT`.
pub struct TypeConfig<RT>(PhantomData<fn() -> RT>);

impl<RT: AsyncRuntime> RaftTypeConfig for TypeConfig<RT> {
    type D = Payload;
    type R = ();
    type NodeId = MemberId;
    type Node = Member;
    type Term = Term;
    type LeaderId = LeaderId;
    type Vote = Vote;
    type Payload = EntryContent;
    type Entry = Entry;
    type AsyncRuntime = RT;
    type Responder<T>
        = Answer<T>
    where
        T: OptionalSend + 'static;
    type Batch<T>
        = InlineBatch<T>
    where
        T: OptionalSend + 'static;
    type ErrorSource = BoxedErrorSource;
}

/// Carries the outcome of a proposal to whoever waits for it; nobody waiting is fine.
#[derive(Debug)]
pub struct Answer<T>(oneshot::Sender<T>);

impl<T> Answer<T> {
    /// An answer and where it arrives.
    pub fn new() -> (Self, oneshot::Receiver<T>) {
        let (sender, receiver) = oneshot::channel();
        (Self(sender), receiver)
    }
}

impl<RT: AsyncRuntime, T: OptionalSend + 'static> Responder<TypeConfig<RT>, T> for Answer<T> {
    fn on_complete(self, result: T) {
        // The receiver may be gone: its caller's time limit has passed.
        let _ = self.0.send(result);
    }
}

// A derive would ask the same of `RT`, which is only a name here.
impl<RT> Clone for TypeConfig<RT> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<RT> Copy for TypeConfig<RT> {}
impl<RT> Default for TypeConfig<RT> {
    fn default() -> Self {
        Self(PhantomData)
    }
}
impl<RT> fmt::Debug for TypeConfig<RT> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TypeConfig")
    }
}
impl<RT> PartialEq for TypeConfig<RT> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
impl<RT> Eq for TypeConfig<RT> {}
impl<RT> PartialOrd for TypeConfig<RT> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<RT> Ord for TypeConfig<RT> {
    fn cmp(&self, _: &Self) -> Ordering {
        Ordering::Equal
    }
}
