//! Execution of a block's transactions, with all that a fork does before and after them (EIP-2935, 4788, 4895, 6110,
//! 7002, 7251): alloy-evm's block executor over a draft of the state.

use super::{
    dao::apply_dao_fork,
    draft_database::{DatabaseError, DraftDatabase},
    ecrecover::{self, Signatures},
    environment::{Strictness, block_environment, strict_environment},
    trace::console,
    witness::Reads,
};
use crate::chain::{
    block::ReceiptRecord,
    spec::{ChainSpec, Hardfork},
    state::{Draft, StateError},
    transaction::{Envelope, SignedTransaction},
};
use alloy::{
    consensus::{
        Eip658Value, Header, Receipt, ReceiptEnvelope, ReceiptWithBloom, Transaction as _, TxType,
        transaction::Recovered,
    },
    eips::{eip4895::Withdrawals, eip7685::Requests},
    primitives::{Address, B256, Log},
};
use alloy_evm::{
    Evm, EvmFactory,
    block::{BlockExecutionError, BlockExecutor, BlockValidationError, TxResult as _},
    eth::{
        EthBlockExecutionCtx, EthBlockExecutor, EthEvmFactory,
        receipt_builder::{ReceiptBuilder, ReceiptBuilderCtx},
    },
};
use revm::context::result::{ExecutionResult, InvalidTransaction, Output};
use std::{borrow::Cow, sync::Arc};

/// A block that cannot be executed.
#[derive(Debug, thiserror::Error)]
pub enum ExecutionError {
    /// A transaction that must be in the block cannot be.
    #[error("transaction {hash} cannot be in the block: {reason}")]
    InvalidTransaction {
        /// The transaction.
        hash: B256,
        /// revm's reason.
        reason: String,
    },
    /// The block as a whole, or the machine, failed.
    #[error("block execution failed: {0}")]
    Block(String),
}

/// What the caller wants with a transaction that was offered.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It can never be mined on this state.
    Invalid(String),
    /// Its sender cannot pay for it.
    Unfunded(String),
    /// It does not fit into what is left of the block.
    DoesNotFit,
}

/// A source of transactions for a block: each is asked for when the one before is done.
pub(crate) trait TransactionSource {
    /// The next transaction.
    fn next(&mut self) -> Option<Arc<SignedTransaction>>;
    /// The last one given out is not in the block. An error ends the execution.
    fn refused(
        &mut self,
        transaction: &Arc<SignedTransaction>,
        refusal: Refusal,
    ) -> Result<(), ExecutionError>;
}

/// What a block's execution gave.
#[derive(Debug)]
pub(crate) struct Executed {
    /// The transactions that are in the block.
    pub(crate) transactions: Vec<Arc<SignedTransaction>>,
    /// Their receipts.
    pub(crate) receipts: Vec<ReceiptRecord>,
    /// Gas used by all.
    pub(crate) gas_used: u64,
    /// Blob gas used by all (EIP-4844).
    pub(crate) blob_gas_used: u64,
    /// EIP-7685.
    pub(crate) requests: Requests,
    /// Transactions that may have called Solidity's console.
    pub(crate) console_callers: Vec<B256>,
}

/// Where a block stands.
pub(crate) struct BlockInput<'a> {
    pub(crate) spec: &'a ChainSpec,
    pub(crate) chain_id: u64,
    /// Number, timestamp, beneficiary, gas limit, base fee, excess blob gas and the like must be there.
    pub(crate) header: &'a Header,
    pub(crate) ommers: &'a [Header],
    pub(crate) withdrawals: Option<&'a Withdrawals>,
    pub(crate) block_hash: &'a dyn Fn(u64) -> B256,
    /// What `ecrecover` answers for some.
    pub(crate) signatures: &'a Signatures,
    pub(crate) strictness: Strictness,
}

/// Runs a block on `draft`.
pub(crate) fn execute_block(
    input: &BlockInput<'_>,
    draft: &mut Draft,
    source: &mut dyn TransactionSource,
) -> Result<Executed, ExecutionError> {
    execute_noting(input, draft, source, None)
}

/// Runs a block on `draft`, and notes what it reads.
pub(crate) fn execute_noting(
    input: &BlockInput<'_>,
    draft: &mut Draft,
    source: &mut dyn TransactionSource,
    reads: Option<&mut Reads>,
) -> Result<Executed, ExecutionError> {
    let rules = input.spec.rules(input.header);
    if rules.is_dao_fork {
        apply_dao_fork(draft)?;
    }
    let database = DraftDatabase {
        draft,
        block_hash: input.block_hash,
        clears_empty_accounts: rules.is_active(Hardfork::SpuriousDragon),
        reads,
    };
    let environment = match input.strictness {
        Strictness::DevChain => block_environment,
        Strictness::Ethereum => strict_environment,
    };
    let environment = environment(input.spec, input.chain_id, input.header);
    let mut evm = EthEvmFactory::default().create_evm(database, environment);
    ecrecover::impersonate(evm.precompiles_mut(), input.signatures);
    let context = EthBlockExecutionCtx {
        parent_hash: input.header.parent_hash,
        parent_beacon_block_root: input.header.parent_beacon_block_root,
        ommers: input.ommers,
        withdrawals: input
            .withdrawals
            .map(|withdrawals| Cow::Borrowed(&withdrawals.0[..])),
        extra_data: input.header.extra_data.clone(),
        tx_count_hint: None,
        slot_number: None,
    };
    let mut executor = EthBlockExecutor::new(evm, context, rules, Receipts);
    executor
        .apply_pre_execution_changes()
        .map_err(block_error)?;
    let has_status = rules.is_active(Hardfork::Byzantium);
    let Ran {
        transactions,
        details,
        console_callers,
    } = run_transactions(&mut executor, source, has_status)?;
    let result = executor
        .apply_post_execution_changes()
        .map_err(block_error)?;
    let mut first_log_index = 0;
    let receipts = result
        .receipts
        .into_iter()
        .zip(details)
        .map(|(mut receipt, detail)| {
            if let (Some(root), ReceiptEnvelope::Legacy(legacy)) = (detail.root, &mut receipt) {
                legacy.receipt.status = Eip658Value::PostState(root);
            }
            let logs = receipt.logs().len() as u64;
            let record = ReceiptRecord {
                receipt,
                gas_used: detail.gas_used,
                contract_address: detail.created,
                first_log_index,
            };
            first_log_index += logs;
            record
        })
        .collect();
    Ok(Executed {
        transactions,
        receipts,
        gas_used: result.gas_used,
        blob_gas_used: result.blob_gas_used,
        requests: result.requests,
        console_callers,
    })
}

