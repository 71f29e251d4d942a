//! From what a caller asks for to the blocks that are simulated: numbers and timestamps in order, gaps filled (geth's
//! `sanitizeChain`).

use super::{BlockStateCalls, HeaderOverrides, MAX_BLOCKS, SimulateError};
use alloy::{consensus::Header, primitives::U256};
use std::borrow::Cow;

/// Seconds between two blocks where the caller names no timestamp: a slot of the beacon chain.
const SLOT_SECONDS: u64 = 12;

/// A block to be simulated.
#[derive(Debug)]
pub(super) struct Planned<'a> {
    pub(super) number: u64,
    pub(super) timestamp: u64,
    pub(super) wanted: Cow<'a, BlockStateCalls>,
}

/// The blocks to simulate on top of `base`.
pub(super) fn plan<'a>(
    base: &Header,
    blocks: &'a [BlockStateCalls],
) -> Result<Vec<Planned<'a>>, SimulateError> {
    if blocks.is_empty() {
        return Err(SimulateError::EmptyInput);
    }
    if blocks.len() as u64 > MAX_BLOCKS {
        return Err(SimulateError::TooManyBlocks);
    }
    let mut planned = Vec::with_capacity(blocks.len());
    let (mut number, mut timestamp) = (base.number, base.timestamp);
    for wanted in blocks {
        let next = number_of(&wanted.block, number, base.number)?;
        for empty in number + 1..next {
            timestamp = later(timestamp)?;
            planned.push(Planned {
                number: empty,
                timestamp,
                wanted: Cow::Owned(BlockStateCalls::default()),
            });
        }
        number = next;
        timestamp = match wanted.block.time {
            Some(time) if time <= timestamp => {
                return Err(SimulateError::BlockTimestampOrder {
                    time,
                    previous: timestamp,
                });
            }
            Some(time) => time,
            None => later(timestamp)?,
        };
        planned.push(Planned {
            number,
            timestamp,
            wanted: Cow::Borrowed(wanted),
        });
    }
    Ok(planned)
}

/// The number of the block after `previous`.
fn number_of(block: &HeaderOverrides, previous: u64, base: u64) -> Result<u64, SimulateError> {
    let number = block
        .number
        .unwrap_or_else(|| U256::from(previous) + U256::ONE);
    if number <= U256::from(previous) {
        return Err(SimulateError::BlockNumberOrder { number, previous });
    }
    if number - U256::from(base) > U256::from(MAX_BLOCKS) {
        return Err(SimulateError::TooManyBlocks);
    }
    u64::try_from(number).map_err(|_| SimulateError::TooManyBlocks)
}

/// A slot later.
fn later(timestamp: u64) -> Result<u64, SimulateError> {
    timestamp
        .checked_add(SLOT_SECONDS)
        .ok_or(SimulateError::BlockTimestampOrder {
            time: timestamp.wrapping_add(SLOT_SECONDS),
            previous: timestamp,
        })
}
