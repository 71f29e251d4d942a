//! The archive's way to the disk: a thread of its own writes what was applied, about once a second.
//!
//! The log is what makes a write durable; this only bounds how much of it a restart applies again.

use crate::chain::archive::{Archive, StoreError};
use std::{
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::Duration,
};
use tokio::sync::oneshot;

/// How often the archive is written.
const FLUSH_INTERVAL: Duration = Duration::from_secs(1);

/// The thread; it ends, after a last write, when [`Flusher::stop`] is called.
#[derive(Debug)]
pub(super) struct Flusher {
    stop: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

impl Flusher {
    /// Starts it; the receiver gets the error with which it had to end.
    pub(super) fn start(
        archive: Arc<Archive>,
    ) -> std::io::Result<(Self, oneshot::Receiver<StoreError>)> {
        let (stop, stopped) = mpsc::channel();
        let (failed, failure) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("archive writer".to_owned())
            .spawn(move || {
                if let Err(error) = run(&archive, &stopped) {
                    // Nobody listens any more when the node stops at the same time.
                    let _ = failed.send(error);
                }
            })?;
        Ok((Self { stop, thread }, failure))
    }

    /// Writes what is left and ends.
    pub(super) fn stop(self) {
        drop(self.stop);
        // A panic was reported by the thread itself.
        let _ = self.thread.join();
    }
}

fn run(archive: &Archive, stopped: &mpsc::Receiver<()>) -> Result<(), StoreError> {
    loop {
        let wait = stopped.recv_timeout(FLUSH_INTERVAL);
        archive.flush()?;
        if wait != Err(mpsc::RecvTimeoutError::Timeout) {
            return Ok(());
        }
    }
}
