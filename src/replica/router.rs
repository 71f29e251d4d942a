//! The way of a write: to the leader, wherever it is, again after a change of leader, until it is applied here or the
//! time is over. The request's id makes the retries one write.

use super::{
    api::{ReadError, WriteError},
    barrier::{Barrier, unavailable},
    certify::Certifier,
    environment::Environment,
    log::ReplicatedLog,
    message::{self, Request, Response, Submitted, WireWrite},
    prepare::prepare,
    producer::Submissions,
    shared::Shared,
};
use crate::{
    chain::{
        command::{Outcome, Write},
        load::LoadStep,
    },
    planted::{self, Bug},
    types::{LogIndex, MemberId, RequestId},
};
use alloy::primitives::Bytes;
use futures::future::{Either, select};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tracing::Instrument as _;

/// How long to wait before trying again when there is no leader and nothing changes.
const RETRY_MS: u64 = 10;

/// Gas that even a slow machine executes in a millisecond.
const GAS_PER_MS_LEAST: u64 = 5_000;
/// Bytes of a dump that even a slow machine takes in a millisecond.
const LOAD_BYTES_PER_MS_LEAST: u64 = 500;
/// What an (almost empty) block may take at the most, on a slow machine.
const MINING_MS_PER_BLOCK: u64 = 10;

/// Sends writes to the leader.
#[derive(Clone, Debug)]
pub(super) struct Router {
    pub(super) log: Arc<dyn ReplicatedLog>,
    pub(super) environment: Arc<dyn Environment>,
    pub(super) shared: Arc<Shared>,
    pub(super) submissions: Submissions,
    pub(super) barrier: Barrier,
    pub(super) timeout_ms: u64,
    pub(super) certifier: Arc<Certifier>,
}

/// Forgets the waiter when the client goes away.
struct Registered<'a> {
    shared: &'a Shared,
    request: RequestId,
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        self.shared.outcomes.forget(&self.request);
    }
}

impl Router {
    /// Does a write; see [`super::api::Backend::write`].
    pub(super) async fn write(&self, write: Write) -> Result<Outcome, WriteError> {
        let timeout_ms = self.timeout_ms.saturating_add(mining_ms(&write));
        let now_ms = self.environment.monotonic_ms();
        let deadline = now_ms.saturating_add(timeout_ms);
        let write = Arc::new(self.prepared(write).await?);
        let request = self.environment.request_id();
        let span = tracing::debug_span!("write", ?request);
        self.write_prepared(request, write, deadline)
            .instrument(span)
            .await
    }

    async fn write_prepared(
        &self,
        request: RequestId,
        write: Arc<Write>,
        deadline: u64,
    ) -> Result<Outcome, WriteError> {
        tracing::debug!("a write begins");
        let applied = self.shared.outcomes.register(request);
        let _registered = Registered {
            shared: &self.shared,
            request,
        };
        let left = deadline.saturating_sub(self.environment.monotonic_ms());
        let time_is_over = self.environment.sleep(Duration::from_millis(left));
        let may_happen = AtomicBool::new(false);
        let submission = Box::pin(self.submit(request, &write, deadline, &may_happen));
        let answer = select(applied, submission);
        let result = match select(answer, time_is_over).await {
            Either::Left((Either::Left((outcome, _)), _)) => Some(Ok(outcome)),
            Either::Left((Either::Right((Ok(()), applied)), time_is_over)) => {
                match select(applied, time_is_over).await {
                    Either::Left((outcome, _)) => Some(Ok(outcome)),
                    Either::Right(_) => None,
                }
            }
            Either::Left((Either::Right((Err(error), _)), _)) => Some(Err(error)),
            Either::Right(_) => None,
        };
        tracing::debug!(done = matches!(result, Some(Ok(Ok(_)))), "a write ends");
        match result {
            Some(Ok(Ok(outcome))) => Ok(outcome),
            Some(Err(rejection)) => Err(rejection),
            Some(Ok(Err(_))) | None => {
                let may_happen =
                    may_happen.load(Ordering::Relaxed) && !planted::is(Bug::MayHappenForgotten);
                Err(WriteError::Unavailable(unavailable(&*self.log, may_happen)))
            }
        }
    }

    /// The write as the leader gets it. This node may be behind what was acknowledged elsewhere: what depends on the
    /// state (an estimate), and what this node would refuse, is decided behind a read barrier.
    async fn prepared(&self, write: Write) -> Result<Write, WriteError> {
        let depends = matches!(&write, Write::Unsigned(request) if request.gas.is_none());
        if !depends
            && let Ok(prepared) = prepare(
                &self.shared.head(),
                write.clone(),
                self.environment.now_ms(),
            )
        {
            return Ok(prepared);
        }
        let ReadError::Unavailable(unavailable) = match self.barrier.pass().await {
            Ok(()) => return prepare(&self.shared.head(), write, self.environment.now_ms()),
            Err(error) => error,
        };
        Err(WriteError::Unavailable(unavailable))
    }

    /// Resolves when the write is committed at the leader, or refused; goes on through changes of leader.
    async fn submit(
        &self,
        request: RequestId,
        write: &Arc<Write>,
        deadline_ms: u64,
        may_happen: &AtomicBool,
    ) -> Result<(), WriteError> {
        let mut hint = None;
        loop {
            let changed = self.log.changed();
            let left = deadline_ms.saturating_sub(self.environment.monotonic_ms());
            // Whoever stops waiting now does not know.
            let knew = may_happen.swap(self.leader_known(hint), Ordering::Relaxed);
            match self.try_leader(request, write, hint.take(), left).await {
                Submitted::Done => return Ok(()),
                Submitted::Rejected(rejection) => return Err(rejection.into()),
                Submitted::NotLeader {
                    leader,
                    may_happen: maybe,
                } => {
                    may_happen.store(knew || maybe, Ordering::Relaxed);
                    hint = leader.filter(|leader| *leader != self.log.id());
                }
            }
            let pause = self.environment.sleep(Duration::from_millis(RETRY_MS));
            select(changed, pause).await;
        }
    }

