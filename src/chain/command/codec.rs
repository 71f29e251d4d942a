//! Entries as bytes: a format byte, then postcard; Ethereum's own objects inside are RLP.

use super::{Answer, Body, Cheat, Entry, ProposedBlock};
use crate::chain::{import::ImportedBlock, load::LoadPart, transaction::SignedTransaction};
use alloy::{
    consensus::Header,
    eips::eip4895::Withdrawals,
    primitives::{B256, Bytes},
};
use alloy_rlp::Decodable;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The format of this version. A node that does not know a format stops instead of guessing.
const FORMAT: u8 = 2;

/// Bytes that are no entry.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// Written by another version of the program.
    #[error(
        "log entry has format {0}, this version of praline knows format {FORMAT}; use the version that wrote the log"
    )]
    Format(u8),
    /// Not what it should be.
    #[error("log entry cannot be read: {0}")]
    Malformed(String),
}

#[derive(Serialize, Deserialize)]
struct WireEntry {
    base: B256,
    proposed_at_ms: u64,
    answers: Vec<Answer>,
    body: WireBody,
}

#[derive(Serialize, Deserialize)]
enum WireBody {
    Blocks(Vec<WireBlock>),
    Import(Vec<WireImport>),
    Admit(Vec<Bytes>),
    Cheat(Cheat),
    Note { key: String, value: String },
    Reorg { depth: u64, blocks: Vec<WireBlock> },
    Load(Arc<LoadPart>),
}

#[derive(Serialize, Deserialize)]
struct WireBlock {
    header: Bytes,
    transactions: Vec<Bytes>,
    withdrawals: Option<Bytes>,
    evicted: Vec<B256>,
    timestamp_named: bool,
}

impl Entry {
    /// The bytes of the entry.
    pub fn encode(&self) -> Result<Vec<u8>, CodecError> {
        let wire = WireEntry {
            base: self.base,
            proposed_at_ms: self.proposed_at_ms,
            answers: self.answers.clone(),
            body: match &self.body {
                Body::Blocks(blocks) => WireBody::Blocks(blocks.iter().map(wire_block).collect()),
                Body::Import(blocks) => {
                    WireBody::Import(blocks.iter().map(|one| WireImport::new(one)).collect())
                }
                Body::Admit(transactions) => WireBody::Admit(wire_transactions(transactions)),
                Body::Cheat(cheat) => WireBody::Cheat(cheat.clone()),
                Body::Note { key, value } => WireBody::Note {
                    key: key.clone(),
                    value: value.clone(),
                },
                Body::Reorg { depth, blocks } => WireBody::Reorg {
                    depth: *depth,
                    blocks: blocks.iter().map(wire_block).collect(),
                },
                Body::Load(part) => WireBody::Load(Arc::clone(part)),
            },
        };
        postcard::to_extend(&wire, vec![FORMAT]).map_err(malformed)
    }

    /// The entry that the bytes hold.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let (format, rest) = bytes
            .split_first()
            .ok_or_else(|| malformed("it is empty"))?;
        if *format != FORMAT {
            return Err(CodecError::Format(*format));
        }
        let wire: WireEntry = postcard::from_bytes(rest).map_err(malformed)?;
        Ok(Self {
            base: wire.base,
            proposed_at_ms: wire.proposed_at_ms,
            answers: wire.answers,
            body: match wire.body {
                WireBody::Blocks(blocks) => {
                    Body::Blocks(blocks.into_iter().map(block).collect::<Result<_, _>>()?)
                }
                WireBody::Import(blocks) => Body::Import(
                    blocks
                        .into_iter()
                        .map(|one| one.into_block().map(Arc::new))
                        .collect::<Result<_, _>>()?,
                ),
                WireBody::Admit(list) => Body::Admit(transactions(&list)?),
                WireBody::Cheat(cheat) => Body::Cheat(cheat),
                WireBody::Note { key, value } => Body::Note { key, value },
                WireBody::Reorg { depth, blocks } => Body::Reorg {
                    depth,
                    blocks: blocks.into_iter().map(block).collect::<Result<_, _>>()?,
                },
                WireBody::Load(part) => Body::Load(part),
            },
        })
    }
}

/// A block from outside with its senders.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WireImport {
    header: Bytes,
    transactions: Vec<Bytes>,
    ommers: Bytes,
    withdrawals: Option<Bytes>,
}

impl WireImport {
    pub(crate) fn new(block: &ImportedBlock) -> Self {
        let withdrawals = block.withdrawals.as_ref();
        Self {
            header: alloy_rlp::encode(&block.header).into(),
            transactions: wire_transactions(&block.transactions),
            ommers: alloy_rlp::encode(&block.ommers).into(),
            withdrawals: withdrawals.map(|list| alloy_rlp::encode(list).into()),
        }
    }

    pub(crate) fn into_block(self) -> Result<ImportedBlock, CodecError> {
        let header = Header::decode(&mut &self.header[..]).map_err(malformed)?;
        Ok(ImportedBlock {
            hash: header.hash_slow(),
            transactions: transactions(&self.transactions)?,
            ommers: Vec::decode(&mut &self.ommers[..]).map_err(malformed)?,
            withdrawals: withdrawals(self.withdrawals)?,
            header,
        })
    }
}

fn withdrawals(bytes: Option<Bytes>) -> Result<Option<Withdrawals>, CodecError> {
    let decoded = bytes.map(|bytes| Withdrawals::decode(&mut &bytes[..]).map_err(malformed));
    decoded.transpose()
}

fn wire_block(block: &ProposedBlock) -> WireBlock {
    WireBlock {
        header: alloy_rlp::encode(&block.header).into(),
        transactions: wire_transactions(&block.transactions),
        withdrawals: block
            .withdrawals
            .as_ref()
            .map(|list| alloy_rlp::encode(list).into()),
        evicted: block.evicted.clone(),
        timestamp_named: block.timestamp_named,
    }
}

fn block(wire: WireBlock) -> Result<ProposedBlock, CodecError> {
    Ok(ProposedBlock {
        header: Header::decode(&mut &wire.header[..]).map_err(malformed)?,
        transactions: transactions(&wire.transactions)?,
        withdrawals: withdrawals(wire.withdrawals)?,
        evicted: wire.evicted,
        timestamp_named: wire.timestamp_named,
    })
}

fn wire_transactions(transactions: &[Arc<SignedTransaction>]) -> Vec<Bytes> {
    transactions
        .iter()
        .map(|transaction| transaction.to_bytes().into())
        .collect()
}

fn transactions(list: &[Bytes]) -> Result<Vec<Arc<SignedTransaction>>, CodecError> {
    list.iter()
        .map(|bytes| {
            SignedTransaction::from_bytes(bytes)
                .map(Arc::new)
                .map_err(malformed)
        })
        .collect()
}

fn malformed(error: impl std::fmt::Display) -> CodecError {
    CodecError::Malformed(error.to_string())
}
