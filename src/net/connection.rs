//! One secured connection: many requests and answers at once.
//!
//! *Invariants.* Requests are handed to their service in the order of arrival, each polled once before the next is
//! looked at. Nothing here waits for a service: what takes long goes on in a task of its own, and there is a limit of
//! them. Who has something to say gives it to the socket himself, under the lock that also orders the sealing; only
//! what the socket does not take at once is left to a task. When the connection ends, whoever waits for an answer learns it at once.

use super::{
    Services,
    frame::{
        Assembly, FRAME_CONTENT_LIMIT, Lanes, Message, Outcome, TAG_BYTES, kind as kind_of_lane,
    },
    handshake::Session,
    limits::{
        IDLE_LIMIT, INBOUND_REQUEST_LIMIT, PING_INTERVAL, QUEUE_BYTES_LIMIT, UNANSWERED_LIMIT,
    },
    metrics::{NetMetrics, Refusal},
    near::Near,
};
use crate::{
    consensus::{MessageKind, PeerError},
    types::MemberId,
};
use alloy::primitives::Bytes;
use futures::{
    FutureExt,
    channel::oneshot,
    future::{BoxFuture, ready},
    task::noop_waker_ref,
};
use snow::StatelessTransportState;
use std::{
    collections::HashMap,
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};
use tokio::{
    io::AsyncReadExt,
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::Notify,
    time::timeout,
};

/// Bytes gathered for one write to the socket.
const WRITE_GATHER_BYTES: usize = 256 << 10;
/// Bytes asked of the socket at once.
const READ_BYTES: usize = 64 << 10;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("{0}")]
    Refused(Refusal),
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("the peer closed it")]
    Closed,
}

impl From<Refusal> for Ended {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// The sending half of a connection.
struct Channel {
    stream: OwnedWriteHalf,
    noise: Arc<StatelessTransportState>,
    nonce: u64,
}

impl Channel {
    fn seal(&mut self, content: &[u8], wire: &mut Vec<u8>) -> Result<(), Ended> {
        let length = content.len() + TAG_BYTES;
        wire.extend_from_slice(&(length as u16).to_be_bytes());
        let start = wire.len();
        wire.resize(start + length, 0);
        self.noise
            .write_message(self.nonce, content, &mut wire[start..])
            .map_err(|_| Ended::Refused(Refusal::BrokenFrame))?;
        self.nonce += 1;
        Ok(())
    }
}

/// What became of what is to be sent.
enum Sent {
    All,
    /// The socket takes no more at the moment.
    Part,
}

#[derive(Default)]
struct Outgoing {
    lanes: Lanes,
    closed: bool,
    /// `None` before the connection runs.
    channel: Option<Channel>,
    content: Vec<u8>,
    /// Sealed, and from `written` on not yet taken by the socket.
    wire: Vec<u8>,
    written: usize,
    /// Bytes that the socket took since they were counted.
    sent_bytes: usize,
    /// Why nothing can be sent any more.
    ended: Option<Ended>,
}

impl Outgoing {
    /// Seals what waits, and gives the socket as much as it takes at once. `ping`: an empty frame if nothing waits.
    fn send(&mut self, mut ping: bool) -> Result<Sent, Ended> {
        let Some(channel) = &mut self.channel else {
            return Ok(Sent::Part);
        };
        self.wire.drain(..std::mem::take(&mut self.written));
        loop {
            while self.wire.len() - self.written < WRITE_GATHER_BYTES
                && (ping || !self.lanes.is_empty())
            {
                self.lanes.fill(&mut self.content);
                channel.seal(&self.content, &mut self.wire)?;
                ping = false;
            }
            if self.wire.is_empty() {
                return Ok(Sent::All);
            }
            match channel.stream.try_write(&self.wire[self.written..]) {
                Ok(bytes) => {
                    self.sent_bytes += bytes;
                    self.written += bytes;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Sent::Part),
                Err(error) => return Err(error.into()),
            }
            if self.written == self.wire.len() {
                self.wire.clear();
                self.written = 0;
            }
        }
    }
}

/// What is to be sent.
#[derive(Default)]
struct Outbox {
    outgoing: Mutex<Outgoing>,
    /// Wakes the writing task.
    ready: Notify,
}

impl Outbox {
    /// Sends a message at once, as far as the socket takes it; the rest is the writing task's.
    fn push(&self, message: Message) -> bool {
        {
            let mut outgoing = lock(&self.outgoing);
            if outgoing.closed || outgoing.lanes.bytes() > QUEUE_BYTES_LIMIT {
                return false;
            }
            outgoing.lanes.push(message);
            // Behind what the socket did not take, a message waits for its turn.
            if outgoing.wire.is_empty() {
                match outgoing.send(false) {
                    Ok(Sent::All) => return true,
                    Ok(Sent::Part) => {}
                    Err(ended) => outgoing.ended = Some(ended),
                }
            }
        }
        self.ready.notify_one();
        true
    }
}

type Answer = Result<Bytes, PeerError>;

#[derive(Default)]
struct Unanswered {
    next_id: u64,
    waiting: HashMap<u64, oneshot::Sender<Answer>>,
    closed: bool,
}

/// A connection that requests can be sent over.
pub(super) struct Link {
    member: MemberId,
    outbox: Outbox,
    unanswered: Mutex<Unanswered>,
    inbound: AtomicUsize,
    /// The other end, if it is in this process.
    near: Option<Near>,
}

/// An answer that is awaited; dropped, it is awaited no more.
pub(super) struct Awaited {
    link: Arc<Link>,
    id: u64,
    answer: oneshot::Receiver<Answer>,
    /// The service of a member in this process, at work on the answer.
    working: Option<BoxFuture<'static, Bytes>>,
}

impl Future for Awaited {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        if let Some(working) = &mut self.working
            && let Poll::Ready(content) = working.poll_unpin(cx)
        {
            self.working = None;
            return Poll::Ready(Ok(content));
        }
        let member = self.link.member;
        self.answer
            .poll_unpin(cx)
            .map(|answer| answer.unwrap_or(Err(PeerError::Lost(member))))
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        lock(&self.link.unanswered).waiting.remove(&self.id);
    }
}

