//! A block, executed again transaction by transaction.

use super::{
    super::{
        database::StateDatabase,
        draft_database::DatabaseError,
        ecrecover::{self, Signatures},
        environment::block_environment,
    },
    TraceError, TracedBlock,
    watch::{Recorder, TraceLimits, Watched},
};
use crate::chain::{
    spec::{ForkRules, Hardfork},
    transaction::SignedTransaction,
};
use alloy::{
    consensus::Transaction as _,
    primitives::{Address, U256},
};
use alloy_evm::{
    Evm as _, EvmEnv, FromRecoveredTx as _,
    block::SystemCaller,
    eth::{
        EthEvmBuilder, EthEvmContext,
        dao_fork::{DAO_HARDFORK_ACCOUNTS, DAO_HARDFORK_BENEFICIARY},
    },
};
use revm::{
    Database as _, DatabaseCommit as _, Inspector,
    context::{
        TxEnv,
        result::{EVMError, ResultAndState},
    },
    inspector::NoOpInspector,
    primitives::hardfork::SpecId,
    state::AccountInfo,
};

/// See the module.
pub(super) struct Replay<'a> {
    environment: EvmEnv<SpecId>,
    database: StateDatabase<'a>,
    signatures: Signatures,
    /// Logs of the transactions so far: the index in the block of the next one.
    pub(super) logs: u64,
}

impl<'a> Replay<'a> {
    /// The block before its first transaction.
    pub(super) fn new(block: &TracedBlock<'a>) -> Result<Self, TraceError> {
        let rules = block.spec.rules(block.header);
        let chain_id = chain_id(block);
        let environment = block_environment(block.spec, chain_id, block.header);
        let mut database = StateDatabase::new(block.state, block.block_hash);
        database.keep_empty(!rules.is_active(Hardfork::SpuriousDragon));
        if rules.is_dao_fork {
            apply_dao_fork(&mut database)?;
        }
        let mut replay = Self {
            environment,
            database,
            signatures: block.signatures.clone(),
            logs: 0,
        };
        replay.begin(block, rules)?;
        Ok(replay)
    }

    /// What a fork does before the transactions.
    fn begin(&mut self, block: &TracedBlock<'_>, rules: ForkRules) -> Result<(), TraceError> {
        let fresh = self.database.fresh();
        let database = std::mem::replace(&mut self.database, fresh);
        let mut evm = EthEvmBuilder::new(database, self.environment.clone()).build();
        let outcome = SystemCaller::new(rules).apply_pre_execution_changes(block.header, &mut evm);
        self.database = evm.into_inner().ctx.journaled_state.database;
        outcome.map_err(|error| TraceError::Execution(error.to_string()))
    }

    /// Executes the transactions before `index`.
    pub(super) fn advance(
        &mut self,
        block: &TracedBlock<'_>,
        index: usize,
        limits: TraceLimits<'_>,
    ) -> Result<(), TraceError> {
        for transaction in &block.transactions[..index] {
            if limits.stopwatch.is_over() {
                return Err(TraceError::Timeout);
            }
            limits.stopwatch.restart();
            self.run(transaction)?;
        }
        Ok(())
    }

    /// Executes a transaction.
    pub(super) fn run(&mut self, transaction: &SignedTransaction) -> Result<(), TraceError> {
        let (outcome, _) = self.execute(transaction, NoOpInspector {}, false);
        self.commit(outcome.map_err(failed)?);
        Ok(())
    }

    /// Executes a transaction under an inspector; its changes are given and not made.
    pub(super) fn inspect<'w, T>(
        &mut self,
        transaction: &SignedTransaction,
        inspector: Watched<'w, T>,
    ) -> Result<(ResultAndState, Watched<'w, T>), TraceError>
    where
        T: Recorder + Inspector<EthEvmContext<StateDatabase<'a>>>,
    {
        let (outcome, inspector) = self.execute(transaction, inspector, true);
        if let Some(error) = inspector.error() {
            return Err(error);
        }
        Ok((outcome.map_err(failed)?, inspector))
    }

    fn execute<I>(
        &mut self,
        transaction: &SignedTransaction,
        inspector: I,
        inspect: bool,
    ) -> (Result<ResultAndState, EVMError<DatabaseError>>, I)
    where
        I: Inspector<EthEvmContext<StateDatabase<'a>>>,
    {
        // The EVM owns its database: it is lent for the run.
        let fresh = self.database.fresh();
        let database = std::mem::replace(&mut self.database, fresh);
        let mut evm = EthEvmBuilder::new(database, self.environment.clone())
            .inspector(inspector)
            .set_inspect(inspect)
            .build();
        ecrecover::impersonate(evm.precompiles_mut(), &self.signatures);
        let outcome = evm.transact_raw(transaction_environment(transaction));
        let evm = evm.into_inner();
        self.database = evm.ctx.journaled_state.database;
        (outcome, evm.inspector)
    }

    /// Makes the changes of a transaction.
    pub(super) fn commit(&mut self, outcome: ResultAndState) {
        self.logs += outcome.result.logs().len() as u64;
        self.database.commit(outcome.state);
    }

    /// The environment, and the state before the changes that were not made yet.
    pub(super) fn parts(&mut self) -> (&EvmEnv<SpecId>, &mut StateDatabase<'a>) {
        (&self.environment, &mut self.database)
    }

    /// The state, for calls on top of it.
    pub(super) fn into_database(self) -> StateDatabase<'a> {
        self.database
    }
}

/// The state after a block's first `count` transactions.
pub(in crate::chain::evm) fn replay_to<'a>(
    block: &TracedBlock<'a>,
    count: usize,
    limits: TraceLimits<'_>,
) -> Result<StateDatabase<'a>, TraceError> {
    limits.stopwatch.restart();
    let mut replay = Replay::new(block)?;
    replay.advance(block, count.min(block.transactions.len()), limits)?;
    Ok(replay.into_database())
}

/// EIP-779, as where blocks are executed: before the first transaction.
fn apply_dao_fork(database: &mut StateDatabase<'_>) -> Result<(), TraceError> {
    let mut drained = U256::ZERO;
    for address in DAO_HARDFORK_ACCOUNTS {
        if let Some(mut account) = read(database, address)? {
            drained = drained.saturating_add(account.balance);
            account.balance = U256::ZERO;
            database.override_account(address, account);
        }
    }
    let mut beneficiary = read(database, DAO_HARDFORK_BENEFICIARY)?.unwrap_or_default();
    beneficiary.balance = beneficiary.balance.saturating_add(drained);
    database.override_account(DAO_HARDFORK_BENEFICIARY, beneficiary);
    Ok(())
}

fn read(
    database: &mut StateDatabase<'_>,
    address: Address,
) -> Result<Option<AccountInfo>, TraceError> {
    database
        .basic(address)
        .map_err(|error| TraceError::State(error.0))
}

/// The chain id that a block's transactions were signed for: a cheat may have changed it since.
fn chain_id(block: &TracedBlock<'_>) -> u64 {
    let mut named = block.transactions.iter();
    named
        .find_map(|transaction| transaction.envelope.chain_id())
        .unwrap_or(block.chain_id)
}

/// What revm runs.
pub(super) fn transaction_environment(transaction: &SignedTransaction) -> TxEnv {
    TxEnv::from_recovered_tx(&transaction.envelope, transaction.sender)
}

fn failed(error: EVMError<DatabaseError>) -> TraceError {
    match error {
        EVMError::Database(error) => TraceError::State(error.0),
        other => TraceError::Execution(other.to_string()),
    }
}
