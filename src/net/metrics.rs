//! What the network counts, and what it says about refusals.
//!
//! *Invariant.* A refusal is logged once for each cause and peer until that peer has been connected again, and counted
//! always: a stranger who knocks a thousand times does not fill the log.

use std::{
    collections::HashSet,
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// Causes and peers remembered for logging once; beyond that, refusals are only counted.
const REMEMBERED_LIMIT: usize = 256;

/// Why a connection was refused or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// Its first bytes are not those of this program's peers.
    NotAPeer,
    /// It speaks another version of the protocol.
    Version {
        /// Its version.
        theirs: u8,
    },
    /// It belongs to another cluster.
    Cluster,
    /// The Noise handshake failed.
    Handshake,
    /// Its identity key did not sign its session key.
    Signature,
    /// Its key is no member's (any more).
    UnknownKey,
    /// Another member than the one that was dialled answered.
    WrongMember,
    /// It was silent for too long.
    Silent,
    /// It sent what cannot be a frame.
    BrokenFrame,
    /// It sent a message above the limit.
    Oversized,
    /// Too many connections had not yet said who they are.
    Crowded,
    /// The peer refused this node; why is in the peer's log.
    RefusedByPeer,
}

impl Refusal {
    const COUNT: usize = 12;

    fn slot(self) -> usize {
        match self {
            Self::NotAPeer => 0,
            Self::Version { .. } => 1,
            Self::Cluster => 2,
            Self::Handshake => 3,
            Self::Signature => 4,
            Self::UnknownKey => 5,
            Self::WrongMember => 6,
            Self::Silent => 7,
            Self::BrokenFrame => 8,
            Self::Oversized => 9,
            Self::Crowded => 10,
            Self::RefusedByPeer => 11,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::NotAPeer => "it does not speak the peers' protocol",
            Self::Version { theirs } => {
                let ours = super::PROTOCOL_VERSION;
                return write!(
                    f,
                    "it speaks version {theirs} of the peers' protocol, this node version {ours}"
                );
            }
            Self::Cluster => "it belongs to another cluster: compare the members of both configs",
            Self::Handshake => "the Noise handshake failed",
            Self::Signature => "its session key is not signed by its identity key",
            Self::UnknownKey => {
                "its key is not a member's (any more): members are added with `praline member add`"
            }
            Self::WrongMember => "another member answered at that address",
            Self::Silent => "it was silent for too long",
            Self::BrokenFrame => "it sent a broken frame",
            Self::Oversized => "it sent a message above the limit",
            Self::Crowded => "too many connections have not yet said who they are",
            Self::RefusedByPeer => "it refused this node, its log says why",
        };
        f.write_str(text)
    }
}

/// Counters of the network, since its start.
#[derive(Debug, Default)]
pub struct NetMetrics {
    /// Connections of members that were taken.
    pub accepted: AtomicU64,
    /// Connections to members that came about.
    pub dialled: AtomicU64,
    /// Bytes on the wire, received.
    pub received_bytes: AtomicU64,
    /// Bytes on the wire, sent.
    pub sent_bytes: AtomicU64,
    refusals: [AtomicU64; Refusal::COUNT],
    logged: Mutex<HashSet<(String, Refusal)>>,
}

impl NetMetrics {
    /// How often something was refused for this cause (whatever its details).
    pub fn refused(&self, cause: Refusal) -> u64 {
        self.refusals[cause.slot()].load(Ordering::Relaxed)
    }

    /// All refusals.
    pub fn refused_total(&self) -> u64 {
        self.refusals
            .iter()
            .map(|count| count.load(Ordering::Relaxed))
            .sum()
    }

    pub(super) fn refuse(&self, peer: &str, cause: Refusal) {
        self.refusals[cause.slot()].fetch_add(1, Ordering::Relaxed);
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.len() < REMEMBERED_LIMIT && logged.insert((peer.to_owned(), cause)) {
            tracing::warn!(peer, "refused a connection: {cause}");
        }
    }

    /// A member is connected (again): its next refusal is news.
    pub(super) fn welcome(&self, peer: &str) {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        logged.retain(|(name, _)| name != peer);
    }

    pub(super) fn add(counter: &AtomicU64, amount: usize) {
        counter.fetch_add(amount as u64, Ordering::Relaxed);
    }
}
