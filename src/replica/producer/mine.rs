//! Mining on demand and by interval.

use super::{Producer, Submission, Submitted};
use crate::chain::{
    Built, Chain, Rejection,
    command::{Answer, Body, Outcome},
};
use std::time::Duration;

/// Blocks in one entry of the log: many blocks are mined in several entries, so that no frame grows without limit.
const BLOCKS_PER_ENTRY_MAX: u64 = 64;
/// Time that building blocks for one entry takes at the most, so that the followers' execution does not take longer.
const CHUNK_MS: u64 = 50;
/// Blocks that one request may ask for.
pub(crate) const MINE_COUNT_MAX: u64 = if cfg!(feature = "fuzzing") {
    // Honest work must not look like an endless loop to the fuzzer.
    1 << 10
} else {
    1 << 20
};

/// What is to be mined.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    count: u64,
    interval_seconds: Option<u64>,
    timestamp: Option<u64>,
}

impl Plan {
    pub(super) fn new(count: u64, interval_seconds: Option<u64>, timestamp: Option<u64>) -> Self {
        Self {
            count,
            interval_seconds,
            timestamp,
        }
    }

    /// The next block's timestamp, and whether a client named it. With an interval each block's clock is that much
    /// later than the one's before, the first block's too, as in anvil.
    fn timestamp(&self, chain: &Chain, now_ms: u64, first: bool) -> (u64, bool) {
        let next = chain.next_timestamp(now_ms);
        if first && let Some(timestamp) = self.timestamp {
            return (timestamp, true);
        }
        match self.interval_seconds {
            Some(seconds) if chain.settings().next_block_timestamp.is_none() => {
                let parent = chain.head().header.timestamp;
                let base = if first { next.max(parent) } else { parent };
                let later = base.saturating_add(seconds);
                (later.max(parent.saturating_add(1)), true)
            }
            _ => (next, false),
        }
    }
}

impl Producer {
    /// Mines as planned, for a request or (interval mining) for nobody.
    pub(super) async fn mine(&mut self, submission: Option<Submission>, plan: Plan) {
        let Some(chain) = self.tip_chain() else {
            return;
        };
        let mut submission = submission;
        if let Err(rejection) = check(chain, &plan) {
            if let Some(submission) = submission {
                let _ = submission.reply.send(Submitted::Rejected(rejection));
            }
            return;
        }
        let first_number = chain.head().header.number + 1;
        // A retry goes on where the first try stopped.
        let done = submission.as_ref().and_then(|submission| {
            match chain
                .sessions()
                .get(&submission.request)
                .map(|session| &session.outcome)
            {
                Some(Outcome::Mined { first, last }) => Some((*first, last + 1 - first)),
                _ => None,
            }
        });
        let (first_number, already) = done.unwrap_or((first_number, 0));
        let mut left = plan.count.saturating_sub(already);
        let mut first = already == 0;
        while left > 0 {
            let Some(built) = self.build_chunk(&plan, left.min(BLOCKS_PER_ENTRY_MAX), first) else {
                break;
            };
            first = false;
            left -= built.len() as u64;
            let last = built
                .last()
                .map_or(first_number, |one| one.block.header.number);
            let answers = submission.as_ref().map(|submission| Answer {
                request: submission.request,
                outcome: Some(Outcome::Mined {
                    first: first_number,
                    last,
                }),
                complete: left == 0,
            });
            let replies = if left == 0 {
                submission
                    .take()
                    .map(|submission| submission.reply)
                    .into_iter()
                    .collect()
            } else {
                Vec::new()
            };
            let body = Body::Blocks(built.iter().map(Built::proposal).collect());
            self.propose(answers.into_iter().collect(), body, built, replies)
                .await;
        }
    }

    /// Builds up to `count` blocks, one on the other.
    fn build_chunk(&mut self, plan: &Plan, count: u64, first: bool) -> Option<Vec<Built>> {
        let now_ms = self.environment.now_ms();
        let mut chain = self.tip_chain()?.clone();
        let mut chunk = Vec::new();
        let deadline_ms = self.environment.monotonic_ms().saturating_add(CHUNK_MS);
        for at in 0..count {
            if at > 0 && self.environment.monotonic_ms() >= deadline_ms {
                break;
            }
            let (timestamp, named) = plan.timestamp(&chain, now_ms, first && at == 0);
            match chain.build_block(chain.pool(), timestamp) {
                Ok(mut built) => {
                    built.timestamp_named = named;
                    chain.stack(&built, now_ms);
                    chunk.push(built);
                }
                Err(error) => {
                    tracing::error!(%error, "a block could not be built");
                    return None;
                }
            }
        }
        Some(chunk)
    }

    /// Resolves when interval mining is due; never without it.
    pub(super) fn interval_timer(&mut self) -> futures::future::BoxFuture<'static, ()> {
        let interval_ms = self
            .tip_chain()
            .map_or(0, |chain| chain.settings().interval_mining_ms);
        if interval_ms == 0 {
            self.next_interval_ms = None;
            return self.environment.sleep(super::IDLE);
        }
        let now = self.environment.monotonic_ms();
        // A client may name any interval.
        let latest = now.saturating_add(interval_ms);
        let due = *self.next_interval_ms.get_or_insert(latest);
        // A shorter interval set meanwhile counts from now.
        let due = due.min(latest);
        self.next_interval_ms = Some(due);
        self.environment
            .sleep(Duration::from_millis(due.saturating_sub(now)))
    }

    /// Mines a block if the interval is over.
    pub(super) async fn mine_if_due(&mut self) {
        let now = self.environment.monotonic_ms();
        if self.next_interval_ms.is_none_or(|due| now < due) {
            return;
        }
        let interval_ms = self
            .tip_chain()
            .map_or(0, |chain| chain.settings().interval_mining_ms);
        if interval_ms == 0 || !self.leads_a_majority().await {
            self.next_interval_ms = None;
            return;
        }
        // Blocks that could not be mined in time are not made up for.
        self.next_interval_ms = self
            .next_interval_ms
            .map(|due| due.saturating_add(interval_ms).max(now));
        self.mine(None, Plan::new(1, None, None)).await;
    }
}

fn check(chain: &Chain, plan: &Plan) -> Result<(), Rejection> {
    if plan.count > MINE_COUNT_MAX {
        return Err(Rejection::InvalidValue(format!(
            "cannot mine {} blocks at once, at most {MINE_COUNT_MAX}",
            plan.count
        )));
    }
    match plan.timestamp {
        Some(timestamp) => chain.check_timestamp(timestamp),
        None => Ok(()),
    }
}
