//! One call of a simulated block: what it gets where the caller names nothing, its run, its receipt (geth's
//! `sanitizeCall` and the loop of `processBlock`).

use super::{
    CallFailure, CallOutcome, SimulateError, Simulation,
    block::{Block, Hashes},
    precheck::{self, Place},
    precompiles::PlacedPrecompiles,
    recorder::Recorder,
    transaction::Call,
};
use crate::chain::{
    block::ReceiptRecord,
    evm::{
        call::{halt::words, reason::revert_reason},
        draft_database::{DatabaseError, DraftDatabase},
    },
    spec::Hardfork,
    transaction::SignedTransaction,
};
use alloy::{
    consensus::{Eip658Value, Receipt, ReceiptEnvelope, TxType},
    eips::eip4844::DATA_GAS_PER_BLOB,
    primitives::{Address, Bytes, KECCAK256_EMPTY, Log},
    rpc::types::TransactionRequest,
};
use alloy_evm::eth::EthEvmBuilder;
use revm::{
    DatabaseCommit as _, InspectEvm as _,
    context::{
        Cfg as _,
        result::{EVMError, ExecutionResult},
    },
};

impl Simulation<'_> {
    /// Runs a call as the next transaction of the block.
    pub(super) fn call(
        &mut self,
        block: &mut Block<'_>,
        request: &TransactionRequest,
    ) -> Result<(), SimulateError> {
        let sender = self.account(request.from.unwrap_or_default())?;
        let remaining = block.header.gas_limit.saturating_sub(block.gas_used);
        let required = request.gas.unwrap_or(remaining);
        if required > remaining {
            return Err(SimulateError::BlockGasLimitReached {
                remaining,
                required,
            });
        }
        let (nonce, gas) = (
            request.nonce.unwrap_or(sender.nonce),
            required.min(self.gas_left),
        );
        let (chain_id, base_fee) = (self.context.chain_id, block.header.base_fee_per_gas);
        let call = Call::new(request, nonce, gas, chain_id, base_fee)?;
        let blobs = block.environment.block_env.blob_excess_gas_and_price;
        let place = Place {
            validation: self.request.validation,
            nonce: sender.nonce,
            balance: sender.balance,
            base_fee,
            blob_base_fee: blobs.map(|blobs| blobs.blob_gasprice),
            max_blobs: block.rules.blobs.map(|params| params.max_blobs_per_tx),
        };
        precheck::check(&call, &place)
            .map_err(|violation| SimulateError::InvalidTransaction { violation, gas })?;
        let (result, recorder) = self.run(block, &call)?;
        if !place.validation && sender.nonce == u64::MAX && !call.kind().is_create() {
            self.wrap_nonce(call.from)?;
        }
        self.record(block, &call, result, recorder);
        Ok(())
    }

    fn run(
        &mut self,
        block: &Block<'_>,
        call: &Call<'_>,
    ) -> Result<(ExecutionResult, Recorder), SimulateError> {
        let validation = self.request.validation;
        let hashes = Hashes::new(&self.context, &self.blocks);
        let block_hash = |number| hashes.of(number);
        let database = DraftDatabase {
            draft: &mut self.draft,
            block_hash: &block_hash,
            clears_empty_accounts: block.rules.is_active(Hardfork::SpuriousDragon),
            reads: None,
        };
        let recorder = Recorder::new(self.request.trace_transfers, block.next_log_index);
        let mut evm = EthEvmBuilder::new(database, block.environment.clone())
            .inspector(recorder)
            .build()
            .into_inner()
            .with_precompiles(PlacedPrecompiles::new(
                block.environment.cfg_env.spec,
                &block.moved,
                self.context.signatures,
            ));
        let free_blobs = !validation && call.blob_fee_cap() == 0;
        // Without validation the nonce is not looked at, and revm wants none that is the last.
        let nonce = if validation { call.nonce } else { 0 };
        match evm.inspect_tx(call.environment(nonce, free_blobs)) {
            Ok(outcome) => {
                evm.ctx.journaled_state.database.commit(outcome.state);
                Ok((outcome.result, evm.inspector))
            }
            Err(error) => {
                let initcode = block.environment.cfg_env.max_initcode_size();
                Err(failed(error, call, initcode))
            }
        }
    }

    /// A nonce that cannot grow begins anew, as geth's does where nothing checks it.
    fn wrap_nonce(&mut self, address: Address) -> Result<(), SimulateError> {
        let mut info = self.account(address)?;
        info.nonce = 0;
        if info.balance.is_zero() && info.code_hash == KECCAK256_EMPTY {
            self.draft.remove_account(address);
        } else {
            self.draft.set_account(address, info);
        }
        Ok(())
    }

    /// Adds the transaction, its receipt and what the call gave to the block.
    fn record(
        &mut self,
        block: &mut Block<'_>,
        call: &Call<'_>,
        result: ExecutionResult,
        recorder: Recorder,
    ) {
        let gas = *result.gas();
        let transaction = call.transaction();
        block.gas_used += gas.tx_gas_used();
        self.gas_left = self.gas_left.saturating_sub(gas.tx_gas_used());
        if call.tx_type() == 3 {
            block.blob_gas_used += call.blob_hashes().len() as u64 * DATA_GAS_PER_BLOB;
        }
        let success = result.is_success();
        let created = match &result {
            ExecutionResult::Success { output, .. } => output.address().copied(),
            _ => None,
        };
        let last = recorder.last;
        let (output, logs, failure) = match result {
            ExecutionResult::Success { output, logs, .. } => (output.into_data(), logs, None),
            ExecutionResult::Revert { output, .. } => {
                let reason = revert_reason(&output);
                let failure = CallFailure::Reverted {
                    reason,
                    data: output,
                };
                (Bytes::new(), Vec::new(), Some(failure))
            }
            ExecutionResult::Halt { reason, .. } => {
                let failure = CallFailure::Halted(words(&reason, last));
                (Bytes::new(), Vec::new(), Some(failure))
            }
        };
        let first_log_index = block.receipts.last().map_or(0, |last| {
            last.first_log_index + last.receipt.logs().len() as u64
        });
        let receipt = self.receipt(block, &transaction, success, logs);
        block.receipts.push(ReceiptRecord {
            receipt,
            gas_used: gas.tx_gas_used(),
            contract_address: created,
            first_log_index,
        });
        block.next_log_index = recorder.next_index();
        block.outcomes.push(CallOutcome {
            output,
            gas_used: gas.tx_gas_used(),
            max_used_gas: gas.total_gas_spent().max(gas.tx_gas_used()),
            logs: recorder.into_logs(),
            failure,
        });
        block.transactions.push(transaction);
    }

    /// The receipt in its consensus form: with a status, before Byzantium with a state root.
    fn receipt(
        &self,
        block: &Block<'_>,
        transaction: &SignedTransaction,
        success: bool,
        logs: Vec<Log>,
    ) -> ReceiptEnvelope {
        let byzantium = block.rules.is_active(Hardfork::Byzantium);
        let receipt = Receipt {
            status: if byzantium {
                Eip658Value::Eip658(success)
            } else {
                Eip658Value::PostState(self.draft.state().root())
            },
            cumulative_gas_used: block.gas_used,
            logs,
        }
        .with_bloom();
        match transaction.envelope.tx_type() {
            TxType::Legacy => ReceiptEnvelope::Legacy(receipt),
            TxType::Eip2930 => ReceiptEnvelope::Eip2930(receipt),
            TxType::Eip1559 => ReceiptEnvelope::Eip1559(receipt),
            TxType::Eip4844 => ReceiptEnvelope::Eip4844(receipt),
            TxType::Eip7702 => ReceiptEnvelope::Eip7702(receipt),
        }
    }
}

fn failed(error: EVMError<DatabaseError>, call: &Call<'_>, initcode: usize) -> SimulateError {
    match error {
        EVMError::Transaction(error) => SimulateError::InvalidTransaction {
            violation: precheck::refusal(&error, call, initcode),
            gas: call.gas,
        },
        EVMError::Database(error) => SimulateError::State(error.0),
        EVMError::Header(error) => SimulateError::Execution(error.to_string()),
        EVMError::Custom(problem) => SimulateError::Execution(problem),
        EVMError::CustomAny(problem) => SimulateError::Execution(problem.to_string()),
    }
}
