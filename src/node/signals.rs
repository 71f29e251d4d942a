//! The end: SIGINT and SIGTERM ask for it, a second one enforces it.

use super::NodeError;
use std::{future::Future, time::Duration};

/// How long nodes may take to stop; what is acknowledged is on disk already, so nothing is lost by cutting it short.
pub const STOP_LIMIT: Duration = Duration::from_millis(900);

/// The signals of this process, caught from its making on.
#[derive(Debug)]
pub struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// Catches them. Must be called inside a runtime.
    #[cfg(unix)]
    pub fn catch() -> Result<Self, NodeError> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).map_err(NodeError::Signals)?,
            terminate: signal(SignalKind::terminate()).map_err(NodeError::Signals)?,
        })
    }

    /// Catches them. Must be called inside a runtime.
    #[cfg(not(unix))]
    pub fn catch() -> Result<Self, NodeError> {
        Ok(Self {})
    }

    /// Resolves at the next signal.
    #[cfg(unix)]
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Resolves at the next signal.
    #[cfg(not(unix))]
    pub async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Lets `stop` finish, within [`STOP_LIMIT`] and unless another signal comes.
    pub async fn finish(&mut self, stop: impl Future<Output = ()>) {
        tokio::select! {
            () = stop => {}
            () = tokio::time::sleep(STOP_LIMIT) => {}
            () = self.next() => {}
        }
    }
}
