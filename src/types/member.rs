//! The members of a cluster.

use alloy::primitives::hex;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The number of a member: its place in the config, counted from 1. Never used again for another identity.
pub type MemberId = u64;

/// An ed25519 public key: the identity of a member (RFC 8032).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PublicKey(pub [u8; 32]);

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One member, as all the others know it. Travels in the membership entries of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The name in the config, `node1`.
    pub name: String,
    /// The identity.
    pub public_key: PublicKey,
    /// Where its peers reach it, `127.0.0.1:3000`.
    pub peer_address: String,
    /// Where clients reach its RPC server, `127.0.0.1:8545`.
    pub rpc_address: String,
}

/// What a member is doing, in Raft's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Orders the writes of its term.
    Leader,
    /// Follows a leader.
    Follower,
    /// Asks for votes.
    Candidate,
    /// Receives the log, has no vote.
    Learner,
}

/// A member as the answering node sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberStatus {
    /// The member's number.
    pub id: MemberId,
    /// The member.
    pub member: Member,
    /// What it does; `None` where the answering node cannot know it.
    pub role: Option<Role>,
    /// Whether the answering node has a live connection to it (true for itself).
    pub reachable: bool,
    /// The highest log index known to be stored there; known to the leader alone.
    pub match_index: Option<u64>,
}
