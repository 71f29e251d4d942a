//! Filters: `eth_newFilter` and its kin, and what happened since each was last asked.
//!
//! A filter lives on the node that made it, as on every Ethereum node; it dies after some minutes without a question.
//! What happened is taken from the chain's events when a filter is asked, so that the changes of an acknowledged
//! write are always there, and now and then in between, so that the queue of events does not overflow.
//! *Limits:* the number of filters, and of changes that one keeps.

use super::{
    error::RpcError,
    format::{Json, List, LogPlace, log, write_data},
    limits::Limits,
    logs,
    params::{FilterCriteria, FilterRange},
    session::random_id,
};
use crate::{chain::block::BlockRecord, replica::api::ChainEvent};
use alloy::{eips::BlockNumberOrTag, primitives::B256};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::broadcast::{Receiver, Sender, error::TryRecvError};

/// What a filter collects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FilterKind {
    /// Hashes of blocks.
    Blocks,
    /// Hashes of transactions.
    Transactions,
    /// Logs.
    Logs(FilterCriteria),
}

#[derive(Debug)]
enum Change {
    Hash(B256),
    Log {
        block: Arc<BlockRecord>,
        transaction: usize,
        log: usize,
        removed: bool,
    },
}

#[derive(Debug)]
struct Filter {
    kind: FilterKind,
    changes: Vec<Change>,
    used: Instant,
}

#[derive(Debug, Default)]
struct Inner {
    /// There only while there are filters.
    events: Option<Receiver<ChainEvent>>,
    filters: HashMap<String, Filter>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Filters {
    inner: Mutex<Inner>,
    events: Sender<ChainEvent>,
    max_count: usize,
    max_changes: usize,
    idle: Duration,
}

impl Filters {
    /// No filters yet.
    pub(crate) fn new(events: Sender<ChainEvent>, limits: &Limits) -> Self {
        Self {
            inner: Mutex::default(),
            events,
            max_count: limits.filters,
            max_changes: limits.filter_changes,
            idle: limits.filter_idle,
        }
    }

    /// Takes in what happened, and forgets filters that nobody asked for long.
    fn current(&self, now: Instant) -> MutexGuard<'_, Inner> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.take_events(self.max_changes);
        inner
            .filters
            .retain(|_, filter| now.saturating_duration_since(filter.used) < self.idle);
        if inner.filters.is_empty() {
            inner.events = None;
        }
        inner
    }

    /// To be called now and then; see the module.
    pub(crate) fn tick(&self) {
        drop(self.current(Instant::now()));
    }

    /// Makes a filter and gives its id.
    pub(crate) fn create(&self, kind: FilterKind) -> Result<String, RpcError> {
        let id = random_id()?;
        let now = Instant::now();
        let mut inner = self.current(now);
        if inner.filters.len() >= self.max_count {
            return Err(RpcError::limit_exceeded(format!(
                "too many filters: this node holds {} and not more; uninstall some",
                self.max_count
            )));
        }
        if inner.events.is_none() {
            inner.events = Some(self.events.subscribe());
        }
        inner.filters.insert(
            id.clone(),
            Filter {
                kind,
                changes: Vec::new(),
                used: now,
            },
        );
        Ok(id)
    }

    /// Removes a filter; `false` if there is none with that id.
    pub(crate) fn remove(&self, id: &str) -> bool {
        self.current(Instant::now()).filters.remove(id).is_some()
    }

    /// What happened since the last question, as a list.
    pub(crate) fn changes(&self, id: &str) -> Result<Json, RpcError> {
        let now = Instant::now();
        let changes = {
            let mut inner = self.current(now);
            let filter = inner.filters.get_mut(id).ok_or_else(not_found)?;
            filter.used = now;
            std::mem::take(&mut filter.changes)
        };
        Ok(Json::build(|out| {
            List::write(out, |list| {
                for change in &changes {
                    change.write(list.next());
                }
            });
        }))
    }