/// What the consensus form of a receipt lacks.
struct Detail {
    gas_used: u64,
    created: Option<Address>,
    /// Before Byzantium a receipt has the state root after its transaction instead of a status (EIP-98, EIP-658).
    root: Option<B256>,
}

/// The transactions that are in the block.
struct Ran {
    transactions: Vec<Arc<SignedTransaction>>,
    details: Vec<Detail>,
    console_callers: Vec<B256>,
}

fn run_transactions<'d, E>(
    executor: &mut E,
    source: &mut dyn TransactionSource,
    has_status: bool,
) -> Result<Ran, ExecutionError>
where
    E: BlockExecutor<Transaction = Envelope, Receipt = ReceiptEnvelope>,
    E::Evm: Evm<DB = DraftDatabase<'d>, Tx: alloy_evm::FromRecoveredTx<Envelope>>,
{
    let (mut transactions, mut details) = (Vec::new(), Vec::new());
    let mut console_callers = Vec::new();
    while let Some(transaction) = source.next() {
        let recovered = Recovered::new_unchecked(&transaction.envelope, transaction.sender);
        let output = match executor.execute_transaction_without_commit(recovered) {
            Ok(output) => output,
            Err(error) => {
                let refusal = refusal(error)?;
                source.refused(&transaction, refusal)?;
                continue;
            }
        };
        if console::is_touched(&output.result().state) {
            console_callers.push(*transaction.hash());
        }
        let created = match &output.result().result {
            ExecutionResult::Success {
                output: Output::Create(_, address),
                ..
            } => *address,
            ExecutionResult::Revert { .. } | ExecutionResult::Halt { .. }
                if transaction.envelope.is_create() =>
            {
                Some(transaction.sender.create(transaction.envelope.nonce()))
            }
            _ => None,
        };
        let gas = executor.commit_transaction(output);
        details.push(Detail {
            gas_used: gas.tx_gas_used(),
            created,
            root: (!has_status).then(|| executor.evm().db().draft.state().root()),
        });
        transactions.push(transaction);
    }
    Ok(Ran {
        transactions,
        details,
        console_callers,
    })
}

fn refusal(error: BlockExecutionError) -> Result<Refusal, ExecutionError> {
    match error {
        BlockExecutionError::Validation(
            BlockValidationError::TransactionGasLimitMoreThanAvailableBlockGas { .. },
        ) => Ok(Refusal::DoesNotFit),
        BlockExecutionError::Validation(BlockValidationError::InvalidTx { error, .. }) => {
            let sentence = error.to_string();
            Ok(match error.as_invalid_tx_err() {
                Some(InvalidTransaction::LackOfFundForMaxFee { .. }) => Refusal::Unfunded(sentence),
                _ => Refusal::Invalid(sentence),
            })
        }
        other => Err(block_error(other)),
    }
}

fn block_error(error: impl std::fmt::Display) -> ExecutionError {
    ExecutionError::Block(error.to_string())
}

/// Builds receipts in their consensus form, all with a status: a state root takes its place later, where there is one.
#[derive(Clone, Copy, Debug)]
struct Receipts;

impl ReceiptBuilder for Receipts {
    type Transaction = Envelope;
    type Receipt = ReceiptEnvelope;

    fn build_receipt<E: Evm>(&self, context: ReceiptBuilderCtx<'_, TxType, E>) -> ReceiptEnvelope {
        let receipt: ReceiptWithBloom<Receipt<Log>> = Receipt {
            status: Eip658Value::Eip658(context.result.is_success()),
            cumulative_gas_used: context.cumulative_gas_used,
            logs: context.result.into_logs(),
        }
        .with_bloom();
        match context.tx_type {
            TxType::Legacy => ReceiptEnvelope::Legacy(receipt),
            TxType::Eip2930 => ReceiptEnvelope::Eip2930(receipt),
            TxType::Eip1559 => ReceiptEnvelope::Eip1559(receipt),
            TxType::Eip4844 => ReceiptEnvelope::Eip4844(receipt),
            TxType::Eip7702 => ReceiptEnvelope::Eip7702(receipt),
        }
    }
}

impl From<StateError> for ExecutionError {
    fn from(error: StateError) -> Self {
        Self::Block(error.to_string())
    }
}

impl From<DatabaseError> for ExecutionError {
    fn from(error: DatabaseError) -> Self {
        Self::Block(error.to_string())
    }
}
