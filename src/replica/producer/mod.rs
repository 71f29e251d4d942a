//! The leader's producer: turns writes into entries, executing ahead on a clone of the chain (the [`tip::Tip`]).
//!
//! One task a node; it works while its node leads. It takes all writes that wait at once, so under load
//! blocks fill by themselves: while [`PIPELINE_MAX`] entries are on their way to a majority, writes gather.
//! *Invariant.* Entries are proposed in the order in which the tip executed them, and the tip starts from the applied
//! chain whenever leadership is new or nothing is on its way.

mod import;
mod mine;
mod rewind;
mod tip;
mod transactions;

use super::{
    environment::Environment,
    log::{LogError, ReplicatedLog},
    message::Submitted,
    shared::Shared,
};
use crate::{
    chain::{
        Chain,
        command::{Answer, Body, Cheat, Entry, Write},
        note::{NOTE_BYTES_MAX, NOTES_MAX},
    },
    cooperate::yield_now,
    planted::{self, Bug},
    types::{Payload, RequestId, Term},
};
use alloy::primitives::{Bytes, keccak256};
use futures::{
    FutureExt, StreamExt,
    channel::{mpsc, oneshot},
    future::BoxFuture,
    stream::FuturesUnordered,
};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tip::Tip;

pub(crate) use transactions::sender_of;

/// Entries on their way to a majority before writes have to wait.
const PIPELINE_MAX: usize = 4;
/// Writes that wait for the producer at the most.
const QUEUE_MAX: usize = 65_536;
/// Writes taken at once.
const BATCH_MAX: usize = 4096;
/// A majority must have answered this recently, or it is asked before anything is proposed: a leader that was cut off
/// must not take writes that could come true long after they were refused.
const QUORUM_AGE: Duration = Duration::from_millis(20);
/// How long that question may take.
const QUORUM_TIMEOUT: Duration = Duration::from_secs(1);
/// How long an idle producer sleeps between looks at interval mining, at the most.
const IDLE: Duration = Duration::from_hours(1);

/// A write on its way to the producer.
struct Submission {
    request: RequestId,
    write: Arc<Write>,
    reply: Reply,
}

type Reply = oneshot::Sender<Submitted>;

/// The way into the producer.
#[derive(Clone, Debug)]
pub(super) struct Submissions(mpsc::Sender<Submission>);

impl Submissions {
    /// Gives a write to this node's producer; resolves when it is committed and applied here, or refused.
    pub(super) async fn submit(&self, request: RequestId, write: Arc<Write>) -> Submitted {
        let (reply, receiver) = oneshot::channel();
        let busy = Submitted::NotLeader {
            leader: None,
            may_happen: false,
        };
        if self
            .0
            .clone()
            .try_send(Submission {
                request,
                write,
                reply,
            })
            .is_err()
        {
            return busy;
        }
        receiver.await.unwrap_or(Submitted::NotLeader {
            leader: None,
            may_happen: true,
        })
    }
}

/// Starts the producer's task.
pub(super) fn start(
    log: Arc<dyn ReplicatedLog>,
    environment: &Arc<dyn Environment>,
    shared: Arc<Shared>,
) -> Submissions {
    let (sender, queue) = mpsc::channel(QUEUE_MAX);
    let producer = Producer {
        log,
        environment: environment.clone(),
        shared,
        tip: None,
        in_flight: FuturesUnordered::new(),
        next_interval_ms: None,
    };
    environment.spawn(Box::pin(producer.run(queue)));
    Submissions(sender)
}

/// An entry on its way, and who waits for it.
type Proposal = BoxFuture<'static, Result<(), LogError>>;

struct Producer {
    log: Arc<dyn ReplicatedLog>,
    environment: Arc<dyn Environment>,
    shared: Arc<Shared>,
    /// The chain as it will be when all that is on its way is applied; `None` without leadership.
    tip: Option<Tip>,
    in_flight: FuturesUnordered<Proposal>,
    /// When interval mining is due, on the monotonic clock.
    next_interval_ms: Option<u64>,
}

