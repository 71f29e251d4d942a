//! What every node applied, compared as it happens: the first difference ends the run.
//!
//! Checked here: all nodes see the same log (position, content); equal chains after equal entries (root, digest of
//! everything applied; the whole stored form at checkpoints, copies, restarts and now and then); one leader a term, as
//! openraft understands it: along the log neither the term falls nor, within a term, the leader's number (a second
//! leader of a term has a higher one, and ends the first).

use super::world::{self, Owner};
use crate::{
    chain::{
        Chain,
        archive::Checkpoint as _,
        command::{Entry, Outcome},
    },
    consensus::{Application, ApplicationError, LogId, SnapshotSource, Stored},
    replica::Applier,
    types::{LogIndex, LogPosition, MemberId, Payload, RequestId},
};
use alloy::primitives::B256;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How often the whole stored form of the chain is compared, entries.
const COMPARE_WHOLE_EVERY: u64 = 8;

/// What an entry came to, on the first node that applied it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fact {
    pub(super) term: u64,
    /// Who led then.
    pub(super) leader: MemberId,
    /// Of the entry's bytes; `None`: an entry without any.
    pub(super) payload: Option<u64>,
    /// The chain's position after it.
    pub(super) after: B256,
    pub(super) root: B256,
    /// Whether the entry changed nothing, being for another chain.
    pub(super) skipped: bool,
    /// The requests that it finished, and what they came to.
    pub(super) finished: Vec<(RequestId, Outcome)>,
    /// Of the whole chain's stored form, where somebody looked.
    pub(super) whole: Option<u64>,
    /// Who applied it first, and when.
    pub(super) first: MemberId,
}

/// What is known of the log.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) by_index: BTreeMap<LogIndex, Fact>,
    /// Where the chain had that position first: the entry that brought it there.
    pub(super) index_of: BTreeMap<B256, LogIndex>,
    /// The first thing that must not be.
    pub(super) violation: Option<String>,
    pub(super) applied: u64,
    pub(super) skipped: u64,
    pub(super) installed: u64,
}

/// What every node applied. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger(Arc<Mutex<Facts>>);

