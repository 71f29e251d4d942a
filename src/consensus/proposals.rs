//! Proposals under way.
//!
//! *Invariants.* Proposals reach the engine in the order in which they were made, without anybody waiting in between;
//! their number is bounded.

use super::{
    adapter::StateMachine, failure::Failure, type_config::Answer, type_config::TypeConfig,
};
use crate::types::{LogPosition, MemberId, Payload};
use futures::{
    channel::oneshot,
    future::{BoxFuture, FutureExt},
    task::noop_waker_ref,
};
use openraft::{
    AsyncRuntime, Raft,
    errors::{ClientWriteError, ForwardToLeader},
    raft::ClientWriteResult,
};
use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

/// A proposal, or a question to the leader, that was not carried out as far as this node knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// This node does not lead (yet, or any more); nothing was proposed.
    #[error("this node is not the leader")]
    NotLeader {
        /// The leader it knows, if any.
        leader: Option<MemberId>,
    },
    /// This node lost its leadership with the entry in its log: it may still be committed by another leader.
    #[error("this node lost its leadership before the entry was committed; it may still be")]
    Unknown {
        /// The leader it knows, if any.
        leader: Option<MemberId>,
    },
    /// A majority did not confirm that this node leads.
    #[error("a majority of the members cannot be reached")]
    NoQuorum,
    /// Too many proposals are under way; nothing was proposed.
    #[error("{limit} proposals are under way, and no more are taken")]
    Overloaded {
        /// The limit.
        limit: usize,
    },
    /// The node has stopped; why.
    #[error("the node has stopped: {0}")]
    Stopped(String),
}

impl ProposeError {
    pub(super) fn not_leader<RT: AsyncRuntime>(forward: &ForwardToLeader<TypeConfig<RT>>) -> Self {
        Self::NotLeader {
            leader: forward.leader_id,
        }
    }
}

type Handing = BoxFuture<'static, ()>;

/// What has to wait because the engine's queue is full.
#[derive(Default)]
struct Backlog {
    waiting: VecDeque<Handing>,
    /// Whether a task is emptying it.
    pumped: bool,
}

/// The way of proposals into the engine. Clones share it.
pub(super) struct Proposals<RT: AsyncRuntime> {
    raft: Raft<TypeConfig<RT>, StateMachine>,
    failure: Failure,
    backlog: Arc<Mutex<Backlog>>,
    in_flight: Arc<AtomicUsize>,
    limit: usize,
}

impl<RT: AsyncRuntime> Clone for Proposals<RT> {
    fn clone(&self) -> Self {
        Self {
            raft: self.raft.clone(),
            failure: self.failure.clone(),
            backlog: Arc::clone(&self.backlog),
            in_flight: Arc::clone(&self.in_flight),
            limit: self.limit,
        }
    }
}

impl<RT: AsyncRuntime> Proposals<RT> {
    pub(super) fn new(
        raft: Raft<TypeConfig<RT>, StateMachine>,
        failure: Failure,
        limit: usize,
    ) -> Self {
        Self {
            raft,
            failure,
            backlog: Arc::default(),
            in_flight: Arc::default(),
            limit,
        }
    }

    /// Hands a payload to the engine.
    pub(super) fn propose(&self, payload: Payload) -> ProposalFuture<RT> {
        let permit = Permit::take(&self.in_flight, self.limit);
        let (answer, receiver) = Answer::new();
        let state = match permit {
            Some(permit) => {
                self.hand_over(payload, answer);
                State::Waiting {
                    receiver,
                    _permit: permit,
                }
            }
            None => State::Refused(ProposeError::Overloaded { limit: self.limit }),
        };
        ProposalFuture {
            state,
            failure: self.failure.clone(),
        }
    }

    fn hand_over(&self, payload: Payload, answer: Answer<ClientWriteResult<TypeConfig<RT>>>) {
        let raft = self.raft.clone();
        let mut handing = async move {
            // If the engine has stopped, the answer is dropped with it, and the waiter sees that.
            let _ = raft.client_write_ff(payload, Some(answer)).await;
        }
        .boxed();
        let mut backlog = self.backlog.lock().unwrap_or_else(PoisonError::into_inner);
        if !backlog.pumped {
            let mut context = Context::from_waker(noop_waker_ref());
            if handing.poll_unpin(&mut context).is_ready() {
                return;
            }
            // The queue is full (or the task's budget is used up): a task hands over from here on, in order.
            backlog.pumped = true;
            drop(RT::spawn(pump(Arc::clone(&self.backlog))));
        }
        backlog.waiting.push_back(handing);
    }
}

async fn pump(backlog: Arc<Mutex<Backlog>>) {
    loop {
        let next = {
            let mut backlog = backlog.lock().unwrap_or_else(PoisonError::into_inner);
            let next = backlog.waiting.pop_front();
            backlog.pumped = next.is_some();
            next
        };
        match next {
            Some(handing) => handing.await,
            None => return,
        }
    }
}

/// One of the bounded number of proposals.
#[derive(Debug)]
struct Permit(Arc<AtomicUsize>);

impl Permit {
    fn take(in_flight: &Arc<AtomicUsize>, limit: usize) -> Option<Self> {
        in_flight
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
                (count < limit).then_some(count + 1)
            })
            .ok()
            .map(|_| Self(Arc::clone(in_flight)))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

enum State<RT: AsyncRuntime> {
    Waiting {
        receiver: oneshot::Receiver<ClientWriteResult<TypeConfig<RT>>>,
        /// Held until the future is gone.
        _permit: Permit,
    },
    Refused(ProposeError),
}

/// Resolves when the entry is committed and applied on this node. Dropping it does not take the entry back.
#[must_use = "the outcome of a proposal is only known from its future"]
pub struct ProposalFuture<RT: AsyncRuntime> {
    state: State<RT>,
    failure: Failure,
}

impl<RT: AsyncRuntime> std::fmt::Debug for ProposalFuture<RT> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ProposalFuture")
    }
}

impl<RT: AsyncRuntime> Future for ProposalFuture<RT> {
    type Output = Result<LogPosition, ProposeError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let outcome = match &mut this.state {
            State::Refused(error) => return Poll::Ready(Err(error.clone())),
            State::Waiting { receiver, .. } => match receiver.poll_unpin(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(outcome) => outcome,
            },
        };
        Poll::Ready(match outcome {
            Ok(Ok(written)) => Ok(LogPosition {
                term: written.log_id.leader_id.term,
                index: written.log_id.index,
            }),
            Ok(Err(error)) => Err(refusal(&error)),
            Err(oneshot::Canceled) => Err(ProposeError::Stopped(
                this.failure.get().unwrap_or("it was told to").to_owned(),
            )),
        })
    }
}

fn refusal<RT: AsyncRuntime>(error: &ClientWriteError<TypeConfig<RT>>) -> ProposeError {
    match error {
        ClientWriteError::ForwardToLeader(forward) => ProposeError::not_leader(forward),
        ClientWriteError::LogEntryDiscarded(forward) => ProposeError::Unknown {
            leader: forward.leader_id,
        },
        // Both belong to changes of the membership, which are not proposed this way.
        ClientWriteError::ChangeMembershipError(_) | ClientWriteError::PreconditionFailed(_) => {
            ProposeError::NotLeader { leader: None }
        }
    }
}