impl Producer {
    async fn run(mut self, mut queue: mpsc::Receiver<Submission>) {
        loop {
            let changed = self.log.changed();
            self.follow_leadership().await;
            let timer = self.interval_timer();
            let full = self.in_flight.len() >= PIPELINE_MAX;
            let mut batch = Vec::new();
            {
                let mut next = async {
                    if full {
                        futures::future::pending().await
                    } else {
                        queue.next().await
                    }
                }
                .boxed()
                .fuse();
                let idle = self.in_flight.is_empty();
                futures::select_biased! {
                    done = self.in_flight.select_next_some() => self.finished(&done),
                    submission = next => match submission {
                        Some(submission) => batch.push(submission),
                        // All senders are gone: the node stops.
                        None if idle => return,
                        None => {}
                    },
                    () = timer.fuse() => {}
                    () = changed.fuse() => {}
                }
            }
            if !batch.is_empty() {
                while batch.len() < BATCH_MAX
                    && let Ok(submission) = queue.try_recv()
                {
                    batch.push(submission);
                }
                self.process(batch).await;
            }
            self.mine_if_due().await;
        }
    }

    /// Drops the tip when leadership is lost, makes one when it is won.
    async fn follow_leadership(&mut self) {
        let view = self.log.view();
        let leads = view.leads();
        if self.tip.is_some() && (planted::is(Bug::TipKept) || planted::is(Bug::StaleEntryApplied))
        {
            return;
        }
        if self
            .tip
            .as_ref()
            .is_some_and(|tip| !leads || tip.term != view.term)
        {
            self.tip = None;
            self.next_interval_ms = None;
        }
        if !leads {
            return;
        }
        if self.tip.is_none() {
            self.tip = self.first_tip(view.term).await;
        } else if self.in_flight.is_empty() {
            // Nothing is on its way: what is applied is the truth, also if an entry was skipped.
            let chain = self.shared.head();
            if let Some(tip) = &mut self.tip
                && tip.chain.position() != chain.position()
            {
                tip.chain = (*chain).clone();
            }
        }
    }

    /// The chain with everything applied that earlier leaders committed.
    async fn first_tip(&mut self, term: Term) -> Option<Tip> {
        // What this node proposed in an earlier term must be settled before the tip is taken.
        while let Some(done) = self.in_flight.next().await {
            self.finished(&done);
        }
        let index = with_timeout(&self.environment, self.log.read_index())
            .await?
            .ok()?;
        let shared = self.shared.clone();
        let applied = async move { shared.applied.wait(index).await }.boxed();
        with_timeout(&self.environment, applied).await?.ok()?;
        let view = self.log.view();
        (view.leads() && view.term == term).then(|| Tip {
            chain: (*self.shared.head()).clone(),
            term,
        })
    }

    /// Whether this node still leads a majority, asked anew if the last answer is old.
    async fn leads_a_majority(&mut self) -> bool {
        if self.tip.is_none() {
            return false;
        }
        if self.log.quorum_is_fresh(QUORUM_AGE) {
            return true;
        }
        matches!(
            with_timeout(&self.environment, self.log.read_index()).await,
            Some(Ok(_))
        )
    }