impl Ledger {
    pub(super) fn facts(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something that must not be; the first one stays.
    pub(super) fn violated(&self, what: String) {
        world::note("violated", &[], || what.clone());
        self.facts().violation.get_or_insert(what);
    }

    /// A node applied an entry.
    fn applied(
        &self,
        owner: Owner,
        at: (LogPosition, MemberId),
        payload: Option<&Payload>,
        before: &Chain,
        after: &Chain,
    ) {
        let (at, leader) = at;
        let entry = payload.and_then(|payload| Entry::decode(&payload.0).ok());
        let skipped = payload.is_some() && before.position() == after.position();
        let finished: Vec<(RequestId, Outcome)> = entry
            .iter()
            .filter(|_| !skipped)
            .flat_map(|entry| &entry.answers)
            .filter(|answer| answer.complete)
            .filter_map(|answer| {
                let session = after.sessions().get(&answer.request)?;
                Some((answer.request, session.outcome.clone()))
            })
            .collect();
        let fact = Fact {
            term: at.term,
            leader,
            payload: payload.map(|payload| world::digest(&payload.0)),
            after: after.position(),
            root: after.state().root(),
            skipped,
            finished,
            whole: (at.index % COMPARE_WHOLE_EVERY == 0).then(|| whole(after)),
            first: owner.node,
        };
        world::note(
            "apply",
            &[owner.node, at.index, at.term, world::digest(&fact.after.0)],
            || {
                let body = entry
                    .as_ref()
                    .map_or("nothing", |entry| body_name(&entry.body));
                format!(
                    "node {} life {} applies {} of term {}: {body}{} {:?}",
                    owner.node,
                    owner.life,
                    at.index,
                    at.term,
                    if fact.skipped { " (skipped)" } else { "" },
                    fact.finished,
                )
            },
        );
        let problem = self.compare(owner, at.index, fact, payload.is_some());
        if let Some(problem) = problem {
            self.violated(problem);
        }
    }

    fn compare(&self, owner: Owner, index: LogIndex, fact: Fact, counts: bool) -> Option<String> {
        let mut facts = self.facts();
        facts.applied += 1;
        let before = facts.by_index.range(..index).next_back();
        if let Some((earlier, before)) = before
            && (before.term, before.leader) > (fact.term, fact.leader)
        {
            return Some(format!(
                "leaders fall along the log: node {} in term {} at {earlier}, node {} in term {} at {index}",
                before.leader, before.term, fact.leader, fact.term
            ));
        }
        let Some(known) = facts.by_index.get_mut(&index) else {
            facts.skipped += u64::from(fact.skipped);
            if counts && !fact.skipped {
                facts.index_of.entry(fact.after).or_insert(index);
            }
            facts.by_index.insert(index, fact);
            return None;
        };
        let both = format!("node {} and node {} before it", owner.node, known.first);
        let same = (known.term, known.leader) == (fact.term, fact.leader);
        if !same || known.payload != fact.payload {
            return Some(format!(
                "logs differ at {index}: {both} applied entries of terms {} and {}",
                fact.term, known.term
            ));
        }
        if known.after != fact.after {
            return Some(format!(
                "chains differ after the same log up to {index}: {both}"
            ));
        }
        if known.root != fact.root {
            return Some(format!("state roots differ after {index}: {both}"));
        }
        match (known.whole, fact.whole) {
            (Some(one), Some(other)) if one != other => Some(format!(
                "the stored forms of equal chains differ after {index}: {both}"
            )),
            (None, Some(_)) => {
                known.whole = fact.whole;
                None
            }
            _ => None,
        }
    }

    /// A node came to this chain at once: from its disk, or from a peer's copy; or it stands there at the end.
    pub(super) fn stands(
        &self,
        owner: Owner,
        position: Option<LogPosition>,
        chain: &Chain,
        how: &str,
    ) {
        let Some(at) = position else { return };
        let whole = whole(chain);
        world::note("stands", &[owner.node, at.index, whole], || {
            format!("node {} at {} {how}", owner.node, at.index)
        });
        let problem = {
            let mut facts = self.facts();
            match facts.by_index.get_mut(&at.index) {
                None => Some(format!(
                    "node {} stands at {} ({how}), which nobody has ever applied",
                    owner.node, at.index
                )),
                Some(known) if known.term != at.term || known.after != chain.position() => {
                    Some(format!(
                        "node {} has another chain at {} ({how}) than node {}",
                        owner.node, at.index, known.first
                    ))
                }
                Some(known) if known.root != chain.state().root() => Some(format!(
                    "node {} has another state root at {} ({how}) than node {}",
                    owner.node, at.index, known.first
                )),
                Some(known) => {
                    let other = *known.whole.get_or_insert(whole);
                    (other != whole).then(|| {
                        format!(
                            "node {} has another stored form of the chain at {} ({how}) than node {}",
                            owner.node, at.index, known.first
                        )
                    })
                }
            }
        };
        if let Some(problem) = problem {
            self.violated(problem);
        }
    }
}

/// Of everything that the chain keeps; its own stored form is not asked what belongs to it.
fn whole(chain: &Chain) -> u64 {
    let requests = postcard::to_stdvec(&chain.sessions().to_list());
    let mut bytes = chain.encode();
    bytes.extend(requests.unwrap_or_default());
    world::digest(&bytes)
}

fn body_name(body: &crate::chain::command::Body) -> &'static str {
    use crate::chain::command::Body;
    match body {
        Body::Blocks(_) => "blocks",
        Body::Import(_) => "imported blocks",
        Body::Admit(_) => "transactions",
        Body::Cheat(_) => "a cheat",
        Body::Note { .. } => "a note",
        Body::Reorg { .. } => "a reorg",
        Body::Load(_) => "a part of a dump",
    }
}

/// The applier of one life of a node, watched.
pub(super) struct Watched {
    pub(super) applier: Applier,
    pub(super) owner: Owner,
    pub(super) ledger: Ledger,
}

impl Application for Watched {
    fn stored(&self) -> Stored {
        self.applier.stored()
    }

    fn apply(
        &mut self,
        position: LogPosition,
        record: Arc<Vec<u8>>,
        payload: Option<&Payload>,
    ) -> Result<(), ApplicationError> {
        // The record begins with the entry's identity, which names the leader.
        let id = postcard::take_from_bytes::<Option<LogId>>(&record);
        let leader = id
            .ok()
            .and_then(|(id, _)| id)
            .map(|id| id.leader_id.node_id);
        let at = (position, leader.unwrap_or_default());
        let before = self.applier.chain();
        self.applier.apply(position, record, payload)?;
        let after = self.applier.chain();
        self.ledger
            .applied(self.owner, at, payload, &before, &after);
        Ok(())
    }

    fn checkpoint(&self) -> Result<(Stored, Arc<dyn SnapshotSource>), ApplicationError> {
        self.applier.checkpoint()
    }

    fn install(
        &mut self,
        stored: Stored,
        snapshot: Arc<dyn SnapshotSource>,
    ) -> Result<(), ApplicationError> {
        let position = stored.position;
        self.applier.install(stored, snapshot)?;
        self.ledger.facts().installed += 1;
        self.ledger.stands(
            self.owner,
            position,
            &self.applier.chain(),
            "by a peer's copy",
        );
        Ok(())
    }
}
