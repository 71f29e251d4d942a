//! A header against its parent and its fork, and against what the execution gave.

use super::{BadBlock, bad, must_be};
use crate::chain::{
    Chain,
    block::{ELASTICITY, difficulty, expected_base_fee, is_first_london, next_excess_blob_gas},
    spec::{ForkRules, Hardfork},
};
use alloy::{
    consensus::{EMPTY_OMMER_ROOT_HASH, Header},
    primitives::{B64, Bytes, U256},
};

/// Bytes of extra data at the most (Yellow Paper 4.3.4).
const EXTRA_DATA_BYTES_MAX: usize = 32;
/// By which part of its parent's a gas limit may change.
const GAS_LIMIT_BOUND_DIVISOR: u64 = 1024;
/// No gas limit is below that.
const GAS_LIMIT_MIN: u64 = 5000;
/// Blocks, from the DAO fork on, which carry its mark.
const DAO_MARKED_BLOCKS: u64 = 10;
/// The mark in their extra data.
const DAO_MARK: &[u8] = b"dao-hard-fork";

/// Everything that can be said before the block is executed.
pub(super) fn check(chain: &Chain, rules: &ForkRules, header: &Header) -> Result<(), BadBlock> {
    let hash = &chain.head.hash;
    must_be(header.number, "parentHash", hash, &header.parent_hash)?;
    descends(chain, rules, &chain.head.header, header)
}

/// A header against its parent's, under its rules.
pub(super) fn descends(
    chain: &Chain,
    rules: &ForkRules,
    parent: &Header,
    header: &Header,
) -> Result<(), BadBlock> {
    let number = header.number;
    must_be(number, "number", &(parent.number + 1), &number)?;
    let must = |holds: bool, field: &str, wanted: String, got: String| {
        if holds {
            Ok(())
        } else {
            Err(bad(number, field, wanted, got))
        }
    };
    must(
        header.timestamp > parent.timestamp,
        "timestamp",
        format!("above {}", parent.timestamp),
        header.timestamp.to_string(),
    )?;
    must(
        header.extra_data.len() <= EXTRA_DATA_BYTES_MAX,
        "extraData",
        format!("at most {EXTRA_DATA_BYTES_MAX} bytes"),
        header.extra_data.len().to_string(),
    )?;
    dao_mark(chain, header)?;
    must(
        header.gas_used <= header.gas_limit,
        "gasUsed",
        format!("at most the gas limit {}", header.gas_limit),
        header.gas_used.to_string(),
    )?;
    gas_limit(rules, parent, header)?;
    seal(rules, parent, header)?;
    fork_fields(chain, rules, parent, header)
}

fn dao_mark(chain: &Chain, header: &Header) -> Result<(), BadBlock> {
    let Some(fork) = chain.spec().forks.dao_fork_block else {
        return Ok(());
    };
    if (fork..fork + DAO_MARKED_BLOCKS).contains(&header.number) {
        let mark = Bytes::from_static(DAO_MARK);
        must_be(header.number, "extraData", &mark, &header.extra_data)?;
    }
    Ok(())
}

/// Yellow Paper 4.3.4; the first London block's parent counts double (EIP-1559).
fn gas_limit(rules: &ForkRules, parent: &Header, header: &Header) -> Result<(), BadBlock> {
    let factor = if is_first_london(rules, parent) {
        ELASTICITY
    } else {
        1
    };
    let before = parent.gas_limit.saturating_mul(factor);
    let bound = before / GAS_LIMIT_BOUND_DIVISOR;
    let limit = header.gas_limit;
    if limit.abs_diff(before) < bound.max(1) && limit >= GAS_LIMIT_MIN {
        return Ok(());
    }
    let wanted = format!("within {bound} of {before} and at least {GAS_LIMIT_MIN}");
    Err(bad(header.number, "gasLimit", wanted, limit.to_string()))
}

/// Difficulty, nonce and ommers: by proof of work before the merge, fixed after it (EIP-3675).
fn seal(rules: &ForkRules, parent: &Header, header: &Header) -> Result<(), BadBlock> {
    let number = header.number;
    if rules.is_active(Hardfork::Paris) {
        must_be(number, "difficulty", &U256::ZERO, &header.difficulty)?;
        must_be(number, "nonce", &B64::ZERO, &header.nonce)?;
        return must_be(
            number,
            "sha3Uncles",
            &EMPTY_OMMER_ROOT_HASH,
            &header.ommers_hash,
        );
    }
    let wanted = difficulty(rules, parent, header.timestamp);
    must_be(number, "difficulty", &wanted, &header.difficulty)
}

/// The fields that forks have added: there from their fork on, and not before.
fn fork_fields(
    chain: &Chain,
    rules: &ForkRules,
    parent: &Header,
    header: &Header,
) -> Result<(), BadBlock> {
    let number = header.number;
    let from = |fork: Hardfork| rules.is_active(fork);
    let base_fee =
        from(Hardfork::London).then(|| expected_base_fee(parent, chain.spec().genesis.base_fee));
    must_be(number, "baseFeePerGas", &base_fee, &header.base_fee_per_gas)?;
    let excess = rules
        .blobs
        .map(|params| next_excess_blob_gas(parent, params));
    must_be(number, "excessBlobGas", &excess, &header.excess_blob_gas)?;
    let presence = |field: &str, wanted: bool, got: bool| {
        let word = |there: bool| if there { "there" } else { "absent" }.to_owned();
        if wanted == got {
            Ok(())
        } else {
            Err(bad(number, field, word(wanted), word(got)))
        }
    };
    let cancun = from(Hardfork::Cancun);
    presence(
        "withdrawalsRoot",
        from(Hardfork::Shanghai),
        header.withdrawals_root.is_some(),
    )?;
    presence("blobGasUsed", cancun, header.blob_gas_used.is_some())?;
    presence(
        "parentBeaconBlockRoot",
        cancun,
        header.parent_beacon_block_root.is_some(),
    )?;
    presence(
        "requestsHash",
        from(Hardfork::Prague),
        header.requests_hash.is_some(),
    )
}

/// What the execution gave against what the header says.
pub(super) fn compare(got_here: &Header, header: &Header) -> Result<(), BadBlock> {
    let number = header.number;
    must_be(number, "gasUsed", &got_here.gas_used, &header.gas_used)?;
    must_be(
        number,
        "receiptsRoot",
        &got_here.receipts_root,
        &header.receipts_root,
    )?;
    must_be(
        number,
        "logsBloom",
        &got_here.logs_bloom,
        &header.logs_bloom,
    )?;
    must_be(
        number,
        "requestsHash",
        &got_here.requests_hash,
        &header.requests_hash,
    )?;
    must_be(
        number,
        "blobGasUsed",
        &got_here.blob_gas_used,
        &header.blob_gas_used,
    )?;
    must_be(
        number,
        "stateRoot",
        &got_here.state_root,
        &header.state_root,
    )?;
    must_be(number, "hash", &got_here.hash_slow(), &header.hash_slow())
}
