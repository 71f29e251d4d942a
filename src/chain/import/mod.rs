//! Blocks from outside: decoding them, checking them as every client does, executing them.
//!
//! A chain as geth writes it (`geth export`) is one RLP block after the other. A block that is taken has been checked
//! in full: its header against its parent and the rules of its fork, its body against the header, and what its
//! execution gave against all roots. Only the seal of proof of work is not looked at.
//!
//! *Invariant.* The first wrong field ends it and changes nothing; [`BadBlock`] names block, field and both values.
//!
//! Sources: Yellow Paper 4.3, EIP-1559, 3675, 4399, 4844, 4788, 4895, 7685, 7918, 7934; the order of checks is geth's.

mod header;
mod ommers;
#[cfg(test)]
mod tests;

use super::{
    Built, Chain,
    block::{Exactly, Template, encode_block},
    evm::{environment::Strictness, execute::ExecutionError},
    spec::{ForkRules, Hardfork},
    transaction::{Envelope, SignedTransaction, TransactionError},
};
use alloy::{
    consensus::{Block, Header, Transaction as _, Typed2718 as _, proofs},
    eips::eip4895::Withdrawals,
    primitives::B256,
};
use alloy_rlp::Decodable as _;
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};

/// EIP-7934: bytes of a block's RLP, from Osaka on.
pub const BLOCK_RLP_BYTES_MAX: usize = (10 << 20) - (2 << 20);

/// A block that the chain does not take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("block {number} is wrong: `{field}` is {got}, but must be {wanted}")]
pub struct BadBlock {
    /// The block.
    pub number: u64,
    /// The field, or the transaction.
    pub field: String,
    /// What it must be.
    pub wanted: String,
    /// What it is.
    pub got: String,
}

/// Bytes that are not a block.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The RLP does not hold.
    #[error("the bytes are not an RLP block: {0}")]
    Rlp(#[from] alloy_rlp::Error),
    /// A signature without a sender.
    #[error("transaction {index} of block {number}: {source}")]
    Transaction {
        /// The block.
        number: u64,
        /// The transaction's place.
        index: usize,
        /// Why.
        source: TransactionError,
    },
}

/// A block from outside with the senders of its transactions.
#[derive(Clone, PartialEq, Eq)]
pub struct ImportedBlock {
    /// The header.
    pub header: Header,
    /// Its hash.
    pub hash: B256,
    /// The transactions, senders recovered.
    pub transactions: Vec<Arc<SignedTransaction>>,
    /// Ommers; none after the merge.
    pub ommers: Vec<Header>,
    /// From Shanghai on.
    pub withdrawals: Option<Withdrawals>,
}

/// A block from outside as its bytes say it, before senders are recovered.
#[derive(Clone, Debug)]
pub struct RawBlock(Block<Envelope>);

impl RawBlock {
    /// Takes one block from the front of `bytes`.
    pub fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(Self(Block::decode(bytes)?))
    }

    /// Gas that the block says it used.
    pub fn gas_used(&self) -> u64 {
        self.0.header.gas_used
    }

    /// Recovers the senders: the costly part, independent for each block.
    pub fn recover(self) -> Result<ImportedBlock, DecodeError> {
        let Block { header, body } = self.0;
        let number = header.number;
        let transactions = body.transactions.into_iter().enumerate();
        let transactions = transactions.map(|(index, envelope)| {
            SignedTransaction::recover_any(envelope)
                .map(Arc::new)
                .map_err(|source| DecodeError::Transaction {
                    number,
                    index,
                    source,
                })
        });
        Ok(ImportedBlock {
            hash: header.hash_slow(),
            transactions: transactions.collect::<Result<_, _>>()?,
            ommers: body.ommers,
            withdrawals: body.withdrawals,
            header,
        })
    }
}

impl ImportedBlock {
    /// The block in the form in which clients exchange it.
    pub fn to_rlp(&self) -> Vec<u8> {
        let withdrawals = self.withdrawals.as_ref();
        encode_block(&self.header, &self.transactions, &self.ommers, withdrawals)
    }
}

impl fmt::Debug for ImportedBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ImportedBlock({}, {})", self.header.number, self.hash)
    }
}

