//! Known bugs, planted where they could be made by mistake, for the simulator to find.
//!
//! *Invariant.* Only this crate's own tests can plant one: in every other build [`is`] is the constant `false`, and what
//! hangs on it is not compiled. A bug here is one that a reviewer might overlook, not damage at large.

/// A bug.
// Those of the edge are missing where the edge is.
#[cfg_attr(not(feature = "node"), allow(dead_code))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// A vote is called saved before it is on the disk.
    VoteNotSynced,
    /// Entries are called durable before the disk has said so.
    AnsweredBeforeSync,
    /// Damage in the log is taken for a write that a crash cut short.
    DamageCutOff,
    /// A checkpoint is reported whose data is not on the disk yet, so that the log before it goes.
    CheckpointNotFlushed,
    /// A checkpoint forgets the requests.
    CheckpointWithoutRequests,
    /// A copy of a peer is stored, but the chain in memory stays the old one.
    CopyLeavesOldHead,
    /// A member that lost its disk votes at once.
    AmnesiacVotes,
    /// A member that lost its disk follows whoever comes first.
    AmnesiacFollows,
    /// A member that is being rebuilt does not remember that after a crash.
    RebuildNotMarked,
    /// Reads do not ask whether they are up to date.
    ReadWithoutBarrier,
    /// A leader reads by its lease without looking whether it lasts.
    LeaseNotChecked,
    /// A retry is not recognized as one.
    RetryNotRecognized,
    /// A request that comes twice at once is done twice.
    RepeatInOneBatch,
    /// A leader's chain is kept over a lost leadership, and entries built on another chain are applied all the same.
    StaleEntryApplied,
    /// Some entries are applied twice, and nothing keeps the second time from counting.
    AppliedTwice,
    /// A leader goes on from a chain that it imagined, though its entries were skipped.
    TipKept,
    /// A client is told that its write will not happen, though it was on its way.
    MayHappenForgotten,
    /// A write is answered when it is in the leader's log, before a majority has it.
    AnsweredBeforeCommit,
}

/// Whether this bug is planted.
#[cfg(not(test))]
pub(crate) const fn is(_: Bug) -> bool {
    false
}

#[cfg(test)]
thread_local! {
    static PLANTED: std::cell::Cell<Option<Bug>> = const { std::cell::Cell::new(None) };
}

/// Whether this bug is planted, on this thread.
#[cfg(test)]
pub(crate) fn is(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}

/// Plants a bug on this thread while `work` runs.
#[cfg(test)]
pub(crate) fn with<T>(bug: Bug, work: impl FnOnce() -> T) -> T {
    PLANTED.set(Some(bug));
    let result = work();
    PLANTED.set(None);
    result
}
