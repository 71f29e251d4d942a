//! Entries outside of a running consensus: for whoever goes through a log of a node that does not run.

use super::type_config::{Entry, EntryContent};
use crate::types::{LogPosition, Payload};

/// Where an entry stands, and what it holds for the application; `None`: a membership or a new leader's blank.
pub fn payload_of(entry: &Entry) -> (LogPosition, Option<&Payload>) {
    let position = LogPosition {
        term: entry.log_id.leader_id.term,
        index: entry.log_id.index,
    };
    let payload = match &entry.payload {
        EntryContent::Normal(payload) => Some(payload),
        EntryContent::Blank | EntryContent::Membership(_) => None,
    };
    (position, payload)
}
