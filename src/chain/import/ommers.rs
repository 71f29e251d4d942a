//! Ommers of proof-of-work blocks (Yellow Paper 11.1): at most two, each a child of one of the last ancestors, and no
//! ancestor itself.
//!
//! The chain keeps hashes of its last blocks, not their headers, so an ommer's difficulty is not checked, nor that an
//! earlier block has rewarded it already.

use super::{BadBlock, ImportedBlock, bad, must_be};
use crate::chain::{
    Chain,
    spec::{ForkRules, Hardfork},
};
use alloy::consensus::proofs;

/// Ommers a block at the most.
const OMMERS_MAX: usize = 2;
/// How many generations back an ommer may be.
const GENERATIONS_MAX: u64 = 6;

pub(super) fn check(
    chain: &Chain,
    rules: &ForkRules,
    block: &ImportedBlock,
) -> Result<(), BadBlock> {
    let (number, ommers) = (block.header.number, &block.ommers);
    let root = proofs::calculate_ommers_root(ommers);
    must_be(number, "sha3Uncles", &root, &block.header.ommers_hash)?;
    let max = if rules.is_active(Hardfork::Paris) {
        0
    } else {
        OMMERS_MAX
    };
    if ommers.len() > max {
        let wanted = format!("at most {max}");
        return Err(bad(number, "uncles", wanted, ommers.len().to_string()));
    }
    let mut seen = Vec::with_capacity(ommers.len());
    for ommer in ommers {
        let hash = ommer.hash_slow();
        let refuse = |wanted: &str| {
            let field = format!("uncle {hash}");
            Err(bad(
                number,
                &field,
                wanted.to_owned(),
                format!("of block {}", ommer.number),
            ))
        };
        if seen.contains(&hash) {
            return refuse("there once");
        }
        if chain.recent_hash(ommer.number) == hash {
            return refuse("no ancestor");
        }
        let age = number.saturating_sub(ommer.number);
        let parent = ommer
            .number
            .checked_sub(1)
            .map(|parent| chain.recent_hash(parent));
        if !(1..=GENERATIONS_MAX).contains(&age) || parent != Some(ommer.parent_hash) {
            return refuse("a child of one of the last seven ancestors");
        }
        seen.push(hash);
    }
    Ok(())
}
