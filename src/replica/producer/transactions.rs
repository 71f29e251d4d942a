//! Transactions: taken into the pool, or mined at once.

use super::{Producer, Reply, Submission, Submitted};
use crate::chain::{
    Built, Chain, Rejection,
    accounts::impersonate,
    command::{Answer, Body, Outcome, Write},
    pool::{Pool, validate},
    spec::{Hardfork, Instamine},
    state::StateRead,
    transaction::{
        SignedTransaction,
        fill::{Defaults, fill},
    },
};
use alloy::{primitives::B256, rpc::types::TransactionRequest};
use std::{collections::HashMap, sync::Arc};

/// Transactions that were taken and are not in an entry yet: by hash, with those who asked.
type Taken = HashMap<B256, (Arc<SignedTransaction>, Submission)>;

impl Producer {
    /// Takes a group of transactions, in order: into blocks at once with automine, the rest into the pool.
    pub(super) async fn transactions(&mut self, group: Vec<Submission>) {
        if group.is_empty() {
            return;
        }
        let Some(chain) = self.tip_chain().cloned() else {
            return;
        };
        // What the pool would be; the chain's own changes by entries alone.
        let mut pool = chain.pool().clone();
        let mut taken = Taken::new();
        let mut order = Vec::new();
        let now_ms = self.environment.now_ms();
        for submission in group {
            match admit(&chain, &mut pool, &submission.write, now_ms) {
                Ok((transaction, replaced)) => {
                    if let Some((_, loser)) = replaced.and_then(|hash| taken.remove(&hash)) {
                        let _ = loser
                            .reply
                            .send(Submitted::Rejected(Rejection::ReplacementUnderpriced));
                    }
                    order.push(*transaction.hash());
                    taken.insert(*transaction.hash(), (transaction, submission));
                }
                Err(rejection) => {
                    let _ = submission.reply.send(Submitted::Rejected(rejection));
                }
            }
        }
        let mines = chain.settings().automine && !taken.is_empty();
        if mines && chain.settings().instamine == Instamine::Strict {
            // The answers come with the pool's entry; the block follows.
            self.admit_rest(&order, taken).await;
            return self.mine_ready(&mut pool, &mut Taken::new()).await;
        }
        if mines {
            self.mine_ready(&mut pool, &mut taken).await;
        }
        self.admit_rest(&order, taken).await;
    }

    /// Mines what can be mined, in as many blocks as it takes.
    async fn mine_ready(&mut self, pool: &mut Pool, taken: &mut Taken) {
        loop {
            let now_ms = self.environment.now_ms();
            let Some(chain) = self.tip_chain() else {
                return;
            };
            let built = match chain.build_block(pool, chain.next_timestamp(now_ms)) {
                Ok(built) => built,
                Err(error) => {
                    tracing::error!(%error, "a block could not be built");
                    return;
                }
            };
            for hash in &built.evicted {
                pool.remove(hash);
                if let Some((_, submission)) = taken.remove(hash) {
                    let reason = "transaction cannot be executed after those before it".to_owned();
                    let rejection = Rejection::InvalidTransaction(reason);
                    let _ = submission.reply.send(Submitted::Rejected(rejection));
                }
            }
            if built.block.transactions.is_empty() {
                return;
            }
            let (mut answers, mut replies) = (Vec::new(), Vec::new());
            for transaction in &built.block.transactions {
                pool.remove_stale(transaction.sender, transaction.nonce() + 1);
                if let Some((_, submission)) = taken.remove(transaction.hash()) {
                    let (answer, reply) = answered(submission, transaction);
                    answers.push(answer);
                    replies.push(reply);
                }
            }
            let body = Body::Blocks(vec![Built::proposal(&built)]);
            self.propose(answers, body, vec![built], replies).await;
        }
    }

