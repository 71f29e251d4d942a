//! `eth_callBundle` (Flashbots): signed transactions one after the other in a block that is not there, and what the
//! block's author would have of them.

use super::{
    CallContext, CallError,
    reason::revert_reason,
    request::{Limits, refusal},
};
use crate::chain::{
    Rejection,
    evm::{
        database::StateDatabase,
        environment::block_environment,
        trace::{TraceError, TraceLimits},
    },
    transaction::SignedTransaction,
};
use alloy::{
    consensus::Transaction as _,
    primitives::{Address, B256, Bytes, Keccak256, U256},
};
use alloy_evm::{Evm as _, FromRecoveredTx as _, eth::EthEvmBuilder};
use revm::{
    Database as _, DatabaseCommit as _,
    context::{
        Cfg as _, TxEnv,
        result::{EVMError, ExecutionResult, InvalidTransaction},
    },
};

/// What one transaction came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundledResult {
    /// Its hash.
    pub hash: B256,
    /// Its sender.
    pub from: Address,
    /// Its recipient.
    pub to: Option<Address>,
    /// By how much the author's balance grew, wei.
    pub author_gain: U256,
    /// The tips in that, wei.
    pub tips: U256,
    /// The tip for a unit of gas, wei.
    pub tip: u128,
    /// Gas used.
    pub gas_used: u64,
    /// What it returned, or the reverted reason with the bytes, or why it halted.
    pub outcome: Result<Bytes, (Option<String>, Bytes)>,
}

/// What a bundle came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundled {
    /// The transactions.
    pub results: Vec<BundledResult>,
    /// Keccak-256 of their hashes.
    pub hash: B256,
}

/// Runs the transactions in the block that `context.header` describes, on `context.state`. Each must be valid.
pub fn call_bundle(
    context: &CallContext<'_>,
    transactions: &[SignedTransaction],
    limits: TraceLimits<'_>,
) -> Result<Bundled, TraceError> {
    let environment = block_environment(context.spec, context.chain_id, context.header);
    let author = environment.block_env.beneficiary;
    let base_fee = environment.block_env.basefee;
    let bounds = Limits {
        base_fee,
        initcode_size: environment.cfg_env.max_initcode_size(),
    };
    let database = StateDatabase::new(context.state, context.block_hash);
    let mut evm = EthEvmBuilder::new(database, environment).build();
    let balance = |database: &mut StateDatabase<'_>| -> Result<U256, TraceError> {
        let account = database.basic(author);
        let account = account.map_err(|error| TraceError::State(error.0))?;
        Ok(account.map_or(U256::ZERO, |account| account.balance))
    };
    let mut before = balance(evm.db_mut())?;
    let mut hasher = Keccak256::new();
    let (mut results, mut bytes) = (Vec::with_capacity(transactions.len()), 0);
    for transaction in transactions {
        limits.stopwatch.restart();
        let envelope = &transaction.envelope;
        hasher.update(envelope.hash());
        let run = TxEnv::from_recovered_tx(envelope, transaction.sender);
        let outcome = evm.transact_raw(run.clone());
        let outcome = outcome.map_err(|error| failed(error, &run, bounds))?;
        if limits.stopwatch.is_over() {
            return Err(TraceError::Timeout);
        }
        evm.db_mut().commit(outcome.state);
        let now = balance(evm.db_mut())?;
        let gas_used = outcome.result.tx_gas_used();
        let tip = envelope.effective_tip_per_gas(base_fee).unwrap_or_default();
        let outcome = match outcome.result {
            ExecutionResult::Success { output, .. } => Ok(output.into_data()),
            ExecutionResult::Revert { output, .. } => Err((revert_reason(&output), output)),
            ExecutionResult::Halt { reason, .. } => {
                let words = super::halt::words(&reason, super::halt::LastStep::default());
                Err((Some(words), Bytes::new()))
            }
        };
        bytes += 512
            + 2 * outcome
                .as_ref()
                .map_or_else(|(_, data)| data.len(), |data| data.len());
        limits.check(bytes)?;
        results.push(BundledResult {
            hash: *envelope.hash(),
            from: transaction.sender,
            to: envelope.to(),
            author_gain: now.saturating_sub(before),
            tips: U256::from(tip) * U256::from(gas_used),
            tip,
            gas_used,
            outcome,
        });
        before = now;
    }
    Ok(Bundled {
        results,
        hash: hasher.finalize(),
    })
}

/// Why a transaction cannot be in the block.
fn failed(
    error: EVMError<super::super::draft_database::DatabaseError>,
    run: &TxEnv,
    bounds: Limits,
) -> TraceError {
    match error {
        EVMError::Database(error) => TraceError::State(error.0),
        EVMError::Transaction(InvalidTransaction::NonceTooLow { tx, state }) => {
            let rejection = Rejection::NonceTooLow {
                next: state,
                got: tx,
            };
            TraceError::Call(CallError::Rejected(rejection))
        }
        EVMError::Transaction(error) => TraceError::Call(refusal(error, run, bounds)),
        other => TraceError::Execution(other.to_string()),
    }
}
