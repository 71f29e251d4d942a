//! What Praline promises, and where each promise is shown.
//!
//! With `n` voters, a *majority* is more than half of them. The promises hold as long as every member is honest, disks
//! keep what they said they had synced (or say that they did not: checksums find what changed), and no majority loses its
//! disks. Clocks may be wrong in any way; only reads by lease, on one machine, use that its members read the same
//! monotonic clock (`consensus::lease` has the argument).
//!
//! | promise | shown by |
//! |---|---|
//! | **Nothing acknowledged is lost.** A write that was answered is in the log of a majority, on disk, and stays in the chain through any crash of any members, as long as a majority of them comes back. | `tests/cluster/crashes.rs`: followers, leaders, all nodes killed under load; the simulator's checks of acknowledged writes; planted bugs `VoteNotSynced`, `AnsweredBeforeSync`, `AnsweredBeforeCommit` |
//! | **Nothing happens twice.** A request keeps its id over every retry and every change of the leader; a block that is proposed again is recognized. | `crashes::with_the_leader_killed_a_write_to_a_survivor_succeeds_once_within_the_bound`; planted bugs `RetryNotRecognized`, `RepeatInOneBatch`, `CheckpointWithoutRequests` |
//! | **All nodes are the same chain.** At the same index of the log every node has the same block hashes, state root, pool, clock, snapshots and settings. A node that comes to another block stops, names the first field that differs, and keeps both sides. | `tests/cluster/cheats.rs` after each fault; `methods::every_method_on_a_follower_is_seen_on_the_two_other_nodes`; `chain::tests::a_block_that_differs_stops_the_node_and_names_the_field`; planted bugs `AppliedTwice`, `StaleEntryApplied`, `TipKept`, `CopyLeavesOldHead` |
//! | **Reads are linearizable.** A read of `latest` that begins after an answer was given, to anybody and by any node, sees what that answer said. | the simulator checks the whole history of each run; `crashes::a_stopped_leader_does_not_answer_for_the_cluster_when_it_wakes`; planted bugs `ReadWithoutBarrier`, `LeaseNotChecked` |
//! | **Errors are honest.** A write that was not answered in time says whether it may still happen; one that is said not to happen does not. | planted bug `MayHappenForgotten`; `tests/cluster/majority.rs` |
//! | **It goes on.** While a majority lives and reaches each other, writes at every living node are answered, after at most the time of an election. | the simulator's bound after the last fault; `crashes::fifty_leaders_are_killed_under_load` measures it |
//! | **A member that forgot breaks no promise.** With an empty or damaged disk it votes for nobody and follows nobody until it has asked so many others that one of every majority is among them. | planted bugs `AmnesiacVotes`, `AmnesiacFollows`, `RebuildNotMarked`, `DamageCutOff`, `CheckpointNotFlushed`; `tests/cluster/damage.rs` |
//! | **Members come and go without a gap.** Changes go through the log by joint consensus; what would leave no majority is refused. | `tests/cluster/membership.rs`; the simulator adds, promotes and removes members under faults |
//! | **Nobody else gets in.** Peers prove their keys to each other in a session with forward secrecy; what is replayed, reflected or of another cluster is refused, and nothing that a stranger sends is kept. | `net::tests`; `damage::a_stranger_with_the_wrong_key_gets_nothing`; the fuzz targets `frames`, `handshake`, `peer_messages` |
//! | **Bad clients harm themselves.** Bodies, batches, answers, connections, subscriptions, filters, gas and time of calls have limits; who keeps silent gives way to who speaks. | `tests/cluster/abuse.rs`; `rpc::tests::bad_input`; the fuzz target `rpc_body` |
//! | **What a certificate says, a majority signed.** | `tests/cluster/certificates.rs`, and a check in JavaScript with another library |
//!
//! *Not promised.* Reads with `reads = "local"` may be behind. Filters and subscriptions live on the node that was asked,
//! and end with it. Members are trusted: a majority of dishonest ones can make any chain.

#[cfg(all(test, feature = "node"))]
#[allow(clippy::unwrap_used)]
mod tests;
