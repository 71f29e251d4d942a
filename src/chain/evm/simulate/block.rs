//! One simulated block: its header, what the fork does before and after, its calls, its roots (geth's `processBlock`).

use super::{
    CallOutcome, SimulateContext, SimulateError, SimulatedBlock, Simulation, overrides,
    plan::Planned, transaction,
};
use crate::chain::{
    block::{BlockRecord, ReceiptRecord},
    evm::{
        call::overrides::{self as call_overrides, MovedPrecompiles},
        draft_database::DraftDatabase,
        environment::block_environment,
    },
    spec::{ForkRules, Hardfork},
    state::{AccountInfo, StateRead as _},
    transaction::SignedTransaction,
};
use alloy::{
    consensus::{EMPTY_OMMER_ROOT_HASH, Header, TxReceipt as _, proofs},
    eips::{
        eip1559::BaseFeeParams, eip4895::Withdrawals, eip6110::DEPOSIT_REQUEST_TYPE,
        eip7685::Requests,
    },
    primitives::{Address, B256, Bloom, KECCAK256_EMPTY, U256},
    rpc::types::TransactionRequest,
};
use alloy_evm::{
    EvmEnv,
    block::{SystemCaller, state_changes::post_block_balance_increments},
    eth::{EthEvm, EthEvmBuilder, eip6110},
    precompiles::PrecompilesMap,
};
use alloy_trie::root::ordered_trie_root_with_encoder;
use revm::{
    context_interface::block::BlobExcessGasAndPrice, inspector::NoOpInspector,
    primitives::hardfork::SpecId,
};
use std::sync::Arc;

/// The most memory that one call may use, in bytes (see [`crate::chain::evm::call`]).
const MEMORY_LIMIT_BYTES: u64 = 64 << 20;

/// The base fee of the first London block (EIP-1559).
const INITIAL_BASE_FEE: u64 = 1_000_000_000;

/// A block under way.
pub(super) struct Block<'a> {
    pub(super) header: Header,
    pub(super) rules: ForkRules,
    pub(super) environment: EvmEnv<SpecId>,
    pub(super) moved: MovedPrecompiles,
    pub(super) calls: &'a [TransactionRequest],
    pub(super) transactions: Vec<Arc<SignedTransaction>>,
    pub(super) receipts: Vec<ReceiptRecord>,
    pub(super) outcomes: Vec<CallOutcome>,
    pub(super) gas_used: u64,
    pub(super) blob_gas_used: u64,
    /// The index of the next log, transfers included.
    pub(super) next_log_index: u64,
}

