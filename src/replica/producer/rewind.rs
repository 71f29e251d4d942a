//! Going back and loading: what asks for the chain's past, so that all that is on its way must be applied first.

use super::{
    Producer, Submission, Submitted, lost,
    transactions::{sender_of, sign},
};
use crate::{
    chain::{
        Built, Chain, REORG_DEPTH_MAX, Rejection, RewindError,
        archive::StoreError,
        command::{Answer, Body, Cheat, ProposedBlock, ReorgTransaction},
        load::LoadPart,
        past::Past,
        transaction::SignedTransaction,
    },
    replica::prepare::estimate,
};
use alloy::rpc::types::TransactionRequest;
use std::{collections::HashMap, sync::Arc};

/// The transactions of a reorg by the index of their block.
type ByBlock<'a> = HashMap<u64, Vec<&'a ReorgTransaction>>;

impl Producer {
    /// Waits until all that is on its way is applied, so that the archive is that of the tip; `false`: the tip is lost.
    async fn settle(&mut self) -> bool {
        use futures::StreamExt as _;
        while let Some(done) = self.in_flight.next().await {
            self.finished(&done);
        }
        let applied = self.shared.head().position();
        self.tip_chain()
            .is_some_and(|chain| chain.position() == applied)
    }

    /// Whether a cheat that asks for the past can be done; answers the client if not.
    pub(super) async fn ready_for(
        &mut self,
        submission: Submission,
        cheat: &Cheat,
    ) -> Option<Submission> {
        if !cheat.needs_past() {
            return Some(submission);
        }
        if !self.settle().await {
            lost(vec![submission.reply]);
            return None;
        }
        let Cheat::Rollback { depth } = cheat else {
            return Some(submission);
        };
        let past = &*self.shared.archive;
        let target = self
            .tip_chain()
            .map(|chain| chain.rollback_target(*depth, "Rollback", past));
        match target {
            Some(Ok(_)) => Some(submission),
            Some(Err(error)) => {
                let _ = submission.reply.send(refused(error));
                None
            }
            None => {
                lost(vec![submission.reply]);
                None
            }
        }
    }

    /// Replaces the newest blocks.
    pub(super) async fn reorg(
        &mut self,
        submission: Submission,
        depth: u64,
        transactions: &[(ReorgTransaction, u64)],
    ) {
        if !self.settle().await {
            return lost(vec![submission.reply]);
        }
        let Some(chain) = self.tip_chain() else {
            return lost(vec![submission.reply]);
        };
        let now_ms = self.environment.now_ms();
        match build(chain, depth, transactions, &*self.shared.archive, now_ms) {
            Err(error) => {
                let _ = submission.reply.send(refused(error));
            }
            Ok(blocks) => {
                let body = Body::Reorg { depth, blocks };
                self.propose_one(submission, body).await;
            }
        }
    }

    /// Takes a part of a dump.
    pub(super) async fn load(&mut self, submission: Submission, part: Arc<LoadPart>) {
        if !self.settle().await {
            return lost(vec![submission.reply]);
        }
        let Some(chain) = self.tip_chain() else {
            return lost(vec![submission.reply]);
        };
        if let Err(rejection) = chain.check_load(&part) {
            let _ = submission.reply.send(Submitted::Rejected(rejection));
            return;
        }
        self.propose_one(submission, Body::Load(part)).await;
    }

    async fn propose_one(&mut self, submission: Submission, body: Body) {
        let answer = Answer {
            request: submission.request,
            outcome: None,
            complete: true,
        };
        self.propose(vec![answer], body, Vec::new(), vec![submission.reply])
            .await;
    }
}

/// What the client hears.
fn refused(error: RewindError) -> Submitted {
    Submitted::Rejected(match error {
        RewindError::Rejected(rejection) => rejection,
        RewindError::Store(error) => Rejection::InvalidValue(error.to_string()),
    })
}

/// The blocks of the new branch.
fn build(
    chain: &Chain,
    depth: u64,
    transactions: &[(ReorgTransaction, u64)],
    past: &dyn Past,
    now_ms: u64,
) -> Result<Vec<ProposedBlock>, RewindError> {
    let refuse = |sentence: String| RewindError::Rejected(Rejection::InvalidValue(sentence));
    if depth > REORG_DEPTH_MAX {
        return Err(refuse(format!(
            "Reorg depth {depth} is more than the {REORG_DEPTH_MAX} blocks that one reorg replaces; use `anvil_rollback` and mine"
        )));
    }
    let target = chain.rollback_target(depth, "Reorg", past)?;
    let mut by_block = ByBlock::new();
    for (transaction, index) in transactions {
        if *index >= depth {
            return Err(refuse(format!(
                "Block number for reorg tx will exceed the reorged chain height. Block number {index} must not exceed (depth-1) {}",
                depth.saturating_sub(1)
            )));
        }
        by_block.entry(*index).or_default().push(transaction);
    }
    if depth == 0 {
        return Ok(Vec::new());
    }
    let mut branch = chain.rolled_back(depth, past)?;
    let mut blocks = Vec::new();
    for index in 0..depth {
        let number = target.header.number + 1 + index;
        let replaced = past.block(number)?.ok_or(StoreError::Stale)?;
        let wanted = by_block.remove(&index).unwrap_or_default();
        let signed = signed(&branch, &wanted, now_ms)?;
        let timestamp = replaced.header.timestamp.saturating_add(1);
        let built = branch
            .follow_block(&signed, timestamp)
            .map_err(|error| Rejection::InvalidTransaction(error.to_string()))?;
        branch.stack(&built, now_ms);
        blocks.push(Built::proposal(&built));
    }
    Ok(blocks)
}

/// The transactions of one block, with nonces that follow each other.
fn signed(
    branch: &Chain,
    wanted: &[&ReorgTransaction],
    now_ms: u64,
) -> Result<Vec<Arc<SignedTransaction>>, Rejection> {
    // Gives out nonces; nothing of it stays.
    let mut pool = crate::chain::pool::Pool::default();
    let mut signed_ones = Vec::with_capacity(wanted.len());
    for transaction in wanted {
        let signed = match transaction {
            ReorgTransaction::Signed(signed) => Arc::clone(signed),
            ReorgTransaction::Unsigned(request) => {
                let request = completed(branch, request, now_ms)?;
                let forks = branch.next_rules(branch.next_timestamp(now_ms));
                Arc::new(sign(branch, &pool, &request, forks.fork, now_ms)?)
            }
        };
        pool.insert(Arc::clone(&signed), branch.nonce(signed.sender))?;
        signed_ones.push(signed);
    }
    Ok(signed_ones)
}

/// With a sender, and with gas: estimated, or where that fails the block's, as in anvil.
fn completed(
    branch: &Chain,
    request: &TransactionRequest,
    now_ms: u64,
) -> Result<TransactionRequest, Rejection> {
    let mut request = request.clone();
    request.from = Some(sender_of(branch, &request, now_ms)?);
    if request.gas.is_none() {
        let estimated = estimate(branch, &request, now_ms);
        request.gas = Some(estimated.unwrap_or(branch.settings().block_gas_limit));
    }
    Ok(request)
}
