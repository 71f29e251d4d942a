//! Is a history of reads and writes of one register linearizable?
//!
//! The algorithm of J. Wing and C. Gong, *Testing and Verifying Concurrent Objects* (1993), with G. Lowe's memory of what
//! was tried, *Testing for Linearizability* (2017): take any operation that could be next (nothing ended before it
//! began), see whether the register could have answered so, go on; go back where that leads nowhere; never try the same
//! set of operations with the same value twice.

use std::{collections::HashSet, time::Duration};

/// An operation on a register that holds 0 at first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) from: Duration,
    /// When it was answered; `None`: never: it happened at any time after `from`, or not at all.
    pub(super) to: Option<Duration>,
    /// The value that it wrote; `None`: it read.
    pub(super) write: Option<u64>,
    /// The value that it read.
    pub(super) read: u64,
    /// Its number, for messages.
    pub(super) number: u64,
}

/// Tries at the most; beyond it the history counts as linearizable (none has come near it).
const TRIES_MAX: usize = 200_000;

/// A set of operations, one bit each.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Done(Vec<u64>);

impl Done {
    fn has(&self, index: usize) -> bool {
        self.0[index / 64] >> (index % 64) & 1 == 1
    }

    fn flip(&mut self, index: usize) {
        self.0[index / 64] ^= 1 << (index % 64);
    }
}

/// # Errors
/// It is not: the operations in whose order no value fits.
pub(super) fn check(events: &[Event]) -> Result<(), String> {
    // What may or may not have happened, and nobody saw, did not: it would only multiply the orders to be tried.
    let seen: HashSet<u64> = events
        .iter()
        .filter(|event| event.write.is_none())
        .map(|event| event.read)
        .collect();
    let counts = |event: &&Event| {
        event.to.is_some() || event.write.is_none_or(|value| seen.contains(&value))
    };
    let mut events: Vec<&Event> = events.iter().filter(counts).collect();
    events.sort_by_key(|event| event.from);
    let mut done = Done(vec![0; events.len().div_ceil(64)]);
    let mut tried: HashSet<(Done, u64)> = HashSet::new();
    // What was taken so far: index and the value before it; and the longest that ever worked.
    let mut path: Vec<(usize, u64)> = Vec::new();
    let (mut value, mut next, mut longest) = (0, 0, 0);
    for _ in 0..TRIES_MAX {
        let left = |done: &Done| {
            (0..events.len())
                .filter(|index| !done.has(*index))
                .collect::<Vec<_>>()
        };
        let remaining = left(&done);
        if remaining.iter().all(|index| events[*index].to.is_none()) {
            return Ok(());
        }
        // Nothing that began after this can be next.
        let first_end = remaining
            .iter()
            .filter_map(|index| events[*index].to)
            .min()
            .unwrap_or(Duration::MAX);
        let candidate = remaining.into_iter().find(|index| {
            let event = events[*index];
            let fits = event.write.is_some() || event.read == value;
            *index >= next && event.from <= first_end && fits
        });
        if let Some(index) = candidate {
            let after = events[index].write.unwrap_or(value);
            done.flip(index);
            if tried.insert((done.clone(), after)) {
                path.push((index, value));
                longest = longest.max(path.len());
                (value, next) = (after, 0);
            } else {
                done.flip(index);
                next = index + 1;
            }
        } else {
            let Some((index, before)) = path.pop() else {
                let stuck: Vec<u64> = events.iter().map(|event| event.number).collect();
                return Err(format!(
                    "no order of the operations {stuck:?} fits; at most {longest} of them do"
                ));
            };
            done.flip(index);
            (value, next) = (before, index + 1);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