    async fn process(&mut self, batch: Vec<Submission>) {
        if !self.leads_a_majority().await {
            let leader = self
                .log
                .view()
                .leader
                .filter(|leader| *leader != self.log.id());
            for submission in batch {
                let refused = Submitted::NotLeader {
                    leader,
                    may_happen: false,
                };
                let _ = submission.reply.send(refused);
            }
            return;
        }
        let mut group = Vec::new();
        for submission in without_repeats(batch) {
            // Who asked has given up and told the client: it must not happen after that.
            if submission.reply.is_canceled() {
                continue;
            }
            let Some(submission) = self.unless_done(submission) else {
                continue;
            };
            match &*submission.write {
                Write::Transaction(_) | Write::Unsigned(_) => group.push(submission),
                Write::Cheat(cheat) => {
                    self.transactions(std::mem::take(&mut group)).await;
                    let cheat = cheat.clone();
                    self.cheat(submission, cheat).await;
                }
                Write::Mine {
                    count,
                    interval_seconds,
                    timestamp,
                } => {
                    self.transactions(std::mem::take(&mut group)).await;
                    let plan = mine::Plan::new(*count, *interval_seconds, *timestamp);
                    self.mine(Some(submission), plan).await;
                }
                Write::Import(blocks) => {
                    self.transactions(std::mem::take(&mut group)).await;
                    let blocks = blocks.clone();
                    self.import(submission, &blocks).await;
                }
                Write::Reorg {
                    depth,
                    transactions,
                } => {
                    self.transactions(std::mem::take(&mut group)).await;
                    let (depth, transactions) = (*depth, transactions.clone());
                    self.reorg(submission, depth, &transactions).await;
                }
                Write::Load(part) => {
                    self.transactions(std::mem::take(&mut group)).await;
                    let part = Arc::clone(part);
                    self.load(submission, part).await;
                }
                Write::Note { key, value } => {
                    self.transactions(std::mem::take(&mut group)).await;
                    let (key, value) = (key.clone(), value.clone());
                    self.note(submission, key, value).await;
                }
            }
        }
        self.transactions(group).await;
    }

    /// A retry of what is done already is answered as soon as everything on its way is applied.
    fn unless_done(&mut self, submission: Submission) -> Option<Submission> {
        let tip = self.tip.as_ref()?;
        if planted::is(Bug::RetryNotRecognized) {
            return Some(submission);
        }
        match tip.chain.sessions().get(&submission.request) {
            Some(session) if session.complete => {
                let applied = self.shared.head();
                let settled = applied.sessions().get(&submission.request).is_some();
                let answer = if settled {
                    Submitted::Done
                } else {
                    Submitted::NotLeader {
                        leader: Some(self.log.id()),
                        may_happen: true,
                    }
                };
                let _ = submission.reply.send(answer);
                None
            }
            _ => Some(submission),
        }
    }

    async fn cheat(&mut self, submission: Submission, cheat: Cheat) {
        let Some(submission) = self.ready_for(submission, &cheat).await else {
            return;
        };
        let Some(tip) = &self.tip else { return };
        if let Err(rejection) = tip.chain.check_cheat(&cheat) {
            let _ = submission.reply.send(Submitted::Rejected(rejection));
            return;
        }
        let answer = Answer {
            request: submission.request,
            outcome: None,
            complete: true,
        };
        self.propose(
            vec![answer],
            Body::Cheat(cheat),
            Vec::new(),
            vec![submission.reply],
        )
        .await;
    }

    async fn note(&mut self, submission: Submission, key: String, value: String) {
        let Some(tip) = &self.tip else { return };
        let new = tip.chain.note(&key).is_none();
        let problem = if key.len() + value.len() > NOTE_BYTES_MAX {
            Some(format!(
                "key and value have more than {NOTE_BYTES_MAX} bytes"
            ))
        } else if new && tip.chain.notes_len() >= NOTES_MAX {
            Some(format!("there are {NOTES_MAX} keys already"))
        } else {
            None
        };
        if let Some(problem) = problem {
            let rejection = crate::chain::Rejection::InvalidValue(problem);
            let _ = submission.reply.send(Submitted::Rejected(rejection));
            return;
        }
        let answer = Answer {
            request: submission.request,
            outcome: None,
            complete: true,
        };
        let body = Body::Note { key, value };
        self.propose(vec![answer], body, Vec::new(), vec![submission.reply])
            .await;
    }

