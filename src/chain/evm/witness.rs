//! What a block's execution needs of the state and of the chain before it: a stateless client can execute the block
//! again with nothing else (`debug_executionWitness`, in the form of reth and geth).

use super::{
    ecrecover::Signatures,
    environment::Strictness,
    execute::{BlockInput, ExecutionError, execute_noting},
};
use crate::chain::{
    block::{BlockRecord, Exactly},
    spec::ChainSpec,
    state::{Draft, State, StateRead as _, Touched},
};
use alloy::{
    consensus::Transaction as _,
    primitives::{B256, Bytes, KECCAK256_EMPTY, U256},
};
use std::collections::BTreeSet;

/// What an execution read.
#[derive(Clone, Debug)]
pub(crate) struct Reads {
    pub(crate) touched: Touched,
    pub(crate) codes: BTreeSet<B256>,
    /// The lowest block whose hash was asked for; that of the executed block if none was.
    pub(crate) oldest_block: u64,
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// RLP of the trie nodes.
    pub nodes: Vec<Bytes>,
    /// The codes that ran or were looked at.
    pub codes: Vec<Bytes>,
    /// Addresses and slots: what the trie's keys are the hashes of.
    pub keys: Vec<Bytes>,
    /// The number of the oldest block whose header is needed; its successors up to the parent are needed, too.
    pub oldest_block: u64,
}

/// Executes a block again on `before`, the state on which it was executed.
///
/// # Errors
/// The block cannot be executed there, or comes to another state.
pub fn witness(
    spec: &ChainSpec,
    chain_id: u64,
    signatures: &Signatures,
    block: &BlockRecord,
    before: &State,
    block_hash: &dyn Fn(u64) -> B256,
) -> Result<Witness, ExecutionError> {
    let mut signed_for = block.transactions.iter();
    let input = BlockInput {
        spec,
        chain_id: signed_for
            .find_map(|transaction| transaction.envelope.chain_id())
            .unwrap_or(chain_id),
        header: &block.header,
        ommers: &block.ommers,
        withdrawals: block.withdrawals.as_ref(),
        block_hash,
        strictness: Strictness::DevChain,
        signatures,
    };
    let mut reads = Reads {
        touched: Touched::default(),
        codes: BTreeSet::new(),
        oldest_block: block.header.number,
    };
    let mut draft = Draft::new(before.clone());
    let mut source = Exactly(block.transactions.iter());
    execute_noting(&input, &mut draft, &mut source, Some(&mut reads))?;
    let (after, diff) = draft.finish();
    if after.root() != block.header.state_root {
        return Err(ExecutionError::Block(format!(
            "block {} comes to another state when it is executed again",
            block.header.number
        )));
    }
    // What is written without a read: rewards, and what a fork moves.
    for address in diff.accounts.keys() {
        reads.touched.account(*address);
    }
    for (address, slot) in diff.storage.keys() {
        reads.touched.slot(*address, *slot);
    }
    let known = |hash: &&B256| **hash != KECCAK256_EMPTY && before.has_code(hash);
    let codes = reads.codes.iter().filter(known).map(|hash| {
        let code = before.code(*hash)?;
        Ok::<_, ExecutionError>(code.original_bytes())
    });
    Ok(Witness {
        nodes: before.witness(&reads.touched, &after).into_iter().collect(),
        codes: codes.collect::<Result<_, _>>()?,
        keys: keys(&reads.touched),
        oldest_block: reads
            .oldest_block
            .min(block.header.number.saturating_sub(1)),
    })
}

fn keys(touched: &Touched) -> Vec<Bytes> {
    let mut slots = BTreeSet::<U256>::new();
    let mut keys = Vec::new();
    for (address, of_account) in touched.iter() {
        keys.push(Bytes::copy_from_slice(address.as_slice()));
        slots.extend(of_account);
    }
    keys.extend(
        slots
            .iter()
            .map(|slot| Bytes::from(slot.to_be_bytes::<32>())),
    );
    keys
}

#[cfg(test)]
mod tests;
