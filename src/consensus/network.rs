//! openraft's network over a [`Transport`]: pipelined appends, votes, snapshots in pieces.
//!
//! *Invariants.* Appends to one peer are sent in order without waiting for each other's answers, at most
//! [`APPEND_WINDOW`] of them unanswered, and their answers are given back in that order. A peer that cannot be reached
//! is an error at once, never a granted vote.

use super::{
    adapter::SnapshotData,
    config::{
        APPEND_WINDOW, MAX_APPEND_BYTES, SNAPSHOT_CHUNK_BYTES, SNAPSHOT_CHUNK_TIMEOUT,
        SNAPSHOT_INSTALL_TIMEOUT, SNAPSHOT_WINDOW,
    },
    entries::cost,
    lease::Announced,
    message::{Request, Response, SnapshotChunk, SnapshotEnd, decode, encode},
    peers::{MessageKind, PeerError, Transport},
    type_config::{LogId, TypeConfig, Vote},
};
use crate::types::{Member, MemberId};
use alloy::primitives::Bytes;
use futures::{
    FutureExt, Stream, StreamExt,
    future::BoxFuture,
    stream::{BoxStream, FuturesOrdered},
};
use openraft::{
    AsyncRuntime, OptionalSend, RaftNetworkFactory, RaftNetworkV2,
    errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Timeout, Unreachable},
    network::{RPCOption, RPCTypes},
    raft::{
        AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, StreamAppendResult,
        TransferLeaderRequest, TransferLeaderResponse, VoteRequest, VoteResponse,
    },
    storage::Snapshot,
};
use std::{
    collections::VecDeque,
    marker::PhantomData,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

type Rpc<RT, T> = Result<T, RPCError<TypeConfig<RT>>>;
type RaftSnapshot = Snapshot<super::LeaderId, MemberId, Member, SnapshotData>;

/// Bytes of a message without entries, at a guess.
const SMALL_MESSAGE_BYTES: usize = 128;

/// Makes a client for each peer.
pub(super) struct Peers<RT> {
    transport: Arc<dyn Transport>,
    id: MemberId,
    append_timeout: Duration,
    announced: Announced,
    transfers: Arc<AtomicU64>,
    runtime: PhantomData<fn() -> RT>,
}

impl<RT> Peers<RT> {
    /// Clients of member `id`. `append_timeout`: how long a peer may be silent before a pipeline is given up;
    /// `announced`: where it is noted what peers are told to be committed.
    pub(super) fn new(
        transport: Arc<dyn Transport>,
        id: MemberId,
        append_timeout: Duration,
        announced: Announced,
    ) -> Self {
        Self {
            transport,
            id,
            append_timeout,
            announced,
            transfers: Arc::default(),
            runtime: PhantomData,
        }
    }
}

impl<RT: AsyncRuntime> RaftNetworkFactory<TypeConfig<RT>> for Peers<RT> {
    type Network = Peer<RT>;

    async fn new_client(&mut self, target: MemberId, _node: &Member) -> Peer<RT> {
        Peer {
            transport: Arc::clone(&self.transport),
            id: self.id,
            target,
            append_timeout: self.append_timeout,
            announced: self.announced.clone(),
            transfers: Arc::clone(&self.transfers),
            runtime: PhantomData,
        }
    }
}

/// A client for one peer.
pub(super) struct Peer<RT> {
    transport: Arc<dyn Transport>,
    id: MemberId,
    target: MemberId,
    append_timeout: Duration,
    announced: Announced,
    transfers: Arc<AtomicU64>,
    runtime: PhantomData<fn() -> RT>,
}

impl<RT: AsyncRuntime> Peer<RT> {
    fn send(
        &self,
        kind: MessageKind,
        request: &Request<RT>,
        capacity: usize,
    ) -> BoxFuture<'static, Result<Bytes, PeerError>> {
        if let Request::Append(append) = request
            && let Some(committed) = &append.leader_commit
        {
            self.announced.raise(committed.index);
        }
        self.transport
            .send(self.target, kind, encode(request, capacity))
    }

    /// Asks for a vote, or whether there would be one.
    async fn ask_for_vote(
        &self,
        request: Request<RT>,
        option: RPCOption,
    ) -> Rpc<RT, VoteResponse<TypeConfig<RT>>> {
        match self.ask(request, RPCTypes::Vote, option.hard_ttl()).await? {
            Response::Vote(response) => Ok(response),
            _ => Self::unexpected(),
        }
    }

    /// Sends a small request and waits for the answer.
    async fn ask(
        &self,
        request: Request<RT>,
        action: RPCTypes,
        timeout: Duration,
    ) -> Rpc<RT, Response<RT>> {
        let answer = self.send(MessageKind::Consensus, &request, SMALL_MESSAGE_BYTES);
        let answer = RT::timeout(timeout, answer).await;
        self.read(answer.map_err(|_| timeout), action)
    }

    /// An answer, or openraft's error for the lack of it.
    fn read(
        &self,
        answer: Result<Result<Bytes, PeerError>, Duration>,
        action: RPCTypes,
    ) -> Rpc<RT, Response<RT>> {
        let bytes = answer
            .map_err(|timeout| {
                RPCError::Timeout(Timeout {
                    action,
                    id: self.id,
                    target: self.target,
                    timeout,
                })
            })?
            .map_err(|error| match error {
                PeerError::Lost(_) => RPCError::Network(NetworkError::new(&error)),
                other => RPCError::Unreachable(Unreachable::new(&other)),
            })?;
        match decode(&bytes) {
            Ok(Response::Failed(reason)) => {
                Err(RPCError::Unreachable(Unreachable::from_string(reason)))
            }
            Ok(response) => Ok(response),
            Err(error) => Err(RPCError::Network(NetworkError::new(&error))),
        }
    }

    fn unexpected<T>() -> Rpc<RT, T> {
        Err(RPCError::Network(NetworkError::from_string(
            "the peer answered another question",
        )))
    }

    /// Sends a snapshot in pieces, a few ahead of the answers, and waits until it is installed.
    async fn send_snapshot(
        &self,
        vote: Vote,
        snapshot: RaftSnapshot,
    ) -> Result<SnapshotResponse<TypeConfig<RT>>, StreamingError<TypeConfig<RT>>> {
        let transfer = self.transfers.fetch_add(1, Ordering::Relaxed);
        let mut end = SnapshotEnd {
            transfer,
            chunks: 0,
            bytes: 0,
            crc32: 0,
            vote,
            last_log_id: snapshot.meta.last_log_id,
            membership: snapshot.meta.last_membership,
        };
        let mut crc32 = crc32fast::Hasher::new();
        let mut window = FuturesOrdered::new();
        let chunks = snapshot.snapshot.0.chunks().map_err(|it| unreadable(&it))?;
        for chunk in chunks {
            let data = chunk.map_err(|it| unreadable(&it))?;
            for piece in data.chunks(SNAPSHOT_CHUNK_BYTES) {
                if window.len() >= SNAPSHOT_WINDOW {
                    self.next_taken(&mut window).await?;
                }
                crc32.update(piece);
                end.bytes += piece.len() as u64;
                let request = Request::SnapshotChunk(SnapshotChunk {
                    transfer,
                    sequence: end.chunks,
                    data: Bytes::copy_from_slice(piece),
                });
                end.chunks += 1;
                let answer = self.send(
                    MessageKind::Bulk,
                    &request,
                    piece.len() + SMALL_MESSAGE_BYTES,
                );
                window.push_back(RT::timeout(SNAPSHOT_CHUNK_TIMEOUT, answer).boxed());
            }
        }
        while !window.is_empty() {
            self.next_taken(&mut window).await?;
        }
        end.crc32 = crc32.finalize();
        let answer = self.send(
            MessageKind::Bulk,
            &Request::SnapshotEnd(end),
            SMALL_MESSAGE_BYTES,
        );
        let answer = RT::timeout(SNAPSHOT_INSTALL_TIMEOUT, answer).await;
        let answer = answer.map_err(|_| SNAPSHOT_INSTALL_TIMEOUT);
        match self.read(answer, RPCTypes::InstallSnapshot)? {
            Response::SnapshotInstalled(response) => Ok(response),
            _ => Self::unexpected().map_err(StreamingError::from),
        }
    }

    /// Waits for the answer to the oldest piece.
    async fn next_taken<E>(
        &self,
        window: &mut FuturesOrdered<BoxFuture<'static, Result<Result<Bytes, PeerError>, E>>>,
    ) -> Rpc<RT, ()> {
        let Some(answer) = window.next().await else {
            return Ok(());
        };
        let answer = answer.map_err(|_| SNAPSHOT_CHUNK_TIMEOUT);
        match self.read(answer, RPCTypes::InstallSnapshot)? {
            Response::SnapshotTaken => Ok(()),
            _ => Self::unexpected(),
        }
    }
}

