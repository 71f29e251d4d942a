//! One request's EVM: its environment, its view of the state, its transaction.

use super::{
    super::{
        database::StateDatabase,
        ecrecover::{self, Signatures},
        environment::block_environment,
        trace::console::{self, ConsoleRecorder},
    },
    CallContext, CallError,
    halt::{LastStep, needs_last_step, words},
    overrides::{self, MovedPrecompiles},
    reason::revert_reason,
    request::{self, Limits},
};
use alloy::{
    primitives::{Address, U256},
    rpc::types::{BlockOverrides, TransactionRequest, state::StateOverride},
};
use alloy_evm::{
    Evm as _, EvmEnv,
    eth::{EthEvmBuilder, EthEvmContext},
};
use revm::{
    Database as _, Inspector,
    context::{
        BlockEnv, Cfg as _, TxEnv,
        result::{EVMError, ExecutionResult, HaltReason, InvalidHeader, ResultAndState},
    },
    inspector::NoOpInspector,
    primitives::hardfork::SpecId,
};

/// The most memory that one call may use, in bytes: ten times what 50 million gas can pay for. More is out of
/// gas.
const MEMORY_LIMIT_BYTES: u64 = 64 << 20;

/// See the module.
pub(in crate::chain::evm) struct Machine<'a> {
    environment: EvmEnv<SpecId>,
    database: StateDatabase<'a>,
    moved_precompiles: MovedPrecompiles,
    signatures: Signatures,
    /// The gas of the last run, if it may have called the console.
    console_run: Option<u64>,
    /// What runs; its gas is set by each run, its access list may be.
    pub(in crate::chain::evm) transaction: TxEnv,
}

impl<'a> Machine<'a> {
    pub(in crate::chain::evm) fn new(
        context: &CallContext<'a>,
        request: &TransactionRequest,
        state_overrides: Option<&StateOverride>,
        block_overrides: Option<&BlockOverrides>,
    ) -> Result<Self, CallError> {
        let database = StateDatabase::new(context.state, context.block_hash);
        Self::over(database, context, request, state_overrides, block_overrides)
    }

    /// Over a database in which something ran already.
    pub(in crate::chain::evm) fn over(
        mut database: StateDatabase<'a>,
        context: &CallContext<'a>,
        request: &TransactionRequest,
        state_overrides: Option<&StateOverride>,
        block_overrides: Option<&BlockOverrides>,
    ) -> Result<Self, CallError> {
        let transaction = request::transaction(request, context.chain_id)?;
        let mut environment = block_environment(context.spec, context.chain_id, context.header);
        let config = &mut environment.cfg_env;
        config.disable_nonce_check = true;
        config.disable_eip3607 = true;
        config.disable_block_gas_limit = true;
        config.tx_gas_limit_cap = Some(u64::MAX);
        config.memory_limit = config.memory_limit.min(MEMORY_LIMIT_BYTES);
        let spec = config.spec;
        let mut moved_precompiles = MovedPrecompiles::new();
        if let Some(overrides) = state_overrides {
            moved_precompiles = overrides::apply_state(overrides, spec, &mut database)?;
        }
        if let Some(overrides) = block_overrides {
            overrides::apply_block(overrides, &mut environment, &mut database);
        }
        let mut machine = Self {
            environment,
            database,
            moved_precompiles,
            signatures: context.signatures.clone(),
            console_run: None,
            transaction,
        };
        machine.waive_fees(block_overrides);
        Ok(machine)
    }

    /// A call that names no price pays none, and BASEFEE is zero in it (geth), unless the caller set it for this call.
    fn waive_fees(&mut self, overrides: Option<&BlockOverrides>) {
        let EvmEnv { cfg_env, block_env } = &mut self.environment;
        if self.transaction.gas_price == 0 {
            if overrides.is_some_and(|overrides| overrides.base_fee.is_some()) {
                cfg_env.disable_base_fee = true;
            } else {
                block_env.basefee = 0;
            }
        }
        if self.transaction.max_fee_per_blob_gas == 0
            && !self.transaction.blob_hashes.is_empty()
            && let Some(blobs) = &mut block_env.blob_excess_gas_and_price
        {
            blobs.blob_gasprice = 0;
        }
    }

    /// Runs the transaction with `gas`. Nothing of it stays.
    pub(super) fn run(&mut self, gas: u64) -> Result<ExecutionResult, CallError> {
        let (outcome, _) = self.execute(gas, NoOpInspector {}, false)?;
        self.console_run = console::is_touched(&outcome.state).then_some(gas);
        Ok(outcome.result)
    }

    /// What the last run said on Solidity's console: nothing, or it runs once more.
    pub(super) fn console_lines(&mut self) -> Vec<String> {
        self.console_run
            .and_then(|gas| self.inspect(gas, ConsoleRecorder::default()).ok())
            .map_or_else(Vec::new, |(_, recorder)| recorder.into_lines())
    }

