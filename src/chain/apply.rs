//! Applying an entry of the log: the one way in which the chain changes.

use super::{
    Chain, Head,
    archive::Effects,
    block::Built,
    command::{Answer, Body, Entry, Outcome, ProposedBlock},
    divergence::{self, Divergence},
    evm::execute::ExecutionError,
    import::BadBlock,
    note::{EntryInfo, Note},
    past::{NoPast, Past},
    session::Session,
};
use crate::{
    planted::{self, Bug},
    types::{LogPosition, RequestId},
};
use alloy::primitives::{B256, keccak256};
use std::sync::Arc;

/// What applying an entry gave.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The chain after it.
    pub chain: Chain,
    /// For the archive.
    pub effects: Effects,
    /// The requests that it finished.
    pub answers: Vec<(RequestId, Outcome)>,
    /// Transactions that came into the pool.
    pub admitted: Vec<B256>,
    /// The entry was built on another chain than this one: nothing changed.
    pub skipped: bool,
}

/// A node that cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// This node's chain gives another block than the one in the log.
    #[error(transparent)]
    Divergence(#[from] Box<Divergence>),
    /// The archive failed.
    #[error(transparent)]
    Store(#[from] super::archive::StoreError),
    /// What the leader took is refused here: another chain.
    #[error(
        "an entry of the log is refused here, so this node has another chain than the leader: {0}"
    )]
    Refused(super::Rejection),
    /// An imported block, which the leader accepted, is refused here.
    #[error("an imported block of the log is wrong here: {0}")]
    Import(#[from] BadBlock),
    /// The entry cannot be executed here.
    #[error("block {number} of the log cannot be executed: {source}")]
    Execution {
        /// The block.
        number: u64,
        /// Why.
        source: ExecutionError,
    },
}

impl Effects {
    /// A block that became the head, with what it changed.
    fn add_block(&mut self, built: Built) {
        self.diffs.push((built.block.version, built.diff));
        self.console_callers.extend(built.console_callers);
        self.blocks.push(built.block);
    }
}

impl Chain {
    /// Applies an entry that asks nothing of the past; see [`Chain::apply_with`].
    pub fn apply(
        &self,
        entry: &Entry,
        digest: B256,
        at: LogPosition,
    ) -> Result<Applied, ApplyError> {
        self.apply_with(entry, digest, at, &NoPast)
    }

    /// Applies an entry. `digest` is the Keccak-256 of its bytes, `at` its place in the log, `past` what came before
    /// in this chain.
    pub fn apply_with(
        &self,
        entry: &Entry,
        digest: B256,
        at: LogPosition,
        past: &dyn Past,
    ) -> Result<Applied, ApplyError> {
        let is_stale = entry.base != self.position;
        if is_stale && !planted::is(Bug::StaleEntryApplied) && !planted::is(Bug::AppliedTwice) {
            return Ok(self.skip());
        }
        let mut next = self.begin(entry, digest);
        next.set_log_position(at);
        let mut effects = Effects::default();
        let mut admitted = Vec::new();
        let outcome = next.do_body(entry, past, &mut effects, &mut admitted)?;
        effects.version = next.version;
        let answers = next.answer(entry, &outcome);
        Ok(Applied {
            chain: next,
            effects,
            answers,
            admitted,
            skipped: false,
        })
    }

    /// What the entry says.
    fn do_body(
        &mut self,
        entry: &Entry,
        past: &dyn Past,
        effects: &mut Effects,
        admitted: &mut Vec<B256>,
    ) -> Result<Outcome, ApplyError> {
        Ok(match &entry.body {
            Body::Blocks(blocks) => {
                for block in blocks {
                    let built = self.execute_proposed(block)?;
                    self.stack(&built, entry.proposed_at_ms);
                    effects.add_block(built);
                }
                Outcome::Done
            }
            Body::Import(blocks) => {
                for block in blocks {
                    let built = self.import_block(block)?;
                    self.stack(&built, entry.proposed_at_ms);
                    effects.add_block(built);
                }
                Outcome::Done
            }
            Body::Admit(transactions) => {
                self.version += 1;
                for transaction in transactions {
                    let nonce = self.nonce(transaction.sender);
                    // The leader took it on this very chain: a refusal cannot happen, and would be the same everywhere.
                    if self.pool.insert(transaction.clone(), nonce).is_ok() {
                        admitted.push(*transaction.hash());
                    }
                }
                Outcome::Done
            }
            Body::Cheat(cheat) => {
                self.version += 1;
                self.do_cheat(cheat, past, effects)?
            }
            Body::Reorg { depth, blocks } => {
                self.version += 1;
                if *depth > 0 {
                    self.roll_back(*depth, past, effects)?;
                }
                for block in blocks {
                    let built = self.execute_proposed(block)?;
                    self.stack(&built, entry.proposed_at_ms);
                    effects.add_block(built);
                }
                Outcome::Done
            }
            Body::Load(part) => {
                self.load(part, entry.proposed_at_ms, past, effects)?;
                Outcome::Done
            }
            Body::Note { key, value } => {
                self.version += 1;
                self.put_note(key, value)
            }
        })
    }

