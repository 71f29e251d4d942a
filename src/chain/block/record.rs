//! A block of the chain with all that its execution gave.

use crate::chain::transaction::SignedTransaction;
use alloy::{
    consensus::{Header, ReceiptEnvelope},
    eips::eip4895::Withdrawals,
    primitives::{Address, B256},
};
use std::sync::Arc;

/// A sealed block, its transactions with their senders, and its receipts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockRecord {
    /// The header.
    pub header: Header,
    /// The header's hash.
    pub hash: B256,
    /// The transactions in order.
    pub transactions: Vec<Arc<SignedTransaction>>,
    /// Ommer headers; none after the merge.
    pub ommers: Vec<Header>,
    /// The withdrawals, from Shanghai on.
    pub withdrawals: Option<Withdrawals>,
    /// One receipt a transaction.
    pub receipts: Vec<ReceiptRecord>,
    /// The version of the state after this block (see [`crate::chain::archive`]).
    pub version: u64,
}

impl BlockRecord {
    /// The version of a block whose state is not known: one of a dump without historical states.
    pub const NO_STATE: u64 = u64::MAX;

    /// Whether the state after it can be read.
    pub fn has_state(&self) -> bool {
        self.version != Self::NO_STATE
    }
}

/// A receipt with what the RPC needs and the consensus form lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptRecord {
    /// The receipt as it is hashed.
    pub receipt: ReceiptEnvelope,
    /// Gas used by this transaction alone.
    pub gas_used: u64,
    /// The address of a created contract.
    pub contract_address: Option<Address>,
    /// How many logs stand before this receipt's in the block.
    pub first_log_index: u64,
}
