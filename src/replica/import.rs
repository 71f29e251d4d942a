//! Blocks from outside on their way into the cluster: what the chain has already is left out, the rest is written.
//!
//! Every member of a cluster may be told to import the same file: who finds that a block came in through another
//! member meanwhile looks again and goes on.

use super::api::{Backend, WriteError};
use crate::chain::{
    Rejection,
    archive::StoreError,
    command::{Outcome, Write},
    import::{BadBlock, ImportedBlock},
};
use std::sync::Arc;

/// How often blocks that others write at the same time are looked up again.
const ATTEMPTS_MAX: usize = 1000;

/// What became of some blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Blocks that this call brought in.
    pub taken: u64,
    /// Blocks that were there already.
    pub known: u64,
}

/// Blocks that did not come in. What came before the first one that failed stays.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A block is wrong.
    #[error(transparent)]
    Bad(#[from] Box<BadBlock>),
    /// The cluster did not take it.
    #[error(transparent)]
    Write(WriteError),
    /// The archive failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Brings blocks, one on the other, into the chain. Bounded in time as every write is.
pub async fn import_blocks(
    backend: &dyn Backend,
    blocks: &[Arc<ImportedBlock>],
) -> Result<Imported, ImportError> {
    let mut done = Imported::default();
    let mut left = blocks;
    for attempt in 0.. {
        let known = known_ahead(backend, left)?;
        done.known += known as u64;
        left = &left[known..];
        if left.is_empty() {
            break;
        }
        let bad = match backend.write(Write::Import(left.to_vec())).await {
            Ok(Outcome::Imported { count, refused }) => {
                done.taken += count;
                left = &left[(count as usize).min(left.len())..];
                match refused {
                    Some(bad) => bad,
                    None => break,
                }
            }
            Ok(_) => break,
            Err(WriteError::Rejected(Rejection::BadBlock(bad))) => bad,
            Err(error) => return Err(ImportError::Write(error)),
        };
        // A refused block that is in the chain by now came in through another member.
        if attempt >= ATTEMPTS_MAX || known_ahead(backend, left)? == 0 {
            return Err(bad.into());
        }
    }
    Ok(done)
}

/// How many of the first blocks are in the chain.
fn known_ahead(backend: &dyn Backend, blocks: &[Arc<ImportedBlock>]) -> Result<usize, StoreError> {
    let head = backend.local().head().header.number;
    for (index, block) in blocks.iter().enumerate() {
        let is_known =
            block.header.number <= head && backend.archive().block_by_hash(block.hash)?.is_some();
        if !is_known {
            return Ok(index);
        }
    }
    Ok(blocks.len())
}