fn unreadable<RT: AsyncRuntime>(error: &std::io::Error) -> StreamingError<TypeConfig<RT>> {
    StreamingError::Network(NetworkError::from_string(format!(
        "the snapshot cannot be read: {error}"
    )))
}

impl<RT: AsyncRuntime> RaftNetworkV2<TypeConfig<RT>> for Peer<RT> {
    type SnapshotData = SnapshotData;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<TypeConfig<RT>>,
        _option: RPCOption,
    ) -> Rpc<RT, AppendEntriesResponse<TypeConfig<RT>>> {
        let request = Request::Append(rpc);
        match self
            .ask(request, RPCTypes::AppendEntries, self.append_timeout)
            .await?
        {
            Response::Append(response) => Ok(response),
            _ => Self::unexpected(),
        }
    }

    // The lifetime is named in the trait.
    #[allow(clippy::elidable_lifetime_names)]
    fn stream_append<'s, S>(
        &'s mut self,
        input: S,
        _option: RPCOption,
    ) -> BoxFuture<'s, Rpc<RT, BoxStream<'s, Rpc<RT, StreamAppendResult<TypeConfig<RT>>>>>>
    where
        S: Stream<Item = AppendEntriesRequest<TypeConfig<RT>>> + OptionalSend + Unpin + 'static,
    {
        let pipeline = Pipeline {
            peer: self,
            input: Some(input),
            unanswered: VecDeque::new(),
            was_hollow: false,
            gives_up: false,
        };
        async move { Ok(pipeline.boxed()) }.boxed()
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<TypeConfig<RT>>,
        option: RPCOption,
    ) -> Rpc<RT, VoteResponse<TypeConfig<RT>>> {
        self.ask_for_vote(Request::Vote(rpc), option).await
    }

    async fn pre_vote(
        &mut self,
        rpc: VoteRequest<TypeConfig<RT>>,
        option: RPCOption,
    ) -> Rpc<RT, VoteResponse<TypeConfig<RT>>> {
        self.ask_for_vote(Request::PreVote(rpc), option).await
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: RaftSnapshot,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig<RT>>, StreamingError<TypeConfig<RT>>> {
        let sending = self.send_snapshot(vote, snapshot).boxed();
        match futures::future::select(Box::pin(cancel), sending).await {
            futures::future::Either::Left((closed, _)) => Err(StreamingError::Closed(closed)),
            futures::future::Either::Right((sent, _)) => sent,
        }
    }

    async fn transfer_leader(
        &mut self,
        req: TransferLeaderRequest<TypeConfig<RT>>,
        option: RPCOption,
    ) -> Rpc<RT, TransferLeaderResponse<TypeConfig<RT>>> {
        let timeout = option.hard_ttl();
        let request = Request::TransferLeader(req);
        match self.ask(request, RPCTypes::TransferLeader, timeout).await? {
            Response::TransferLeader(response) => Ok(response),
            _ => Self::unexpected(),
        }
    }
}

