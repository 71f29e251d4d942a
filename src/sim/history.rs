//! What clients asked and were told, and when.

use super::world;
use crate::{chain::command::Outcome, types::MemberId};
use alloy::primitives::B256;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// What a client was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// The write is done.
    Done(Outcome),
    /// The write was refused, and did nothing.
    Refused(String),
    /// The write could not be done in time, and (with `false`) never will be.
    Unavailable {
        /// Whether it may still happen.
        may_happen: bool,
    },
    /// The chain that a read saw.
    Saw {
        /// The chain's position.
        position: B256,
        /// The value under the key.
        value: Option<String>,
    },
    /// The read could not be served.
    Unread,
}

/// One operation of a client.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) node: MemberId,
    /// What was asked.
    pub(super) asked: Asked,
    pub(super) from: Duration,
    /// When the answer came, and which; `None`: never, the node died.
    pub(super) told: Option<(Duration, Told)>,
}

/// What an operation was, as far as the checks care.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// A value under a key.
    Push { key: u64, value: String },
    /// The value under a key.
    Get { key: u64 },
    /// Any other write.
    Write,
}

/// All operations, by number. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct History(Arc<Mutex<Vec<Record>>>);

impl History {
    pub(super) fn records(&self) -> MutexGuard<'_, Vec<Record>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A client begins; its number (from 1: 0 is nobody's).
    pub(super) fn begin(&self, node: MemberId, asked: impl FnOnce(u64) -> Asked) -> u64 {
        let mut records = self.records();
        let number = records.len() as u64 + 1;
        records.push(Record {
            node,
            asked: asked(number),
            from: world::now(),
            told: None,
        });
        number
    }

    /// A client was answered.
    pub(super) fn end(&self, number: u64, told: Told) {
        world::note(
            "told",
            &[number, world::digest(format!("{told:?}").as_bytes())],
            || format!("operation {number}: {told:?}"),
        );
        let place = usize::try_from(number).unwrap_or_default();
        if let Some(record) = self.records().get_mut(place.wrapping_sub(1)) {
            record.told = Some((world::now(), told));
        }
    }
}
