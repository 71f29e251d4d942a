//! Whether what an archive holds fits together: everything about a block that can be recomputed from what is stored with it,
//! and the root of the state after it, from the history of the state.
//!
//! Nothing is executed here; whoever has the log executes it again (`node::verify`).
//! Sources: Yellow Paper, 4.4; EIP-2718, EIP-4895.

use super::{
    Chain,
    archive::{Archive, StoreError},
    block::BlockRecord,
    genesis,
    spec::ChainSpec,
    state::State,
    transaction::SignedTransaction,
};
use alloy::{
    consensus::{TxReceipt as _, proofs, transaction::SignerRecoverable as _},
    eips::eip2718::Encodable2718 as _,
    primitives::{Bloom, U256, keccak256},
};
use std::{fmt, sync::Arc};

/// The first thing that is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// A field of a block.
    #[error("block {number} is wrong: `{field}` is {found}, but {must_be} {source_of}")]
    Field {
        /// The block.
        number: u64,
        /// The field.
        field: &'static str,
        /// What is stored.
        found: String,
        /// What it must be.
        must_be: String,
        /// Where that follows from.
        source_of: &'static str,
    },
    /// A block is missing.
    #[error("block {0} is missing")]
    Missing(u64),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

struct Auditor<'a> {
    block: &'a BlockRecord,
}

impl Auditor<'_> {
    fn same<T: PartialEq + fmt::Debug>(
        &self,
        field: &'static str,
        found: &T,
        must_be: &T,
        source_of: &'static str,
    ) -> Result<(), AuditError> {
        if found == must_be {
            return Ok(());
        }
        Err(AuditError::Field {
            number: self.block.header.number,
            field,
            found: format!("{found:?}"),
            must_be: format!("{must_be:?}"),
            source_of,
        })
    }

    fn header(&self, parent: Option<&BlockRecord>) -> Result<(), AuditError> {
        let header = &self.block.header;
        let hash = header.hash_slow();
        self.same("hash", &self.block.hash, &hash, "is the hash of its header")?;
        let Some(parent) = parent else { return Ok(()) };
        let link = "is its parent's hash";
        self.same("parentHash", &header.parent_hash, &parent.hash, link)?;
        let next = parent.header.number + 1;
        self.same("number", &header.number, &next, "follows its parent's")
    }

    fn body(&self) -> Result<(), AuditError> {
        let (block, header) = (self.block, &self.block.header);
        let envelopes: Vec<_> = block.transactions.iter().map(|tx| &tx.envelope).collect();
        let root = proofs::calculate_transaction_root(&envelopes);
        let by = "is what its transactions give";
        self.same("transactionsRoot", &header.transactions_root, &root, by)?;
        let root = proofs::calculate_ommers_root(&block.ommers);
        let by = "is what its ommers give";
        self.same("sha3Uncles", &header.ommers_hash, &root, by)?;
        let withdrawals = block.withdrawals.as_ref();
        let root = withdrawals.map(|list| proofs::calculate_withdrawals_root(list));
        let by = "is what its withdrawals give";
        self.same("withdrawalsRoot", &header.withdrawals_root, &root, by)?;
        for transaction in &block.transactions {
            self.transaction(transaction)?;
        }
        Ok(())
    }

    fn transaction(&self, transaction: &SignedTransaction) -> Result<(), AuditError> {
        let hash = keccak256(transaction.envelope.encoded_2718());
        let by = "is the hash of the transaction";
        self.same("transactions.hash", transaction.hash(), &hash, by)?;
        // An impersonated account has no signature (see `accounts::impersonate`).
        let signature = transaction.envelope.signature();
        let marked = U256::from_be_slice(transaction.sender.as_slice());
        if signature.r() == marked && signature.s() == U256::ONE {
            return Ok(());
        }
        let signer = transaction.envelope.recover_signer().ok();
        let by = "is who has signed the transaction";
        self.same("transactions.from", &Some(transaction.sender), &signer, by)
    }

    fn receipts(&self) -> Result<(), AuditError> {
        let (block, header) = (self.block, &self.block.header);
        let count = block.receipts.len();
        let by = "is the number of its transactions";
        self.same("receipts", &count, &block.transactions.len(), by)?;
        let receipts: Vec<_> = block.receipts.iter().map(|it| &it.receipt).collect();
        let root = proofs::calculate_receipt_root(&receipts);
        let by = "is what its receipts give";
        self.same("receiptsRoot", &header.receipts_root, &root, by)?;
        let bloom = receipts
            .iter()
            .fold(Bloom::ZERO, |sum, it| sum | it.bloom());
        self.same("logsBloom", &header.logs_bloom, &bloom, by)?;
        let (mut gas, mut logs) = (0, 0);
        for record in &block.receipts {
            let own = record.receipt.cumulative_gas_used().saturating_sub(gas);
            self.same("receipts.gasUsed", &record.gas_used, &own, "is its share")?;
            let by = "logs stand before it";
            self.same("receipts.logIndex", &record.first_log_index, &logs, by)?;
            gas = record.receipt.cumulative_gas_used();
            logs += record.receipt.logs().len() as u64;
        }
        self.same("gasUsed", &header.gas_used, &gas, by)
    }

    /// What is found by hash is what is found by number.
    fn indexes(&self, archive: &Archive) -> Result<(), AuditError> {
        let block = self.block;
        let found = archive
            .block_by_hash(block.hash)?
            .map(|it| it.header.number);
        let number = Some(block.header.number);
        let by = "is where the block stands";
        self.same("index of block hashes", &found, &number, by)?;
        for (index, transaction) in block.transactions.iter().enumerate() {
            let found = archive.transaction(*transaction.hash())?;
            let place = Some((block.header.number, index));
            let by = "is where the transaction stands";
            self.same("index of transactions", &found, &place, by)?;
        }
        Ok(())
    }
}