/// Names the field if the values differ.
fn must_be<T: PartialEq + fmt::Debug>(
    number: u64,
    field: &str,
    wanted: &T,
    got: &T,
) -> Result<(), BadBlock> {
    if wanted == got {
        return Ok(());
    }
    Err(bad(
        number,
        field,
        format!("{wanted:?}"),
        format!("{got:?}"),
    ))
}

fn bad(number: u64, field: &str, wanted: String, got: String) -> BadBlock {
    BadBlock {
        number,
        field: field.to_owned(),
        wanted,
        got,
    }
}

impl Chain {
    /// Checks a block from outside on the head and executes it. Changes nothing.
    pub fn import_block(&self, block: &ImportedBlock) -> Result<Built, BadBlock> {
        let header = &block.header;
        let number = header.number;
        let rules = self.next_rules(header.timestamp);
        header::check(self, &rules, header)?;
        self.check_body(&rules, block)?;
        let template = Template {
            header: header.clone(),
            ommers: &block.ommers,
            withdrawals: block.withdrawals.clone(),
            strictness: Strictness::Ethereum,
        };
        let mut source = Exactly(block.transactions.iter());
        let built = self
            .run_block(template, &mut source)
            .map_err(|error| match error {
                ExecutionError::InvalidTransaction { hash, reason } => bad(
                    number,
                    &format!("transaction {hash}"),
                    "valid".to_owned(),
                    reason,
                ),
                ExecutionError::Block(reason) => {
                    bad(number, "block", "executable".to_owned(), reason)
                }
            })?;
        header::compare(&built.block.header, header)?;
        Ok(built)
    }

    /// The body against the header, before anything is executed.
    fn check_body(&self, rules: &ForkRules, block: &ImportedBlock) -> Result<(), BadBlock> {
        let header = &block.header;
        let number = header.number;
        let envelopes: Vec<_> = block.transactions.iter().map(|one| &one.envelope).collect();
        let root = proofs::calculate_transaction_root(&envelopes);
        must_be(number, "transactionsRoot", &root, &header.transactions_root)?;
        ommers::check(self, rules, block)?;
        let withdrawals_root = block
            .withdrawals
            .as_ref()
            .map(|list| proofs::calculate_withdrawals_root(list));
        must_be(
            number,
            "withdrawalsRoot",
            &withdrawals_root,
            &header.withdrawals_root,
        )?;
        for transaction in &block.transactions {
            check_transaction(number, rules, transaction)?;
        }
        if let Some(params) = rules.blobs {
            let used: u64 = envelopes
                .iter()
                .filter_map(|one| (**one).blob_gas_used())
                .sum();
            must_be(number, "blobGasUsed", &Some(used), &header.blob_gas_used)?;
            let max = params.max_blob_gas_per_block();
            if used > max {
                let wanted = format!("at most {max}");
                return Err(bad(number, "blobGasUsed", wanted, used.to_string()));
            }
        }
        if rules.is_active(Hardfork::Osaka) {
            let bytes = block.to_rlp().len();
            if bytes > BLOCK_RLP_BYTES_MAX {
                let wanted = format!("at most {BLOCK_RLP_BYTES_MAX} bytes");
                return Err(bad(number, "size", wanted, bytes.to_string()));
            }
        }
        Ok(())
    }
}

/// What revm does not ask of a transaction: that its fork knows its form.
fn check_transaction(
    number: u64,
    rules: &ForkRules,
    transaction: &SignedTransaction,
) -> Result<(), BadBlock> {
    let refuse = |wanted: &str, got: String| {
        let field = format!("transaction {}", transaction.hash());
        Err(bad(number, &field, wanted.to_owned(), got))
    };
    let envelope = &transaction.envelope;
    if let Err(rejection) = super::pool::validate::type_allowed(envelope.ty(), rules) {
        return refuse("of a type that the fork has", rejection.to_string());
    }
    let is_protected = envelope.is_legacy() && envelope.chain_id().is_some();
    if is_protected && !rules.is_active(Hardfork::SpuriousDragon) {
        return refuse("without a chain id before EIP-155", "protected".to_owned());
    }
    if rules.is_active(Hardfork::Homestead) && envelope.signature().normalize_s().is_some() {
        return refuse("signed with a low s (EIP-2)", "high s".to_owned());
    }
    if !transaction.has_known_blob_version() {
        return refuse(
            "with blob hashes of version 1",
            "another version".to_owned(),
        );
    }
    Ok(())
}
