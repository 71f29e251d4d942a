//! Linearizable reads by Raft's ReadIndex (Raft dissertation, 6.4): ask the leader how far the log is committed, wait until that
//! much is applied here. Reads that come while one question is under way share the next one, so the
//! network pays for rounds, not for reads.

use super::{
    api::{ReadError, Unavailable},
    environment::Environment,
    log::{LogError, ReplicatedLog},
    message::{self, Request, Response},
    shared::Shared,
};
use crate::{
    planted::{self, Bug},
    types::LogIndex,
};
use futures::{
    StreamExt,
    channel::{mpsc, oneshot},
    future::{Either, select},
};
use std::{sync::Arc, time::Duration};

/// Reads that wait for their question to be asked, at the most; RPC's own limits are lower.
const WAITING_MAX: usize = 65_536;
/// How long to wait before asking again when no leader answers and nothing changes.
const RETRY_MS: u64 = 20;
/// How long one question to the leader may take before it is asked again.
const QUESTION_MS: u64 = 1000;

type Waiter = oneshot::Sender<Result<(), ReadError>>;

/// The way into the barrier.
#[derive(Clone, Debug)]
pub(super) struct Barrier {
    log: Arc<dyn ReplicatedLog>,
    shared: Arc<Shared>,
    waiters: mpsc::Sender<Waiter>,
}

impl Barrier {
    /// Starts the barrier's task.
    pub(super) fn start(
        log: Arc<dyn ReplicatedLog>,
        environment: &Arc<dyn Environment>,
        shared: Arc<Shared>,
        timeout_ms: u64,
    ) -> Self {
        let (waiters, queue) = mpsc::channel(WAITING_MAX);
        let task = Task {
            log: log.clone(),
            environment: environment.clone(),
            shared: shared.clone(),
            timeout_ms,
        };
        environment.spawn(Box::pin(task.run(queue)));
        Self {
            log,
            shared,
            waiters,
        }
    }

    /// Resolves when this node has applied everything that was acknowledged anywhere before this call.
    pub(super) async fn pass(&self) -> Result<(), ReadError> {
        if planted::is(Bug::ReadWithoutBarrier) {
            return Ok(());
        }
        if let Some(index) = self.log.read_index_by_lease()
            && self.shared.applied.applied() >= Some(index)
        {
            return Ok(());
        }
        let (sender, receiver) = oneshot::channel();
        let stopped = ReadError::Unavailable(Unavailable::default());
        if self.waiters.clone().try_send(sender).is_err() {
            return Err(stopped);
        }
        receiver.await.unwrap_or(Err(stopped))
    }
}

struct Task {
    log: Arc<dyn ReplicatedLog>,
    environment: Arc<dyn Environment>,
    shared: Arc<Shared>,
    timeout_ms: u64,
}

impl Task {
    async fn run(self, mut queue: mpsc::Receiver<Waiter>) {
        while let Some(first) = queue.next().await {
            let mut waiters = vec![first];
            while let Ok(next) = queue.try_recv() {
                waiters.push(next);
            }
            let result = self.round().await;
            for waiter in waiters {
                // A client that went away needs no answer.
                let _ = waiter.send(result.clone());
            }
        }
    }

    async fn round(&self) -> Result<(), ReadError> {
        let deadline = self.environment.monotonic_ms() + self.timeout_ms;
        loop {
            let left = deadline.saturating_sub(self.environment.monotonic_ms());
            if left == 0 {
                return Err(ReadError::Unavailable(unavailable(&*self.log, false)));
            }
            let changed = self.log.changed();
            let limit = Duration::from_millis(left.min(QUESTION_MS));
            let timer = self.environment.sleep(limit);
            if let Either::Left((Ok(index), _)) = select(Box::pin(self.ask(limit)), timer).await {
                let timer = self.environment.sleep(Duration::from_millis(left));
                let applied = Box::pin(self.shared.applied.wait(index));
                if let Either::Left((Ok(()), _)) = select(applied, timer).await {
                    return Ok(());
                }
            } else {
                let pause = self.environment.sleep(Duration::from_millis(RETRY_MS));
                select(changed, pause).await;
            }
        }
    }

    /// The read index, from this node if it leads, else from the leader.
    async fn ask(&self, limit: Duration) -> Result<LogIndex, LogError> {
        let view = self.log.view();
        if let Some(index) = self.log.read_index_by_lease() {
            return Ok(index);
        }
        if view.leads() {
            return self.log.read_index().await;
        }
        let not_leader = LogError::NotLeader { leader: None };
        let leader = view
            .leader
            .filter(|leader| *leader != self.log.id())
            .ok_or(not_leader.clone())?;
        let question = message::encode(&Request::ReadIndex).map_err(|_| not_leader.clone())?;
        let answer = self
            .log
            .call(leader, question, limit)
            .await
            .map_err(|_| not_leader.clone())?;
        match message::decode(&answer) {
            Ok(Response::ReadIndex(Ok(index))) => Ok(index),
            Ok(Response::ReadIndex(Err(leader))) => Err(LogError::NotLeader { leader }),
            _ => Err(not_leader),
        }
    }
}

/// What to tell a client when the cluster cannot answer.
pub(super) fn unavailable(log: &dyn ReplicatedLog, may_happen: bool) -> Unavailable {
    let view = log.view();
    Unavailable {
        term: view.term,
        known_leader: view.leader,
        retry_after_ms: 1000,
        may_happen,
    }
}
