//! A node whose clients see the chain as it was some blocks ago: an RPC provider that is behind.
//!
//! *Invariant.* What is seen is a chain that this node had, whole, and it never goes back. From the order on, clients see
//! what was the head then until the chain has grown by more than the lag; at the fault's end they see all at once.
//! Writes are done as ever: they are answered when they are applied here, and not seen yet.

use super::table::Faults;
use crate::{
    chain::{
        Chain,
        archive::Archive,
        block::BlockRecord,
        command::{Outcome, Write},
    },
    consensus::{MemberChange, MembershipError},
    replica::{
        CertificateError,
        api::{Backend, ChainEvent, ClusterStatus, ReadError, WriteError},
        certificate::Certificate,
    },
    types::MemberId,
};
use futures::future::{BoxFuture, FutureExt};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::broadcast::{self, error::RecvError};

/// Chains that are remembered; beyond it clients are further behind than asked.
const CHAINS_MAX: usize = 1_024;
/// Events that are held back; beyond it the oldest are let through.
const EVENTS_MAX: usize = 65_536;

/// A [`Backend`] that shows an old chain while the fault is there.
#[derive(Debug)]
pub struct LaggingBackend {
    inner: Arc<dyn Backend>,
    faults: Faults,
    /// Heads since the fault began, oldest first.
    seen: Mutex<VecDeque<Arc<Chain>>>,
}

impl LaggingBackend {
    /// Over `inner`.
    pub fn new(inner: Arc<dyn Backend>, faults: Faults) -> Arc<Self> {
        Arc::new(Self {
            inner,
            faults,
            seen: Mutex::default(),
        })
    }

    fn seen(&self) -> MutexGuard<'_, VecDeque<Arc<Chain>>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What clients see while `newest` is the chain.
    fn shown(&self, newest: Arc<Chain>) -> Arc<Chain> {
        let mut seen = self.seen();
        let Some(lag) = self.faults.lag() else {
            seen.clear();
            return newest;
        };
        let number = |chain: &Chain| chain.head().header.number;
        // A revert took away what was seen: the provider has caught up with that.
        if seen
            .back()
            .is_some_and(|last| number(last) > number(&newest))
        {
            seen.clear();
        }
        if seen
            .back()
            .is_none_or(|last| number(last) < number(&newest))
        {
            seen.push_back(Arc::clone(&newest));
        }
        let limit = number(&newest).saturating_sub(lag);
        while seen.len() > 1 && (number(&seen[1]) <= limit || seen.len() > CHAINS_MAX) {
            seen.pop_front();
        }
        seen.front().cloned().unwrap_or(newest)
    }
}

impl Backend for LaggingBackend {
    fn write(&self, write: Write) -> BoxFuture<'_, Result<Outcome, WriteError>> {
        self.inner.write(write)
    }

    fn read(&self) -> BoxFuture<'_, Result<Arc<Chain>, ReadError>> {
        async {
            let newest = self.inner.read().await?;
            Ok(self.shown(newest))
        }
        .boxed()
    }

    fn local(&self) -> Arc<Chain> {
        self.shown(self.inner.local())
    }

    fn archive(&self) -> &Arc<Archive> {
        self.inner.archive()
    }

    fn status(&self) -> ClusterStatus {
        self.inner.status()
    }

    fn certificate(
        &self,
        block: Arc<BlockRecord>,
    ) -> BoxFuture<'_, Result<Arc<Certificate>, CertificateError>> {
        self.inner.certificate(block)
    }

    fn change_members(
        &self,
        change: MemberChange,
    ) -> BoxFuture<'_, Result<MemberId, MembershipError>> {
        self.inner.change_members(change)
    }

    fn now_ms(&self) -> u64 {
        self.inner.now_ms()
    }
}

/// Events that are held back.
#[derive(Default)]
struct Held {
    events: VecDeque<ChainEvent>,
    blocks: u64,
}

impl Held {
    fn push(&mut self, event: ChainEvent) {
        self.blocks += u64::from(matches!(event, ChainEvent::Block(_)));
        self.events.push_back(event);
    }

    /// The next event that is old enough.
    fn pop(&mut self, lag: u64) -> Option<ChainEvent> {
        if self.blocks <= lag && self.events.len() <= EVENTS_MAX {
            return None;
        }
        let event = self.events.pop_front()?;
        self.blocks -= u64::from(matches!(event, ChainEvent::Block(_)));
        Some(event)
    }
}

/// Passes the chain's events on to clients, as late as they see the chain. Ends with the node.
pub async fn relay(
    backend: Arc<LaggingBackend>,
    mut from: broadcast::Receiver<ChainEvent>,
    to: broadcast::Sender<ChainEvent>,
) {
    let mut held = Held::default();
    let faults = backend.faults.clone();
    loop {
        let changed = faults.changes();
        tokio::select! {
            biased;
            () = changed => {}
            event = from.recv() => match event {
                Ok(event) => held.push(event),
                // The clients of this relay learn of the gap when they are cut off in their turn.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
            // The fault may end by itself.
            () = tokio::time::sleep(RELAY_TICK), if !held.events.is_empty() => {}
        }
        // Keeps count of the heads also while nobody reads.
        drop(backend.local());
        let Some(lag) = faults.lag() else {
            for event in held.events.drain(..) {
                let _ = to.send(event);
            }
            held.blocks = 0;
            continue;
        };
        while let Some(event) = held.pop(lag) {
            // Without subscribers there is nobody to tell.
            let _ = to.send(event);
        }
    }
}

/// How soon the end of a fault is noticed while events wait.
const RELAY_TICK: std::time::Duration = std::time::Duration::from_millis(50);