    /// The rest waits in the pool.
    async fn admit_rest(&mut self, order: &[B256], mut taken: Taken) {
        let (mut transactions, mut answers, mut replies) = (Vec::new(), Vec::new(), Vec::new());
        for hash in order {
            if let Some((transaction, submission)) = taken.remove(hash) {
                let (answer, reply) = answered(submission, &transaction);
                answers.push(answer);
                replies.push(reply);
                transactions.push(transaction);
            }
        }
        if !transactions.is_empty() {
            self.propose(answers, Body::Admit(transactions), Vec::new(), replies)
                .await;
        }
    }
}

fn answered(submission: Submission, transaction: &SignedTransaction) -> (Answer, Reply) {
    let answer = Answer {
        request: submission.request,
        outcome: Some(Outcome::Transaction(*transaction.hash())),
        complete: true,
    };
    (answer, submission.reply)
}

/// Checks a transaction against the chain and puts it into `pool`; gives the one that it replaced.
fn admit(
    chain: &Chain,
    pool: &mut Pool,
    write: &Write,
    now_ms: u64,
) -> Result<(Arc<SignedTransaction>, Option<B256>), Rejection> {
    let forks = chain.next_rules(chain.next_timestamp(now_ms));
    let transaction = match write {
        Write::Transaction(transaction) => transaction.clone(),
        Write::Unsigned(request) => Arc::new(sign(chain, pool, request, forks.fork, now_ms)?),
        _ => {
            return Err(Rejection::InvalidTransaction(
                "not a transaction".to_owned(),
            ));
        }
    };
    let settings = chain.settings();
    let rules = validate::Rules {
        spec: chain.spec(),
        forks,
        chain_id: settings.chain_id,
        block_gas_limit: settings.block_gas_limit,
        min_gas_price: settings.min_gas_price,
    };
    validate::stateless(&transaction, &rules)?;
    // A head in memory cannot fail to be read.
    let account = chain.state().account(transaction.sender).ok().flatten();
    validate::against_nonce(&transaction, account.as_ref())?;
    if chain.spec().dev.pool_balance_checks {
        validate::funds(&transaction, account.as_ref())?;
    }
    if !settings.is_impersonated(&transaction.sender)
        && validate::sender_has_code(chain.state(), account.as_ref()).unwrap_or_default()
    {
        return Err(Rejection::SenderNotEoa(transaction.sender));
    }
    if settings.automine {
        let blob_base_fee = chain.next_blob_base_fee().unwrap_or_default();
        validate::against_fees(&transaction, chain.next_base_fee(), blob_base_fee)?;
    }
    let nonce = account.map_or(0, |account| account.nonce);
    let replaced = pool.insert(transaction.clone(), nonce)?;
    Ok((transaction, replaced))
}

/// Gives out the nonce and signs with the sender's key, or for an impersonated sender without one.
pub(super) fn sign(
    chain: &Chain,
    pool: &Pool,
    request: &TransactionRequest,
    fork: Hardfork,
    now_ms: u64,
) -> Result<SignedTransaction, Rejection> {
    let sender = sender_of(chain, request, now_ms)?;
    let defaults = Defaults {
        chain_id: chain.settings().chain_id,
        nonce: pool.next_nonce(sender, chain.nonce(sender)),
        gas: chain.settings().block_gas_limit,
        base_fee: chain.next_base_fee(),
        tip: chain.spec().dev.suggested_tip,
        blob_base_fee: chain.next_blob_base_fee().unwrap_or_default(),
        fork,
    };
    let transaction = fill(request.clone(), &defaults)?;
    match chain.open_key(sender, now_ms) {
        Ok(Some(account)) => account
            .sign_transaction(transaction)
            .map_err(|error| Rejection::InvalidTransaction(error.to_string())),
        // Without a key, or impersonated.
        _ => Ok(impersonate(transaction, sender)),
    }
}

/// The sender that a request means; one that this chain can send from. Without `from`, the first dev account, as in anvil.
pub(crate) fn sender_of(
    chain: &Chain,
    request: &TransactionRequest,
    now_ms: u64,
) -> Result<alloy::primitives::Address, Rejection> {
    let first = || chain.accounts().first().copied();
    let sender = request.from.or_else(first).unwrap_or_default();
    chain.can_send(sender, now_ms)?;
    Ok(sender)
}
