//! The end: SIGINT and SIGTERM ask for it, a second one enforces it. A program that embeds a node asks for it by its own
//! end, however that comes about: the node watches a pipe that only the other holds open.

use super::NodeError;
use std::{future::Future, io, io::Read as _, time::Duration};
use tokio::sync::oneshot;

/// How long nodes may take to stop; what is acknowledged is on disk already, so nothing is lost by cutting it short.
pub const STOP_LIMIT: Duration = Duration::from_millis(900);

/// The signals of this process, caught from its making on.
#[derive(Debug)]
pub struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    /// `None`: standard input means nothing, or has ended already.
    input: Option<oneshot::Receiver<()>>,
}

impl Signals {
    /// Catches them, and the end of standard input if that is wanted. Must be called inside a runtime.
    pub fn catch(exit_with_stdin: bool) -> Result<Self, NodeError> {
        #[cfg(unix)]
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            #[cfg(unix)]
            interrupt: signal(SignalKind::interrupt()).map_err(NodeError::Signals)?,
            #[cfg(unix)]
            terminate: signal(SignalKind::terminate()).map_err(NodeError::Signals)?,
            input: exit_with_stdin
                .then(end_of_input)
                .transpose()
                .map_err(NodeError::Signals)?,
        })
    }

    /// Resolves at the next signal.
    #[cfg(unix)]
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            () = ended(&mut self.input) => {}
        }
    }

    /// Resolves at the next signal.
    #[cfg(not(unix))]
    pub async fn next(&mut self) {
        let interrupt = async {
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = interrupt => {}
            () = ended(&mut self.input) => {}
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

/// Reads standard input to its end on a thread of its own, which may never return and does not hold up the exit.
fn end_of_input() -> io::Result<oneshot::Receiver<()>> {
    let (tell, end) = oneshot::channel();
    std::thread::Builder::new()
        .name("praline-stdin".to_owned())
        .spawn(move || {
            let mut input = io::stdin().lock();
            let mut unread = [0; 512];
            loop {
                match input.read(&mut unread) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Ok(0) | Err(_) => break,
                    Ok(_) => {}
                }
            }
            // Nobody listens if the node has stopped by itself.
            let _ = tell.send(());
        })?;
    Ok(end)
}

/// Resolves once, at the end of the input.
async fn ended(input: &mut Option<oneshot::Receiver<()>>) {
    match input {
        Some(end) => {
            // An error would say that the thread is gone, which is the same.
            let _ = end.await;
            *input = None;
        }
        None => std::future::pending().await,
    }
}
