//! Building a block on the head: header fields, execution, hash.
//!
//! Who leads builds from the pool, who follows builds the same block from its transactions; both run this code, so a
//! follower's block differs only if its chain does.

use super::{BlockRecord, Exactly, FromPool, difficulty, seal::seal};
use crate::chain::{
    Chain,
    command::ProposedBlock,
    evm::{
        environment::Strictness,
        execute::{BlockInput, ExecutionError, TransactionSource, execute_block},
    },
    import::BLOCK_RLP_BYTES_MAX,
    pool::Pool,
    spec::{ForkRules, Hardfork},
    state::{Draft, State, StateDiff},
    transaction::SignedTransaction,
};
use alloy::{
    consensus::{BlockHeader as _, EMPTY_OMMER_ROOT_HASH, Header, constants::EMPTY_WITHDRAWALS},
    eips::{
        eip1559::BaseFeeParams, eip4895::Withdrawals, eip7685::EMPTY_REQUESTS_HASH,
        eip7840::BlobParams,
    },
    primitives::{B256, U256, keccak256},
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
    /// Whether it comes from outside: the chain goes on with its gas limit.
    pub imported: bool,
    /// Its transactions that may have called Solidity's console.
    pub console_callers: Vec<B256>,
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

/// A block before its execution.
pub(crate) struct Template<'a> {
    /// The header without what the execution gives.
    pub(crate) header: Header,
    pub(crate) ommers: &'a [Header],
    /// From Shanghai on.
    pub(crate) withdrawals: Option<Withdrawals>,
    pub(crate) strictness: Strictness,
}

impl Template<'_> {
    /// A block of this chain's own making.
    fn mined(header: Header) -> Self {
        Self {
            withdrawals: header.withdrawals_root.map(|_| Withdrawals::default()),
            header,
            ommers: &[],
            strictness: Strictness::DevChain,
        }
    }
}

