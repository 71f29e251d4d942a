//! What members say to each other about the log: postcard, one message a request.
//!
//! *Invariant.* The order of the variants and fields is the wire format; a change of it is a new version of the peers'
//! protocol (`net`).

use super::type_config::{LogId, StoredMembership, TypeConfig, Vote};
use crate::types::{LogIndex, MemberId};
use alloy::primitives::Bytes;
use openraft::{
    AsyncRuntime,
    raft::{
        AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest,
        TransferLeaderResponse, VoteRequest, VoteResponse,
    },
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::collections::BTreeSet;

/// A request of one member's consensus to another's.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub(super) enum Request<RT: AsyncRuntime> {
    Append(AppendEntriesRequest<TypeConfig<RT>>),
    Vote(VoteRequest<TypeConfig<RT>>),
    PreVote(VoteRequest<TypeConfig<RT>>),
    TransferLeader(TransferLeaderRequest<TypeConfig<RT>>),
    SnapshotChunk(SnapshotChunk),
    SnapshotEnd(SnapshotEnd),
    /// Who are you?
    Hello,
}

/// The answer to a request of the same name.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub(super) enum Response<RT: AsyncRuntime> {
    Append(AppendEntriesResponse<TypeConfig<RT>>),
    Vote(VoteResponse<TypeConfig<RT>>),
    TransferLeader(TransferLeaderResponse<TypeConfig<RT>>),
    SnapshotTaken,
    SnapshotInstalled(SnapshotResponse<TypeConfig<RT>>),
    /// The member could not do it; why.
    Failed(String),
    Hello(Hello),
}

/// How far a member is, and what it knows of the others.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Hello {
    /// The end of its log.
    pub(super) last_log_index: Option<LogIndex>,
    /// Whether it leads and a majority has confirmed it lately.
    pub(super) leads: bool,
    /// Whether it votes where it may: not while it is being rebuilt.
    pub(super) votes: bool,
    /// What it has promised last.
    pub(super) vote: Vote,
    /// The entry that set the newest membership in its log.
    pub(super) membership_at: Option<LogIndex>,
    /// Who has a vote by that.
    pub(super) voters: BTreeSet<MemberId>,
}

impl Hello {
    /// Whether the cluster has had a leader: its log then has more than the entry it was founded with.
    pub(super) fn grown(&self) -> bool {
        self.last_log_index > Some(0)
    }
}

/// A piece of a snapshot.
#[derive(Serialize, Deserialize)]
pub(super) struct SnapshotChunk {
    /// Tells this transfer from earlier ones of the same sender.
    pub(super) transfer: u64,
    /// Counts the pieces from 0.
    pub(super) sequence: u64,
    /// At most [`super::config::SNAPSHOT_CHUNK_BYTES`].
    pub(super) data: Bytes,
}

/// All pieces are sent: install them.
#[derive(Serialize, Deserialize)]
pub(super) struct SnapshotEnd {
    pub(super) transfer: u64,
    /// How many pieces there were.
    pub(super) chunks: u64,
    /// The sum of their sizes.
    pub(super) bytes: u64,
    /// CRC-32 of all of them, one after the other.
    pub(super) crc32: u32,
    /// The vote of the leader that sends it.
    pub(super) vote: Vote,
    /// Where the snapshot stands.
    pub(super) last_log_id: Option<LogId>,
    /// The members at that place.
    pub(super) membership: StoredMembership,
}

/// A message as bytes. What cannot be encoded (there is nothing such here) comes out empty and is refused by the peer.
pub(super) fn encode<T: Serialize>(message: &T, capacity: usize) -> Bytes {
    postcard::to_extend(message, Vec::with_capacity(capacity))
        .map(Bytes::from)
        .unwrap_or_default()
}

/// A message from bytes.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, postcard::Error> {
    postcard::from_bytes(bytes)
}

/// Bytes of a peer, as a request and as an answer; see [`crate::fuzzing`].
#[cfg(all(feature = "node", any(test, feature = "fuzzing")))]
pub(crate) fn fuzz_messages(data: &[u8]) {
    use crate::net::Tokio;
    if let Ok(request) = decode::<Request<Tokio>>(data) {
        let bytes = encode(&request, 0);
        assert!(
            decode::<Request<Tokio>>(&bytes).is_ok(),
            "it cannot be read again"
        );
    }
    drop(decode::<Response<Tokio>>(data));
}
