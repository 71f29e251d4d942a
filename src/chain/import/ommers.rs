//! Ommers of proof-of-work blocks (Yellow Paper 11.1): at most two, each a valid child of one of the last ancestors, no
//! ancestor itself, and not rewarded before.

use super::{BadBlock, ImportedBlock, bad, header, must_be};
use crate::chain::{
    Chain,
    spec::{ForkRules, Hardfork},
};
use alloy::consensus::proofs;

/// Ommers a block at the most.
const OMMERS_MAX: usize = 2;

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
    let family = &chain.head.family;
    for (place, ommer) in ommers.iter().enumerate() {
        let hash = ommer.hash_slow();
        let refuse = |wanted: &str| {
            let field = format!("uncle {hash}");
            let got = format!("of block {}", ommer.number);
            Err(bad(number, &field, wanted.to_owned(), got))
        };
        if ommers[..place].contains(ommer) || family.has_ommer(hash) {
            return refuse("rewarded once");
        }
        if family.member(hash).is_some() {
            return refuse("no ancestor");
        }
        let parent = family.member(ommer.parent_hash);
        // A child of the parent would be a brother of this block.
        let Some(parent) = parent.filter(|_| ommer.parent_hash != block.header.parent_hash) else {
            return refuse("a child of one of the last seven ancestors");
        };
        let forks = &chain.spec().forks;
        let rules = forks.rules(ommer.number, ommer.timestamp, false);
        header::descends(chain, &rules, parent, ommer).map_err(|wrong| {
            let field = format!("uncle {hash}: {}", wrong.field);
            bad(number, &field, wrong.wanted, wrong.got)
        })?;
    }
    Ok(())
}
