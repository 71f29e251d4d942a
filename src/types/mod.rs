//! The few words that the chain, the consensus and the edge share.
//!
//! Nothing here does anything: no logic of the chain, none of the consensus, no I/O.

mod log;
mod member;
mod request;

pub use log::{LogIndex, LogPosition, Payload, Term};
pub use member::{Member, MemberId, MemberStatus, PublicKey, Role};
pub use request::RequestId;