impl Link {
    /// A link to `member`; `near`: where it is, if it is in this process.
    pub(super) fn new(member: MemberId, near: Option<Near>) -> Arc<Self> {
        Arc::new(Self {
            member,
            outbox: Outbox::default(),
            unanswered: Mutex::default(),
            inbound: AtomicUsize::new(0),
            near,
        })
    }

    /// Queues a request; hands it over at once to a member in this process.
    pub(super) fn request(
        self: &Arc<Self>,
        lane: u8,
        content: Bytes,
    ) -> Result<Awaited, PeerError> {
        let (sender, answer) = oneshot::channel();
        let id = {
            let mut unanswered = lock(&self.unanswered);
            if unanswered.closed {
                return Err(PeerError::Unreachable(self.member));
            }
            if unanswered.waiting.len() >= UNANSWERED_LIMIT {
                return Err(PeerError::Overloaded(self.member));
            }
            unanswered.next_id += 1;
            let id = unanswered.next_id;
            unanswered.waiting.insert(id, sender);
            id
        };
        let mut awaited = Awaited {
            link: Arc::clone(self),
            id,
            answer,
            working: None,
        };
        if let Some(near) = &self.near {
            let service = near.service(kind_of_lane(lane), self.member)?;
            let mut working = service.handle(near.from, content);
            match first_poll(&mut working) {
                Poll::Ready(content) => awaited.working = Some(ready(content).boxed()),
                // The engine's are of no use to anybody else when their caller has gone.
                Poll::Pending if kind_of_lane(lane) == MessageKind::Consensus => {
                    awaited.working = Some(working);
                }
                Poll::Pending => {
                    let link = Arc::clone(self);
                    tokio::spawn(async move {
                        let content = working.await;
                        link.answered(id, Ok(content));
                    });
                }
            }
            return Ok(awaited);
        }
        let queued = self.outbox.push(Message {
            lane,
            id,
            outcome: None,
            content,
        });
        if queued {
            Ok(awaited)
        } else {
            Err(PeerError::Overloaded(self.member))
        }
    }

    /// Ends the connection: everybody who waits learns it.
    pub(super) fn close(&self) {
        {
            let mut outgoing = lock(&self.outbox.outgoing);
            outgoing.closed = true;
            outgoing.channel = None;
            outgoing.wire = Vec::new();
            outgoing.written = 0;
        }
        let waiting = {
            let mut unanswered = lock(&self.unanswered);
            unanswered.closed = true;
            std::mem::take(&mut unanswered.waiting)
        };
        drop(waiting);
        self.outbox.ready.notify_one();
    }

    fn answered(&self, id: u64, answer: Answer) {
        let waiting = lock(&self.unanswered).waiting.remove(&id);
        if let Some(waiting) = waiting {
            // Its caller's time limit may have passed.
            let _ = waiting.send(answer);
        }
    }

    fn respond(&self, lane: u8, id: u64, outcome: Outcome, content: Bytes) {
        // If the outbox is full or closed, the peer gets no answer, and its time limit ends the request.
        self.outbox.push(Message {
            lane,
            id,
            outcome: Some(outcome),
            content,
        });
    }

    /// Hands a request to its service.
    fn serve(self: &Arc<Self>, message: Message, services: &Services) {
        let Message {
            lane, id, content, ..
        } = message;
        let Some(service) = services.get(kind_of_lane(lane)) else {
            return self.respond(lane, id, Outcome::Refused, Bytes::new());
        };
        if self.inbound.load(Ordering::Relaxed) >= INBOUND_REQUEST_LIMIT {
            return self.respond(lane, id, Outcome::Overloaded, Bytes::new());
        }
        let mut answer = service.handle(self.member, content);
        if let Poll::Ready(content) = first_poll(&mut answer) {
            return self.respond(lane, id, Outcome::Answered, content);
        }
        let link = Arc::clone(self);
        link.inbound.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            let content = answer.await;
            link.inbound.fetch_sub(1, Ordering::Relaxed);
            link.respond(lane, id, Outcome::Answered, content);
        });
    }
}