    /// What a filter of logs asks for.
    pub(crate) fn criteria(&self, id: &str) -> Result<FilterCriteria, RpcError> {
        let now = Instant::now();
        let mut inner = self.current(now);
        let filter = inner.filters.get_mut(id).ok_or_else(not_found)?;
        filter.used = now;
        match &filter.kind {
            FilterKind::Logs(criteria) => Ok(criteria.clone()),
            FilterKind::Blocks | FilterKind::Transactions => Err(not_found()),
        }
    }
}

fn not_found() -> RpcError {
    RpcError::server("filter not found")
}

impl Inner {
    fn take_events(&mut self, max_changes: usize) {
        let Some(mut events) = self.events.take() else {
            return;
        };
        loop {
            match events.try_recv() {
                Ok(event) => self.add(&event, max_changes),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Closed) => return,
                Err(TryRecvError::Lagged(lost)) => {
                    // A filter with a hole would be worse than none: its owner makes it anew.
                    tracing::warn!(
                        lost,
                        filters = self.filters.len(),
                        "filters dropped: too slow"
                    );
                    self.filters.clear();
                }
            }
        }
        self.events = Some(events);
    }

    fn add(&mut self, event: &ChainEvent, max_changes: usize) {
        self.filters.retain(|_, filter| {
            filter.add(event);
            filter.changes.len() <= max_changes
        });
    }
}

impl Filter {
    fn add(&mut self, event: &ChainEvent) {
        match (&self.kind, event) {
            (FilterKind::Blocks, ChainEvent::Block(block)) => {
                self.changes.push(Change::Hash(block.hash));
            }
            (FilterKind::Transactions, ChainEvent::Transaction(hash)) => {
                self.changes.push(Change::Hash(*hash));
            }
            (FilterKind::Logs(criteria), ChainEvent::Block(block)) => {
                add_logs(&mut self.changes, criteria, block, false);
            }
            (FilterKind::Logs(criteria), ChainEvent::Removed(blocks)) => {
                for block in blocks {
                    add_logs(&mut self.changes, criteria, block, true);
                }
            }
            _ => {}
        }
    }
}

fn add_logs(
    changes: &mut Vec<Change>,
    criteria: &FilterCriteria,
    block: &Arc<BlockRecord>,
    removed: bool,
) {
    if !covers(criteria.range, block) {
        return;
    }
    logs::scan(block, &criteria.filter, removed, |_, place| {
        let first = block
            .receipts
            .get(place.transaction_index)
            .map_or(0, |receipt| receipt.first_log_index);
        changes.push(Change::Log {
            block: Arc::clone(block),
            transaction: place.transaction_index,
            log: (place.log_index - first) as usize,
            removed,
        });
    });
}

/// Whether a new block lies in a filter's range; tags mean what is still to come.
fn covers(range: FilterRange, block: &BlockRecord) -> bool {
    match range {
        FilterRange::Hash(hash) => hash == block.hash,
        FilterRange::Blocks { from, to } => {
            let number = block.header.number;
            !matches!(from, Some(BlockNumberOrTag::Number(from)) if number < from)
                && !matches!(to, Some(BlockNumberOrTag::Number(to)) if number > to)
        }
    }
}

impl Change {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Hash(hash) => write_data(out, hash.as_slice()),
            Self::Log {
                block,
                transaction,
                log: index,
                removed,
            } => {
                let (Some(record), Some(tx)) = (
                    block.receipts.get(*transaction),
                    block.transactions.get(*transaction),
                ) else {
                    return out.extend_from_slice(b"null");
                };
                let Some(entry) = record.receipt.logs().get(*index) else {
                    return out.extend_from_slice(b"null");
                };
                let place = LogPlace {
                    block,
                    transaction_hash: tx.envelope.hash(),
                    transaction_index: *transaction,
                    log_index: record.first_log_index + *index as u64,
                    removed: *removed,
                };
                log(out, entry, &place);
            }
        }
    }
}

#[cfg(test)]
mod tests;