/// An append under way: what it covers, and its answer.
struct Unanswered<E> {
    previous: Option<LogId>,
    last: Option<LogId>,
    answer: BoxFuture<'static, Result<Result<Bytes, PeerError>, E>>,
}

/// Turns a stream of appends into the stream of their answers.
struct Pipeline<'s, RT: AsyncRuntime, S> {
    peer: &'s mut Peer<RT>,
    /// `None` when there is nothing more to send.
    input: Option<S>,
    unanswered: VecDeque<Unanswered<RT::TimeoutError>>,
    /// Whether an append was sent that left out entries which the leader has committed.
    was_hollow: bool,
    /// Whether the stream ends with an error, after the answers that are awaited.
    gives_up: bool,
}

impl<RT, S> Pipeline<'_, RT, S>
where
    RT: AsyncRuntime,
    S: Stream<Item = AppendEntriesRequest<TypeConfig<RT>>> + Unpin,
{
    /// Sends what is ready, up to the window.
    fn fill(&mut self, cx: &mut Context<'_>) {
        while self.unanswered.len() < APPEND_WINDOW {
            let Some(input) = &mut self.input else { return };
            match input.poll_next_unpin(cx) {
                Poll::Ready(Some(append)) if self.is_stuck(&append) => {
                    self.input = None;
                    self.gives_up = true;
                }
                Poll::Ready(Some(append)) => self.send(append),
                Poll::Ready(None) => self.input = None,
                Poll::Pending => return,
            }
        }
    }

    /// Whether the engine asks again for entries that are not in the log any more. It does so without end where the log
    /// was purged while it sent, and does not notice that it has decided on something else meanwhile (a snapshot, what
    /// comes after it). One such append by itself is a probe.
    fn is_stuck(&mut self, append: &AppendEntriesRequest<TypeConfig<RT>>) -> bool {
        let is_hollow = append.entries.is_empty() && append.prev_log_id < append.leader_commit;
        let was_hollow = std::mem::replace(&mut self.was_hollow, is_hollow);
        is_hollow && was_hollow
    }

    fn send(&mut self, append: AppendEntriesRequest<TypeConfig<RT>>) {
        let previous = append.prev_log_id;
        let last = append.entries.last().map(|it| it.log_id).or(previous);
        let bytes = append.entries.iter().map(cost).sum::<usize>();
        let capacity = SMALL_MESSAGE_BYTES + bytes.min(2 * MAX_APPEND_BYTES);
        let answer = self
            .peer
            .send(MessageKind::Consensus, &Request::Append(append), capacity);
        // Not openraft's limit, which is one heartbeat and would cut a pipeline off at the first slow fsync: a peer
        // that is gone is noticed when its connection ends.
        let answer = RT::timeout(self.peer.append_timeout, answer).boxed();
        self.unanswered.push_back(Unanswered {
            previous,
            last,
            answer,
        });
    }

    fn take(
        &mut self,
        answer: Result<Result<Bytes, PeerError>, RT::TimeoutError>,
        previous: Option<LogId>,
        last: Option<LogId>,
    ) -> Rpc<RT, StreamAppendResult<TypeConfig<RT>>> {
        let answer = answer.map_err(|_| self.peer.append_timeout);
        match self.peer.read(answer, RPCTypes::AppendEntries)? {
            // Nothing can conflict with an append that names no entry before it.
            Response::Append(AppendEntriesResponse::Conflict) if previous.is_none() => {
                Peer::<RT>::unexpected()
            }
            Response::Append(response) => Ok(response.into_stream_result(previous, last)),
            _ => Peer::<RT>::unexpected(),
        }
    }
}