    fn leader_known(&self, hint: Option<MemberId>) -> bool {
        self.log.view().leader.or(hint).is_some()
    }

    async fn try_leader(
        &self,
        request: RequestId,
        write: &Arc<Write>,
        hint: Option<MemberId>,
        left_ms: u64,
    ) -> Submitted {
        let view = self.log.view();
        if view.leads() {
            let submitted = Box::pin(self.submissions.submit(request, write.clone()));
            let lost = Box::pin(self.leader_lost(self.log.id(), view.term));
            return match select(submitted, lost).await {
                Either::Left((submitted, _)) => submitted,
                Either::Right(_) => Submitted::NotLeader {
                    leader: None,
                    may_happen: true,
                },
            };
        }
        let nowhere = Submitted::NotLeader {
            leader: None,
            may_happen: false,
        };
        let Some(leader) = view
            .leader
            .or(hint)
            .filter(|leader| *leader != self.log.id())
        else {
            return nowhere;
        };
        let Ok(question) = WireWrite::new(write).and_then(|write| {
            message::encode(&Request::Write {
                request,
                write,
                limit_ms: left_ms,
            })
        }) else {
            return nowhere;
        };
        // A leader that was lost is noticed by its term, not by this limit: it only ends a hung connection.
        let changed = self.leader_lost(leader, view.term);
        let call = self
            .log
            .call(leader, question, Duration::from_millis(left_ms.max(1)));
        match select(call, Box::pin(changed)).await {
            Either::Left((Ok(answer), _)) => match message::decode(&answer) {
                Ok(Response::Write(submitted)) => submitted,
                _ => nowhere,
            },
            Either::Left((Err(_), _)) | Either::Right(_) => Submitted::NotLeader {
                leader: None,
                may_happen: true,
            },
        }
    }

    /// Resolves when another leader than `leader` is known, or none, or when the term is over.
    async fn leader_lost(&self, leader: MemberId, term: crate::types::Term) {
        loop {
            let changed = self.log.changed();
            let view = self.log.view();
            if view.leader != Some(leader) || view.term != term {
                return;
            }
            changed.await;
        }
    }

    /// Gives a peer's write to the producer for as long as the peer waits. What was not proposed by then is not
    /// proposed any more: its client has been told so.
    async fn submit_within(&self, request: RequestId, write: Write, limit_ms: u64) -> Submitted {
        tracing::debug!(?request, "a peer's write");
        let submitted = self.submissions.submit(request, Arc::new(write));
        let time_is_over = self.environment.sleep(Duration::from_millis(limit_ms));
        match select(Box::pin(submitted), time_is_over).await {
            Either::Left((submitted, _)) => submitted,
            Either::Right(_) => Submitted::NotLeader {
                leader: None,
                may_happen: true,
            },
        }
    }

    /// The leader's read index for a peer; else who leads.
    async fn read_index(&self) -> Result<LogIndex, Option<MemberId>> {
        if let Some(index) = self.log.read_index_by_lease() {
            return Ok(index);
        }
        let asked = self.log.read_index().await;
        asked.map_err(|_| self.log.view().leader)
    }

    /// Answers a peer.
    pub(super) async fn serve(&self, question: &[u8]) -> Bytes {
        let response = match message::decode(question) {
            Ok(Request::Write {
                request,
                write,
                limit_ms,
            }) => match write.into_write() {
                Ok(write) => Response::Write(self.submit_within(request, write, limit_ms).await),
                Err(error) => {
                    tracing::warn!(%error, "refused a peer's write");
                    Response::Write(Submitted::NotLeader {
                        leader: None,
                        may_happen: false,
                    })
                }
            },
            Ok(Request::ReadIndex) => Response::ReadIndex(self.read_index().await),
            Ok(Request::Sign { number, hash }) => {
                let archive = &self.shared.archive;
                Response::Signed(self.certifier.sign(archive, number, hash))
            }
            Ok(Request::ChangeMembers { change, again }) => {
                Response::ChangeMembers(self.log.change_members(change, again).await)
            }
            Err(error) => {
                tracing::warn!(%error, "refused a peer's message");
                Response::ReadIndex(Err(None))
            }
        };
        message::encode(&response).unwrap_or_default()
    }
}

/// Time that mining takes beside the way to a majority: a client that asks for many blocks waits longer.
fn mining_ms(write: &Write) -> u64 {
    match write {
        Write::Mine { count, .. } => count.saturating_mul(MINING_MS_PER_BLOCK),
        Write::Import(blocks) => {
            // Headers from outside: nothing of them is checked yet.
            let gas = blocks.iter().map(|block| block.header.gas_used);
            let gas = gas.fold(0, u64::saturating_add);
            let empty = (blocks.len() as u64).saturating_mul(MINING_MS_PER_BLOCK);
            empty.saturating_add(gas / GAS_PER_MS_LEAST)
        }
        Write::Reorg { depth, .. } => depth.saturating_mul(MINING_MS_PER_BLOCK),
        Write::Load(part) => {
            let bytes: usize = part.steps.iter().map(LoadStep::size).sum();
            bytes as u64 / LOAD_BYTES_PER_MS_LEAST
        }
        _ => 0,
    }
}
