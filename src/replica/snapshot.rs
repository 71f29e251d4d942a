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
    /// A checkpoint in bytes.
    pub(super) fn encoded(
        position: Option<LogPosition>,
        record: Vec<u8>,
        chain: Vec<u8>,
    ) -> Vec<u8> {
        let wire = Self {
            position,
            record,
            chain,
        };
        // Writing into memory cannot fail; an empty checkpoint would be refused at the next start.
        postcard::to_stdvec(&wire).unwrap_or_default()
    }

    /// The same without the consensus' record, which names the members of one cluster.
    pub(super) fn portable(position: LogPosition, chain: Vec<u8>) -> Vec<u8> {
        Self::encoded(Some(position), Vec::new(), chain)
    }

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
        WireStored::encoded(
            self.stored.position,
            self.stored.record.clone(),
            self.chain.encode(),
        )
    }
}

impl SnapshotSource for ArchiveSnapshot {
    fn chunks(&self) -> io::Result<Box<dyn Iterator<Item = io::Result<Vec<u8>>> + Send>> {
        Self::chunks(self)
    }
}
