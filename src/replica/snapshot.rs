//! A copy of the archive as the consensus hands it to a peer, and what is stored beside the chain in a checkpoint.

use crate::{
    chain::{
        Chain,
        archive::{ArchiveSnapshot, Checkpoint},
    },
    consensus::{SnapshotSource, Stored},
    types::LogPosition,
};
use serde::{Deserialize, Serialize};
use std::{io, sync::Arc};

/// The chain and the log's record that belongs to it.
#[derive(Debug)]
pub(super) struct StoredChain {
    pub(super) chain: Arc<Chain>,
    pub(super) stored: Stored,
}

/// A checkpoint as bytes.
#[derive(Serialize, Deserialize)]
pub(super) struct WireStored {
    position: Option<LogPosition>,
    record: Vec<u8>,
    pub(super) chain: Vec<u8>,
}

impl WireStored {
    /// How far the log was.
    pub(super) fn stored(&self) -> Stored {
        Stored {
            position: self.position,
            record: self.record.clone(),
        }
    }
}

impl Checkpoint for StoredChain {
    fn encode(&self) -> Vec<u8> {
        let wire = WireStored {
            position: self.stored.position,
            record: self.stored.record.clone(),
            chain: self.chain.encode(),
        };
        // Writing into memory cannot fail; an empty checkpoint would be refused at the next start.
        postcard::to_stdvec(&wire).unwrap_or_default()
    }
}

impl SnapshotSource for ArchiveSnapshot {
    fn chunks(&self) -> io::Result<Box<dyn Iterator<Item = io::Result<Vec<u8>>> + Send>> {
        Self::chunks(self)
    }
}
