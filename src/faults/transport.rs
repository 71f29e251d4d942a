//! A [`Transport`] whose messages suffer the faults of this node.
//!
//! *Invariants.* What is not lost arrives in the order of sending: while a message to a member is held up, those after it
//! wait behind it. What waits is bounded. Orders ([`MessageKind::Fault`]) pass untouched.

use super::table::{Fate, Faults};
use crate::{
    consensus::{MessageKind, PeerError, PeerService, Transport},
    types::MemberId,
};
use alloy::primitives::Bytes;
use futures::future::{BoxFuture, FutureExt, ready};
use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::{mpsc, oneshot};

/// Messages to one member that may be held up; further ones are refused.
const HELD_MAX: usize = 4_096;
/// After how long the sender learns that a message was lost: about what a broken connection takes.
const LOSS_NOTICED_AFTER: Duration = Duration::from_millis(100);

type Answer = Result<Bytes, PeerError>;

/// See the module.
pub struct FaultyTransport {
    inner: Arc<dyn Transport>,
    faults: Faults,
    ways: Mutex<HashMap<(MemberId, MessageKind), Way>>,
}

impl fmt::Debug for FaultyTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyTransport")
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

/// What waits on its way to one member.
#[derive(Clone)]
struct Way {
    queue: mpsc::Sender<Held>,
    /// Messages taken in and not given on yet.
    held: Arc<AtomicUsize>,
}

struct Held {
    due: Instant,
    request: Bytes,
    answer: oneshot::Sender<Answer>,
}

impl Way {
    /// The message to `to` waits behind those before it, until `due`.
    fn hold(&self, to: MemberId, due: Instant, request: Bytes) -> BoxFuture<'static, Answer> {
        let (answer, answered) = oneshot::channel();
        let held = Held {
            due,
            request,
            answer,
        };
        self.held.fetch_add(1, Ordering::AcqRel);
        if self.queue.try_send(held).is_err() {
            self.held.fetch_sub(1, Ordering::AcqRel);
            return ready(Err(PeerError::Overloaded(to))).boxed();
        }
        async move { answered.await.unwrap_or(Err(PeerError::Lost(to))) }.boxed()
    }
}

impl FaultyTransport {
    /// Over `inner`, with the faults of this node.
    pub fn new(inner: Arc<dyn Transport>, faults: Faults) -> Self {
        Self {
            inner,
            faults,
            ways: Mutex::default(),
        }
    }

    fn way(&self, to: MemberId, kind: MessageKind) -> Way {
        let mut ways = self.ways.lock().unwrap_or_else(PoisonError::into_inner);
        let way = ways.entry((to, kind)).or_insert_with(|| {
            let (queue, waiting) = mpsc::channel(HELD_MAX);
            let held = Arc::new(AtomicUsize::new(0));
            let (inner, faults) = (Arc::clone(&self.inner), self.faults.clone());
            tokio::spawn(walk(inner, faults, to, kind, waiting, Arc::clone(&held)));
            Way { queue, held }
        });
        way.clone()
    }

    /// The answer, unless the member is cut off meanwhile.
    fn guarded(
        &self,
        to: MemberId,
        answer: BoxFuture<'static, Answer>,
    ) -> BoxFuture<'static, Answer> {
        let faults = self.faults.clone();
        async move {
            tokio::select! {
                biased;
                () = faults.cut(to) => Err(PeerError::Lost(to)),
                answer = answer => answer,
            }
        }
        .boxed()
    }
}

/// Gives held messages on, one after the other.
async fn walk(
    inner: Arc<dyn Transport>,
    faults: Faults,
    to: MemberId,
    kind: MessageKind,
    mut waiting: mpsc::Receiver<Held>,
    held: Arc<AtomicUsize>,
) {
    while let Some(message) = waiting.recv().await {
        faults.delayed(to, message.due).await;
        faults.resumed().await;
        let answer = if faults.is_cut(to) {
            ready(Err(PeerError::Unreachable(to))).boxed()
        } else {
            inner.send(to, kind, message.request)
        };
        held.fetch_sub(1, Ordering::AcqRel);
        // Whoever asked may be gone.
        tokio::spawn(async move { message.answer.send(answer.await) });
    }
}

fn random_below(limit: u64) -> u64 {
    getrandom::u64().map_or(0, |random| random % limit.max(1))
}

impl Transport for FaultyTransport {
    fn send(&self, to: MemberId, kind: MessageKind, request: Bytes) -> BoxFuture<'static, Answer> {
        if kind == MessageKind::Fault {
            return self.inner.send(to, kind, request);
        }
        let (delay_ms, jitter_ms) = match self.faults.fate(to) {
            Fate::Cut => return ready(Err(PeerError::Unreachable(to))).boxed(),
            Fate::Lossy(per_mille) if random_below(1000) < u64::from(per_mille) => {
                return async move {
                    tokio::time::sleep(LOSS_NOTICED_AFTER).await;
                    Err(PeerError::Lost(to))
                }
                .boxed();
            }
            Fate::Delayed(delay_ms, jitter_ms) => (delay_ms, jitter_ms),
            Fate::Sent | Fate::Lossy(_) => (0, 0),
        };
        let way = self.way(to, kind);
        let is_free = delay_ms == 0
            && jitter_ms == 0
            && !self.faults.is_paused()
            && way.held.load(Ordering::Acquire) == 0;
        let answer = if is_free {
            self.inner.send(to, kind, request)
        } else {
            let delay = Duration::from_millis(delay_ms + random_below(jitter_ms + 1));
            way.hold(to, Instant::now() + delay, request)
        };
        self.guarded(to, answer)
    }

    fn reachable(&self, id: MemberId) -> bool {
        !self.faults.is_cut(id) && self.inner.reachable(id)
    }

    fn serve(&self, kind: MessageKind, service: Option<Arc<dyn PeerService>>) {
        let service = match service {
            Some(service) if kind != MessageKind::Fault => Some(Arc::new(Gate {
                inner: service,
                faults: self.faults.clone(),
            })
                as Arc<dyn PeerService>),
            other => other,
        };
        self.inner.serve(kind, service);
    }
}

/// Lets in what no fault keeps out: a member that does not know of a cut (it was started after it) may still send.
struct Gate {
    inner: Arc<dyn PeerService>,
    faults: Faults,
}

impl PeerService for Gate {
    fn handle(&self, from: MemberId, request: Bytes) -> BoxFuture<'static, Bytes> {
        if self.faults.is_cut(from) {
            let faults = self.faults.clone();
            return async move {
                // Never taken, never answered: an empty answer after the cut is one that nobody can read.
                faults.joined(from).await;
                Bytes::new()
            }
            .boxed();
        }
        if self.faults.is_paused() {
            let (faults, inner) = (self.faults.clone(), Arc::clone(&self.inner));
            return async move {
                faults.resumed().await;
                inner.handle(from, request).await
            }
            .boxed();
        }
        self.inner.handle(from, request)
    }
}