    /// Runs the transaction with `gas` under an inspector, and gives that back.
    pub(in crate::chain::evm) fn inspect<I>(
        &mut self,
        gas: u64,
        inspector: I,
    ) -> Result<(ExecutionResult, I), CallError>
    where
        I: Inspector<EthEvmContext<StateDatabase<'a>>>,
    {
        let (outcome, inspector) = self.execute(gas, inspector, true)?;
        Ok((outcome.result, inspector))
    }

    /// The same with the changes that the transaction would make.
    pub(in crate::chain::evm) fn inspect_changes<I>(
        &mut self,
        gas: u64,
        inspector: I,
    ) -> Result<(ResultAndState, I), CallError>
    where
        I: Inspector<EthEvmContext<StateDatabase<'a>>>,
    {
        self.execute(gas, inspector, true)
    }

    /// What it runs in and what it runs over.
    pub(in crate::chain::evm) fn parts(&mut self) -> (&BlockEnv, &TxEnv, &mut StateDatabase<'a>) {
        (
            &self.environment.block_env,
            &self.transaction,
            &mut self.database,
        )
    }

    /// The database, for another run over it.
    pub(in crate::chain::evm) fn into_database(self) -> StateDatabase<'a> {
        self.database
    }

    fn execute<I>(
        &mut self,
        gas: u64,
        inspector: I,
        inspect: bool,
    ) -> Result<(ResultAndState, I), CallError>
    where
        I: Inspector<EthEvmContext<StateDatabase<'a>>>,
    {
        let transaction = TxEnv {
            gas_limit: gas,
            ..self.transaction.clone()
        };
        // The EVM owns its database: it is lent for the run.
        let fresh = self.database.fresh();
        let database = std::mem::replace(&mut self.database, fresh);
        let mut builder = EthEvmBuilder::new(database, self.environment.clone())
            .inspector(inspector)
            .set_inspect(inspect);
        if !self.moved_precompiles.is_empty() {
            let spec = self.environment.cfg_env.spec;
            builder = builder.precompiles(overrides::precompiles(spec, &self.moved_precompiles));
        }
        let mut evm = builder.build();
        ecrecover::impersonate(evm.precompiles_mut(), &self.signatures);
        let outcome = evm.transact_raw(transaction);
        let evm = evm.into_inner();
        self.database = evm.ctx.journaled_state.database;
        match outcome {
            Ok(outcome) => Ok((outcome, evm.inspector)),
            Err(error) => Err(self.error(error)),
        }
    }

    /// The error that a run which did not succeed means to the client. `gas` is what it ran with.
    pub(super) fn failure(&mut self, result: ExecutionResult, gas: u64) -> CallError {
        match result {
            ExecutionResult::Success { .. } => CallError::Halted("no failure".into()),
            ExecutionResult::Revert { output, .. } => CallError::Reverted {
                reason: revert_reason(&output),
                data: output,
            },
            ExecutionResult::Halt { reason, .. } => CallError::Halted(self.explain(&reason, gas)),
        }
    }

    /// Geth's words for a halt; some name the instruction, which takes a second run to find.
    pub(super) fn explain(&mut self, reason: &HaltReason, gas: u64) -> String {
        let mut last = LastStep::default();
        if needs_last_step(reason)
            && let Ok((_, found)) = self.inspect(gas, last)
        {
            last = found;
        }
        words(reason, last)
    }

    /// The sender's balance, wei.
    pub(super) fn balance(&mut self) -> Result<U256, CallError> {
        let account = self
            .database
            .basic(self.transaction.caller)
            .map_err(|error| error.0)?;
        Ok(account.map_or(U256::ZERO, |account| account.balance))
    }

    /// Whether there is code at the address.
    pub(super) fn has_code(&mut self, address: Address) -> Result<bool, CallError> {
        let account = self.database.basic(address).map_err(|error| error.0)?;
        Ok(account.is_some_and(|account| !account.is_empty_code_hash()))
    }

    /// The gas limit of the block.
    pub(super) fn block_gas_limit(&self) -> u64 {
        self.environment.block_env.gas_limit
    }

    fn error(&self, error: EVMError<super::super::draft_database::DatabaseError>) -> CallError {
        match error {
            EVMError::Transaction(error) => {
                let limits = Limits {
                    base_fee: self.environment.block_env.basefee,
                    initcode_size: self.environment.cfg_env.max_initcode_size(),
                };
                request::refusal(error, &self.transaction, limits)
            }
            EVMError::Database(error) => CallError::State(error.0),
            EVMError::Header(InvalidHeader::PrevrandaoNotSet) => {
                CallError::InvalidOverride("the block has no prevRandao".into())
            }
            EVMError::Header(InvalidHeader::ExcessBlobGasNotSet) => {
                CallError::InvalidOverride("the block has no excess blob gas".into())
            }
            EVMError::Custom(problem) => CallError::Halted(problem),
            EVMError::CustomAny(problem) => CallError::Halted(problem.to_string()),
        }
    }
}
