//! Finding logs: in one block, and in a range of blocks.

use super::{
    dispatch::too_large,
    error::RpcError,
    format::{Json, List, LogPlace, log},
    params::{FilterCriteria, FilterRange, LogFilter},
};
use crate::chain::{block::BlockRecord, view::View};
use alloy::{
    eips::{BlockId, BlockNumberOrTag},
    primitives::Log,
};

/// A range of at most this many blocks is scanned without a thread of its own.
pub(crate) const SHORT_RANGE: u64 = 16;

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
pub(crate) enum Range {
    /// Both included.
    Numbers(u64, u64),
    /// One block by its hash.
    Hash(alloy::primitives::B256),
}

impl Range {
    /// What a filter's range means now. The words and codes are execution-apis': a range is never clamped.
    pub(crate) fn resolve(range: FilterRange, view: &View) -> Result<Self, RpcError> {
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

    /// Whether looking through it may take long.
    pub(crate) fn is_long(self) -> bool {
        matches!(self, Self::Numbers(from, to) if to - from > SHORT_RANGE)
    }
}

/// The logs that a filter asks for, as a list. `limit` bounds its bytes.
pub(crate) fn find(
    view: &View,
    criteria: &FilterCriteria,
    range: Range,
    limit: usize,
) -> Result<Json, RpcError> {
    let mut outcome = Ok(());
    let json = Json::build(|out| {
        List::write(out, |list| {
            outcome = collect(view, &criteria.filter, range, list, limit);
        });
    });
    outcome.map(|()| json)
}

fn collect(
    view: &View,
    filter: &LogFilter,
    range: Range,
    list: &mut List<'_>,
    limit: usize,
) -> Result<(), RpcError> {
    let mut add = |block: &BlockRecord| {
        scan(block, filter, false, |entry, place| {
            log(list.next(), entry, &place);
        });
        if list.buffered() > limit {
            return Err(too_large(limit));
        }
        Ok(())
    };
    match range {
        Range::Hash(hash) => {
            let block = view
                .block(BlockId::from(hash))?
                .ok_or_else(|| RpcError::server("unknown block"))?;
            add(&block)
        }
        Range::Numbers(from, to) => {
            for number in from..=to {
                if let Some(block) = view.block(BlockId::from(number))? {
                    add(&block)?;
                }
            }
            Ok(())
        }
    }
}
