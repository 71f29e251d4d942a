//! A whole data folder, or a backup, checked: what is stored against itself, then against the log, executed again.
//!
//! 1. The log's frames and entries have the checksums that were written with them, and none is missing.
//! 2. The accounts and slots at the head have the state root that was stored with them.
//! 3. Each block: hash, parent link, roots of transactions, ommers, withdrawals and receipts, bloom, gas, signatures, indexes.
//! 4. Each block's state root is recomputed from the history of the state, from the head back to the genesis block.
//! 5. The log is executed again, from the genesis block or, where it was purged, from the checkpoint; each block must be
//!    what the leader put into the log, and what the archive holds.
//!
//! A backup has no log: 2 to 4, after its hash. *What cannot be found:* a history that was forged as a whole, log and archive
//! alike; certificates are for that (`replica::certificate`).
//! *Invariant.* Nothing is written to the folder.

use super::replay::{Beginning, ReplayError, Replayed, StoppedNode, of_backup};
use crate::{
    chain::{
        Chain,
        archive::Archive,
        audit::{AuditError, audit_block, audit_states, same_block},
    },
    replica::{api::Backend as _, backup::stored_chain},
    telemetry::{Printer, Progress},
    types::LogIndex,
};
use std::{path::Path, sync::Arc};

/// What is wrong with a folder or a file.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It cannot be read, or the log does not give a chain.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// A block.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// Nothing is stored.
    #[error("the node has not stored a chain yet: there is nothing to check")]
    Empty,
    /// The folder's chain is not the log's.
    #[error(
        "the chain's file ends with entry {stored} of the log, but the log executed again gives another chain there: \
         {field} is {found}, and must be {must_be}"
    )]
    OtherChain {
        /// The entry.
        stored: LogIndex,
        /// What differs.
        field: &'static str,
        /// In the file.
        found: String,
        /// By the log.
        must_be: String,
    },
}

/// What was found to be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Blocks that were checked, the genesis block included; each with its state root.
    pub blocks: u64,
    /// The number of the newest one.
    pub head: u64,
    /// Entries of the log that were executed again.
    pub entries: u64,
    /// Where that began.
    pub beginning: Beginning,
    /// The last of them.
    pub last_index: LogIndex,
    /// Blocks of the archive that came out of the log again.
    pub executed_blocks: u64,
}

/// Checks the folder of a stopped node.
pub fn folder(node: &StoppedNode, printer: &Printer) -> Result<Verified, VerifyError> {
    let archive = node.archive()?;
    let stored = stored_chain(&node.spec, &archive).map_err(ReplayError::Start)?;
    let (chain, stored) = stored.ok_or(VerifyError::Empty)?;
    let blocks = audit(&chain, &archive, printer)?;
    let replayed = node.replay(None, printer)?;
    let executed_blocks = if replayed.beginning == Beginning::Genesis {
        let index = stored.position.map_or(0, |position| position.index);
        same_chain(node, &chain, index, &replayed, printer)?;
        same_blocks(&chain, &archive, &replayed)?
    } else {
        // What follows the checkpoint is not in the archive yet.
        let new = replayed.chain().head().header.number;
        new.saturating_sub(chain.head().header.number)
    };
    Ok(Verified {
        blocks,
        head: chain.head().header.number,
        entries: replayed.entries,
        beginning: replayed.beginning,
        last_index: replayed.last_index,
        executed_blocks,
    })
}

/// Checks a backup.
pub fn backup(path: &Path, printer: &Printer) -> Result<Verified, VerifyError> {
    let replayed = of_backup(path, None, printer)?;
    let chain = Arc::clone(replayed.chain());
    let blocks = audit(&chain, replayed.archive(), printer)?;
    Ok(Verified {
        blocks,
        head: chain.head().header.number,
        entries: 0,
        beginning: replayed.beginning,
        last_index: replayed.last_index,
        executed_blocks: 0,
    })
}

/// Steps 3 and 4; how many blocks there are.
fn audit(chain: &Chain, archive: &Archive, printer: &Printer) -> Result<u64, AuditError> {
    let first = chain.spec().genesis.number;
    let last = chain.head().header.number;
    let blocks = last - first + 1;
    let mut progress = Progress::new(printer.clone(), "Checking blocks", blocks);
    let mut parent = None;
    for number in first..=last {
        let block = audit_block(archive, chain.spec(), number, parent.as_deref())?;
        progress.advance(1, 1, block.header.gas_used);
        parent = Some(block);
    }
    progress.finish();
    let mut progress = Progress::new(printer.clone(), "Recomputing states", blocks);
    audit_states(chain, archive, |_| progress.advance(1, 1, 0))?;
    progress.finish();
    Ok(blocks)
}

/// The chain in the folder's file is the one that the log gives at its entry.
fn same_chain(
    node: &StoppedNode,
    stored: &Chain,
    index: LogIndex,
    replayed: &Replayed,
    printer: &Printer,
) -> Result<(), VerifyError> {
    let there;
    let executed = if replayed.last_index == index {
        replayed.chain()
    } else {
        there = node.replay(Some(index), printer)?;
        there.chain()
    };
    let differs = |field, found: String, must_be: String| {
        Err(VerifyError::OtherChain {
            stored: index,
            field,
            found,
            must_be,
        })
    };
    let (found, must_be) = (stored.head().hash, executed.head().hash);
    if found != must_be {
        return differs("the head's hash", found.to_string(), must_be.to_string());
    }
    let (found, must_be) = (stored.state().root(), executed.state().root());
    if found != must_be {
        return differs("the state's root", found.to_string(), must_be.to_string());
    }
    let (found, must_be) = (stored.position(), executed.position());
    if found != must_be {
        return differs(
            "the digest of all entries",
            found.to_string(),
            must_be.to_string(),
        );
    }
    Ok(())
}

/// Blocks of the archive are those that the log gave; how many were compared. Those that a revert in the newer part of
/// the log took away are not there to be compared.
fn same_blocks(chain: &Chain, archive: &Archive, replayed: &Replayed) -> Result<u64, AuditError> {
    let first = chain.spec().genesis.number;
    let last = chain.head().header.number;
    let last = last.min(replayed.chain().head().header.number);
    let mut compared = 0;
    for number in first..=last {
        let stored = archive.block_by_number(number)?;
        let executed = replayed.archive().block_by_number(number)?;
        let (Some(stored), Some(executed)) = (stored, executed) else {
            return Err(AuditError::Missing(number));
        };
        if stored.version > chain.version() {
            break;
        }
        same_block(&stored, &executed)?;
        compared += 1;
    }
    Ok(compared)
}
