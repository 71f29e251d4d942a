//! What a member can be told to do to itself.
//!
//! *Invariant.* The order of variants and fields is the wire format between members.

use crate::types::MemberId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long a fault lasts where nothing is said.
pub const DEFAULT_LIMIT: Duration = Duration::from_mins(1);
/// The longest that a fault can be asked for.
pub const MAX_LIMIT: Duration = Duration::from_hours(1);
/// The longest delay of a message.
pub const MAX_DELAY_MS: u64 = 60_000;

/// What happens to a client's request instead of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EdgeFault {
    /// HTTP answers have this status and no JSON; over a WebSocket the answer is an error.
    Status(u16),
    /// Answers come when the fault is over.
    Hang,
    /// `WebSocket`s are closed, and new ones are refused.
    CloseWebSockets,
}

/// One fault for one member, or the end of some. Messages are faulty on their way out of the member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Order {
    /// Nothing goes to or comes from these members; in place of an earlier cut.
    Cut {
        /// The members on the other side.
        peers: Vec<MemberId>,
        /// How long.
        limit_ms: u64,
    },
    /// Messages to these members arrive later, in their order.
    Delay {
        /// To whom.
        peers: Vec<MemberId>,
        /// By how much.
        delay_ms: u64,
        /// And by up to this much more, at random.
        jitter_ms: u64,
        /// How long.
        limit_ms: u64,
    },
    /// Messages to these members are lost.
    Drop {
        /// To whom.
        peers: Vec<MemberId>,
        /// Of 1,000 messages so many.
        per_mille: u16,
        /// How long.
        limit_ms: u64,
    },
    /// The member neither speaks nor listens, to members and clients; then goes on where it was.
    Pause {
        /// How long.
        limit_ms: u64,
    },
    /// The end of a pause.
    Resume,
    /// The member ends at once, as by SIGKILL.
    Kill,
    /// Clients get something else than answers.
    Edge {
        /// What they get.
        fault: EdgeFault,
        /// How long.
        limit_ms: u64,
    },
    /// Clients see the chain as it was some blocks ago.
    Lag {
        /// How many, at the least, once the chain has grown by so many.
        blocks: u64,
        /// How long.
        limit_ms: u64,
    },
    /// The end of all faults.
    Heal,
    /// No fault: which are there?
    List,
}

/// An order that cannot be given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// Not in the config.
    #[error("there is no member `{name}`; there are {names}")]
    UnknownMember {
        /// As it was given.
        name: String,
        /// Those there are.
        names: String,
    },
    /// In two groups of a partition.
    #[error("member `{0}` is in two groups; each may be in one")]
    InTwoGroups(String),
    /// Outside of 0 to an hour.
    #[error("a fault lasts more than 0 and at most {max} seconds, not {0}", max = MAX_LIMIT.as_secs())]
    Limit(String),
    /// Outside of 0 to 1.
    #[error("a probability is between 0 and 1, not {0}")]
    Probability(String),
    /// Too long.
    #[error("a delay is at most {max} ms, not {0}", max = MAX_DELAY_MS)]
    Delay(u64),
    /// No status of HTTP for a fault.
    #[error("a status is between 400 and 599, not {0}")]
    Status(u64),
    /// The member did not take the order.
    #[error(
        "member `{0}` did not take the order: it is not reachable, or was started without `--allow-faults`"
    )]
    Refused(String),
}
