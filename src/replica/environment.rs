//! What the replica needs of the world: time, randomness, tasks.

use crate::types::RequestId;
use futures::future::BoxFuture;
use std::{fmt, time::Duration};

/// The world. The edge gives the real one, a simulator its own.
pub trait Environment: Send + Sync + fmt::Debug + 'static {
    /// Unix milliseconds.
    fn now_ms(&self) -> u64;
    /// Milliseconds that never go back, for time limits.
    fn monotonic_ms(&self) -> u64;
    /// Sixteen random bytes.
    fn request_id(&self) -> RequestId;
    /// Waits.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
    /// Runs a task beside the caller.
    fn spawn(&self, task: BoxFuture<'static, ()>);
}