impl Chain {
    /// The rules of the block after the head, if it has this timestamp.
    pub fn next_rules(&self, timestamp: u64) -> ForkRules {
        let forks = &self.spec.forks;
        let merged = forks.is_merged_after(self.head.total_difficulty);
        forks.rules(self.head.header.number + 1, timestamp, merged)
    }

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
            .next_rules(timestamp)
            .blobs
            .map_or(0, |params| params.max_blob_gas_per_block());
        let bytes_room = bytes_room(&self.next_rules(timestamp));
        let mut source = FromPool::new(ready, room, blob_gas_room, bytes_room)
            .keep_unfunded(!self.spec.dev.pool_balance_checks);
        let mut built = self.run_block(Template::mined(header), &mut source)?;
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
            Template::mined(self.next_header(timestamp)),
            &mut Exactly(transactions.iter()),
        )
    }

    /// Runs a block on the head and seals it. Changes nothing.
    pub(crate) fn run_block(
        &self,
        template: Template<'_>,
        source: &mut dyn TransactionSource,
    ) -> Result<Built, ExecutionError> {
        let Template {
            mut header,
            ommers,
            withdrawals,
            strictness,
        } = template;
        let mut draft = Draft::new(self.state.clone());
        let block_hash = |number| self.recent_hash(number);
        let input = BlockInput {
            spec: &self.spec,
            chain_id: self.settings.chain_id,
            header: &header,
            ommers,
            withdrawals: withdrawals.as_ref(),
            block_hash: &block_hash,
            signatures: &self.settings.signatures,
            strictness,
        };
        let executed = execute_block(&input, &mut draft, source)?;
        let (state, diff) = draft.finish();
        seal(&mut header, &executed, &state);
        let console_callers = executed.console_callers;
        let block = BlockRecord {
            hash: header.hash_slow(),
            header,
            transactions: executed.transactions,
            ommers: ommers.to_vec(),
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
            imported: strictness == Strictness::Ethereum,
            console_callers,
        })
    }

    /// The next block's header without what its execution gives.
    pub fn next_header(&self, timestamp: u64) -> Header {
        let parent = &self.head.header;
        let rules = self.next_rules(timestamp);
        let from = |fork: Hardfork| rules.is_active(fork);
        let settings = &self.settings;
        let (difficulty, mix_hash) = if from(Hardfork::Paris) {
            let randao = settings.next_prev_randao;
            let randao = randao.unwrap_or_else(|| prev_randao(self.head.hash));
            (U256::ZERO, randao)
        } else {
            (difficulty(&rules, parent, timestamp), B256::ZERO)
        };
        Header {
            parent_hash: self.head.hash,
            ommers_hash: EMPTY_OMMER_ROOT_HASH,
            beneficiary: settings.coinbase,
            difficulty,
            number: parent.number + 1,
            gas_limit: if is_first_london(&rules, parent) {
                settings.block_gas_limit.saturating_mul(ELASTICITY)
            } else {
                settings.block_gas_limit
            },
            timestamp,
            extra_data: settings.extra_data.clone(),
            mix_hash,
            base_fee_per_gas: from(Hardfork::London).then(|| self.next_base_fee()),
            withdrawals_root: from(Hardfork::Shanghai).then_some(EMPTY_WITHDRAWALS),
            blob_gas_used: from(Hardfork::Cancun).then_some(0),
            excess_blob_gas: rules
                .blobs
                .map(|params| next_excess_blob_gas(parent, params)),
            parent_beacon_block_root: from(Hardfork::Cancun).then_some(B256::ZERO),
            requests_hash: from(Hardfork::Prague).then_some(EMPTY_REQUESTS_HASH),
            ..Header::default()
        }
    }

    /// EIP-1559, unless a cheat named it; zero before London.
    pub fn next_base_fee(&self) -> u64 {
        if let Some(named) = self.settings.next_base_fee {
            return named;
        }
        let parent = &self.head.header;
        // London comes by block number, so the time does not matter.
        let rules = self.next_rules(parent.timestamp);
        if rules.is_active(Hardfork::London) {
            expected_base_fee(parent, self.spec.genesis.base_fee)
        } else {
            0
        }
    }

    /// EIP-4844 and EIP-7918: wei a unit of blob gas in the next block; `None` before Cancun.
    pub fn next_blob_base_fee(&self) -> Option<u128> {
        let parent = &self.head.header;
        let params = self.next_rules(parent.timestamp.saturating_add(1)).blobs?;
        Some(params.calc_blob_fee(next_excess_blob_gas(parent, params)))
    }
}

/// More than what a block's RLP takes besides its transactions (and up to 16 withdrawals).
const HEADER_BYTES_MAX: usize = 4096;

/// EIP-7934: bytes that transactions may take of a block.
pub(super) fn bytes_room(rules: &ForkRules) -> usize {
    if rules.is_active(Hardfork::Osaka) {
        BLOCK_RLP_BYTES_MAX - HEADER_BYTES_MAX
    } else {
        usize::MAX
    }
}

/// EIP-1559: by how much the gas limit is more than the target.
pub(crate) const ELASTICITY: u64 = 2;

/// EIP-1559: whether the block after `parent` is the first of London, whose gas limit is a multiple of its parent's.
pub(crate) fn is_first_london(rules: &ForkRules, parent: &Header) -> bool {
    rules.is_active(Hardfork::London) && parent.base_fee_per_gas.is_none()
}

/// EIP-1559: the base fee of the block after `parent`, from London on.
pub(crate) fn expected_base_fee(parent: &Header, initial: u64) -> u64 {
    parent
        .next_block_base_fee(BaseFeeParams::ethereum())
        .unwrap_or(initial)
}

/// EIP-4844 and EIP-7918: the excess blob gas of the block after `parent`, which has the blob parameters `params`.
pub(crate) fn next_excess_blob_gas(parent: &Header, params: BlobParams) -> u64 {
    parent
        .maybe_next_block_excess_blob_gas(Some(params))
        .unwrap_or_default()
}

/// PREVRANDAO where no cheat sets it: there is no beacon chain, so it comes from the parent's hash, the same on all
/// nodes and another in each block.
fn prev_randao(parent_hash: B256) -> B256 {
    keccak256(parent_hash)
}