    /// Applies blocks that were built on this chain just now, without executing them again: what
    /// [`Chain::apply`] of the entry with these blocks gives.
    pub fn adopt(&self, entry: &Entry, builts: Vec<Built>, digest: B256) -> Applied {
        let Some((chain, answers)) = self.advance(entry, &builts, digest) else {
            return self.skip();
        };
        let mut effects = Effects {
            version: chain.version,
            ..Effects::default()
        };
        for built in builts {
            effects.add_block(built);
        }
        Applied {
            chain,
            effects,
            answers,
            admitted: Vec::new(),
            skipped: false,
        }
    }

    /// The chain after an entry with these blocks and the requests that it finished, without its effects; `None` if
    /// the entry is not for this chain.
    pub(crate) fn advance(
        &self,
        entry: &Entry,
        builts: &[Built],
        digest: B256,
    ) -> Option<(Self, Vec<(RequestId, Outcome)>)> {
        if entry.base != self.position {
            return None;
        }
        let mut next = self.begin(entry, digest);
        for built in builts {
            next.stack(built, entry.proposed_at_ms);
        }
        let answers = next.answer(entry, &Outcome::Done);
        Some((next, answers))
    }

    /// Where the newest entry stands in the log; known only once it is committed.
    pub fn set_log_position(&mut self, at: LogPosition) {
        self.last_entry.index = at.index;
        self.last_entry.term = at.term;
    }

    /// An entry that changes nothing: for another chain, or none of ours (a new leader's, a membership).
    pub fn skip(&self) -> Applied {
        Applied {
            chain: self.clone(),
            effects: Effects {
                version: self.version,
                ..Effects::default()
            },
            answers: Vec::new(),
            admitted: Vec::new(),
            skipped: true,
        }
    }

    /// The chain with the entry's place in history, before its effects.
    fn begin(&self, entry: &Entry, digest: B256) -> Self {
        let mut next = self.clone();
        next.start_clock(entry.proposed_at_ms);
        next.position = keccak256([self.position.0, digest.0].concat());
        next.last_entry = EntryInfo {
            hash: next.position,
            created_at_ms: entry.proposed_at_ms,
            ..self.last_entry
        };
        next
    }

    /// Remembers what the entry's requests came to; gives those that it finished.
    fn answer(&mut self, entry: &Entry, outcome: &Outcome) -> Vec<(RequestId, Outcome)> {
        let mut answers = Vec::new();
        for Answer {
            request,
            outcome: known,
            complete,
        } in &entry.answers
        {
            let outcome = known.clone().unwrap_or_else(|| outcome.clone());
            if *complete {
                answers.push((*request, outcome.clone()));
            }
            self.sessions.put(
                *request,
                Session {
                    outcome,
                    complete: *complete,
                },
            );
        }
        answers
    }

    fn execute_proposed(&self, proposed: &ProposedBlock) -> Result<Built, ApplyError> {
        let number = proposed.header.number;
        let mut built = self
            .follow_block(&proposed.transactions, proposed.header.timestamp)
            .map_err(|source| ApplyError::Execution { number, source })?;
        divergence::check(&built, proposed)?;
        built.evicted.clone_from(&proposed.evicted);
        built.timestamp_named = proposed.timestamp_named;
        Ok(built)
    }

    /// Makes a built block the head.
    pub(crate) fn stack(&mut self, built: &Built, proposed_at_ms: u64) {
        let block = &built.block;
        self.version += 1;
        self.state = built.state.clone();
        self.hashes.insert(block.header.number, block.hash);
        if let Some(old) = block.header.number.checked_sub(256) {
            self.hashes.remove(&old);
        }
        let before = self.head.header.base_fee_per_gas;
        let is_first_london = before.is_none() && block.header.base_fee_per_gas.is_some();
        if built.imported || is_first_london {
            self.settings.block_gas_limit = block.header.gas_limit;
        }
        self.head = Arc::new(Head {
            header: block.header.clone(),
            hash: block.hash,
            total_difficulty: self
                .head
                .total_difficulty
                .saturating_add(block.header.difficulty),
            family: self
                .head
                .family
                .with(block.hash, &block.header, &block.ommers),
            built_at_ms: proposed_at_ms,
        });
        for hash in &built.evicted {
            self.pool.remove(hash);
        }
        for transaction in &block.transactions {
            let nonce = self.nonce(transaction.sender);
            self.pool.remove_stale(transaction.sender, nonce);
        }
        let settings = &mut self.settings;
        if settings.next_block_timestamp.take().is_some() || built.timestamp_named {
            settings.time_offset_seconds =
                super::cheats::offset(block.header.timestamp, proposed_at_ms);
        }
        settings.next_base_fee = None;
        settings.next_prev_randao = None;
    }

    fn put_note(&mut self, key: &str, value: &str) -> Outcome {
        let note = Note {
            value: value.to_owned(),
            entry: self.last_entry,
        };
        self.notes.insert(key.to_owned(), note);
        Outcome::Note {
            index: self.last_entry.index,
        }
    }

    /// The next nonce of an account in the state.
    pub fn nonce(&self, address: alloy::primitives::Address) -> u64 {
        use super::state::StateRead;
        // A head in memory cannot fail to be read.
        self.state
            .account(address)
            .ok()
            .flatten()
            .map_or(0, |account| account.nonce)
    }
}
