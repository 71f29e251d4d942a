//! Building a block on the head, and sealing it: header fields, roots, hash.
//!
//! Who leads builds from the pool, who follows builds the same block from its transactions; both run this code, so a
//! follower's block differs only if its chain does.

use super::{BlockRecord, Exactly, FromPool};
use crate::chain::{
    Chain,
    command::ProposedBlock,
    evm::execute::{BlockInput, Executed, ExecutionError, TransactionSource, execute_block},
    pool::Pool,
    spec::Hardfork,
    state::{Draft, State, StateDiff},
    transaction::SignedTransaction,
};
use alloy::{
    consensus::{
        BlockHeader as _, EMPTY_OMMER_ROOT_HASH, Header, TxReceipt as _,
        constants::EMPTY_WITHDRAWALS, proofs,
    },
    eips::{
        eip1559::BaseFeeParams, eip4895::Withdrawals, eip7685::EMPTY_REQUESTS_HASH,
        eip7840::BlobParams,
    },
    primitives::{B256, Bloom, Bytes, keccak256},
};
use std::sync::Arc;

/// A block with the state after it, not yet part of the chain.
#[derive(Clone, Debug)]
pub struct Built {
    /// The block.
    pub block: Arc<BlockRecord>,
    /// The state after it.
    pub state: State,
    /// The previous values of all that it changed.
    pub diff: StateDiff,
    /// Waiting transactions that can never be mined.
    pub evicted: Vec<B256>,
    /// Whether a client named the timestamp.
    pub timestamp_named: bool,
}

impl Built {
    /// The block as it goes into the log.
    pub fn proposal(&self) -> ProposedBlock {
        ProposedBlock {
            header: self.block.header.clone(),
            transactions: self.block.transactions.clone(),
            withdrawals: self.block.withdrawals.clone(),
            evicted: self.evicted.clone(),
            timestamp_named: self.timestamp_named,
        }
    }
}

impl Chain {
    /// Builds the next block from the transactions of `pool`, best first, as many as fit. Changes nothing.
    pub fn build_block(&self, pool: &Pool, timestamp: u64) -> Result<Built, ExecutionError> {
        let header = self.next_header(timestamp);
        let ready = pool.ready(
            |sender| self.nonce(sender),
            header.base_fee_per_gas.unwrap_or_default(),
            self.spec.order,
        );
        let room = self
            .spec
            .limits
            .transactions_per_block
            .unwrap_or(usize::MAX);
        let blob_gas_room = self
            .spec
            .blob_params()
            .map_or(0, |params| params.max_blob_gas_per_block());
        let mut source = FromPool::new(ready, room, blob_gas_room);
        let mut built = self.run_block(header, &mut source)?;
        built.evicted = source.into_evicted();
        Ok(built)
    }

    /// Builds the next block with exactly these transactions, all of which must fit. Changes nothing.
    pub fn follow_block(
        &self,
        transactions: &[Arc<SignedTransaction>],
        timestamp: u64,
    ) -> Result<Built, ExecutionError> {
        self.run_block(
            self.next_header(timestamp),
            &mut Exactly(transactions.iter()),
        )
    }

    fn run_block(
        &self,
        mut header: Header,
        source: &mut dyn TransactionSource,
    ) -> Result<Built, ExecutionError> {
        let withdrawals = self
            .spec
            .is_active(Hardfork::Shanghai)
            .then(Withdrawals::default);
        let mut draft = Draft::new(self.state.clone());
        let block_hash = |number| self.recent_hash(number);
        let input = BlockInput {
            spec: &self.spec,
            chain_id: self.settings.chain_id,
            header: &header,
            withdrawals: withdrawals.as_ref(),
            block_hash: &block_hash,
        };
        let executed = execute_block(&input, &mut draft, source)?;
        let (state, diff) = draft.finish();
        seal(&mut header, &executed, state.root());
        let block = BlockRecord {
            hash: header.hash_slow(),
            header,
            transactions: executed.transactions,
            ommers: Vec::new(),
            withdrawals,
            receipts: executed.receipts,
            version: self.version + 1,
        };
        Ok(Built {
            block: Arc::new(block),
            state,
            diff,
            evicted: Vec::new(),
            timestamp_named: false,
        })
    }

    /// The next block's header without what its execution gives.
    pub fn next_header(&self, timestamp: u64) -> Header {
        let parent = &self.head.header;
        let from = |fork: Hardfork| self.spec.is_active(fork);
        let settings = &self.settings;
        Header {
            parent_hash: self.head.hash,
            ommers_hash: EMPTY_OMMER_ROOT_HASH,
            beneficiary: settings.coinbase,
            number: parent.number + 1,
            gas_limit: settings.block_gas_limit,
            timestamp,
            extra_data: Bytes::new(),
            mix_hash: settings
                .next_prev_randao
                .unwrap_or_else(|| prev_randao(self.head.hash)),
            base_fee_per_gas: Some(self.next_base_fee()),
            withdrawals_root: from(Hardfork::Shanghai).then_some(EMPTY_WITHDRAWALS),
            blob_gas_used: from(Hardfork::Cancun).then_some(0),
            excess_blob_gas: self
                .spec
                .blob_params()
                .map(|params| self.next_excess_blob_gas(params)),
            parent_beacon_block_root: from(Hardfork::Cancun).then_some(B256::ZERO),
            requests_hash: from(Hardfork::Prague).then_some(EMPTY_REQUESTS_HASH),
            ..Header::default()
        }
    }

    /// EIP-1559, unless a cheat named it.
    pub fn next_base_fee(&self) -> u64 {
        self.settings.next_base_fee.unwrap_or_else(|| {
            self.head
                .header
                .next_block_base_fee(BaseFeeParams::ethereum())
                .unwrap_or(self.spec.genesis.base_fee)
        })
    }

    /// EIP-4844 and EIP-7918: wei a unit of blob gas in the next block; `None` before Cancun.
    pub fn next_blob_base_fee(&self) -> Option<u128> {
        self.spec
            .blob_params()
            .map(|params| params.calc_blob_fee(self.next_excess_blob_gas(params)))
    }

    fn next_excess_blob_gas(&self, params: BlobParams) -> u64 {
        self.head
            .header
            .maybe_next_block_excess_blob_gas(Some(params))
            .unwrap_or_default()
    }
}

/// PREVRANDAO where no cheat sets it: there is no beacon chain, so it comes from the parent's hash, the same on all
/// nodes and another in each block.
fn prev_randao(parent_hash: B256) -> B256 {
    keccak256(parent_hash)
}

/// Puts what the execution gave into the header.
fn seal(header: &mut Header, executed: &Executed, state_root: B256) {
    let envelopes: Vec<_> = executed
        .transactions
        .iter()
        .map(|tx| &tx.envelope)
        .collect();
    let receipts: Vec<_> = executed
        .receipts
        .iter()
        .map(|record| &record.receipt)
        .collect();
    header.state_root = state_root;
    header.transactions_root = proofs::calculate_transaction_root(&envelopes);
    header.receipts_root = proofs::calculate_receipt_root(&receipts);
    header.logs_bloom = receipts
        .iter()
        .fold(Bloom::ZERO, |bloom, receipt| bloom | receipt.bloom());
    header.gas_used = executed.gas_used;
    if header.blob_gas_used.is_some() {
        header.blob_gas_used = Some(executed.blob_gas_used);
    }
    if header.requests_hash.is_some() {
        header.requests_hash = Some(executed.requests.requests_hash());
    }
}
