//! Long work among tasks that must not wait for it.
//!
//! A runtime runs what a task has just woken next, on the same thread, and lets no other thread take it: the engine,
//! woken by a proposal or by an entry that is applied, would wait until the waker's whole run of blocks is executed, and a
//! leader that says nothing for so long is replaced. So who works for long lets the others go first before each piece.

use std::{future::poll_fn, task::Poll};

/// Lets all tasks that are ready run before the one that calls.
pub(crate) async fn yield_now() {
    let mut yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
