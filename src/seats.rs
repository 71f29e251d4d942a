//! Seats for connections that have not said anything yet: when there are too many, the one that waits longest goes.
//!
//! *Invariant.* Who has a seat does nothing for anybody. So it may be sent away at any moment; whoever is at work has
//! none. A flood of silent connections then costs honest ones nothing but their pauses: a new one always finds a place,
//! and one that speaks is not asked to leave.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

/// The seats of one door. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seats(Arc<Mutex<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    next: u64,
    /// Who waits longest is first.
    by_age: BTreeMap<u64, Arc<Notify>>,
}

/// What one connection knows of its seat; it is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Seats,
    number: Mutex<Option<u64>>,
    leave: Arc<Notify>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that holds one of these locks panics half way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Seats {
    /// A seat for a new connection.
    pub(crate) fn sit(&self) -> Seat {
        let seat = Seat {
            seats: self.clone(),
            number: Mutex::new(None),
            leave: Arc::default(),
        };
        seat.wait();
        seat
    }

    /// How many are taken.
    pub(crate) fn taken(&self) -> usize {
        lock(&self.0).by_age.len()
    }

    /// Sends away who waits longest; whether there was anybody.
    pub(crate) fn make_room(&self) -> bool {
        let oldest = lock(&self.0).by_age.pop_first();
        if let Some((_, leave)) = &oldest {
            leave.notify_one();
        }
        oldest.is_some()
    }
}

impl Seat {
    /// Waits (again), from now on.
    pub(crate) fn wait(&self) {
        let mut number = lock(&self.number);
        let mut waiting = lock(&self.seats.0);
        if let Some(old) = *number {
            waiting.by_age.remove(&old);
        }
        let next = waiting.next;
        waiting.next += 1;
        waiting.by_age.insert(next, Arc::clone(&self.leave));
        *number = Some(next);
    }

    /// Gets up for work; `false` when it was sent away just before.
    pub(crate) fn rise(&self) -> bool {
        match lock(&self.number).take() {
            Some(number) => lock(&self.seats.0).by_age.remove(&number).is_some(),
            None => true,
        }
    }

    /// Ends when it is sent away.
    pub(crate) async fn sent_away(&self) {
        self.leave.notified().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.rise();
    }
}

#[cfg(test)]
mod tests;
