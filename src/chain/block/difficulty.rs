//! The difficulty of proof-of-work blocks.
//!
//! Sources: Yellow Paper 4.3.4 (Frontier and Homestead, EIP-2), EIP-100 (Byzantium), and the delays of the difficulty
//! bomb: EIP-649, 1234, 2384, 3554, 4345, 5133. Seals are not checked: whoever makes a dev chain makes them up.

use crate::chain::spec::{ForkRules, Hardfork};
use alloy::{
    consensus::{EMPTY_OMMER_ROOT_HASH, Header},
    primitives::U256,
};

/// No block is easier than that.
pub(crate) const MINIMUM_DIFFICULTY: u64 = 131_072;
/// By which part of the parent's difficulty a step goes.
const BOUND_DIVISOR: u64 = 2048;
/// Blocks after which the bomb doubles.
const BOMB_PERIOD: u64 = 100_000;
/// The largest step down.
const STEPS_DOWN_MAX: u64 = 99;

/// The difficulty that a block on `parent` has at this time, under these rules.
pub(crate) fn difficulty(rules: &ForkRules, parent: &Header, timestamp: u64) -> U256 {
    let elapsed = timestamp.saturating_sub(parent.timestamp);
    let step = parent.difficulty / U256::from(BOUND_DIVISOR);
    let minimum = U256::from(MINIMUM_DIFFICULTY);
    let adjusted = if rules.is_active(Hardfork::Byzantium) {
        let patience = if parent.ommers_hash == EMPTY_OMMER_ROOT_HASH {
            1
        } else {
            2
        };
        adjust(parent.difficulty, step, patience, elapsed / 9)
    } else if rules.is_active(Hardfork::Homestead) {
        adjust(parent.difficulty, step, 1, elapsed / 10)
    } else if elapsed < 13 {
        parent.difficulty.saturating_add(step)
    } else {
        parent.difficulty.saturating_sub(step)
    };
    adjusted
        .max(minimum)
        .saturating_add(bomb(rules, parent.number))
}

/// `parent + step * max(patience - periods, -99)`.
fn adjust(parent: U256, step: U256, patience: u64, periods: u64) -> U256 {
    if periods <= patience {
        parent.saturating_add(step * U256::from(patience - periods))
    } else {
        let down = (periods - patience).min(STEPS_DOWN_MAX);
        parent.saturating_sub(step * U256::from(down))
    }
}

/// The exponential part, on a block number that forks have set back.
fn bomb(rules: &ForkRules, parent_number: u64) -> U256 {
    let delay: u64 = match rules.fork {
        fork if fork >= Hardfork::GrayGlacier => 11_400_000,
        fork if fork >= Hardfork::ArrowGlacier => 10_700_000,
        fork if fork >= Hardfork::London => 9_700_000,
        fork if fork >= Hardfork::MuirGlacier => 9_000_000,
        fork if fork >= Hardfork::Constantinople => 5_000_000,
        fork if fork >= Hardfork::Byzantium => 3_000_000,
        _ => 0,
    };
    let number = (parent_number + 1).saturating_sub(delay);
    match (number / BOMB_PERIOD).checked_sub(2) {
        Some(exponent) => U256::from(1)
            .checked_shl(exponent as usize)
            .unwrap_or(U256::MAX),
        None => U256::ZERO,
    }
}
