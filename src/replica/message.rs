//! What members ask each other beside Raft: writes on behalf of clients, the read index, signatures. Encoded with postcard.

use super::log::LogError;
use crate::{
    chain::{
        Rejection,
        command::{Cheat, ReorgTransaction, WireImport, Write},
        load::LoadPart,
        transaction::SignedTransaction,
    },
    consensus::{MemberChange, MembershipError},
    types::{LogIndex, MemberId, RequestId},
};
use alloy::primitives::{B256, B512, Bytes};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Bytes from a peer that are no message: another version of the program.
#[derive(Debug, thiserror::Error)]
#[error("a peer's message cannot be read: {0}")]
pub(super) struct MessageError(String);

/// A question to the leader.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    /// Do a write.
    Write {
        /// Its name over all retries.
        request: RequestId,
        /// The write.
        write: WireWrite,
        /// How long the asking member waits for the answer.
        limit_ms: u64,
    },
    /// What is the read index?
    ReadIndex,
    /// To any member: sign this block, if you have applied it (see `certificate`).
    Sign {
        /// Its number.
        number: u64,
        /// Its hash.
        hash: B256,
    },
    /// Change the members, or who leads.
    ChangeMembers {
        /// The change.
        change: MemberChange,
        /// Whether it was asked for before, and may have happened.
        again: bool,
    },
}

/// The leader's answer.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Response {
    /// To a write.
    Write(Submitted),
    /// To a read index; `Err`: who leads instead, if known.
    ReadIndex(Result<LogIndex, Option<MemberId>>),
    /// A signature under a block; `None`: the block is not in this member's chain (yet).
    Signed(Option<B512>),
    /// To a change of the members: the member it was about.
    ChangeMembers(Result<MemberId, MembershipError>),
}

/// What became of a write at the leader.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Submitted {
    /// Committed, and applied at the leader.
    Done,
    /// The chain refuses it.
    Rejected(Rejection),
    /// The one that was asked does not lead (any more) or has no majority. Whether the write had been proposed.
    NotLeader {
        /// Who leads, if known.
        leader: Option<MemberId>,
        /// Whether it may still be in the log.
        may_happen: bool,
    },
}

impl From<LogError> for Submitted {
    fn from(error: LogError) -> Self {
        match error {
            LogError::NotLeader { leader } => Self::NotLeader {
                leader,
                may_happen: false,
            },
            LogError::Unknown { leader } => Self::NotLeader {
                leader,
                may_happen: true,
            },
            LogError::Stopped(_) => Self::NotLeader {
                leader: None,
                may_happen: true,
            },
        }
    }
}

/// A write as bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum WireWrite {
    Transaction(Bytes),
    /// JSON: the request type has no other form.
    Unsigned(Bytes),
    Mine {
        count: u64,
        interval_seconds: Option<u64>,
        timestamp: Option<u64>,
    },
    Import(Vec<WireImport>),
    Cheat(Cheat),
    Note {
        key: String,
        value: String,
    },
    Reorg {
        depth: u64,
        transactions: Vec<(WireReorgTransaction, u64)>,
    },
    Load(Arc<LoadPart>),
}

/// A transaction of a reorg as bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum WireReorgTransaction {
    Signed(Bytes),
    /// JSON.
    Unsigned(Bytes),
}

impl WireReorgTransaction {
    fn new(transaction: &ReorgTransaction) -> Result<Self, MessageError> {
        Ok(match transaction {
            ReorgTransaction::Signed(signed) => Self::Signed(signed.to_bytes().into()),
            ReorgTransaction::Unsigned(request) => {
                Self::Unsigned(serde_json::to_vec(request).map_err(unreadable)?.into())
            }
        })
    }

    fn into_transaction(self) -> Result<ReorgTransaction, MessageError> {
        Ok(match self {
            Self::Signed(bytes) => ReorgTransaction::Signed(Arc::new(
                SignedTransaction::from_bytes(&bytes).map_err(unreadable)?,
            )),
            Self::Unsigned(json) => {
                ReorgTransaction::Unsigned(serde_json::from_slice(&json).map_err(unreadable)?)
            }
        })
    }
}

impl WireWrite {
    pub(super) fn new(write: &Write) -> Result<Self, MessageError> {
        Ok(match write {
            Write::Transaction(transaction) => Self::Transaction(transaction.to_bytes().into()),
            Write::Unsigned(request) => {
                Self::Unsigned(serde_json::to_vec(request).map_err(unreadable)?.into())
            }
            Write::Mine {
                count,
                interval_seconds,
                timestamp,
            } => Self::Mine {
                count: *count,
                interval_seconds: *interval_seconds,
                timestamp: *timestamp,
            },
            Write::Import(blocks) => {
                Self::Import(blocks.iter().map(|one| WireImport::new(one)).collect())
            }
            Write::Cheat(cheat) => Self::Cheat(cheat.clone()),
            Write::Note { key, value } => Self::Note {
                key: key.clone(),
                value: value.clone(),
            },
            Write::Reorg {
                depth,
                transactions,
            } => Self::Reorg {
                depth: *depth,
                transactions: transactions
                    .iter()
                    .map(|(one, index)| Ok((WireReorgTransaction::new(one)?, *index)))
                    .collect::<Result<_, MessageError>>()?,
            },
            Write::Load(part) => Self::Load(Arc::clone(part)),
        })
    }

    pub(super) fn into_write(self) -> Result<Write, MessageError> {
        Ok(match self {
            Self::Transaction(bytes) => Write::Transaction(Arc::new(
                SignedTransaction::from_bytes(&bytes).map_err(unreadable)?,
            )),
            Self::Unsigned(json) => {
                Write::Unsigned(serde_json::from_slice(&json).map_err(unreadable)?)
            }
            Self::Mine {
                count,
                interval_seconds,
                timestamp,
            } => Write::Mine {
                count,
                interval_seconds,
                timestamp,
            },
            Self::Import(blocks) => Write::Import(
                blocks
                    .into_iter()
                    .map(|one| one.into_block().map(Arc::new).map_err(unreadable))
                    .collect::<Result<_, _>>()?,
            ),
            Self::Cheat(cheat) => Write::Cheat(cheat),
            Self::Note { key, value } => Write::Note { key, value },
            Self::Reorg {
                depth,
                transactions,
            } => Write::Reorg {
                depth,
                transactions: transactions
                    .into_iter()
                    .map(|(one, index)| Ok((one.into_transaction()?, index)))
                    .collect::<Result<_, MessageError>>()?,
            },
            Self::Load(part) => Write::Load(part),
        })
    }
}

pub(super) fn encode<T: Serialize>(message: &T) -> Result<Bytes, MessageError> {
    postcard::to_stdvec(message)
        .map(Into::into)
        .map_err(unreadable)
}

pub(super) fn decode<T: for<'a> Deserialize<'a>>(bytes: &[u8]) -> Result<T, MessageError> {
    postcard::from_bytes(bytes).map_err(unreadable)
}

fn unreadable(error: impl std::fmt::Display) -> MessageError {
    MessageError(error.to_string())
}

/// Bytes of a peer, as a request and as an answer, and as the payload of an entry; see [`crate::fuzzing`].
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn fuzz_messages(data: &[u8]) {
    drop(decode::<Request>(data));
    drop(decode::<Response>(data));
    if let Ok(entry) = crate::chain::command::Entry::decode(data) {
        let again = crate::chain::command::Entry::decode(&entry.encode().unwrap_or_default());
        assert!(again.is_ok(), "it cannot be read again");
    }
}