    /// Executes an entry on the tip and puts it into the log; waits while too much is on its way.
    async fn propose(
        &mut self,
        answers: Vec<Answer>,
        body: Body,
        built: Vec<crate::chain::Built>,
        replies: Vec<Reply>,
    ) {
        while self.in_flight.len() >= PIPELINE_MAX * 4 {
            if let Some(done) = self.in_flight.next().await {
                self.finished(&done);
            }
        }
        let Some(tip) = &mut self.tip else {
            return lost(replies);
        };
        let proposed_at_ms = self.environment.now_ms();
        let first = answers.first().map(|answer| answer.request);
        for answer in &answers {
            tracing::debug!(request = ?answer.request, "a write is proposed");
        }
        let entry = Entry {
            base: tip.chain.position(),
            proposed_at_ms,
            answers,
            body,
        };
        let Ok(bytes) = entry.encode() else {
            return lost(replies);
        };
        let digest = keccak256(&bytes);
        if let Err(error) = tip.advance(&entry, &built, digest, &*self.shared.archive) {
            tracing::error!(%error, "an entry could not be executed on the leader's own chain");
            self.tip = None;
            return lost(replies);
        }
        if !built.is_empty() {
            self.shared.put_built(digest, Arc::new(entry), built);
        }
        let committed = self.log.propose(Payload(Bytes::from(bytes)));
        let (shared, id) = (Arc::clone(&self.shared), self.log.id());
        if planted::is(Bug::AnsweredBeforeCommit)
            && let Some(tip) = &self.tip
            && let Some(request) = first
            && let Some(session) = tip.chain.sessions().get(&request)
        {
            let early = vec![(request, session.outcome.clone())];
            self.shared.outcomes.resolve(early);
        }
        self.in_flight.push(Box::pin(async move {
            let mut result = committed.await;
            // If leadership was lost and won again between the tip and the log, every node skips the entry. Then the
            // tip is wrong, and who asked must ask again.
            if let Some(request) = first
                && result.is_ok()
                && shared.head().sessions().get(&request).is_none()
            {
                result = Err(LogError::NotLeader { leader: Some(id) });
            }
            for reply in replies {
                let answer = match &result {
                    Ok(_) => Submitted::Done,
                    Err(error) => error.clone().into(),
                };
                // A forwarder that went away asks again with the same request id.
                let _ = reply.send(answer);
            }
            result.map(|_| ())
        }));
        // The engine takes it before the next piece of work begins.
        yield_now().await;
    }

    fn finished(&mut self, result: &Result<(), LogError>) {
        let kept = planted::is(Bug::TipKept) || planted::is(Bug::StaleEntryApplied);
        if result.is_err() && !kept {
            self.tip = None;
        }
    }
}

/// A request that came twice, because its forwarder lost a connection and asked again: only the last one counts. Who
/// waits for the other one learns that it must ask again.
fn without_repeats(batch: Vec<Submission>) -> Vec<Submission> {
    let last: HashMap<RequestId, usize> = batch
        .iter()
        .enumerate()
        .map(|(place, submission)| (submission.request, place))
        .collect();
    if last.len() == batch.len() || planted::is(Bug::RepeatInOneBatch) {
        return batch;
    }
    let numbered = batch.into_iter().enumerate();
    numbered
        .filter(|(place, submission)| last.get(&submission.request) == Some(place))
        .map(|(_, submission)| submission)
        .collect()
}

/// What the future gives within [`QUORUM_TIMEOUT`].
async fn with_timeout<T>(
    environment: &Arc<dyn Environment>,
    future: BoxFuture<'static, T>,
) -> Option<T> {
    let timer = environment.sleep(QUORUM_TIMEOUT);
    match futures::future::select(future, timer).await {
        futures::future::Either::Left((value, _)) => Some(value),
        futures::future::Either::Right(_) => None,
    }
}

fn lost(replies: Vec<Reply>) {
    for reply in replies {
        let _ = reply.send(Submitted::NotLeader {
            leader: None,
            may_happen: false,
        });
    }
}

/// The chain on which the producer works.
impl Producer {
    fn tip_chain(&self) -> Option<&Chain> {
        self.tip.as_ref().map(|tip| &tip.chain)
    }
}