/// The first poll hands a request over, in order; tokio's budget for a task must not delay it.
fn first_poll(answer: &mut BoxFuture<'static, Bytes>) -> Poll<Bytes> {
    let mut context = Context::from_waker(noop_waker_ref());
    std::pin::pin!(tokio::task::unconstrained(answer)).poll_unpin(&mut context)
}

/// Closes the link also when nobody runs its connection any more.
struct Closing(Arc<Link>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Runs a connection until it ends.
pub(super) async fn run(
    stream: TcpStream,
    session: Session,
    link: Arc<Link>,
    services: &Services,
    metrics: &NetMetrics,
    message_limit_bytes: usize,
) -> Ended {
    let (read, write) = stream.into_split();
    let _closing = Closing(Arc::clone(&link));
    let noise = Arc::new(session.noise);
    let reader = Reader {
        stream: read,
        noise: Arc::clone(&noise),
        nonce: session.receive_nonce,
        assembly: Assembly::new(message_limit_bytes),
        link: Arc::clone(&link),
    };
    lock(&link.outbox.outgoing).channel = Some(Channel {
        stream: write,
        noise,
        nonce: session.send_nonce,
    });
    let writer = Writer {
        link: Arc::clone(&link),
    };
    let ended = tokio::select! {
        ended = reader.run(services, metrics) => ended,
        ended = writer.run(metrics) => ended,
    };
    ended.err().unwrap_or(Ended::Closed)
}

/// Sends what could not be sent at once, and signs of life.
struct Writer {
    link: Arc<Link>,
}

impl Writer {
    async fn run(self, metrics: &NetMetrics) -> Result<(), Ended> {
        let outbox = &self.link.outbox;
        loop {
            let woken = timeout(PING_INTERVAL, outbox.ready.notified()).await;
            // Nothing to say for a while: an empty frame, as a sign of life.
            let mut ping = woken.is_err();
            while let Sent::Part = self.send(ping, metrics)? {
                ping = false;
                timeout(IDLE_LIMIT, self.writable())
                    .await
                    .map_err(|_| Refusal::Silent)??;
            }
        }
    }

    fn send(&self, ping: bool, metrics: &NetMetrics) -> Result<Sent, Ended> {
        let mut outgoing = lock(&self.link.outbox.outgoing);
        if let Some(ended) = outgoing.ended.take() {
            return Err(ended);
        }
        if outgoing.closed {
            return Err(Ended::Closed);
        }
        let sent = outgoing.send(ping);
        NetMetrics::add(
            &metrics.sent_bytes,
            std::mem::take(&mut outgoing.sent_bytes),
        );
        sent
    }

    /// Resolves when the socket may take more.
    async fn writable(&self) -> Result<(), Ended> {
        std::future::poll_fn(|cx| {
            let outgoing = lock(&self.link.outbox.outgoing);
            match &outgoing.channel {
                Some(channel) => channel.stream.as_ref().poll_write_ready(cx),
                None => Poll::Ready(Ok(())),
            }
        })
        .await
        .map_err(Ended::from)
    }
}

struct Reader {
    stream: OwnedReadHalf,
    noise: Arc<StatelessTransportState>,
    nonce: u64,
    assembly: Assembly,
    link: Arc<Link>,
}

impl Reader {
    async fn run(mut self, services: &Services, metrics: &NetMetrics) -> Result<(), Ended> {
        let mut wire = Vec::with_capacity(READ_BYTES);
        let mut content = vec![0; FRAME_CONTENT_LIMIT];
        loop {
            let used = self.frames(&wire, &mut content, services)?;
            wire.drain(..used);
            wire.reserve(READ_BYTES);
            let read = timeout(IDLE_LIMIT, self.stream.read_buf(&mut wire)).await;
            let read = read.map_err(|_| Refusal::Silent)??;
            if read == 0 {
                return Err(Ended::Closed);
            }
            NetMetrics::add(&metrics.received_bytes, read);
        }
    }

    /// Takes all whole frames of `wire`; how many bytes they were.
    fn frames(
        &mut self,
        wire: &[u8],
        content: &mut [u8],
        services: &Services,
    ) -> Result<usize, Ended> {
        let mut used = 0;
        while let Some((length, rest)) = wire[used..].split_first_chunk::<2>() {
            let length = usize::from(u16::from_be_bytes(*length));
            if length < TAG_BYTES {
                return Err(Refusal::BrokenFrame.into());
            }
            let Some(sealed) = rest.get(..length) else {
                break;
            };
            let opened = self
                .noise
                .read_message(self.nonce, sealed, content)
                .map_err(|_| Refusal::BrokenFrame)?;
            self.nonce += 1;
            used += 2 + length;
            let link = &self.link;
            self.assembly.take(&content[..opened], |message| {
                let Some(outcome) = message.outcome else {
                    return link.serve(message, services);
                };
                let answer = match outcome {
                    Outcome::Overloaded => Err(PeerError::Overloaded(link.member)),
                    Outcome::Refused => Err(PeerError::Refused(link.member)),
                    Outcome::Answered => Ok(message.content),
                };
                link.answered(message.id, answer);
            })?;
        }
        Ok(used)
    }
}
