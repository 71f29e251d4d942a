//! Time and randomness of the real world: everything below the line gets them from here, as arguments.

use super::NodeError;
use crate::{replica::environment::Environment, types::RequestId};
use futures::future::BoxFuture;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Unix milliseconds.
pub fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Unix seconds.
pub fn now_seconds() -> u64 {
    now_ms() / 1000
}

/// Random bytes of the system.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], NodeError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(NodeError::Randomness)?;
    Ok(bytes)
}

/// The world as a replica sees it: the system's clocks, tokio's tasks.
///
/// Request ids are a random prefix, drawn once, and a counter: unique without asking the system for each.
#[derive(Debug)]
pub struct World {
    started: Instant,
    prefix: [u8; 8],
    next_request: AtomicU64,
}

impl World {
    /// A new view of the world.
    pub fn new() -> Result<Self, NodeError> {
        Ok(Self {
            started: Instant::now(),
            prefix: random_bytes()?,
            next_request: AtomicU64::new(u64::from_le_bytes(random_bytes()?)),
        })
    }
}

impl Environment for World {
    fn now_ms(&self) -> u64 {
        now_ms()
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn request_id(&self) -> RequestId {
        let counter = self.next_request.fetch_add(1, Ordering::Relaxed);
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.prefix);
        id[8..].copy_from_slice(&counter.to_be_bytes());
        RequestId(id)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        tokio::spawn(task);
    }
}
