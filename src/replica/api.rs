//! What the RPC server (or any other front) may ask of a member of the cluster.

use super::{CertificateError, certificate::Certificate};
use crate::{
    chain::{
        Chain,
        archive::Archive,
        block::BlockRecord,
        command::{Outcome, Write},
    },
    types::{LogIndex, MemberId, MemberStatus, Role, Term},
};
use alloy::primitives::B256;
use futures::future::BoxFuture;
use std::{fmt, sync::Arc};

pub use crate::consensus::{MemberChange, MembershipError, is_member_name};

/// A write that was not done.
#[derive(Clone, Debug, thiserror::Error, serde::Serialize, serde::Deserialize)]
pub enum WriteError {
    /// The chain refused it; nothing changed, and asking again gives the same.
    #[error(transparent)]
    Rejected(#[from] crate::chain::Rejection),
    /// There was no leader with a majority within the time limit.
    #[error("no leader is currently elected")]
    Unavailable(Unavailable),
}

/// The cluster cannot answer now.
#[derive(Clone, Copy, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Unavailable {
    /// The term in which the answering node is.
    pub term: Term,
    /// The leader it knows, if any.
    pub known_leader: Option<MemberId>,
    /// When asking again makes sense.
    pub retry_after_ms: u64,
    /// Whether the write had been given to a leader, so that it may still happen.
    pub may_happen: bool,
}

/// A read that could not be proven to be up to date within the time limit.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    /// There was no leader with a majority within the time limit.
    #[error("no leader is currently elected")]
    Unavailable(Unavailable),
}

/// The cluster as one member sees it.
#[derive(Clone, Debug)]
pub struct ClusterStatus {
    /// The answering node.
    pub node: MemberId,
    /// Its name.
    pub name: String,
    /// What it does.
    pub role: Role,
    /// Whether it counts in elections: not before it has got back what a new or lost disk does not hold.
    pub votes: bool,
    /// Its leader, if it knows one.
    pub leader: Option<MemberId>,
    /// Its term.
    pub term: Term,
    /// The highest index it knows to be committed.
    pub commit_index: LogIndex,
    /// The index of the last entry it applied.
    pub applied_index: LogIndex,
    /// All members, by number: as the log has them, at the addresses at which this node looks for them.
    pub members: Vec<MemberStatus>,
}

/// A change of the chain on this node, for subscriptions and filters, in the order of the log.
#[derive(Clone, Debug)]
pub enum ChainEvent {
    /// A block became the head.
    Block(Arc<BlockRecord>),
    /// Blocks left the chain (`evm_revert`), highest first.
    Removed(Vec<Arc<BlockRecord>>),
    /// A transaction was taken into the pool or straight into a block.
    Transaction(B256),
    /// A transaction of a new block may have called Solidity's console.
    Console(B256),
    /// This node comes to another block than the log, and is about to stop: both sides, as JSON.
    Diverged(Arc<crate::chain::Divergence>),
}

/// A member of a cluster, as its RPC server sees it.
pub trait Backend: Send + Sync + fmt::Debug + 'static {
    /// Does a write: the answer means committed by a majority and applied on this node. Bounded in time.
    fn write(&self, write: Write) -> BoxFuture<'_, Result<Outcome, WriteError>>;
    /// The chain, at least as new as everything acknowledged anywhere before this call (or the local head, with
    /// `reads = "local"`). Bounded in time.
    fn read(&self) -> BoxFuture<'_, Result<Arc<Chain>, ReadError>>;
    /// The chain as applied here, without asking anybody.
    fn local(&self) -> Arc<Chain>;
    /// Blocks and old states.
    fn archive(&self) -> &Arc<Archive>;
    /// The cluster as seen from here.
    fn status(&self) -> ClusterStatus;
    /// A quorum's signatures under a block of this node's chain. Bounded in time.
    fn certificate(
        &self,
        block: Arc<BlockRecord>,
    ) -> BoxFuture<'_, Result<Arc<Certificate>, CertificateError>> {
        drop(block);
        Box::pin(async { Err(CertificateError::NoKey) })
    }
    /// Changes the members or the leader, through whichever node leads; the number of the member it was about. Bounded in
    /// time.
    fn change_members(
        &self,
        change: MemberChange,
    ) -> BoxFuture<'_, Result<MemberId, MembershipError>>;
    /// The real time, Unix milliseconds: the edge's clock, for pending blocks.
    fn now_ms(&self) -> u64;
}
