//! Two streams of hashes that meet: transactions that this server took, and what the chain tells of transactions. The
//! answer to a client and the event of the block come in either order.

use alloy::primitives::{B256, map::B256Set};
use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Hashes that are remembered of each stream.
const REMEMBERED: usize = 4_096;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Joined(Mutex<Streams>);

#[derive(Debug, Default)]
struct Streams {
    taken: Ring,
    told: Ring,
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

impl Joined {
    fn lock(&self) -> MutexGuard<'_, Streams> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A transaction was taken here; whether the chain has told of it already.
    pub(crate) fn take(&self, hash: B256) -> bool {
        let mut streams = self.lock();
        streams.taken.insert(hash);
        streams.told.hashes.contains(&hash)
    }

    /// The chain tells of a transaction; whether it was taken here.
    pub(crate) fn tell(&self, hash: B256) -> bool {
        let mut streams = self.lock();
        streams.told.insert(hash);
        streams.taken.hashes.contains(&hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_orders_meet_and_the_oldest_are_forgotten() {
        let joined = Joined::default();
        let [early, late, lone] = [1, 2, 3].map(B256::repeat_byte);
        assert!(!joined.take(early) && joined.tell(early));
        assert!(!joined.tell(late) && joined.take(late));
        assert!(!joined.take(lone));
        for number in 0..REMEMBERED as u64 {
            joined.take(B256::from(alloy::primitives::U256::from(number + 1000)));
        }
        assert!(!joined.tell(lone), "forgotten");
    }
}
