//! Settings and limits of the consensus.
//!
//! *Invariant.* Every limit of this folder is stated here or beside the type that keeps it.

use openraft::{Config, SnapshotPolicy};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Bytes of entries in one append message; a single larger entry still travels alone.
pub const MAX_APPEND_BYTES: usize = 1 << 20;
/// Append messages sent to one peer and not yet answered.
pub(super) const APPEND_WINDOW: usize = 64;
/// Snapshot chunks sent to one peer and not yet answered; each is at most [`SNAPSHOT_CHUNK_BYTES`].
pub(super) const SNAPSHOT_WINDOW: usize = 4;
/// The largest chunk a snapshot may be cut into.
pub(super) const SNAPSHOT_CHUNK_BYTES: usize = 1 << 20;
/// How long one snapshot chunk may take; the connection's end is noticed at once in any case.
pub(super) const SNAPSHOT_CHUNK_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a peer may take to install a whole snapshot.
pub(super) const SNAPSHOT_INSTALL_TIMEOUT: Duration = Duration::from_mins(5);

/// Timing and limits, the same on all members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsensusConfig {
    /// The cluster's name in logs.
    pub cluster_name: String,
    /// Milliseconds between two heartbeats of a leader.
    pub heartbeat_ms: u64,
    /// The least time without a word from the leader after which a follower stands for election, milliseconds.
    pub election_timeout_min_ms: u64,
    /// The longest such time, milliseconds.
    pub election_timeout_max_ms: u64,
    /// Entries after which the application's checkpoint is taken and the log before it may be purged.
    pub checkpoint_every_entries: u64,
    /// Entries kept behind a checkpoint, for peers that were away for a short time.
    pub keep_entries: u64,
    /// Proposals under way on this node at the most.
    pub max_in_flight: usize,
    /// Whether all members read the same monotonic clock, because they are on one machine: then a leader that a
    /// majority confirmed a moment ago answers reads without asking again (see `lease`).
    pub shared_clock: bool,
}

impl Default for ConsensusConfig {
    fn default() -> Self {
        Self {
            cluster_name: "praline".to_owned(),
            heartbeat_ms: 50,
            election_timeout_min_ms: 150,
            election_timeout_max_ms: 300,
            checkpoint_every_entries: 5_000,
            keep_entries: 1_000,
            max_in_flight: 4_096,
            shared_clock: false,
        }
    }
}

impl ConsensusConfig {
    /// openraft's configuration.
    ///
    /// openraft's follower first waits for the leader's lease to end (its `election_timeout_max`) and then for its
    /// own random timeout; Raft's election timeout, as configured here, is the sum of both. So half of the maximum
    /// becomes the lease, and the rest is left to chance. What is configured as the maximum stays the maximum; the
    /// minimum may come out higher, because openraft wants the random part to be above one heartbeat.
    pub(super) fn engine(&self) -> Result<Config, openraft::ConfigError> {
        let lease = self.promise_ms();
        let random = self
            .election_timeout_min_ms
            .saturating_sub(lease)
            .clamp(self.heartbeat_ms + 1, lease - 1);
        Config {
            cluster_name: self.cluster_name.clone(),
            heartbeat_interval: self.heartbeat_ms,
            election_timeout_min: random,
            election_timeout_max: lease,
            snapshot_policy: SnapshotPolicy::LogsSinceLast(self.checkpoint_every_entries),
            max_in_snapshot_log_to_keep: self.keep_entries,
            // Beyond what is kept, a snapshot is the only way; the engine wants this above the policy's number.
            replication_lag_threshold: self.checkpoint_every_entries + self.keep_entries,
            // The larger, the rarer; but not so large that more than twice of what is wanted stays.
            purge_batch_size: self.keep_entries.clamp(1, 64),
            max_payload_entries: 1_024,
            max_append_entries: Some(4_096),
            api_channel_size: Some(16_384),
            notification_channel_size: Some(16_384),
            state_machine_channel_size: Some(1_024),
            enable_pre_vote: Some(true),
            // Followers get an entry as soon as it is handed to the disk, not after the whole batch of commands.
            broadcast_submitted_on_append: Some(true),
            // A member that is gone costs next to nothing to ask, and one that is back is needed at once.
            backoff: "10ms 20ms 40ms ..80ms".to_owned(),
            // A member that was rebuilt from nothing comes back with a shorter log than the leader remembers.
            allow_log_reversion: Some(true),
            // Leading again without an election is only right with a state machine that is never behind.
            enable_leader_restore: Some(false),
            ..Config::default()
        }
        .validate()
    }

    /// How long a follower votes for nobody else after it heard from a leader, milliseconds.
    pub(super) fn promise_ms(&self) -> u64 {
        (self.election_timeout_max_ms / 2).max(self.heartbeat_ms + 2)
    }

    /// The same, where leaders may count on it.
    pub(super) fn promise(&self) -> Option<Duration> {
        self.shared_clock
            .then(|| Duration::from_millis(self.promise_ms()))
    }

    /// The longest time without a word from the leader, before an election.
    pub(super) fn election_timeout_max(&self) -> Duration {
        Duration::from_millis(self.election_timeout_max_ms)
    }
}
