//! Answers the consensus messages of peers.
//!
//! *Invariants.* A member without its vote (see `founding`) gives none, and follows only whom it may. An append is handed to the engine when its request is polled first, so the order of arrival is kept.

use super::{
    adapter::{SnapshotData, StateMachine},
    founding::Franchise,
    message::{Hello, Request, Response, SnapshotChunk, SnapshotEnd, decode, encode},
    peers::PeerService,
    snapshot::{Incoming, SnapshotSpool},
    status::quorum_ack_age,
    type_config::TypeConfig,
};
use crate::types::MemberId;
use alloy::primitives::Bytes;
use futures::future::{BoxFuture, FutureExt};
use openraft::{
    AsyncRuntime, Raft,
    async_runtime::WatchReceiver,
    raft::AppendEntriesRequest,
    storage::{Snapshot, SnapshotMeta},
};
use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Bytes that an answer takes, at a guess.
const ANSWER_BYTES: usize = 64;

/// The consensus as its peers see it.
pub(super) struct RaftService<RT: AsyncRuntime> {
    raft: Raft<TypeConfig<RT>, StateMachine>,
    spool: Arc<dyn SnapshotSpool>,
    /// Whether this member may vote.
    franchise: Franchise,
    /// How old a majority's confirmation of this leader may be.
    lease: Duration,
    /// At most one transfer a peer: a new one replaces what came before.
    incoming: Arc<Mutex<HashMap<MemberId, Incoming>>>,
}

impl<RT: AsyncRuntime> Clone for RaftService<RT> {
    fn clone(&self) -> Self {
        Self {
            raft: self.raft.clone(),
            spool: Arc::clone(&self.spool),
            franchise: self.franchise.clone(),
            lease: self.lease,
            incoming: Arc::clone(&self.incoming),
        }
    }
}

impl<RT: AsyncRuntime> RaftService<RT> {
    pub(super) fn new(
        raft: Raft<TypeConfig<RT>, StateMachine>,
        spool: Arc<dyn SnapshotSpool>,
        franchise: Franchise,
        lease: Duration,
    ) -> Self {
        Self {
            raft,
            spool,
            franchise,
            lease,
            incoming: Arc::default(),
        }
    }

    async fn answer(self, from: MemberId, request: Bytes) -> Response<RT> {
        let request = match decode::<Request<RT>>(&request) {
            Ok(request) => request,
            Err(error) => return Response::Failed(format!("unreadable message: {error}")),
        };
        let raft = &self.raft;
        match request {
            Request::Append(AppendEntriesRequest { vote, .. })
            | Request::SnapshotEnd(SnapshotEnd { vote, .. })
                if !self.franchise.follows(&vote) =>
            {
                Response::Failed(
                    "it follows nobody before it knows what it may have promised to others".into(),
                )
            }
            Request::Append(append) => said(raft.append_entries(append).await, Response::Append),
            Request::Vote(_) | Request::PreVote(_) if !self.franchise.has() => Response::Failed(
                "it does not vote before it knows what it may have forgotten".into(),
            ),
            Request::Vote(vote) => said(raft.vote(vote).await, Response::Vote),
            Request::PreVote(vote) => said(raft.pre_vote(vote).await, Response::Vote),
            Request::TransferLeader(transfer) => said(
                raft.handle_transfer_leader(transfer).await,
                Response::TransferLeader,
            ),
            Request::SnapshotChunk(chunk) => self.take_chunk(from, &chunk),
            Request::SnapshotEnd(end) => self.install(from, end).await,
            Request::Hello => Response::Hello(self.hello()),
        }
    }

    fn hello(&self) -> Hello {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        Hello {
            last_log_index: metrics.last_log_index,
            leads: quorum_ack_age(&*metrics).is_some_and(|age| age <= self.lease),
            votes: self.franchise.has(),
            membership_at: metrics.membership_config.log_id().map(|it| it.index),
            voters: metrics.membership_config.membership().voter_ids().collect(),
            vote: metrics.vote,
        }
    }

    fn take_chunk(&self, from: MemberId, chunk: &SnapshotChunk) -> Response<RT> {
        match self.write_chunk(from, chunk) {
            Ok(()) => Response::SnapshotTaken,
            Err(error) => Response::Failed(format!("the snapshot cannot be kept: {error}")),
        }
    }

    fn write_chunk(&self, from: MemberId, chunk: &SnapshotChunk) -> io::Result<()> {
        let mut incoming = self.incoming.lock().unwrap_or_else(PoisonError::into_inner);
        if chunk.sequence == 0 {
            incoming.insert(from, Incoming::new(chunk.transfer, self.spool.as_ref())?);
        }
        let result = match incoming.get_mut(&from) {
            Some(transfer) if transfer.is(chunk.transfer) => transfer.write(chunk),
            _ => Err(io::Error::other("its beginning is missing")),
        };
        if result.is_err() {
            incoming.remove(&from);
        }
        result
    }

    async fn install(self, from: MemberId, end: SnapshotEnd) -> Response<RT> {
        let incoming = {
            let mut incoming = self.incoming.lock().unwrap_or_else(PoisonError::into_inner);
            incoming.remove(&from)
        };
        let source = match incoming {
            Some(transfer) if transfer.is(end.transfer) => transfer.finish(&end),
            // A snapshot may be empty.
            _ if end.chunks == 0 => {
                Incoming::new(end.transfer, self.spool.as_ref()).and_then(|it| it.finish(&end))
            }
            _ => Err(io::Error::other("its beginning is missing")),
        };
        let source = match source {
            Ok(source) => source,
            Err(error) => return Response::Failed(format!("the snapshot is not whole: {error}")),
        };
        let snapshot = Snapshot {
            meta: SnapshotMeta {
                last_log_id: end.last_log_id,
                last_membership: end.membership,
            },
            snapshot: SnapshotData(source),
        };
        match self.raft.install_full_snapshot(end.vote, snapshot).await {
            Ok(response) => Response::SnapshotInstalled(response),
            Err(fatal) => Response::Failed(fatal.to_string()),
        }
    }
}

/// What the engine said, or that it has stopped.
fn said<RT: AsyncRuntime, T, E: std::error::Error>(
    result: Result<T, E>,
    response: impl FnOnce(T) -> Response<RT>,
) -> Response<RT> {
    result.map_or_else(|error| Response::Failed(error.to_string()), response)
}

impl<RT: AsyncRuntime> PeerService for RaftService<RT> {
    fn handle(&self, from: MemberId, request: Bytes) -> BoxFuture<'static, Bytes> {
        self.clone()
            .answer(from, request)
            .map(|response| encode(&response, ANSWER_BYTES))
            .boxed()
    }
}
