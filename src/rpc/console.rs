//! Solidity's `console.log`, printed by the node that was asked: for calls and estimates with the answer, for
//! transactions that came through this server when they are in a block.
//!
//! Every node learns from its own execution which transactions of a block may have called the console
//! ([`ChainEvent::Console`]). This server remembers which transactions it took, and only where both meet the
//! transaction is executed again for its lines. A transaction that calls no console costs one look at a flag or, until
//! it is forgotten, the place of its hash.
//! *Never here:* how a call of the console is read.

use super::{
    context::Context,
    methods::{run_traced_in, transaction_console_lines},
};
use crate::replica::api::ChainEvent;
use alloy::primitives::{B256, map::B256Set};
use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};
use tokio::sync::broadcast::{Receiver, error::RecvError};

/// Transactions that are remembered, of those taken here and of those that called the console.
const REMEMBERED: usize = 4_096;

/// Called with each line, for the log that a user sees.
#[derive(Clone)]
pub struct OnConsole(pub Arc<dyn Fn(&str) + Send + Sync>);

impl fmt::Debug for OnConsole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnConsole")
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Console {
    print: Option<OnConsole>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    taken: Ring,
    callers: Ring,
}

/// The newest hashes.
#[derive(Debug, Default)]
struct Ring {
    order: VecDeque<B256>,
    hashes: B256Set,
}

impl Ring {
    fn insert(&mut self, hash: B256) {
        if self.hashes.insert(hash) {
            self.order.push_back(hash);
            if self.order.len() > REMEMBERED
                && let Some(oldest) = self.order.pop_front()
            {
                self.hashes.remove(&oldest);
            }
        }
    }
}

impl Console {
    /// Without `print`, nothing is looked for.
    pub(crate) fn new(print: Option<OnConsole>) -> Self {
        Self {
            print,
            seen: Mutex::default(),
        }
    }

    /// Prints lines.
    pub(crate) fn print(&self, lines: &[String]) {
        if let Some(OnConsole(print)) = &self.print {
            for line in lines {
                print(line);
            }
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A transaction was taken here; whether it is known already to have called the console.
    fn take(&self, hash: B256) -> bool {
        let mut seen = self.seen();
        seen.taken.insert(hash);
        seen.callers.hashes.contains(&hash)
    }

    /// A transaction called the console; whether it was taken here.
    fn called(&self, hash: B256) -> bool {
        let mut seen = self.seen();
        seen.callers.insert(hash);
        seen.taken.hashes.contains(&hash)
    }
}

/// A client's transaction was taken here.
pub(crate) fn taken(context: &Arc<Context>, hash: B256) {
    if context.console.print.is_some() && context.console.take(hash) {
        tokio::spawn(print_transaction(Arc::clone(context), hash));
    }
}

/// Follows the chain until it or the server has gone.
pub(crate) async fn follow(context: Weak<Context>, mut events: Receiver<ChainEvent>) {
    loop {
        match events.recv().await {
            Ok(ChainEvent::Console(hash)) => {
                let Some(context) = context.upgrade() else {
                    return;
                };
                if context.console.called(hash) {
                    print_transaction(context, hash).await;
                }
            }
            // What came too fast to be read is not printed either.
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

async fn print_transaction(context: Arc<Context>, hash: B256) {
    let lines = run_traced_in(&context, None, move |view, limits, _| {
        transaction_console_lines(view, hash, limits)
    });
    match lines.await {
        Ok(lines) => context.console.print(&lines),
        Err(error) => tracing::debug!(%hash, ?error, "console.log of a transaction"),
    }
}
