//! The application under the log: applies entries in order and publishes the chain.
//!
//! *Invariant.* The only writer of the chain and of the archive.

use super::{
    api::ChainEvent,
    shared::Shared,
    snapshot::{StoredChain, WireStored},
};
use crate::{
    chain::{Applied, ApplyError, Chain, command::Entry, spec::ChainSpec},
    consensus::{Application, ApplicationError, SnapshotSource, Stored},
    planted::{self, Bug},
    types::{LogPosition, Payload},
};
use alloy::primitives::{B256, keccak256};
use std::{fmt, sync::Arc};

/// See the module.
pub struct Applier {
    shared: Arc<Shared>,
    spec: Arc<ChainSpec>,
    stored: Stored,
}

impl fmt::Debug for Applier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Applier")
            .field("stored", &self.stored.position)
            .finish_non_exhaustive()
    }
}

impl Applier {
    pub(super) fn new(shared: Arc<Shared>, spec: Arc<ChainSpec>, stored: Stored) -> Self {
        if let Some(position) = stored.position {
            shared.applied.advance(position.index);
        }
        Self {
            shared,
            spec,
            stored,
        }
    }

    /// The chain after the last applied entry.
    pub fn chain(&self) -> Arc<Chain> {
        self.shared.head()
    }

    fn run(&self, payload: &Payload, at: LogPosition) -> Result<Applied, ApplicationError> {
        let chain = self.shared.head();
        let digest = keccak256(&payload.0);
        let mut applied = if let Some((entry, built)) = self.shared.take_built(&digest) {
            chain.adopt(&entry, built, digest)
        } else {
            let entry = Entry::decode(&payload.0).map_err(fatal)?;
            let past = &*self.shared.archive;
            chain
                .apply_with(&entry, digest, at, past)
                .map_err(|error| {
                    if let ApplyError::Divergence(divergence) = &error {
                        let divergence = Arc::new((**divergence).clone());
                        (self.shared.events)(ChainEvent::Diverged(divergence));
                    }
                    fatal(error)
                })?
        };
        if !applied.skipped {
            applied.chain.set_log_position(at);
        }
        Ok(applied)
    }

    fn publish(
        &mut self,
        applied: Applied,
        at: LogPosition,
        record: &[u8],
    ) -> Result<(), ApplicationError> {
        let Applied {
            chain,
            mut effects,
            answers,
            admitted,
            skipped: _,
        } = applied;
        effects.log_index = at.index;
        let chain = Arc::new(chain);
        self.stored = Stored {
            position: Some(at),
            record: record.to_vec(),
        };
        let checkpoint = StoredChain {
            chain: chain.clone(),
            stored: self.stored.clone(),
        };
        let removed = self
            .shared
            .archive
            .append(&effects, chain.state(), Arc::new(checkpoint))
            .map_err(fatal)?;
        // Straight into a block, without a stay in the pool: heard of now for the first time.
        let before = self.shared.head();
        let is_new = |hash: &B256| before.pool().get(hash).is_none();
        let in_blocks = effects.blocks.iter().flat_map(|block| &block.transactions);
        let arrived: Vec<B256> = in_blocks
            .map(|transaction| *transaction.hash())
            .filter(is_new)
            .collect();
        self.shared.set_head(chain);
        // Before the answers: whoever has an answer finds the events in his filters.
        if !removed.is_empty() {
            (self.shared.events)(ChainEvent::Removed(removed));
        }
        for hash in admitted.into_iter().chain(arrived) {
            (self.shared.events)(ChainEvent::Transaction(hash));
        }
        for block in effects.blocks {
            (self.shared.events)(ChainEvent::Block(block));
        }
        for hash in effects.console_callers {
            (self.shared.events)(ChainEvent::Console(hash));
        }
        self.shared.applied.advance(at.index);
        for (request, _) in &answers {
            tracing::debug!(
                ?request,
                index = at.index,
                "a write is committed and applied"
            );
        }
        self.shared.outcomes.resolve(answers);
        Ok(())
    }
}

impl Application for Applier {
    fn stored(&self) -> Stored {
        self.stored.clone()
    }

    fn apply(
        &mut self,
        position: LogPosition,
        record: Arc<Vec<u8>>,
        payload: Option<&Payload>,
    ) -> Result<(), ApplicationError> {
        let applied = match payload {
            Some(payload) => self.run(payload, position)?,
            None => self.shared.head().skip(),
        };
        self.publish(applied, position, &record)
    }

    fn checkpoint(&self) -> Result<(Stored, Arc<dyn SnapshotSource>), ApplicationError> {
        if !planted::is(Bug::CheckpointNotFlushed) {
            self.shared.archive.flush().map_err(fatal)?;
        }
        let snapshot = self.shared.archive.snapshot().map_err(fatal)?;
        Ok((self.stored.clone(), Arc::new(snapshot)))
    }

    fn install(
        &mut self,
        stored: Stored,
        snapshot: Arc<dyn SnapshotSource>,
    ) -> Result<(), ApplicationError> {
        let chunks = snapshot.chunks().map_err(fatal)?;
        self.shared.archive.install(chunks).map_err(fatal)?;
        let (chain, in_copy) = load(&self.spec, &self.shared)?
            .ok_or_else(|| ApplicationError("the copy sent by a peer holds no chain".to_owned()))?;
        if in_copy.position != stored.position {
            return Err(ApplicationError(format!(
                "the copy sent by a peer is for {:?}, not for {:?} as it says",
                in_copy.position, stored.position
            )));
        }
        self.stored = in_copy;
        if !planted::is(Bug::CopyLeavesOldHead) {
            self.shared.set_head(Arc::new(chain));
        }
        if let Some(position) = stored.position {
            self.shared.applied.advance(position.index);
        }
        Ok(())
    }
}

/// The chain that the archive holds, and how far it is.
fn load(
    spec: &Arc<ChainSpec>,
    shared: &Shared,
) -> Result<Option<(Chain, Stored)>, ApplicationError> {
    super::start::load(spec, &shared.archive).map_err(fatal)
}

pub(super) fn decode_stored(bytes: &[u8]) -> Result<WireStored, postcard::Error> {
    postcard::from_bytes(bytes)
}

fn fatal(error: impl fmt::Display) -> ApplicationError {
    ApplicationError(error.to_string())
}