impl Simulation<'_> {
    /// Simulates the next block.
    pub(super) fn block(&mut self, planned: &Planned<'_>) -> Result<SimulatedBlock, SimulateError> {
        let wanted = planned.wanted.as_ref();
        let header = self.header(planned);
        let environment = self.environment(&header, wanted.block.blob_base_fee);
        let spec = environment.cfg_env.spec;
        let moved = call_overrides::moved_precompiles(&wanted.state, spec)
            .map_err(SimulateError::InvalidOverride)?;
        overrides::apply(&wanted.state, &mut self.draft)?;
        let mut block = Block {
            moved,
            rules: self.context.spec.rules(&header),
            header,
            environment,
            calls: &wanted.calls,
            transactions: Vec::with_capacity(wanted.calls.len()),
            receipts: Vec::with_capacity(wanted.calls.len()),
            outcomes: Vec::with_capacity(wanted.calls.len()),
            gas_used: 0,
            blob_gas_used: 0,
            next_log_index: 0,
        };
        self.before_calls(&block)?;
        for request in block.calls {
            self.call(&mut block, request)?;
        }
        let requests = self.requests(&block)?;
        let withdrawals = self.withdraw(&block, wanted.block.withdrawals.as_ref())?;
        Ok(self.seal(block, requests, withdrawals))
    }

    /// The header of the block before.
    fn parent(&self) -> (&Header, B256) {
        match self.blocks.last() {
            Some(last) => (&last.block.header, last.block.hash),
            None => (self.context.base, self.context.base_hash),
        }
    }

    /// The header without what the execution gives.
    fn header(&self, planned: &Planned<'_>) -> Header {
        let (parent, parent_hash) = self.parent();
        let (number, timestamp) = (planned.number, planned.timestamp);
        let wanted = &planned.wanted.block;
        let merged = self.is_merged_at(parent, timestamp);
        let rules = self.context.spec.forks.rules(number, timestamp, merged);
        let cancun = rules.is_active(Hardfork::Cancun);
        // The first block of Cancun begins at zero.
        let excess = rules
            .blobs
            .and_then(|params| parent.next_block_excess_blob_gas(params));
        Header {
            parent_hash,
            ommers_hash: EMPTY_OMMER_ROOT_HASH,
            beneficiary: wanted.fee_recipient.unwrap_or(parent.beneficiary),
            difficulty: if merged {
                U256::ZERO
            } else {
                wanted.difficulty.unwrap_or(parent.difficulty)
            },
            number,
            gas_limit: wanted.gas_limit.unwrap_or(parent.gas_limit),
            timestamp,
            mix_hash: wanted.prev_randao.unwrap_or_default(),
            base_fee_per_gas: rules
                .is_active(Hardfork::London)
                .then(|| self.base_fee(parent, wanted.base_fee)),
            excess_blob_gas: cancun.then(|| excess.unwrap_or_default()),
            blob_gas_used: cancun.then_some(0),
            parent_beacon_block_root: cancun.then(|| wanted.beacon_root.unwrap_or_default()),
            ..Header::default()
        }
    }

    /// Whether a block is after the merge. The total difficulty of blocks that nobody mined does not grow, so its time
    /// decides, too (geth).
    fn is_merged_at(&self, parent: &Header, timestamp: u64) -> bool {
        let forks = &self.context.spec.forks;
        let shanghai = forks.activation(Hardfork::Shanghai);
        forks.terminal_total_difficulty.is_some()
            && (parent.difficulty.is_zero()
                || forks.is_merged_after(U256::ZERO)
                || shanghai.is_some_and(|shanghai| timestamp >= shanghai))
    }

    /// Zero without validation, so that calls without fees fit, unless the caller names another.
    fn base_fee(&self, parent: &Header, wanted: Option<U256>) -> u64 {
        match wanted {
            Some(fee) => fee.saturating_to(),
            None if self.request.validation => parent
                .next_block_base_fee(BaseFeeParams::ethereum())
                .unwrap_or(INITIAL_BASE_FEE),
            None => 0,
        }
    }

    fn environment(&self, header: &Header, blob_base_fee: Option<U256>) -> EvmEnv<SpecId> {
        let context = &self.context;
        let mut environment = block_environment(context.spec, context.chain_id, header);
        let EvmEnv { cfg_env, block_env } = &mut environment;
        cfg_env.disable_eip3607 = true;
        cfg_env.disable_block_gas_limit = true;
        cfg_env.tx_gas_limit_cap = Some(u64::MAX);
        cfg_env.memory_limit = MEMORY_LIMIT_BYTES;
        // Checked before, by geth's rules.
        cfg_env.disable_nonce_check = !self.request.validation;
        cfg_env.disable_base_fee = !self.request.validation;
        if let Some(fee) = blob_base_fee
            && let Some(BlobExcessGasAndPrice { blob_gasprice, .. }) =
                &mut block_env.blob_excess_gas_and_price
        {
            *blob_gasprice = fee.saturating_to();
        }
        environment
    }

    /// EIP-2935 and 4788.
    fn before_calls(&mut self, block: &Block<'_>) -> Result<(), SimulateError> {
        let (header, rules) = (&block.header, block.rules);
        self.with_system_evm(block, |evm| {
            let mut caller = SystemCaller::new(rules);
            caller
                .apply_blockhashes_contract_call(header.parent_hash, evm)
                .and_then(|()| {
                    let root = header.parent_beacon_block_root;
                    caller.apply_beacon_root_contract_call(root, evm)
                })
                .map_err(|error| SimulateError::Execution(error.to_string()))
        })
    }

    /// EIP-7685: what the block's logs and the system contracts ask of the consensus layer; `None` before Prague.
    fn requests(&mut self, block: &Block<'_>) -> Result<Option<Requests>, SimulateError> {
        let rules = block.rules;
        if !rules.is_active(Hardfork::Prague) {
            return Ok(None);
        }
        let failed = |error: String| SimulateError::Execution(error);
        let mut requests = Requests::default();
        let receipts = block.receipts.iter().map(|record| &record.receipt);
        let deposits = eip6110::parse_deposits_from_receipts(rules, receipts)
            .map_err(|error| failed(error.to_string()))?;
        if !deposits.is_empty() {
            requests.push_request_with_type(DEPOSIT_REQUEST_TYPE, deposits);
        }
        let of_contracts = self.with_system_evm(block, |evm| {
            SystemCaller::new(rules)
                .apply_post_execution_changes(evm)
                .map_err(|error| failed(error.to_string()))
        })?;
        requests.extend(of_contracts);
        Ok(Some(requests))
    }

    /// EIP-4895, and before the merge the miner's reward.
    fn withdraw(
        &mut self,
        block: &Block<'_>,
        wanted: Option<&Withdrawals>,
    ) -> Result<Option<Withdrawals>, SimulateError> {
        let withdrawals = block
            .rules
            .is_active(Hardfork::Shanghai)
            .then(|| wanted.cloned().unwrap_or_default());
        let increments = post_block_balance_increments::<Header>(
            block.rules,
            &block.environment.block_env,
            &[],
            withdrawals.as_ref().map(|withdrawals| &withdrawals.0[..]),
        );
        for (address, wei) in increments {
            if wei > 0 {
                let mut info = self.account(address)?;
                info.balance = info.balance.saturating_add(U256::from(wei));
                self.draft.set_account(address, info);
            }
        }
        Ok(withdrawals)
    }

    /// The account, or an empty one.
    pub(super) fn account(&self, address: Address) -> Result<AccountInfo, SimulateError> {
        Ok(self.draft.account(address)?.unwrap_or(AccountInfo {
            nonce: 0,
            balance: U256::ZERO,
            code_hash: KECCAK256_EMPTY,
        }))
    }

    /// Lends an EVM over the state to system calls.
    fn with_system_evm<T>(
        &mut self,
        block: &Block<'_>,
        run: impl for<'b> FnOnce(
            &mut EthEvm<DraftDatabase<'b>, NoOpInspector, PrecompilesMap>,
        ) -> Result<T, SimulateError>,
    ) -> Result<T, SimulateError> {
        let hashes = Hashes::new(&self.context, &self.blocks);
        let block_hash = |number| hashes.of(number);
        let database = DraftDatabase {
            draft: &mut self.draft,
            block_hash: &block_hash,
            clears_empty_accounts: block.rules.is_active(Hardfork::SpuriousDragon),
            reads: None,
        };
        run(&mut EthEvmBuilder::new(database, block.environment.clone()).build())
    }

    /// Puts what the execution gave into the header.
    fn seal(
        &self,
        block: Block<'_>,
        requests: Option<Requests>,
        withdrawals: Option<Withdrawals>,
    ) -> SimulatedBlock {
        let mut header = block.header;
        let receipts: Vec<_> = block.receipts.iter().map(|r| &r.receipt).collect();
        header.state_root = self.draft.state().root();
        header.transactions_root =
            ordered_trie_root_with_encoder(&block.transactions, |tx, out| {
                transaction::encode(tx, out);
            });
        header.receipts_root = proofs::calculate_receipt_root(&receipts);
        header.logs_bloom = receipts
            .iter()
            .fold(Bloom::ZERO, |bloom, receipt| bloom | receipt.bloom());
        header.gas_used = block.gas_used;
        if header.blob_gas_used.is_some() {
            header.blob_gas_used = Some(block.blob_gas_used);
        }
        header.withdrawals_root = withdrawals
            .as_ref()
            .map(|withdrawals| proofs::calculate_withdrawals_root(withdrawals));
        header.requests_hash = requests.map(|requests| requests.requests_hash());
        SimulatedBlock {
            block: BlockRecord {
                hash: header.hash_slow(),
                header,
                transactions: block.transactions,
                ommers: Vec::new(),
                withdrawals,
                receipts: block.receipts,
                version: 0,
            },
            calls: block.outcomes,
        }
    }
}

/// The hashes that BLOCKHASH sees: of the chain up to the base, of the simulated blocks above it.
pub(super) struct Hashes<'a> {
    context: &'a SimulateContext<'a>,
    blocks: &'a [SimulatedBlock],
}

impl<'a> Hashes<'a> {
    pub(super) fn new(context: &'a SimulateContext<'a>, blocks: &'a [SimulatedBlock]) -> Self {
        Self { context, blocks }
    }

    pub(super) fn of(&self, number: u64) -> B256 {
        let base = self.context.base.number;
        match number.checked_sub(base) {
            None => (self.context.block_hash)(number),
            Some(0) => self.context.base_hash,
            // Without gaps: they are filled.
            Some(above) => usize::try_from(above - 1)
                .ok()
                .and_then(|index| self.blocks.get(index))
                .map_or(B256::ZERO, |block| block.block.hash),
        }
    }
}