impl<RT: AsyncRuntime, S> Unpin for Pipeline<'_, RT, S> {}

impl<RT, S> Stream for Pipeline<'_, RT, S>
where
    RT: AsyncRuntime,
    S: Stream<Item = AppendEntriesRequest<TypeConfig<RT>>> + Unpin,
{
    type Item = Rpc<RT, StreamAppendResult<TypeConfig<RT>>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        this.fill(cx);
        let Some(oldest) = this.unanswered.front_mut() else {
            if std::mem::take(&mut this.gives_up) {
                let reason = "the log was purged while it was sent";
                let error = Unreachable::from_string(reason);
                return Poll::Ready(Some(Err(RPCError::Unreachable(error))));
            }
            return if this.input.is_none() {
                Poll::Ready(None)
            } else {
                Poll::Pending
            };
        };
        let Poll::Ready(answer) = oldest.answer.poll_unpin(cx) else {
            return Poll::Pending;
        };
        let (previous, last) = (oldest.previous, oldest.last);
        this.unanswered.pop_front();
        let result = this.take(answer, previous, last);
        if !matches!(&result, Ok(Ok(matched)) if *matched == last) {
            // The engine starts a new stream after anything but a full success.
            this.input = None;
            this.gives_up = false;
            this.unanswered.clear();
        }
        Poll::Ready(Some(result))
    }
}

#[cfg(all(test, feature = "node"))]
mod tests;
