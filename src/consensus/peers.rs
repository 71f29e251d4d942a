//! What the consensus and the replica ask of the way to the other members.
//!
//! *Invariants.* Requests of one kind to one peer arrive in the order in which they were sent; answers may come in any
//! order. A peer is who its key says: the transport has checked that before anything arrives here.

use crate::types::MemberId;
use alloy::primitives::Bytes;
use futures::future::{BoxFuture, FutureExt};
use openraft::AsyncRuntime;
use std::{marker::PhantomData, sync::Arc, time::Duration};

/// Whom a message is for, at the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// The consensus: votes, appends.
    Consensus,
    /// The consensus again, but large and patient: pieces of snapshots.
    Bulk,
    /// The application above the consensus.
    Application,
    /// Faults on request: orders from member to member, which no fault holds up.
    Fault,
}

/// A request that got no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeerError {
    /// There is no connection; the request was not sent.
    #[error("member {0} is not reachable")]
    Unreachable(MemberId),
    /// The connection ended while the answer was awaited; the request may have been taken.
    #[error("the connection to member {0} was lost")]
    Lost(MemberId),
    /// No answer in time; the request may have been taken.
    #[error("member {0} did not answer within {1:?}")]
    TimedOut(MemberId, Duration),
    /// Too much is queued for the peer, or the peer has too much to do; the request was not taken.
    #[error("member {0} has too many requests under way")]
    Overloaded(MemberId),
    /// The peer runs, but does not take such requests (yet, or any more).
    #[error("member {0} does not take such requests now")]
    Refused(MemberId),
    /// The request is above the limit of a message.
    #[error("a message of {bytes} bytes is above the limit of {limit_bytes}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
}

impl PeerError {
    /// Whether the peer may have taken the request although there is no answer.
    pub fn may_have_happened(&self) -> bool {
        matches!(self, Self::Lost(_) | Self::TimedOut(..))
    }
}

/// The way to the other members.
pub trait Transport: Send + Sync + 'static {
    /// Sends a request. It is queued before this returns, so the order of calls is the order on the way; the future
    /// only waits for the answer, without a time limit of its own.
    fn send(
        &self,
        to: MemberId,
        kind: MessageKind,
        request: Bytes,
    ) -> BoxFuture<'static, Result<Bytes, PeerError>>;

    /// Whether there is a live connection to the member.
    fn reachable(&self, id: MemberId) -> bool;

    /// Says who takes the requests of a kind from now on; nobody with `None`.
    fn serve(&self, kind: MessageKind, service: Option<Arc<dyn PeerService>>);
}

/// Answers requests of peers.
pub trait PeerService: Send + Sync + 'static {
    /// Answers one request. Called, and polled for the first time, in the order of arrival.
    fn handle(&self, from: MemberId, request: Bytes) -> BoxFuture<'static, Bytes>;
}

/// Application messages between members.
pub trait PeerCalls: Send + Sync + 'static {
    /// Asks a member.
    fn call(
        &self,
        to: MemberId,
        request: Bytes,
        timeout: Duration,
    ) -> BoxFuture<'static, Result<Bytes, PeerError>>;
    /// Whether there is a live connection to the member.
    fn reachable(&self, id: MemberId) -> bool;
}

/// [`PeerCalls`] over a transport, with the runtime's clock.
pub struct TimedCalls<RT> {
    transport: Arc<dyn Transport>,
    runtime: PhantomData<fn() -> RT>,
}

impl<RT> std::fmt::Debug for TimedCalls<RT> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TimedCalls")
    }
}

impl<RT> TimedCalls<RT> {
    /// Calls over `transport`.
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        Self {
            transport,
            runtime: PhantomData,
        }
    }
}

impl<RT: AsyncRuntime> PeerCalls for TimedCalls<RT> {
    fn call(
        &self,
        to: MemberId,
        request: Bytes,
        timeout: Duration,
    ) -> BoxFuture<'static, Result<Bytes, PeerError>> {
        let answer = self.transport.send(to, MessageKind::Application, request);
        async move {
            RT::timeout(timeout, answer)
                .await
                .unwrap_or(Err(PeerError::TimedOut(to, timeout)))
        }
        .boxed()
    }

    fn reachable(&self, id: MemberId) -> bool {
        self.transport.reachable(id)
    }
}
