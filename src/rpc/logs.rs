//! Finding logs: in one block, and in a range of blocks.

use super::{
    dispatch::too_large,
    error::RpcError,
    format::{Json, LogPlace, log},
    params::{FilterCriteria, FilterRange, LogFilter},
};
use crate::chain::{block::BlockRecord, view::View};
use alloy::{
    eips::{BlockId, BlockNumberOrTag},
    primitives::{Bloom, Log},
};

/// A range of at most this many blocks is searched without a thread of its own.
const SHORT_RANGE: u64 = 16;
/// Blocks that a search looks through before it lets others have their turn.
const STEP_BLOCKS: u64 = 4096;

/// Calls `found` with each log of a block that passes the filter.
pub(crate) fn scan<'a>(
    block: &'a BlockRecord,
    filter: &LogFilter,
    removed: bool,
    mut found: impl FnMut(&'a Log, LogPlace<'a>),
) {
    if !filter.may_match(&block.header.logs_bloom) {
        return;
    }
    for (transaction_index, (record, tx)) in
        block.receipts.iter().zip(&block.transactions).enumerate()
    {
        for (log_index, entry) in (record.first_log_index..).zip(record.receipt.logs()) {
            if filter.matches(entry) {
                let place = LogPlace {
                    block,
                    transaction_hash: tx.envelope.hash(),
                    transaction_index,
                    log_index,
                    removed,
                };
                found(entry, place);
            }
        }
    }
}

/// Like [`scan`], with each log formatted.
pub(crate) fn for_each(
    block: &BlockRecord,
    filter: &LogFilter,
    removed: bool,
    mut found: impl FnMut(Json),
) {
    scan(block, filter, removed, |entry, place| {
        found(Json::build(|out| log(out, entry, &place)));
    });
}

/// The blocks that a filter asks for, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Range {
    /// Both included.
    Numbers(u64, u64),
    /// One block by its hash.
    Hash(alloy::primitives::B256),
}

impl Range {
    /// What a filter's range means now. The words and codes are execution-apis': a range is never clamped.
    fn resolve(range: FilterRange, view: &View) -> Result<Self, RpcError> {
        let (from, to) = match range {
            FilterRange::Hash(hash) => return Ok(Self::Hash(hash)),
            FilterRange::Blocks { from, to } => (from, to),
        };
        let head = view.chain().head().header.number;
        let number = |tag: Option<BlockNumberOrTag>| match tag.unwrap_or_default() {
            // What is pending has no logs yet.
            BlockNumberOrTag::Pending => head,
            tag => view.number_of(tag),
        };
        let (from, to) = (number(from), number(to));
        if from > to {
            return Err(RpcError::invalid_params("invalid block range params"));
        }
        if to > head {
            return Err(RpcError::invalid_params(
                "block range extends beyond current head block",
            ));
        }
        Ok(Self::Numbers(from, to))
    }
}

/// A search for logs, in steps that are short enough for others to have their turn between them.
#[derive(Debug)]
pub(crate) struct Search {
    view: View,
    filter: LogFilter,
    range: Range,
    /// The list so far, without its end.
    found: Vec<u8>,
    max_bytes: usize,
}

impl Search {
    /// Of the logs that a filter asks for; `max_bytes` bounds what is found.
    pub(crate) fn new(
        view: View,
        criteria: FilterCriteria,
        max_bytes: usize,
    ) -> Result<Self, RpcError> {
        Ok(Self {
            range: Range::resolve(criteria.range, &view)?,
            filter: criteria.filter,
            view,
            found: vec![b'['],
            max_bytes,
        })
    }

    /// Whether a step may take long enough to need a thread of its own.
    pub(crate) fn is_long(&self) -> bool {
        matches!(self.range, Range::Numbers(from, to) if to - from > SHORT_RANGE)
    }

    /// Looks through some blocks; gives the list once all are done.
    pub(crate) fn step(mut self) -> Result<Step, RpcError> {
        let (from, to) = match self.range {
            Range::Hash(hash) => {
                let block = self.view.block(BlockId::from(hash))?;
                self.add(&*block.ok_or_else(|| RpcError::server("unknown block"))?)?;
                return Ok(Step::Done(self.finish()));
            }
            Range::Numbers(from, to) => (from, to),
        };
        let last = to.min(from.saturating_add(STEP_BLOCKS - 1));
        // Most blocks are left out by their bloom alone, which is stored apart from them.
        let filter = &self.filter;
        let accepts = |bloom: &Bloom| filter.may_match(bloom);
        let candidates = self.view.archive().bloom_candidates(from, last, accepts)?;
        for number in candidates {
            if let Some(block) = self.view.block(BlockId::from(number))? {
                self.add(&block)?;
            }
        }
        if last == to {
            return Ok(Step::Done(self.finish()));
        }
        self.range = Range::Numbers(last + 1, to);
        Ok(Step::More(Box::new(self)))
    }

    fn add(&mut self, block: &BlockRecord) -> Result<(), RpcError> {
        let found = &mut self.found;
        scan(block, &self.filter, false, |entry, place| {
            if found.len() > 1 {
                found.push(b',');
            }
            log(found, entry, &place);
        });
        if found.len() > self.max_bytes {
            return Err(too_large(self.max_bytes));
        }
        Ok(())
    }

    fn finish(mut self) -> Json {
        self.found.push(b']');
        Json::build(|out| *out = self.found)
    }
}

/// What a step of a [`Search`] gave.
#[derive(Debug)]
pub(crate) enum Step {
    /// The list of logs.
    Done(Json),
    /// There are more blocks to look through.
    More(Box<Search>),
}
