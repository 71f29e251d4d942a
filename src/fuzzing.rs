//! What cargo-fuzz feeds with bytes from outside: one function for each place where such bytes are read.
//!
//! *Invariant.* Whatever comes in, nothing panics, nothing hangs, and no more memory is taken than the limits say; what
//! has been read can be written and read again. Only built for tests and for the targets in `tests/fuzz`, with the feature
//! `fuzzing`.

use crate::{
    chain::{
        Chain,
        archive::{Archive, MemoryStore},
        import::RawBlock,
        spec::{ChainSpec, Hardfork},
        transaction::SignedTransaction,
    },
    config::{ClusterConfig, Overrides},
};
use alloy::primitives::U256;
use std::sync::Arc;

/// A target: its name, which is that of its corpus, and what it does.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[
    ("frames", crate::net::fuzz_frames),
    ("handshake", crate::net::fuzz_handshake),
    ("peer_messages", peer_messages),
    ("log_segment", crate::storage::log::fuzz_segment),
    ("checkpoint", checkpoint),
    ("config", config),
    ("rpc_body", crate::rpc::fuzz_body),
    ("raw_transaction", raw_transaction),
    ("rlp_blocks", rlp_blocks),
];

/// Runs the target of that name.
pub fn run(name: &str, data: &[u8]) {
    if let Some((_, target)) = TARGETS.iter().find(|(one, _)| *one == name) {
        target(data);
    }
}

/// What peers say to each other inside the session: of the consensus, of the replicas, and orders of faults.
fn peer_messages(data: &[u8]) {
    crate::consensus::fuzz_messages(data);
    crate::replica::fuzz_messages(data);
}

/// The chain as a checkpoint or a snapshot from a peer holds it.
fn checkpoint(data: &[u8]) {
    let balance = U256::from(1_000_000);
    let spec = Arc::new(ChainSpec::dev(Hardfork::LATEST, 1, Vec::new(), balance));
    let archive = Archive::new(Arc::new(MemoryStore::default()));
    let state = Chain::genesis(Arc::clone(&spec)).0.state().clone();
    // An error is an answer; so is a chain.
    drop(Chain::restore(spec, data, state, &archive));
}

/// The text of a config.
fn config(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data)
        && let Err(error) = ClusterConfig::parse(text, None, &Overrides::default())
    {
        assert!(!error.to_string().is_empty(), "an error without a word");
    }
}

/// A transaction as `eth_sendRawTransaction` takes it.
fn raw_transaction(data: &[u8]) {
    if let Ok(transaction) = SignedTransaction::decode_network(data) {
        let again = transaction.network_encoding();
        let second = SignedTransaction::decode_network(&again).map(|it| *it.hash());
        assert_eq!(
            second.ok(),
            Some(*transaction.hash()),
            "it reads back as another"
        );
    }
}

/// A file of blocks.
fn rlp_blocks(mut data: &[u8]) {
    while !data.is_empty() {
        let Ok(block) = RawBlock::decode(&mut data) else {
            return;
        };
        let Ok(block) = block.recover() else {
            return;
        };
        let written = block.to_rlp();
        let again = RawBlock::decode(&mut written.as_slice()).map(RawBlock::recover);
        let again = again.ok().and_then(Result::ok);
        assert_eq!(again.as_ref(), Some(&block), "it reads back as another");
    }
}

#[cfg(test)]
mod tests;