/// Checks one block of an archive, all but its state root: hash, link to its parent, roots of its body and its receipts,
/// signatures, indexes.
pub fn audit_block(
    archive: &Archive,
    spec: &ChainSpec,
    number: u64,
    parent: Option<&BlockRecord>,
) -> Result<Arc<BlockRecord>, AuditError> {
    let block = archive.block_by_number(number)?;
    let block = block.ok_or(AuditError::Missing(number))?;
    let auditor = Auditor { block: &block };
    auditor.same("number", &block.header.number, &number, "is its place")?;
    auditor.header(parent)?;
    if parent.is_none() {
        let (genesis, ..) = genesis::genesis(spec);
        let by = "is what the chain's rules make";
        auditor.same("hash", &block.hash, &genesis.hash, by)?;
    }
    auditor.body()?;
    auditor.receipts()?;
    auditor.indexes(archive)?;
    Ok(block)
}

/// Goes back from the head through the history of the state and compares the root after each block with the one in its
/// header; `step` hears of each. Costs what all blocks changed.
pub fn audit_states(
    chain: &Chain,
    archive: &Archive,
    mut step: impl FnMut(u64),
) -> Result<(), AuditError> {
    let (mut state, mut version): (State, u64) = (chain.state().clone(), chain.version());
    let first = chain.spec().genesis.number;
    for number in (first..=chain.head().header.number).rev() {
        let block = archive.block_by_number(number)?;
        let block = block.ok_or(AuditError::Missing(number))?;
        let auditor = Auditor { block: &block };
        if block.version > version {
            let by = "is that of a later block";
            return auditor.same("version", &block.version, &version, by);
        }
        state = archive.rewind(&state, version, block.version)?;
        version = block.version;
        let by = "is what the history of the state gives";
        auditor.same("stateRoot", &block.header.state_root, &state.root(), by)?;
        step(number);
    }
    Ok(())
}

/// The first field in which a block of an archive differs from the same block executed again.
pub fn same_block(stored: &BlockRecord, executed: &BlockRecord) -> Result<(), AuditError> {
    if stored == executed {
        return Ok(());
    }
    let auditor = Auditor { block: stored };
    let by = "is what the log gives, executed again";
    let (found, must_be) = (&stored.header, &executed.header);
    auditor.same("stateRoot", &found.state_root, &must_be.state_root, by)?;
    auditor.same("gasUsed", &found.gas_used, &must_be.gas_used, by)?;
    auditor.same("hash", &stored.hash, &executed.hash, by)?;
    auditor.same(
        "transactions",
        &stored.transactions,
        &executed.transactions,
        by,
    )?;
    auditor.same("receipts", &stored.receipts, &executed.receipts, by)?;
    auditor.same("version", &stored.version, &executed.version, by)?;
    auditor.same("block", stored, executed, by)
}

#[cfg(test)]
mod tests;
