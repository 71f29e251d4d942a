//! `eth_simulateV1`: whole blocks of calls on top of any block, with overrides, as if they were mined.
//!
//! The rules are geth's (`internal/ethapi/simulate.go`) and the notes of ethereum/execution-apis
//! (`docs/ethsimulatev1-notes`): a plan of headers, then block by block the overrides, the system calls, the calls, the
//! requests and withdrawals, the roots. A call that reverts or halts is a result; one that could not be in a block
//! ends the simulation.
//! *Invariant.* Pure: the same context and request give the same answer, and nothing outside is changed.

mod block;
mod calls;
mod overrides;
mod plan;
mod precheck;
mod precompiles;
mod recorder;
#[cfg(test)]
mod tests;
mod transaction;

use super::ecrecover::Signatures;
use crate::chain::{
    block::BlockRecord,
    spec::ChainSpec,
    state::{Draft, State, StateError},
};
use alloy::{
    consensus::Header,
    eips::eip4895::Withdrawals,
    primitives::{Address, B256, Bytes, Log, U256},
    rpc::types::{TransactionRequest, state::StateOverride},
};

pub use precheck::Violation;

/// The most blocks of one simulation, those included that fill gaps (geth's `maxSimulateBlocks`).
pub const MAX_BLOCKS: u64 = 256;

/// What is simulated.
#[derive(Clone, Debug, Default)]
pub struct SimulateRequest {
    /// The blocks, in order of their numbers and timestamps.
    pub blocks: Vec<BlockStateCalls>,
    /// Whether transfers of ether are shown as logs (ERC-7528, ERC-20's `Transfer`).
    pub trace_transfers: bool,
    /// Whether nonces and base fees are checked as in a real block.
    pub validation: bool,
}

/// One block of a [`SimulateRequest`].
#[derive(Clone, Debug, Default)]
pub struct BlockStateCalls {
    /// Fields of the header.
    pub block: HeaderOverrides,
    /// Accounts, changed before the block.
    pub state: StateOverride,
    /// What is in the block.
    pub calls: Vec<TransactionRequest>,
}

/// Fields of a block's header that a caller sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderOverrides {
    /// Later than the block before; the gap is filled with empty blocks.
    pub number: Option<U256>,
    /// Unix seconds, later than the block before.
    pub time: Option<u64>,
    /// Gas of the block; also of those after it.
    pub gas_limit: Option<u64>,
    /// The beneficiary; also of the blocks after it.
    pub fee_recipient: Option<Address>,
    /// PREVRANDAO.
    pub prev_randao: Option<B256>,
    /// Wei a unit of gas.
    pub base_fee: Option<U256>,
    /// What BLOBBASEFEE gives, and the least that a blob transaction must offer.
    pub blob_base_fee: Option<U256>,
    /// DIFFICULTY, before the merge.
    pub difficulty: Option<U256>,
    /// EIP-4788.
    pub beacon_root: Option<B256>,
    /// EIP-4895.
    pub withdrawals: Option<Withdrawals>,
}

/// Where a simulation begins.
pub struct SimulateContext<'a> {
    /// The rules.
    pub spec: &'a ChainSpec,
    /// The chain id now.
    pub chain_id: u64,
    /// The block on top of which the first simulated block stands.
    pub base: &'a Header,
    /// Its hash.
    pub base_hash: B256,
    /// The state after it.
    pub state: State,
    /// The hashes of older blocks.
    pub block_hash: &'a dyn Fn(u64) -> B256,
    /// What `ecrecover` answers for some signatures.
    pub signatures: &'a Signatures,
    /// Gas of all calls together.
    pub gas_cap: u64,
}

impl std::fmt::Debug for SimulateContext<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SimulateContext(on block {})", self.base.number)
    }
}

/// A simulated block and what its calls gave.
#[derive(Clone, Debug)]
pub struct SimulatedBlock {
    /// The block; its transactions have no signatures.
    pub block: BlockRecord,
    /// One result a transaction.
    pub calls: Vec<CallOutcome>,
}

/// What a simulated call gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallOutcome {
    /// The returned bytes; none of a call that failed.
    pub output: Bytes,
    /// Gas used after refunds.
    pub gas_used: u64,
    /// The most gas that it needed at any moment: before refunds.
    pub max_used_gas: u64,
    /// The logs that stay, transfers included if asked for.
    pub logs: Vec<NumberedLog>,
    /// Why it failed, if it did.
    pub failure: Option<CallFailure>,
}

/// A log with its place among the block's logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberedLog {
    /// The log.
    pub log: Log,
    /// Its index in the block.
    pub index: u64,
}

/// Why a simulated call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallFailure {
    /// REVERT, with the decoded reason where it can be printed.
    Reverted {
        /// Decoded.
        reason: Option<String>,
        /// What the call returned.
        data: Bytes,
    },
    /// The EVM stopped, in geth's words.
    Halted(String),
}

/// Why there is no simulation, in geth's words.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// No blocks were given.
    #[error("empty input")]
    EmptyInput,
    /// More than [`MAX_BLOCKS`].
    #[error("too many blocks")]
    TooManyBlocks,
    /// A block's number is not above that of the block before.
    #[error("block numbers must be in order: {number} <= {previous}")]
    BlockNumberOrder {
        /// The block's number.
        number: U256,
        /// The number of the block before.
        previous: u64,
    },
    /// A block's timestamp is not above that of the block before.
    #[error("block timestamps must be in order: {time} <= {previous}")]
    BlockTimestampOrder {
        /// The block's timestamp.
        time: u64,
        /// The timestamp of the block before.
        previous: u64,
    },
    /// A call asks for more gas than its block has left.
    #[error("block gas limit reached: remaining: {remaining}, required: {required}")]
    BlockGasLimitReached {
        /// What is left.
        remaining: u64,
        /// What the call asks for.
        required: u64,
    },
    /// An override that contradicts itself or another.
    #[error("{0}")]
    InvalidOverride(String),
    /// A call whose fields contradict each other.
    #[error("{0}")]
    InvalidCall(String),
    /// A call that cannot be in a block.
    #[error("err: {violation} (supplied gas {gas})")]
    InvalidTransaction {
        /// The rule that it breaks.
        violation: Violation,
        /// The gas that it was given.
        gas: u64,
    },
    /// The block itself cannot be executed.
    #[error("{0}")]
    Execution(String),
    /// The state could not be read.
    #[error(transparent)]
    State(#[from] StateError),
}

/// Simulates the blocks of `request` one after the other.
pub fn simulate(
    context: SimulateContext<'_>,
    request: &SimulateRequest,
) -> Result<Vec<SimulatedBlock>, SimulateError> {
    let planned = plan::plan(context.base, &request.blocks)?;
    let mut simulation = Simulation {
        draft: Draft::new(context.state.clone()),
        gas_left: context.gas_cap,
        context,
        request,
        blocks: Vec::with_capacity(planned.len()),
    };
    for block in &planned {
        let simulated = simulation.block(block)?;
        simulation.blocks.push(simulated);
    }
    Ok(simulation.blocks)
}

/// A simulation under way.
struct Simulation<'a> {
    context: SimulateContext<'a>,
    request: &'a SimulateRequest,
    /// The state after what has been simulated so far.
    draft: Draft,
    /// What is left of [`SimulateContext::gas_cap`].
    gas_left: u64,
    blocks: Vec<SimulatedBlock>,
}
