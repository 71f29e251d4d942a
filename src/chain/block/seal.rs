//! Sealing a block: what its execution gave goes into the header, roots first of all.
//!
//! *Two threads.* The roots are most of the work of a full block. The state's trie is hashed from both ends, each node by
//! whoever comes first; the roots of transactions and receipts are the second thread's. What comes out does not depend on
//! who did what.

use crate::chain::{evm::execute::Executed, state::State};
use alloy::{
    consensus::{Header, TxReceipt as _, proofs},
    primitives::{B256, Bloom},
};
use std::{panic::resume_unwind, thread};

/// A thread costs as much as hashing for some transactions.
const SHARED_FROM_TRANSACTIONS: usize = 24;

/// Puts what the execution gave into the header; `state` is the state after it.
pub(super) fn seal(header: &mut Header, executed: &Executed, state: &State) {
    let (state_root, lists) = if executed.transactions.len() < SHARED_FROM_TRANSACTIONS {
        (state.root(), Lists::of(executed))
    } else {
        shared(executed, state)
    };
    header.state_root = state_root;
    header.transactions_root = lists.transactions_root;
    header.receipts_root = lists.receipts_root;
    header.logs_bloom = lists.logs_bloom;
    header.gas_used = executed.gas_used;
    if header.blob_gas_used.is_some() {
        header.blob_gas_used = Some(executed.blob_gas_used);
    }
    if header.requests_hash.is_some() {
        header.requests_hash = Some(executed.requests.requests_hash());
    }
}

/// What the header says of the block's lists.
struct Lists {
    transactions_root: B256,
    receipts_root: B256,
    logs_bloom: Bloom,
}

impl Lists {
    fn of(executed: &Executed) -> Self {
        let transactions = executed.transactions.iter();
        let envelopes: Vec<_> = transactions.map(|tx| &tx.envelope).collect();
        let receipts = executed.receipts.iter();
        let receipts: Vec<_> = receipts.map(|record| &record.receipt).collect();
        Self {
            transactions_root: proofs::calculate_transaction_root(&envelopes),
            receipts_root: proofs::calculate_receipt_root(&receipts),
            logs_bloom: receipts
                .iter()
                .fold(Bloom::ZERO, |bloom, receipt| bloom | receipt.bloom()),
        }
    }
}

/// The state's root and the lists, by this thread and another one.
fn shared(executed: &Executed, state: &State) -> (B256, Lists) {
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("seal".to_owned());
        let second = builder.spawn_scoped(scope, || {
            let lists = Lists::of(executed);
            state.hash_from_the_end();
            lists
        });
        let root = state.root();
        let lists = match second {
            Ok(second) => second.join().unwrap_or_else(|panic| resume_unwind(panic)),
            // There are no threads, or no more of them.
            Err(_) => Lists::of(executed),
        };
        (root, lists)
    })
}
